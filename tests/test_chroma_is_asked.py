"""The dense search is Chroma's: where it returns nothing, nothing is found but by words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rag import Config, Rag, build
from rag.core.errors import StoreError
from rag.index.store import PassageStore

OTHER_WORDS = (
    (
        "a scheme that squeezes numbers into fewer digits so that a huge chatbot can be adapted on one graphics board",
        "QLoRA",
    ),
    ("teaching a mechanical arm to obey spoken commands", "OpenVLA"),
)


@pytest.fixture
def opened(collection: Rag, collection_home: Path) -> Iterator[Rag]:
    """The seeds, opened anew, so that nothing is remembered."""
    with build(Config(home=collection_home)) as rag:
        yield rag


def nothing(self: PassageStore, vector: object, n: int) -> tuple[list[str], np.ndarray]:
    return [], np.zeros(0, np.float32)


@pytest.mark.parametrize("question", [q for q, _ in OTHER_WORDS])
def test_without_its_answer_a_question_in_other_words_is_answered_otherwise(
    opened: Rag, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    usual = [r.paper_id for r in opened.ask(question).retrieved]
    monkeypatch.setattr(PassageStore, "nearest", nothing)
    try:
        without = [r.paper_id for r in opened.ask(question).retrieved]
    except StoreError:
        return
    assert without != usual


@pytest.mark.parametrize(("question", "name"), OTHER_WORDS)
def test_with_it_the_paper_is_found(opened: Rag, question: str, name: str) -> None:
    assert name in [r.title.partition(":")[0] for r in opened.ask(question).retrieved[:3]]


@pytest.mark.parametrize(
    "question",
    [
        "What does double quantization save in QLoRA?",
        "GPTQ vs SqueezeLLM",
        "Which papers are about quantization?",
        "quantization",
    ],
)
def test_it_is_asked_for_every_kind_of_question(opened: Rag, monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    asked = []
    nearest = PassageStore.nearest

    def counted(self: PassageStore, vector: np.ndarray, n: int) -> tuple[list[str], np.ndarray]:
        found = nearest(self, vector, n)
        asked.append(len(found[0]))
        return found

    monkeypatch.setattr(PassageStore, "nearest", counted)
    opened.ask(question)
    assert asked
    assert max(asked) >= 80, "at least a passage a paper of a small collection"
