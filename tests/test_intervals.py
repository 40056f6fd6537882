"""How sure a mean is: bootstrap intervals over clusters of questions."""

from __future__ import annotations

import numpy as np
import pytest

from rag.evaluation import intervals
from rag.evaluation.metrics import METRICS
from rag.evaluation.scoring import summarise


def test_where_all_agree_and_nothing_bounds_the_others_there_is_no_width() -> None:
    found = intervals.mean([0.5] * 20, [str(n) for n in range(20)])
    assert (found.value, found.low, found.high, found.n, found.clusters) == (0.5, 0.5, 0.5, 20, 20)
    assert found.unanimous


@pytest.mark.parametrize(
    ("value", "clusters", "low", "high"),
    [
        # .05^(1/20) = .860892: were a larger share than .139108 wrong, twenty right ones would be rarer than 5%.
        (1.0, 20, 0.860892, 1.0),
        (0.0, 20, 0.0, 0.139108),
        (0.5, 20, 0.430446, 0.569554),
        (0.25, 20, 0.215223, 0.354331),
        (1.0, 2, 0.223607, 1.0),  # √.05
        (1.0, 1, 0.05, 1.0),
        (1.0, 300, 0.990064, 1.0),  # 3/300 is the rule of three
    ],
)
def test_where_all_agree_on_a_share_the_end_is_an_exact_bound(
    value: float, clusters: int, low: float, high: float
) -> None:
    found = intervals.mean([value] * clusters, [str(n) for n in range(clusters)], bounded=True)
    assert (found.value, found.low, found.high) == (value, pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))
    assert not found.unanimous


def test_the_bound_is_over_clusters_not_over_questions() -> None:
    found = intervals.ratio([3] * 60, [3] * 60, [str(n // 10) for n in range(60)], bounded=True)
    assert (found.n, found.clusters, found.low) == (60, 6, pytest.approx(0.05 ** (1 / 6)))


def test_what_does_not_agree_needs_no_bound() -> None:
    values, clusters = [1.0] * 30 + [0.0] * 3, [str(n) for n in range(33)]
    assert intervals.mean(values, clusters, bounded=True) == intervals.mean(values, clusters)


def test_few_clusters_are_widened_by_hand() -> None:
    # Ten clusters: t at 2.5% and 9 degrees of freedom is -2.262157, times √(10/9) is -2.384523; Φ of that is .008551.
    assert intervals.tails(10) == pytest.approx((0.008551, 0.991449), abs=1e-6)
    assert intervals.tails(100_000) == pytest.approx((0.025, 0.975), abs=1e-5)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Eight clusters of four yes/no questions, mostly right or wrong together: plain percentiles hold it in 86%."""
    rng = np.random.default_rng(2026)
    held = plain = 0
    labels = [str(n // 4) for n in range(32)]
    for _ in range(600):
        values = (rng.random((8, 4)) < rng.beta(2, 2, size=(8, 1))).astype(float)
        found = intervals.mean(values.ravel().tolist(), labels, bounded=True)
        held += found.low <= 0.5 <= found.high
        low, high = np.quantile(intervals.draws(8) @ values.mean(axis=1) / 8, [0.025, 0.975])
        plain += low <= 0.5 <= high
    assert plain / 600 < 0.91
    assert 0.925 <= held / 600 <= 0.98


def test_a_known_mean() -> None:
    # Fifty of a hundred: the standard error is .05, so 1.96 of them on each side.
    found = intervals.mean([0, 1] * 50, [str(n) for n in range(100)])
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx((0.402, 0.598), abs=0.011)


def test_two_clusters_by_hand() -> None:
    # Drawn twice out of {0, 1}: 0, 1/2 or 1 with 1/4, 1/2, 1/4; the outer two are beyond the tails.
    found = intervals.mean([0, 1], ["a", "b"])
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_a_cluster_is_drawn_whole() -> None:
    values = [0, 1] * 50
    alone = intervals.mean(values, [str(n) for n in range(100)])
    agreeing = intervals.mean(values, [f"{n % 2} {n // 8}" for n in range(100)])
    balanced = intervals.mean(values, [str(n // 2) for n in range(100)])
    # Twenty-six clusters that agree with themselves are worth as many questions: about √(100/26) times as wide.
    assert agreeing.clusters == 26
    assert (agreeing.high - agreeing.low) / (alone.high - alone.low) == pytest.approx((100 / 26) ** 0.5, rel=0.15)
    assert (balanced.low, balanced.high) == (0.5, 0.5), "each cluster has one of both"


def test_a_ratio_weighs_by_what_is_counted() -> None:
    found = intervals.ratio([3, 0], [9, 1], ["a", "b"])
    assert (found.value, found.low, found.high) == (0.3, 0.0, pytest.approx(1 / 3))


def test_a_paired_difference() -> None:
    theirs = [0.0, 0.2, 0.5, 0.9, 0.3, 0.4]
    found = intervals.difference([t + 0.1 for t in theirs], theirs, list("abcdef"))
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.decided
    assert not intervals.difference([1] * 6, [0] * 6, list("abcdee")).decided, "five are too few"
    other = intervals.difference([1, 0, 1, 0], [0, 1, 0, 1], list("abcd"))
    assert other.value == 0
    assert not other.decided


def test_the_same_every_time() -> None:
    values, clusters = [0.1, 0.7, 0.2, 0.9], list("abca")
    assert intervals.mean(values, clusters) == intervals.mean(values, clusters)


@pytest.mark.parametrize(
    ("parts", "wholes", "clusters"), [([], [], []), ([1], [0], ["a"]), ([1], [1], []), ([1, 2], [1], ["a"])]
)
def test_what_has_no_interval(parts: list[float], wholes: list[float], clusters: list[str]) -> None:
    with pytest.raises(ValueError, match="question"):
        intervals.ratio(parts, wholes, clusters)


def test_a_summary_bounds_shares_and_not_lengths() -> None:
    lines = [
        {"kind": "fact", "cluster": f"p{n}", "failed": False, "scores": {"accuracy": (1.0, 1.0), "words": (1.0, 1.0)}}
        for n in range(20)
    ]
    found = summarise(lines, {"accuracy": "never", "words": "never"}, {"words"})["groups"]["fact"]
    assert found["accuracy"] == {
        "value": 1,
        "low": pytest.approx(0.860892, abs=1e-6),
        "high": 1,
        "n": 20,
        "clusters": 20,
    }
    assert (found["words"]["low"], found["words"]["high"]) == (1, 1)
    assert [m.name for m in METRICS if not m.bounded] == ["words"]
