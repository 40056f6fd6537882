"""A list is cut where its expected F1 is largest."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eval.scale import StandIn
from rag import Config, Options, Rag, build
from rag.ask.listing import best_cut, membership
from rag.index.embedding import BuiltinEmbedding
from rag.index.retrieval import PaperRanker


def expected(probabilities: list[float], chosen: list[bool]) -> float:
    """Twice what is right of the chosen, by what is chosen and what there is."""
    right = sum(p for p, c in zip(probabilities, chosen, strict=True) if c)
    return 2 * right / (sum(chosen) + sum(probabilities)) if any(chosen) else 0.0


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=9))
@example([0.5] * 9)
@example([1.0])
@example([0.001, 1.0])
def test_no_other_set_is_expected_to_be_better(probabilities: list[float]) -> None:
    chosen = best_cut(probabilities).tolist()
    places = range(len(probabilities))
    best = max(
        expected(probabilities, [i in own for i in places])
        for size in range(1, len(probabilities) + 1)
        for own in combinations(places, size)
    )
    assert expected(probabilities, chosen) == pytest.approx(best)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_what_is_chosen_is_the_likeliest(probabilities: list[float]) -> None:
    chosen = best_cut(probabilities)
    assert chosen.any()
    inside, outside = np.array(probabilities)[chosen], np.array(probabilities)[~chosen]
    assert not len(outside) or inside.min() >= outside.max()


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=20), st.randoms())
def test_the_order_does_not_matter(probabilities: list[float], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = probabilities[:]
    random.shuffle(shuffled)
    inside = sorted(p for p, c in zip(probabilities, best_cut(probabilities), strict=True) if c)
    assert inside == sorted(p for p, c in zip(shuffled, best_cut(shuffled), strict=True) if c)


def test_certain_ones_are_listed_and_impossible_ones_are_not() -> None:
    assert best_cut([0.0, 0.99, 0.01, 0.98, 0.97]).tolist() == [False, True, False, True, True]


def test_every_paper_is_considered(medicine: Rag) -> None:
    index = medicine.index()
    ranker = PaperRanker(index, BuiltinEmbedding())
    topic = ranker.encode("osteoarthritis of the knee")
    found = membership(index, topic, ranker.rank(topic, whole=True))
    assert sorted(found.rows.tolist()) == list(range(12))
    assert found.probabilities.tolist() == sorted(found.probabilities.tolist(), reverse=True)
    writing = {index.papers[row].title.split()[0] for row, w in zip(found.rows, found.writes, strict=True) if w}
    assert writing == {"Cycling", "Walking"}
    assert {index.papers[found.rows[i]].title.split()[0] for i in found.members()} == {"Cycling", "Walking"}


def test_a_list_of_chosen_papers_is_the_part_of_the_whole_that_was_chosen(collection: Rag) -> None:
    question = "Which papers are about quantization?"
    whole = list(dict.fromkeys(c.paper_id for c in collection.ask(question).citations))
    half = whole[::2]
    others = [p.id for p in collection.papers() if p.id not in whole][:20]
    answer = collection.ask(question, options=Options(papers=frozenset([*half, *others])))
    assert {c.paper_id for c in answer.citations} >= set(half)
    assert f"of {len(half) + 20} papers**" in answer.answer


def test_a_long_list_counts_all_and_quotes_what_it_shows(tmp_path: Path) -> None:
    file = tmp_path / "kelp.jsonl"
    abstract = "We grow kelp. Kelp grows fast."
    file.write_text("\n".join(json.dumps({"title": f"Kelp {n}", "abstract": abstract}) for n in range(250)))
    with build(Config(home=tmp_path / "home", llm="none"), embedding=StandIn()) as rag:
        rag.ingest([file])
        answer = rag.ask("Which papers are about kelp?")
    count = int(answer.answer.removeprefix("**").split()[0])
    assert count > 60 and f"… and {count - 60} more." in answer.answer
    assert len({c.paper_id for c in answer.citations}) == 60
