"""What the confidence of answers is worth: calibration, risk and coverage, and the threshold for a wanted risk.

Calibration is the reliability diagram of Murphy and Winkler 1977, with the Brier score and the expected calibration
error over its bins (Guo et al. 2017, On calibration of modern neural networks): how often the collection does answer
such a question.

For risk and coverage answers are taken by falling confidence. At each coverage, the share of the questions that are
answered, the risk is the share of those that are not right (El-Yaniv and Wiener 2010, "On the Foundations of Noise-free
Selective Classification", JMLR 11). The area under the curve is the mean risk over all coverages (Geifman, Uziel and
El-Yaniv 2019, ICLR): the lower the better, and never below what the best order of the same answers has (`best`).

The threshold is chosen by conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster 2022, arXiv:2208.02814):
the loss of a question is 1 - α where it is answered wrongly, -α where it is answered rightly, and 0 where it is not
answered. With the bound of the paper for the question to come, its mean is at most 0 where
(wrong + 1) / (answered + 1) ≤ α; of the thresholds for which that holds, the lowest answers most. The loss is not
monotone, so that the paper's guarantee holds only approximately: in the simulation of the tests the risk of new answers
is α at most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.ask.certainty import ANSWERS
from rag.evaluation.intervals import SEED, Estimate
from rag.evaluation.outcome import LIST_F1
from rag.evaluation.runs import Run, Scored

BINS = 10
RESAMPLES = 2_000
AT = (0.5, 0.8, 1.0)
"""Coverages at which the risk is told."""
ENOUGH = 100
"""Reference questions below which a threshold is hardly more than a guess: of 60 answers with 6 wrong ones, the risk
lies between 4 and 20%."""
KINDS = ("single", "comparison", "none")
"""Of answers, whose state follows from a probability; a list's follows from how well its papers fit the subject."""

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence: how many, their mean confidence, and the share whose question can be answered, with
    Wilson's interval."""

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


@dataclass(frozen=True, slots=True)
class Risk:
    """The curve, as (points,) of `coverage` and `risk`, its area with a 95% bootstrap interval, the area of the best
    order, and the probability that the confidence of an answerable question is above that of an unanswerable one
    (`auroc`); None where all are one."""

    coverage: Numbers
    risk: Numbers
    area: Estimate
    best: float
    auroc: Estimate | None

    def at(self, coverage: float) -> float:
        """The risk where that share of the questions is answered."""
        return float(self.risk[max(0, round(coverage * len(self.risk)) - 1)])


