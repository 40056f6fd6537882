"""The cited papers against the gold papers, as sets (van Rijsbergen 1979, Information Retrieval, chapter 7).

Recall = |cited ∩ gold| / |gold|; precision = |cited ∩ gold| / |cited|; F1 = 2 |cited ∩ gold| / (|cited| + |gold|), of
lists and counts. Borderline papers count neither way. Of an overview only recall is told, of its key papers: a view of
a subject is no list, so nothing is said of the other papers that it shows. balance, our own, is the share of the sides
of a comparison that a statement of the answer cites. Means over questions; 0 where the answer abstains or failed.
"""

from __future__ import annotations

from collections.abc import Callable

from rag.evaluation.metrics.metric import Case, Share


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
    """The harmonic mean of both; 0 where the answer cites nothing."""
    gold = frozenset(case.item.gold_papers)
    if not gold:
        return None
    cited = case.cited - frozenset(case.item.borderline_papers)
    return 2 * len(cited & gold) / (len(cited) + len(gold)), 1.0


def balance(case: Case) -> Share | None:
    """The share of the sides that a statement cites."""
    gold = frozenset(case.item.gold_papers)
    if not gold:
        return None
    used = {marker for s in case.statements for marker in s.markers}
    spoken = {c.paper_id for c in case.citations if c.marker in used}
    return len(gold & spoken) / len(gold), 1.0


def of_kinds(kinds: tuple[str, ...], measure: Callable[[Case], Share | None]) -> Callable[[Case], Share | None]:
    """The measure of questions of these kinds; undefined for others."""
    return lambda case: measure(case) if case.item.kind in kinds else None
