"""The slope over distractors: hand-computed, paired over questions, and undefined where it has to be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.core.answer import failed
from rag.evaluation.items import Item
from rag.evaluation.metrics.metric import Share
from rag.evaluation.runs import Run, Scored
from rag.evaluation.slope import ratio, slope

LOST = "recall@5"


def run(ratio: float | None, shares: Sequence[Share | None], clusters: int = 0, question: str = "What?") -> Run:
    """A run of one question for each share."""
    found = []
    for n, share in enumerate(shares):
        paper = f"p{n % clusters if clusters else n}"
        item = Item(
            id=f"q{n}",
            kind="fact",
            question=question,
            reference_answer="It.",
            gold_papers=(paper,),
            answerable=True,
            split="dev",
        )
        found.append(Scored(item, failed("What?", "no"), "", {LOST: share}))
    manifest = {} if ratio is None else {"distractors": {"ratio": ratio, "papers": 9}}
    return Run(Path(f"noise{ratio}"), manifest, tuple(found), {}, {})


def ones(*values: float) -> list[Share | None]:
    return [(v, 1.0) for v in values]


def test_by_hand() -> None:
    """Ratios 0, 1 and 3 are 0, 1 and 2 doublings: means of .9, .7 and .5 lose .2 with each."""
    runs = [run(3, ones(0.4, 0.6)), run(None, ones(0.8, 1)), run(1, ones(0.6, 0.8))]
    found = slope(runs, LOST)
    assert found.ratios == (0, 1, 3)
    assert found.values == pytest.approx((0.9, 0.7, 0.5))
    assert found.per_doubling.value == pytest.approx(-0.2)
    assert (found.per_doubling.low, found.per_doubling.high) == pytest.approx((-0.2, -0.2))  # both lose the same
    assert (found.per_doubling.n, found.per_doubling.clusters) == (2, 2)


def test_agrees_with_a_fitted_line() -> None:
    rng = np.random.default_rng(1)
    ratios = (0, 0.5, 2, 2, 7)
    runs = [run(r, [(float(a), float(b)) for a, b in rng.integers(1, 9, (30, 2))]) for r in ratios]
    found = slope(runs, LOST)
    line, _ = np.polyfit([math.log2(1 + r) for r in found.ratios], found.values, 1)
    assert found.per_doubling.value == pytest.approx(line)
    assert found.per_doubling.low < line < found.per_doubling.high


def test_how_hard_questions_are_cancels_out() -> None:
    rng = np.random.default_rng(2)
    hard = rng.random(50)
    loss = rng.normal(0.1, 0.02, 50)
    found = slope([run(k, ones(*(hard - loss * math.log2(1 + k)))) for k in (0, 1, 3)], LOST).per_doubling
    assert found.value == pytest.approx(-0.1, abs=0.01)
    assert found.high - found.low < 0.02


def test_questions_about_one_paper_are_drawn_together() -> None:
    rng = np.random.default_rng(3)
    loss = np.tile(rng.normal(0.1, 0.2, 10), 10)
    alone, together = (
        slope([run(0, ones(*([1.0] * 100)), clusters), run(1, ones(*(1 - loss)), clusters)], LOST).per_doubling
        for clusters in (0, 10)
    )
    assert together.clusters == 10
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_only_common_questions_count() -> None:
    found = slope([run(0, ones(1, 1, 0, 0)), run(1, ones(0, 1))], LOST)
    assert found.values == (1.0, 0.5)
    assert found.per_doubling.n == 2


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "two ratios"),
        ([run(1, ones(1))], "two ratios"),
        ([run(1, ones(1)), run(1, ones(0))], "two ratios"),
        ([run(None, ones(1)), run(0, ones(0))], "two ratios"),
        ([run(0, ones(1)), run(1, ones(1), question="Why?")], "no question is common to all runs"),
        ([run(0, [None]), run(1, [None])], "no question has a value for recall@5 in any run"),
        ([run(0, ones(1)), run(1, [None])], "undefined in the noise1 run"),
    ],
)
def test_where_it_is_undefined_it_says_why(runs: Sequence[Run], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        slope(runs, LOST)


def test_ratios_of_manifests() -> None:
    assert ratio(run(2.5, [])) == 2.5
    assert ratio(run(None, [])) == 0
    assert ratio(Run(Path("x"), {"distractors": None}, (), {}, {})) == 0
