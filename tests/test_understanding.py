"""Questions put in many ways, answered on the real collection: the papers that are meant, and what is said of them."""

from __future__ import annotations

import pytest

from rag import Answer, Rag


def cited(answer: Answer) -> set[str]:
    """The short names of the papers that an answer cites: what stands before the colon of their titles."""
    return {c.title.partition(":")[0] for c in answer.citations}


@pytest.mark.parametrize(
    "question",
    [
        "Count the papers that use an NVIDIA A100.",
        "In how many abstracts is the A100 mentioned?",
        "how many of the papers mesure speed on NVIDIA's A100",
        "We rent A100 cards. In how many works is this card named?",
    ],
)
def test_a_count_by_name_finds_the_papers_of_the_list(collection: Rag, question: str) -> None:
    listed = collection.ask("Which papers use an A100?")
    counted = collection.ask(question)
    assert len(cited(listed)) > 2
    assert cited(counted) == cited(listed)
    assert f"**{len(cited(counted))} of" in counted.answer
