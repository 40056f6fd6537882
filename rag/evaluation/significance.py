"""Whether two systems differ on the same questions, or chance alone would make them look so.

Questions about one paper are right or wrong together, so clusters are drawn, never single questions, and each draw
takes both systems' results on them: how hard a question is cancels out (paired cluster bootstrap: Davison and Hinkley
1997, Bootstrap Methods and their Application, section 3.8; Koehn 2004, EMNLP).
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
"""How surely a difference that is there should be found (Cohen 1988)."""
UNDEFINED = "undefined in both runs: no question has a value"


@dataclass(frozen=True, slots=True)
class Paired:
    """What two runs have on the same questions, in one metric, and how much of the difference chance would make.

    `difference` is the second's value minus the first's, over the questions on which either has a value. `p` is
    two-sided, `error` the standard error. `moved` clusters have results that differ between the runs; `fewest` is in
    how many clusters the run with fewer has a value at all.
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
        """The smallest difference that a test at 5% would find in four comparisons of five: 2.80 standard errors
        (Bloom 1995, "Minimum Detectable Effects", Evaluation Review 19 (5))."""
        from scipy.stats import norm

        return float(norm.ppf(1 - ALPHA / 2) + norm.ppf(POWER)) * self.error


def paired(first: Sequence[Share | None], second: Sequence[Share | None], clusters: Sequence[str]) -> Paired:
    """The difference of two systems in a metric, with its 95% interval and p-value.

    `first` and `second` have one share a question, None where the metric is undefined there. Each draw of clusters
    gives the ratio of sums of the second minus that of the first; draws in which a run has no value are left out. The
    interval is of percentiles, widened for few clusters (`intervals.tails`): of comparisons of 10 clusters, equal but
    for chance, 5% leave out 0, and 11% without widening (3,000 simulations).

    p is the smallest level at which that interval leaves out 0, and never below 2^(1 - m) for m clusters in which the
    runs differ: the least that exchanging the runs within clusters can give (Fisher's randomization test).

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


def mcnemar(first: Sequence[Share | None], second: Sequence[Share | None]) -> tuple[int, int, float]:
    """McNemar's exact test of a yes/no metric: yes in the first only, in the second only, and the two-sided p.

    It takes questions as independent: where they share papers, p is too small. Agresti 2013, Categorical Data
    Analysis, section 11.1. Raises `ValueError` where no question has a value in both, and for a share between 0 and 1.
    """
    from scipy.stats import binomtest

    both = [(a[0] / a[1], b[0] / b[1]) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not both:
        raise ValueError("no question has a value in both runs")
    if wrong := next((pair for pair in both if not {*pair} <= {0.0, 1.0}), None):
        raise ValueError(f"{wrong[0]:g} and {wrong[1]:g} are not both yes or no")
    only = sum(a > b for a, b in both), sum(b > a for a, b in both)
    return *only, float(binomtest(only[0], sum(only), 0.5).pvalue) if any(only) else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for there being several, in their order (Holm 1979, Scandinavian Journal of Statistics 6 (2)).

    Each may be held against 5%: the chance of one false finding or more among them stays below that.
    """
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(np.argsort(values, kind="stable")):
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
