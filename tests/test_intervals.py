"""How sure a mean is: bootstrap intervals over clusters of questions."""

from __future__ import annotations

import pytest

from rag.evaluation import intervals


def test_where_all_agree_there_is_no_width() -> None:
    found = intervals.mean([0.5] * 20, [str(n) for n in range(20)])
    assert (found.value, found.low, found.high, found.n, found.clusters) == (0.5, 0.5, 0.5, 20, 20)


def test_a_known_mean() -> None:
    # Fifty of a hundred: the standard error is .05, so 1.96 of them on each side.
    found = intervals.mean([0, 1] * 50, [str(n) for n in range(100)])
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx((0.402, 0.598), abs=0.011)


def test_two_clusters_by_hand() -> None:
    # Drawn twice out of {0, 1}: 0, 1/2 or 1 with 1/4, 1/2, 1/4; the outer two are beyond 2.5% each.
    found = intervals.mean([0, 1], ["a", "b"])
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_a_cluster_is_drawn_whole() -> None:
    values = [0, 1] * 50
    alone = intervals.mean(values, [str(n) for n in range(100)])
    agreeing = intervals.mean(values, [f"{n % 2} {n // 20}" for n in range(100)])
    balanced = intervals.mean(values, [str(n // 2) for n in range(100)])
    # Ten clusters that agree with themselves are worth ten questions: √10 times as wide.
    assert agreeing.clusters == 10
    assert (agreeing.high - agreeing.low) / (alone.high - alone.low) == pytest.approx(10**0.5, rel=0.15)
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
