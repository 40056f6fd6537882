"""Abstention, as LitQA2 counts it (Lála et al. 2023, arXiv:2312.07559; Laurent et al. 2024, arXiv:2407.10362), and the
same for refusals. To be read together: any one alone can be gamed.

accuracy = correct / asked, over all questions; answer_precision = correct / answered; coverage = answered / asked, over
answerable questions; refusal_precision = unanswerable / refused; refusal_recall = refused / unanswerable questions.
hedged = answered with the nearest or with nothing / answerable questions; lost = questions of which a gold paper is not
among the citations / answerable questions about one paper (no lists, overviews or comparisons): what *nearest* quotes
is shown, and so not lost, and what failed is lost, and not hedged.

Answered is what does not abstain. Of an answerable question an answer is correct where it has every vital nugget, of a
list or count where its F1 is .7 or more; of an overview where it shows
.7 or more of the key papers; without nuggets, where it cites every gold paper. Where fewer than a third of
the papers that it cites are gold, it is not correct, whatever it says. Of an unanswerable one only to abstain is
correct. What failed is neither correct nor answered nor refused.
"""

from __future__ import annotations

from rag.evaluation.items import SETS
from rag.evaluation.metrics import nugget_recall, paper_sets
from rag.evaluation.metrics.metric import Case, Share

ENOUGH = 0.7
"""The F1 from which a list is taken for correct: seven papers right of seven, and six others."""


def astray(precision: Share | None) -> bool:
    """Whether of the papers that an answer cites too few are gold, given its gold citation precision."""
    return precision is not None and 3 * precision[0] < precision[1] * (1 - 1e-9)


def correct(case: Case) -> bool:
    """Whether an item got what it should: the right answer, or none where there is none."""
    if case.failed:
        return False
    if not case.item.answerable:
        return case.abstained
    if case.abstained:
        return False
    if case.item.kind in SETS:
        return (paper_sets.f1(case) or (0.0, 1.0))[0] >= ENOUGH
    if case.item.kind == "overview":
        return (paper_sets.recall(case) or (1.0, 1.0))[0] >= ENOUGH
    share = nugget_recall.all_vital(case) or paper_sets.recall(case)
    return share is not None and share[0] == share[1] and not astray(paper_sets.precision(case))


def accuracy(case: Case) -> Share | None:
    """1 where the item is correct, else 0."""
    return float(correct(case)), 1.0


def answer_precision(case: Case) -> Share | None:
    """1 where the answer is correct, else 0; undefined where there is none."""
    return None if case.abstained or case.failed else (float(correct(case)), 1.0)


def coverage(case: Case) -> Share | None:
    """1 where an answerable item is answered, rightly or not, else 0."""
    return (float(not (case.abstained or case.failed)), 1.0) if case.item.answerable else None


def refusal_precision(case: Case) -> Share | None:
    """1 where an item that was refused is unanswerable, else 0; undefined where it was not refused."""
    return (float(not case.item.answerable), 1.0) if case.abstained else None


def refusal_recall(case: Case) -> Share | None:
    """1 where an unanswerable item is refused, else 0."""
    return None if case.item.answerable else (float(case.abstained), 1.0)


def hedged(case: Case) -> Share | None:
    """1 where an answerable question is answered with the nearest or nothing, else 0."""
    return (float(case.abstained), 1.0) if case.item.answerable else None


def lost(case: Case) -> Share | None:
    """1 where the gold paper of a question about one paper is not cited, else 0."""
    item = case.item
    if not item.answerable or item.kind in (*SETS, "overview", "comparison") or not item.gold_papers:
        return None
    shown = set() if case.failed else {c.paper_id for c in case.answer.citations}
    return float(not set(item.gold_papers) <= shown), 1.0
