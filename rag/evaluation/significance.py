"""Whether two systems differ on the same questions, or chance alone would make them look so.

Questions about one paper are right or wrong together, so clusters are drawn, never single questions, and each draw
takes both systems' results on them: how hard a question is cancels out (paired cluster bootstrap: Davison and Hinkley
1997, Bootstrap Methods and their Application, section 3.8; for two systems Koehn 2004, "Statistical Significance Tests
for Machine Translation Evaluation", EMNLP).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.intervals import DECISIVE, LEVEL, RESAMPLES, TINY, Estimate, draws, tails
from rag.evaluation.metrics.metric import Share

ALPHA = 1 - LEVEL
"""What p has to be below for a difference to be more than chance."""
POWER = 0.8
"""How surely a difference that is there should be found, before one says that it would have been (Cohen 1988)."""
UNDEFINED = "undefined in both runs: no question has a value"


@dataclass(frozen=True, slots=True)
class Paired:
    """What two runs have on the same questions, in one metric, and how much of the difference chance would make.

    `difference` is the second's value minus the first's; its `n` and `clusters` count the questions on which either
    has a value. `p` is the two-sided p-value, `error` the standard error of the difference. `moved` clusters have
    results that differ between the runs; `fewest` is in how many clusters the run with fewer has a value at all.
    """

    first: float
    second: float
    difference: Estimate
    p: float
    error: float
    moved: int
    fewest: int

    @property
    def decidable(self) -> bool:
        """Whether both have values in enough clusters to say anything about other questions."""
        return self.fewest >= DECISIVE

    @property
    def visible(self) -> float:
        """The smallest difference that a test at 5% would find in four comparisons of five, at this spread.

        (z at .975 + z at .8) · standard error = 2.80 · standard error: Bloom 1995, "Minimum Detectable Effects",
        Evaluation Review 19 (5).
        """
        from scipy.stats import norm

        return float(norm.ppf(1 - ALPHA / 2) + norm.ppf(POWER)) * self.error


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's exact test: on how many questions only the first, or only the second, has a yes, and the p-value.

    `clusters` is in how many clusters those questions are: the test takes questions as independent, so where there
    are fewer clusters than questions its p is too small.
    """

    first_only: int
    second_only: int
    p: float
    clusters: int

    @property
    def clustered(self) -> bool:
        """Whether questions on which they disagree share their papers, so that p is too small."""
        return self.clusters < self.first_only + self.second_only


def paired(first: Sequence[Share | None], second: Sequence[Share | None], clusters: Sequence[str]) -> Paired:
    """The difference of two systems in a metric, with its 95% interval and p-value.

    `first` and `second` have one share a question, None where the metric is undefined there; `clusters` has the label
    of each question's cluster. With A and a the parts and wholes of the second, B and b those of the first, summed
    over the clusters that a draw holds, each draw gives A/a - B/b: one ratio of sums for each run, drawn jointly. A
    question that only one run has a value for counts in that one's sums. Draws in which a run has no value are left
    out.

    The interval is the percentile interval, widened for few clusters (`intervals.tails`). Without it, 11% of
    comparisons of 10 clusters, equal but for chance, have an interval that leaves out 0; with it, 5%, and 4 to 6% of 6
    to 64 (3,000 simulations each). Where every cluster has the same difference the interval has no width, as no draw
    makes another: that is not to be read as a difference that is known exactly, and p alone says how sure it is.

    p inverts that interval: it is the smallest level at which it leaves out 0. The share of draws on the other side
    of 0, (1 + count)/(1 + draws) as none is ever 0 (Davison and Hinkley 1997, section 4.2), goes through the same
    widening backwards. And p is never below 2^(1 - m) for m clusters in which the runs differ, which is the least
    that exchanging the two runs within clusters can give, the exact test (Fisher's randomization test: Noreen 1989,
    Computer-Intensive Methods for Testing Hypotheses): no draws make much of few. So p is 1 for one cluster, and where
    nothing differs.

    Raises `ValueError`, which says why, where there is no question, where a run has no value at all, and where it has
    one in so few clusters that more than 5% of draws hold none of them.
    """
    if not len(first) == len(second) == len(clusters):
        raise ValueError(f"{len(first)} and {len(second)} shares and {len(clusters)} clusters: give one a question")
    kept = [i for i, pair in enumerate(zip(first, second, strict=True)) if pair != (None, None)]
    if not kept:
        raise ValueError(UNDEFINED if first else "no question in common")
    labels, members = np.unique(np.asarray([clusters[i] for i in kept], dtype=np.str_), return_inverse=True)
    shares = np.array([[side[i] or (0.0, 0.0) for i in kept] for side in (first, second)])
    a, b = (np.array([np.bincount(members, column) for column in side.T]) for side in shares)
    drawn = drawn_values(b, "second") - drawn_values(a, "first")
    drawn = np.where(np.abs(drawn) < TINY, 0.0, drawn)[~np.isnan(drawn)]
    moved = int((np.bincount(members, np.abs(shares[0] - shares[1]).max(axis=1) > TINY) > 0).sum())
    value_a, value_b = (float(parts.sum() / wholes.sum()) for parts, wholes in (a, b))
    alike = np.ptp(drawn) <= TINY
    low, high = [value_b - value_a] * 2 if alike else np.quantile(drawn, tails(len(labels)))
    return Paired(
        first=value_a,
        second=value_b,
        difference=Estimate(value_b - value_a, float(low), float(high), len(kept), len(labels)),
        p=_p(drawn, len(labels), moved),
        error=0.0 if alike else float(drawn.std()) * math.sqrt(len(labels) / max(len(labels) - 1, 1)),
        moved=moved,
        fewest=min(int((side[1] > 0).sum()) for side in (a, b)),
    )


