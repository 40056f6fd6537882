"""How sure a mean is: bootstrap intervals over questions that share their papers.

Questions about one paper are right or wrong together, so whole clusters are drawn, not questions (cluster bootstrap:
Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8; percentile intervals, section 5.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 20_261_123
"""The same draws in every run, so that a figure only moves when an answer does."""
DECISIVE = 6
"""Clusters below which nothing is decided: five that all point one way do so by chance in 2/2⁵ = .06 (sign test)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, the ends of its 95% interval, and over how many questions (`n`) in how many clusters it is taken.

    Where all questions agree the interval has no width, and says nothing about those that were not asked: with n
    successes in n, the true share may still be as low as 1 - 3/n. One cluster has no width either.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 0, and there are enough clusters to say so."""
        return self.clusters >= DECISIVE and (self.low > 0 or self.high < 0)


def mean(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean of one value a question; `clusters` has the label of each question's cluster."""
    return ratio(values, [1.0] * len(values), clusters)


def ratio(parts: Sequence[float], wholes: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The sum of `parts` over that of `wholes`, both one a question, as for the share of claims that hold.

    Raises `ValueError` for no question at all, for a whole that is not positive, and for lengths that differ.
    """
    if not parts or not len(parts) == len(wholes) == len(clusters):
        raise ValueError(f"{len(parts)} parts, {len(wholes)} wholes and {len(clusters)} clusters: give one a question")
    if min(wholes) <= 0:
        raise ValueError("a question with nothing to count has no place in a ratio")
    labels, members = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    above, below = np.bincount(members, parts), np.bincount(members, wholes)
    drawn = draws(len(labels))
    low, high = np.quantile((drawn @ above) / (drawn @ below), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(above.sum() / below.sum()), float(low), float(high), len(parts), len(labels))


def difference(ours: Sequence[float], theirs: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean of ours minus theirs on the same questions: paired, so that how hard a question is cancels out."""
    return mean([a - b for a, b in zip(ours, theirs, strict=True)], clusters)


@lru_cache(maxsize=16)
def draws(clusters: int) -> NDArray[np.float64]:
    """How often each cluster is drawn in each resample, shape (10,000, clusters)."""
    shares = np.full(clusters, 1 / clusters)
    return np.random.default_rng(SEED).multinomial(clusters, shares, size=RESAMPLES).astype(np.float64)
