"""Paired comparison: hand-computed cases, brute force on tiny data, and how often chance is taken for a difference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from rag.evaluation.intervals import DECISIVE, RESAMPLES, difference, draws
from rag.evaluation.metrics.metric import Share
from rag.evaluation.significance import Paired, holm, mcnemar, paired


def macro(values: Sequence[float]) -> list[Share | None]:
    return [(v, 1.0) for v in values]


def alone(n: int) -> list[str]:
    return [f"c{i}" for i in range(n)]


class TestPaired:
    def test_values_and_difference_by_hand(self) -> None:
        found = paired(macro([1, 0, 0.5, 0.5]), macro([1, 1, 1, 0]), ["a", "a", "b", "c"])
        assert (found.first, found.second) == (0.5, 0.75)
        assert found.difference.value == 0.25
        assert (found.difference.n, found.difference.clusters, found.moved, found.fewest) == (4, 3, 3, 3)

    def test_a_pooled_metric_is_the_difference_of_two_ratios(self) -> None:
        found = paired([(1, 2), (3, 3), None], [(2, 2), (0, 6), (2, 2)], alone(3))
        assert found.first == 4 / 5
        assert found.second == 4 / 10
        assert found.difference.value == pytest.approx(-0.4)
        assert found.difference.n == 3  # the question that only one has a value for counts
        assert found.fewest == 2

    @pytest.mark.parametrize("pooled", [False, True])
    def test_agrees_with_all_resamples_of_tiny_data(self, pooled: bool) -> None:
        """Four clusters have 4⁴ resamples: the standard error over all of them is exact."""
        first: list[Share | None] = [(1, 3), (2, 2), (0, 1), (1, 4)] if pooled else macro([0, 0.5, 0.25, 1])
        second: list[Share | None] = [(2, 2), (1, 2), (1, 3), (4, 4)] if pooled else macro([1, 0.25, 0.5, 0])

        def value(side: Sequence[Share | None], drawn: Sequence[int]) -> float:
            shares = [s for i in drawn if (s := side[i])]
            return sum(p for p, _ in shares) / sum(w for _, w in shares)

        every = [value(second, d) - value(first, d) for d in itertools.product(range(4), repeat=4)]
        found = paired(first, second, alone(4))
        assert found.error == pytest.approx(np.std(every) * math.sqrt(4 / 3), rel=0.03)
        beyond = min(np.mean(np.array(every) <= 1e-12), np.mean(np.array(every) >= -1e-12))
        assert found.p >= 2 * min(beyond, 0.5) - 0.02  # the widening only ever makes p larger

    @pytest.mark.parametrize("clusters", [7, 400])
    def test_the_interval_is_that_of_the_mean_difference(self, clusters: int) -> None:
        """A run's own intervals and those of comparisons are made alike."""
        rng = np.random.default_rng(5)
        first, second = rng.random(clusters).tolist(), rng.random(clusters).tolist()
        own = difference(second, first, alone(clusters))
        found = paired(macro(first), macro(second), alone(clusters)).difference
        assert (found.value, found.low, found.high) == pytest.approx((own.value, own.low, own.high))

    def test_few_clusters_have_wider_intervals_than_percentiles(self) -> None:
        rng = np.random.default_rng(6)
        first, second = rng.random(7), rng.random(7)
        low, high = np.quantile(draws(7) @ (second - first) / 7, [0.025, 0.975])
        found = paired(macro(first.tolist()), macro(second.tolist()), alone(7)).difference
        assert found.high - found.low > 1.2 * (high - low)

    def test_where_all_differ_alike_the_interval_has_no_width_and_says_so(self) -> None:
        found = paired(macro([0.1, 0.4, 0.7] * 4), macro([0.3, 0.6, 0.9] * 4), alone(12))
        assert found.difference.unanimous
        assert found.difference.value == pytest.approx(0.2)
        assert (found.error, found.moved) == (0, 12)
        assert 2 / 2**12 < found.p < 0.01, "it is p that says how sure that is"

    def test_p_and_the_interval_say_the_same(self) -> None:
        """Where enough clusters differ for the exact test not to matter."""
        rng = np.random.default_rng(7)
        decided = 0
        for _ in range(150):
            shift = rng.choice([0, 0.1, 0.2])
            found = paired(macro(rng.random(30).tolist()), macro((rng.random(30) + shift).tolist()), alone(30))
            if abs(found.p - 0.05) > 0.002:
                assert found.difference.decided == (found.p < 0.05)
            decided += found.p < 0.05
        assert 20 < decided < 130

    def test_swapping_the_runs_turns_the_difference_around(self) -> None:
        rng = np.random.default_rng(8)
        first: list[Share | None] = [
            (float(rng.integers(0, 4)), 3.0) if rng.random() < 0.9 else None for _ in range(60)
        ]
        second: list[Share | None] = [
            (float(rng.integers(0, 6)), 5.0) if rng.random() < 0.9 else None for _ in range(60)
        ]
        clusters = [str(i // 2) for i in range(60)]
        one, other = paired(first, second, clusters), paired(second, first, clusters)
        assert other.difference.value == -one.difference.value
        assert (other.difference.low, other.difference.high) == pytest.approx(
            (-one.difference.high, -one.difference.low)
        )
        assert (other.p, other.error, other.moved) == pytest.approx((one.p, one.error, one.moved))

    def test_the_order_of_questions_is_all_one(self) -> None:
        rng = np.random.default_rng(9)
        first, second, clusters = rng.random(40).tolist(), rng.random(40).tolist(), [str(i // 3) for i in range(40)]
        order = rng.permutation(40)
        again = paired(
            macro([first[i] for i in order]), macro([second[i] for i in order]), [clusters[i] for i in order]
        )
        found = paired(macro(first), macro(second), clusters)
        assert (again.p, again.difference.low) == pytest.approx((found.p, found.difference.low))

    def test_questions_that_share_papers_count_less(self) -> None:
        rng = np.random.default_rng(10)
        steps = np.repeat(rng.normal(0.1, 0.5, 20), 5)
        independent = paired(macro([0.0] * 100), macro(steps.tolist()), alone(100))
        together = paired(macro([0.0] * 100), macro(steps.tolist()), [str(i // 5) for i in range(100)])
        assert together.error > 1.9 * independent.error
        assert together.p > independent.p

    def test_pairing_makes_hard_questions_cancel_out(self) -> None:
        rng = np.random.default_rng(11)
        hard = rng.random(80)
        better = paired(macro(hard.tolist()), macro((hard + rng.normal(0.02, 0.02, 80)).tolist()), alone(80))
        assert better.p < 0.001
        assert better.visible < 0.01

    @pytest.mark.parametrize(
        ("moved", "least"),
        [(0, 1.0), (1, 1.0), (2, 0.5), (5, 0.0625), (6, 0.03125)],
    )
    def test_p_is_never_below_what_exchanging_the_runs_can_give(self, moved: int, least: float) -> None:
        """All that differs points one way: Fisher's exact test on the clusters gives 2/2^m."""
        second = [1.0] * moved + [0.0] * (6 - moved)
        signs = list(itertools.product([1, -1], repeat=6))
        exact = np.mean([abs(sum(s * v for s, v in zip(sign, second, strict=True))) >= moved for sign in signs])
        found = paired(macro([0.0] * 6), macro(second), alone(6))
        assert exact == min(1.0, least)
        assert found.p >= exact
        assert found.moved == moved

    def test_p_is_never_zero(self) -> None:
        found = paired(macro([0.0] * 300), macro([1.0] * 300), alone(300))
        assert 0 < found.p <= 3 / RESAMPLES

    def test_runs_that_agree_everywhere(self) -> None:
        found = paired(macro([0, 1, 0.3] * 5), macro([0, 1, 0.3] * 5), alone(15))
        assert (found.difference.value, found.difference.low, found.difference.high) == (0, 0, 0)
        assert (found.p, found.error, found.moved, found.visible) == (1, 0, 0, 0)

    def test_one_cluster_decides_nothing(self) -> None:
        found = paired(macro([0, 0, 0]), macro([1, 1, 1]), ["same"] * 3)
        assert found.p == 1
        assert not found.decidable

    def test_clusters_count_in_the_run_that_has_fewer(self) -> None:
        first: list[Share | None] = [(1.0, 1.0)] * 5 + [None] * 25
        found = paired(first, macro([0.5] * 30), alone(30))
        assert found.difference.clusters == 30
        assert found.fewest == 5 < DECISIVE
        assert not found.decidable

    @pytest.mark.parametrize(
        ("first", "second", "message"),
        [
            ([], [], "no question in common"),
            ([None, None], [None, None], "undefined in both runs"),
            ([None, None], [(1, 1), (1, 1)], "undefined in the first run"),
            ([(1, 1), (1, 1)], [None, (0, 0)], "undefined in the second run"),
            ([(1, 1)] * 40, [(1, 1)] + [None] * 39, "too few clusters of the second run: 3[5-9]% of draws hold none"),
            ([(1, 1)], [], "1 and 0 shares"),
        ],
    )
    def test_what_can_not_be_compared_says_why(
        self, first: list[Share | None], second: list[Share | None], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            paired(first, second, alone(len(first)))


class TestCoverage:
    """Simulations without any difference: an interval that leaves out 0 is a false alarm, wanted in 5% at most."""

    @staticmethod
    def alarms(draw: str, clusters: int, size: int, runs: int) -> tuple[float, float]:
        rng = np.random.default_rng(2026)
        found: list[Paired] = []
        for _ in range(runs):
            shape = (clusters, size)
            if draw == "normal":
                sides = rng.normal(size=(2, *shape)) + rng.normal(size=(1, clusters, 1))
            else:  # yes or no, and questions about a paper mostly right or wrong together
                sides = (rng.random((2, *shape)) < rng.beta(1, 1, size=(2, clusters, 1))).astype(float)
            labels = [str(i // size) for i in range(clusters * size)]
            found.append(paired(macro(sides[0].ravel().tolist()), macro(sides[1].ravel().tolist()), labels))
        return np.mean([f.difference.decided for f in found]).item(), np.mean([f.p < 0.05 for f in found]).item()

    @pytest.mark.parametrize("draw", ["normal", "yes/no"])
    @pytest.mark.parametrize(("clusters", "size", "runs"), [(40, 2, 300), (8, 4, 1000)])
    def test_false_alarms(self, draw: str, clusters: int, size: int, runs: int) -> None:
        intervals, ps = self.alarms(draw, clusters, size, runs)
        assert 0.01 <= intervals <= 0.07
        assert 0.01 <= ps <= 0.07


class TestMcNemar:
    def test_counts_by_hand(self) -> None:
        first = [*macro([1, 1, 1, 0, 0, 0]), None, (1.0, 1.0)]
        second = [*macro([1, 0, 0, 1, 0, 0]), (1.0, 1.0), None]
        assert mcnemar(first, second) == (2, 1, 1.0)

    @pytest.mark.parametrize(("b", "c"), [(0, 1), (0, 6), (1, 9), (5, 5), (3, 14), (12, 2)])
    def test_agrees_with_binomial_coefficients(self, b: int, c: int) -> None:
        first, second = macro([1] * b + [0] * c + [1, 0]), macro([0] * b + [1] * c + [1, 0])
        n = b + c
        exact = min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)
        assert mcnemar(first, second)[2] == pytest.approx(exact)
        assert mcnemar(second, first)[2] == pytest.approx(exact)

    def test_no_discordant_question(self) -> None:
        assert mcnemar(macro([1, 0]), macro([1, 0])) == (0, 0, 1.0)

    def test_what_can_not_be_compared_says_why(self) -> None:
        with pytest.raises(ValueError, match="no question has a value in both runs"):
            mcnemar([None, (1, 1)], [(1, 1), None])
        with pytest.raises(ValueError, match=r"0\.5 and 1 are not both yes or no"):
            mcnemar([(0.5, 1)], [(1, 1)])


class TestHolm:
    @pytest.mark.parametrize(
        ("values", "adjusted"),
        [
            # R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"), the example of many textbooks.
            ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
            ([0.01, 0.02, 0.03], [0.03, 0.04, 0.04]),
            ([0.2], [0.2]),
            ([0.9, 0.8], [1.0, 1.0]),
            ([], []),
        ],
    )
    def test_textbook(self, values: list[float], adjusted: list[float]) -> None:
        assert holm(values) == pytest.approx(adjusted)

    def test_rejects_what_the_step_down_procedure_rejects(self) -> None:
        rng = np.random.default_rng(12)
        for _ in range(200):
            values = (rng.random(rng.integers(1, 9)) ** 3).tolist()
            rejected = set()
            for rank, place in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
                if values[place] > 0.05 / (len(values) - rank):
                    break
                rejected.add(place)
            assert {i for i, p in enumerate(holm(values)) if p <= 0.05} == rejected
