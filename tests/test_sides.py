"""Which papers share a question: those that each cover a part of it better than the others."""

from __future__ import annotations

import pytest

from rag import Rag
from rag.ask.sides import MOST_SIDES, SHARES, Sharing, sharing
from rag.index.embedding import BuiltinEmbedding
from rag.index.retrieval import PaperRanker


@pytest.fixture(scope="module")
def shared(medicine: Rag):  # type: ignore[no-untyped-def]
    """A function that gives the titles and the sharing of a question."""
    index = medicine.index()
    ranker = PaperRanker(index, BuiltinEmbedding())

    def ask(question: str, compares: bool = False) -> tuple[list[str], Sharing]:
        encoded = ranker.encode(question)
        found = sharing(index, encoded, ranker.rank(encoded), compares)
        return [index.papers[row].title.split()[0] for row in found.rows], found

    return ask


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("tolvane before breakfast vs after the evening meal", {"Tolvane", "Swallowing"}),
        ("didgeridoo lessons and reading aloud against delirium", {"Didgeridoo", "Reading"}),
        ("garlic foot baths for athlete's foot, or cycling against worn knees", {"Garlic", "Cycling"}),
        ("the robot that fills pill boxes and the telephone reminders for vaccinations", {"A", "Telephone"}),
    ],
)
def test_two_that_have_a_part_each(shared, question: str, sides: set[str]) -> None:  # type: ignore[no-untyped-def]
    titles, found = shared(question, compares=True)
    assert found.probability >= SHARES
    assert sides <= set(titles[:3])


def test_the_parts_are_stretches_of_the_question(shared) -> None:  # type: ignore[no-untyped-def]
    question = "how do didgeridoo lessons differ from reading aloud to patients with delirium?"
    titles, found = shared(question, compares=True)
    assert all(part in question for part in found.parts)
    parts = dict(zip(titles, found.parts, strict=True))
    assert "didgeridoo" in parts["Didgeridoo"]
    assert "delirium" in parts["Reading"]
    assert "didgeridoo" not in parts["Reading"]


@pytest.mark.parametrize(
    "question",
    [
        "By how much did fasting glucose fall when tolvane was taken before breakfast?",
        "How many pauses in breathing an hour were left after four months of didgeridoo lessons?",
        "What did a telephone call to the parents of infants cost?",
    ],
)
def test_a_question_about_one_is_shared_by_none(shared, question: str) -> None:  # type: ignore[no-untyped-def]
    _, found = shared(question)
    assert found.probability < SHARES


@pytest.mark.parametrize(
    "question", ["tolvane", "sleep and pain", "compare", "?", "garlic or cycling or robots or songs or blankets"]
)
@pytest.mark.parametrize("compares", [True, False])
def test_there_is_a_first_side_and_not_too_many(shared, question: str, compares: bool) -> None:  # type: ignore[no-untyped-def]
    _, found = shared(question, compares)
    assert 1 <= len(found.rows) <= MOST_SIDES
    assert len(set(found.rows)) == len(found.rows) == len(found.parts)
    assert 0 <= found.probability <= 1


def test_a_word_of_comparison_makes_it_likelier(shared) -> None:  # type: ignore[no-untyped-def]
    question = "didgeridoo lessons and reading aloud against delirium"
    assert shared(question, compares=True)[1].probability > shared(question, compares=False)[1].probability
