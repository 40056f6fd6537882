"""The probability from which on to answer, so that at most a given share of the answers is wrong.

Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster 2022, arXiv:2208.02814): the loss of a question is
1 - α where it is answered wrongly, -α where it is answered rightly, and 0 where it is not answered. With the bound of
the paper for the question to come, its mean is at most 0 where (wrong + 1) / (answered + 1) ≤ α; of the thresholds for
which that holds, the lowest answers most. The loss is not monotone, so that the paper's guarantee holds only
approximately: in the simulation of the tests the risk of new answers is α at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.ask.certainty import ANSWERS
from rag.evaluation.risk import Numbers, right
from rag.evaluation.runs import Run, Scored

ENOUGH = 100
"""Reference questions below which a threshold is hardly more than a guess: of 60 answers with 6 wrong ones, the risk
lies between 4 and 20%."""
KINDS = ("single", "comparison", "none")
"""Of answers, whose state follows from a probability; a list's follows from how well its papers fit the subject."""


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


def of_run(run: Run, risk: float, *, papers: bool = False) -> Chosen:
    """The threshold for the answers of a run whose state follows from their confidence.

    An answer is wrong where a vital fact is missing, or, with `papers`, only where a paper is that has the answer; and
    where nothing in the collection answers.
    """
    confidence, wrong = _known(run, papers)
    return chosen(confidence, wrong, risk)


def chosen(confidence: Numbers, wrong: NDArray[np.bool_], risk: float) -> Chosen:
    """The lowest threshold with (wrong + 1) / (answered + 1) at most `risk`, over answers with these confidences."""
    order = np.argsort(-confidence, kind="stable")
    errors, given = np.cumsum(np.asarray(wrong, bool)[order]), np.arange(1, len(order) + 1)
    # Answers of one confidence are given together.
    last = np.append(np.diff(confidence[order]) != 0, True) if len(order) else np.array([], bool)
    kept = np.flatnonzero(last & ((errors + 1) / (given + 1) <= risk))
    if not len(kept):
        return Chosen(None, len(order))
    from scipy.stats import binomtest

    at = int(kept[-1])
    interval = binomtest(int(errors[at]), at + 1).proportion_ci()
    # Rounded down, so that the answer that decides is still given.
    threshold = min(0.99, max(0.01, math.floor(confidence[order][at] * 1000) / 1000))
    return Chosen(threshold, len(order), at + 1, int(errors[at]), float(interval.low), float(interval.high))


def at(run: Run, threshold: float = ANSWERS, *, papers: bool = False) -> tuple[int, int]:
    """How many of the same answers a threshold gives, and how many of these are wrong."""
    confidence, wrong = _known(run, papers)
    return int((confidence >= threshold).sum()), int(wrong[confidence >= threshold].sum())


def _known(run: Run, papers: bool) -> tuple[Numbers, NDArray[np.bool_]]:
    known = [s for s in run.scored if not s.failed and s.answer.kind in KINDS and s.answer.confidence is not None]
    wrong = [not (_cited(s) if papers else right(s)) for s in known]
    return np.array([s.answer.confidence for s in known], np.float64), np.array(wrong, bool)


def _cited(scored: Scored) -> bool:
    share = scored.scores.get("gold_citation_recall")
    return bool(scored.item.answerable and share and share[0] == share[1])
