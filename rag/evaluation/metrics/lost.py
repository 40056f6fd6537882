"""What becomes of answerable questions that are not answered: hedged and lost, each better lower.

hedged = answered with the nearest or with nothing / answerable questions. lost = questions of which a gold paper is not
among the citations / answerable questions about one paper (no lists, overviews or comparisons). What *nearest* quotes
is shown, and so not lost. What failed is lost, and not hedged.
"""

from __future__ import annotations

from rag.evaluation.items import SETS
from rag.evaluation.metrics.metric import Case, Metric, Share


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


HEDGED = Metric("hedged", hedged, "no question is answerable", better="lower", yes_no=True)
LOST = Metric("lost", lost, "no answerable question is about one paper", better="lower", yes_no=True)
