"""The cited papers against the gold papers, as sets (van Rijsbergen 1979, Information Retrieval, chapter 7).

Recall = |cited ∩ gold| / |gold|; precision = |cited ∩ gold| / |cited|; F1 = 2 |cited ∩ gold| / (|cited| + |gold|), of
lists and counts. Borderline papers count neither way. Of an overview only recall is told, of its key papers: a view of
a subject is no list, so nothing is said of the other papers that it shows. balance, our own, is the share of the sides
of a comparison that a statement of the answer cites. Means over questions; 0 where the answer abstains or failed.
"""

from __future__ import annotations

from collections.abc import Callable

from rag.evaluation.items import SETS
from rag.evaluation.metrics.metric import Case, Metric, Share


def recall(case: Case) -> Share | None:
    """The share of the gold papers that the answer cites."""
    gold = frozenset(case.item.gold_papers)
    return (len(gold & case.cited) / len(gold), 1.0) if gold else None


def precision(case: Case) -> Share | None:
    """The share of the cited papers that are gold."""
    gold = frozenset(case.item.gold_papers)
    cited = case.cited - frozenset(case.item.borderline_papers)
    return (len(gold & cited) / len(cited), 1.0) if gold and cited else None


def f1(case: Case) -> Share | None:
    """The harmonic mean of both, of a list or count; 0 where the answer lists nothing."""
    gold = frozenset(case.item.gold_papers)
    if case.item.kind not in SETS or not gold:
        return None
    cited = case.cited - frozenset(case.item.borderline_papers)
    return 2 * len(cited & gold) / (len(cited) + len(gold)), 1.0


def balance(case: Case) -> Share | None:
    """The share of the sides that a statement cites."""
    gold = frozenset(case.item.gold_papers)
    if case.item.kind != "comparison" or not gold:
        return None
    used = {marker for s in case.statements for marker in s.markers}
    spoken = {c.paper_id for c in case.citations if c.marker in used}
    return len(gold & spoken) / len(gold), 1.0


def _of(kinds: tuple[str, ...], measure: Callable[[Case], Share | None]) -> Callable[[Case], Share | None]:
    return lambda case: measure(case) if case.item.kind in kinds else None


GOLD_CITATION_RECALL = Metric("gold_citation_recall", recall, "no question has gold papers")
GOLD_CITATION_PRECISION = Metric(
    "gold_citation_precision", precision, "no answer to a question with gold papers cites a paper"
)
LIST_PRECISION = Metric("list_precision", _of(SETS, precision), "no answer to a list or count cites a paper")
LIST_RECALL = Metric("list_recall", _of(SETS, recall), "no question asks for a list or count")
LIST_F1 = Metric("list_f1", f1, "no question asks for a list or count")
BALANCE = Metric("balance", balance, "no comparison has a side that the collection has")
OVERVIEW_RECALL = Metric(
    "overview_recall", _of(("overview",), recall), "no question asks for an overview with key papers"
)
