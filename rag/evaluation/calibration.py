"""Whether the confidence of an answer is what it says: how often the collection does answer such a question.

The reliability diagram of Murphy and Winkler 1977, with the Brier score and the expected calibration error over the
same bins (Guo et al. 2017, On calibration of modern neural networks). Intervals of a bin are Wilson's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rag.evaluation.runs import Run

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence: how many, their mean confidence, and the share whose question can be answered."""

    n: int
    confidence: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The bins that hold answers, and two figures for all `n` of them; both are better lower."""

    bins: tuple[Bin, ...]
    brier: float
    error: float
    n: int


def calibration(run: Run) -> Calibration | None:
    """The calibration of the answers of one paper each; None where none has a confidence."""
    known = [s for s in run.scored if not s.failed and s.answer.kind == "single" and s.answer.confidence is not None]
    if not known:
        return None
    confidence = np.array([s.answer.confidence for s in known], np.float64)
    answerable = np.array([s.item.answerable for s in known], np.float64)
    places = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    bins = tuple(_bin(confidence[places == k], answerable[places == k]) for k in np.unique(places))
    error = sum(b.n * abs(b.confidence - b.share) for b in bins) / len(known)
    return Calibration(bins, float(((confidence - answerable) ** 2).mean()), error, len(known))


def _bin(confidence: np.ndarray, answerable: np.ndarray) -> Bin:
    from scipy.stats import binomtest

    n, share = len(confidence), float(answerable.mean())
    interval = binomtest(int(answerable.sum()), n).proportion_ci(method="wilson")
    return Bin(n, float(confidence.mean()), share, float(interval.low), float(interval.high))
