"""Risk and coverage: how often answers are wrong, the surer they are the more of them are given.

Answers are taken by falling confidence. At each coverage, the share of the questions that are answered, the risk is the
share of those that are not right (El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective
Classification", JMLR 11). The area under the curve is the mean risk over all coverages (Geifman, Uziel and El-Yaniv
2019, ICLR): the lower the better, and never below what the best order of the same answers has (`best`). `auroc` is the
probability that the confidence of an answerable question is above that of an unanswerable one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.intervals import SEED, Estimate
from rag.evaluation.outcome import LIST_F1
from rag.evaluation.runs import Run, Scored

RESAMPLES = 2_000
AT = (0.5, 0.8, 1.0)
"""Coverages at which the risk is told."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Risk:
    """The curve, as (points,) of `coverage` and `risk`, its area with a 95% bootstrap interval, the area of the best
    order, and how well confidence tells the answerable from the others; None where all are one."""

    coverage: Numbers
    risk: Numbers
    area: Estimate
    best: float
    auroc: Estimate | None

    def at(self, coverage: float) -> float:
        """The risk where that share of the questions is answered."""
        return float(self.risk[max(0, round(coverage * len(self.risk)) - 1)])


def of_run(run: Run) -> Risk | None:
    """The risk of the answers of a run that have a confidence; None where fewer than two do."""
    known = [s for s in run.scored if not s.failed and s.answer.confidence is not None]
    if len(known) < 2:
        return None
    confidence = np.array([s.answer.confidence for s in known], np.float64)
    wrong = np.array([not right(s) for s in known], np.float64)
    answerable = np.array([s.item.answerable for s in known], bool)
    return measured(confidence, wrong, answerable, [s.item.cluster for s in known])


def measured(confidence: Numbers, wrong: Numbers, answerable: NDArray[np.bool_], clusters: Sequence[str]) -> Risk:
    """The risk of answers with these confidences; all (n,). `clusters` are drawn whole for the intervals."""
    coverage, risk = curve(confidence, wrong)
    labels, members = np.unique(np.asarray(clusters, np.str_), return_inverse=True)
    own = [np.flatnonzero(members == k) for k in range(len(labels))]
    random = np.random.default_rng(SEED)
    areas, aurocs = [], []
    for _ in range(RESAMPLES):
        rows = np.concatenate([own[k] for k in random.integers(0, len(own), len(own))])
        areas.append(area(confidence[rows], wrong[rows]))
        aurocs.append(auroc(confidence[rows], answerable[rows]))
    n = len(confidence)
    told = auroc(confidence, answerable)
    return Risk(
        coverage,
        risk,
        _estimate(area(confidence, wrong), areas, n, len(labels)),
        area(-wrong, wrong),
        None if told is None else _estimate(told, [a for a in aurocs if a is not None], n, len(labels)),
    )


def curve(confidence: Numbers, wrong: Numbers) -> tuple[Numbers, Numbers]:
    """Coverage and risk after each answer, surest first; answers of the same confidence share their mean risk."""
    order = np.argsort(-confidence, kind="stable")
    _, group = np.unique(-confidence[order], return_inverse=True)
    mean = np.bincount(group, wrong[order]) / np.bincount(group)
    given = np.arange(1, len(order) + 1)
    return given / len(order), np.cumsum(mean[group]) / given


def area(confidence: Numbers, wrong: Numbers) -> float:
    """The area under the risk–coverage curve."""
    return float(curve(confidence, wrong)[1].mean())


def auroc(confidence: Numbers, positive: NDArray[np.bool_]) -> float | None:
    """The area under the ROC curve, ties counted half (Mann and Whitney 1947); None where all are one."""
    from scipy.stats import rankdata

    n = int(positive.sum())
    if not 0 < n < len(positive):
        return None
    ranks = rankdata(confidence)
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))


def _estimate(value: float, drawn: Sequence[float], n: int, clusters: int) -> Estimate:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(value, float(low), float(high), n, clusters)


def right(scored: Scored) -> bool:
    """Whether what an answer shows is right, whichever state it has: the confidence is to tell that."""
    if not scored.item.answerable:
        return False
    for name in ("list_f1", "overview_recall", "all_vital", "gold_citation_recall"):
        if share := scored.scores.get(name):
            return share[0] / share[1] >= (1 if name in ("all_vital", "gold_citation_recall") else LIST_F1)
    return False