@dataclass(frozen=True, slots=True)
class Chosen:
    """A threshold, and what it comes to on the reference questions: how many of `n` are answered, and how many wrong.

    `low` and `high` are the ends of the 95% interval of the risk (Clopper and Pearson 1934). `threshold` is None where
    no threshold keeps the risk.
    """

    threshold: float | None
    n: int
    answered: int = 0
    wrong: int = 0
    low: float = 0.0
    high: float = 1.0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user has to know before they trust it."""
        few = f"These are {self.n:,} questions: with fewer than {ENOUGH} the threshold is little more than a guess."
        wide = f"The risk of these answers may well be {self.high:.0%}: more reference questions would tell."
        over = self.threshold is not None and self.high > 2 * max(self.wrong / max(self.answered, 1), 0.05)
        return (*((few,) if self.n < ENOUGH else ()), *((wide,) if over else ()))


def calibration(run: Run) -> Calibration | None:
    """The calibration of the answers of one paper each; None where none has a confidence."""
    known, confidence = _sure(run, ("single",))
    if not known:
        return None
    answerable = np.array([s.item.answerable for s in known], np.float64)
    places = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    bins = tuple(_bin(confidence[places == k], answerable[places == k]) for k in np.unique(places))
    error = sum(b.n * abs(b.confidence - b.share) for b in bins) / len(known)
    return Calibration(bins, float(((confidence - answerable) ** 2).mean()), error, len(known))


def _bin(confidence: Numbers, answerable: Numbers) -> Bin:
    low, high = _interval(int(answerable.sum()), len(answerable), "wilson")
    return Bin(len(confidence), float(confidence.mean()), float(answerable.mean()), low, high)


def of_run(run: Run) -> Risk | None:
    """The risk of the answers of a run that have a confidence; None where fewer than two do."""
    known, confidence = _sure(run)
    if len(known) < 2:
        return None
    wrong = np.array([not right(s) for s in known], np.float64)
    answerable = np.array([s.item.answerable for s in known], bool)
    return measured(confidence, wrong, answerable, [s.item.cluster for s in known])


def measured(confidence: Numbers, wrong: Numbers, answerable: Flags, clusters: Sequence[str]) -> Risk:
    """The risk of answers with these confidences; all (n,). `clusters` are drawn whole for the intervals."""
    labels, members = np.unique(np.asarray(clusters, np.str_), return_inverse=True)
    own, random = [np.flatnonzero(members == k) for k in range(len(labels))], np.random.default_rng(SEED)
    drawn = [np.concatenate([own[k] for k in random.integers(0, len(own), len(own))]) for _ in range(RESAMPLES)]

    def estimate(value: float, values: Sequence[float]) -> Estimate:
        low, high = np.quantile(values, (0.025, 0.975))
        return Estimate(value, float(low), float(high), len(confidence), len(labels))

    told = auroc(confidence, answerable)
    aurocs = [a for rows in drawn if (a := auroc(confidence[rows], answerable[rows])) is not None]
    return Risk(
        *curve(confidence, wrong),
        area=estimate(area(confidence, wrong), [area(confidence[rows], wrong[rows]) for rows in drawn]),
        best=area(-wrong, wrong),
        auroc=None if told is None else estimate(told, aurocs),
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


def auroc(confidence: Numbers, positive: Flags) -> float | None:
    """The area under the ROC curve, ties counted half (Mann and Whitney 1947); None where all are one."""
    from scipy.stats import rankdata

    n = int(positive.sum())
    if not 0 < n < len(positive):
        return None
    return float((rankdata(confidence)[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))


def right(scored: Scored) -> bool:
    """Whether what an answer shows is right, whichever state it has: the confidence is to tell that."""
    if not scored.item.answerable:
        return False
    for name in ("list_f1", "overview_recall", "all_vital", "gold_citation_recall"):
        if share := scored.scores.get(name):
            return share[0] / share[1] >= (1 if name in ("all_vital", "gold_citation_recall") else LIST_F1)
    return False


def threshold(run: Run, risk: float, *, papers: bool = False) -> Chosen:
    """The threshold for the answers of a run whose state follows from their confidence.

    An answer is wrong where a vital fact is missing, or, with `papers`, only where a paper is that has the answer; and
    where nothing in the collection answers.
    """
    return chosen(*_judged(run, papers), risk)


def at(run: Run, threshold: float = ANSWERS, *, papers: bool = False) -> tuple[int, int]:
    """How many of the same answers a threshold gives, and how many of these are wrong."""
    confidence, wrong = _judged(run, papers)
    return int((confidence >= threshold).sum()), int(wrong[confidence >= threshold].sum())


def chosen(confidence: Numbers, wrong: Flags, risk: float) -> Chosen:
    """The lowest threshold with (wrong + 1) / (answered + 1) at most `risk`, over answers with these confidences."""
    order = np.argsort(-confidence, kind="stable")
    errors, given = np.cumsum(np.asarray(wrong, bool)[order]), np.arange(1, len(order) + 1)
    # Answers of one confidence are given together.
    last = np.diff(confidence[order], append=-1.0) != 0
    kept = np.flatnonzero(last & ((errors + 1) / (given + 1) <= risk))
    if not len(kept):
        return Chosen(None, len(order))
    answered, mistaken = int(kept[-1]) + 1, int(errors[kept[-1]])
    # Rounded down, so that the answer that decides is still given.
    least = min(0.99, max(0.01, math.floor(confidence[order][kept[-1]] * 1000) / 1000))
    return Chosen(least, len(order), answered, mistaken, *_interval(mistaken, answered, "exact"))


def _judged(run: Run, papers: bool) -> tuple[Numbers, Flags]:
    known, confidence = _sure(run, KINDS)
    return confidence, np.array([not (_cited(s) if papers else right(s)) for s in known], bool)


def _cited(scored: Scored) -> bool:
    share = scored.scores.get("gold_citation_recall")
    return bool(scored.item.answerable and share and share[0] == share[1])


def _sure(run: Run, kinds: Sequence[str] = ()) -> tuple[list[Scored], Numbers]:
    """The answers of some kinds (none: all) that have a confidence, and the confidences."""
    known = [s for s in run.scored if not s.failed and s.answer.confidence is not None]
    known = [s for s in known if not kinds or s.answer.kind in kinds]
    return known, np.array([s.answer.confidence for s in known], np.float64)


def _interval(k: int, n: int, method: str) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(k, n).proportion_ci(method=method)
    return float(found.low), float(found.high)