def mcnemar(first: Sequence[Share | None], second: Sequence[Share | None], clusters: Sequence[str]) -> McNemar:
    """McNemar's exact test for a yes/no metric, on the questions for which both have a value.

    Of the n questions on which they disagree, each would be the first's with probability ½ if the systems were equally
    good: p = min(1, 2 · P(X ≤ min(b, c))) for X binomial(n = b + c, ½), with b yes for the first alone and c for the
    second alone. It is 1 where they never disagree. McNemar 1947, "Note on the sampling error of the difference between
    correlated proportions", Psychometrika 12 (2); exact as in Agresti 2013, Categorical Data Analysis, section 11.1.

    Raises `ValueError` where no question has a value in both, and for a share that is neither yes (1) nor no (0).
    """
    from scipy.stats import binomtest

    counts, where = [0, 0], set()
    both = [(a, b, c) for a, b, c in zip(first, second, clusters, strict=True) if a is not None and b is not None]
    if not both:
        raise ValueError("no question has a value in both runs")
    for a, b, cluster in both:
        values = a[0] / a[1], b[0] / b[1]
        if not {*values} <= {0.0, 1.0}:
            raise ValueError(f"{values[0]:g} and {values[1]:g} are not both yes or no")
        if values[0] != values[1]:
            counts[values[1] > values[0]] += 1
            where.add(cluster)
    p = float(binomtest(counts[0], sum(counts), 0.5).pvalue) if any(counts) else 1.0
    return McNemar(counts[0], counts[1], p, len(where))


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for there being several, in their order: each may be held against 5% as if it were alone.

    Sorted, p₁ ≤ … ≤ p_m, the i-th becomes the largest of min(1, (m - j + 1) · p_j) for j ≤ i. The chance of one false
    finding or more among them all stays below 5%, however they depend on each other. Holm 1979, "A Simple Sequentially
    Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (2).
    """
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return adjusted


def drawn_values(sums: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """A run's value in each draw, NaN where it holds none; `sums` has the parts and the wholes of each cluster.

    Raises `ValueError`, with the run's `name`, where more than 5% of draws hold none.
    """
    parts, wholes = sums
    if not (wholes > 0).any():
        raise ValueError(f"undefined in the {name} run: no question has a value")
    drawn = draws(len(wholes))
    below = drawn @ wholes
    if (empty := int((below <= 0).sum())) > ALPHA * RESAMPLES:
        raise ValueError(f"values in too few clusters of the {name} run: {empty / RESAMPLES:.0%} of draws hold none")
    below[below <= 0] = np.nan
    return np.asarray(drawn @ parts / below, dtype=np.float64)


def _p(drawn: NDArray[np.float64], clusters: int, moved: int) -> float:
    if clusters < 2 or not moved:
        return 1.0
    from scipy.stats import norm, t

    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    tail = min(0.5, (1 + beyond) / (1 + len(drawn)))
    widened = 2 * float(t.cdf(math.sqrt((clusters - 1) / clusters) * norm.ppf(tail), clusters - 1))
    return min(1.0, max(widened, 2.0 ** (1 - moved)))
