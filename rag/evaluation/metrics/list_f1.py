"""Lists as sets of papers: precision, recall and F1 of the cited papers against the gold papers.

P = |cited ∩ gold| / |cited|, R = |cited ∩ gold| / |gold|, F1 = 2 |cited ∩ gold| / (|cited| + |gold|) (van Rijsbergen
1979, chapter 7), for questions of the kinds list and count; means over questions. Borderline papers count neither way.
"""

from __future__ import annotations

from rag.evaluation.items import SETS
from rag.evaluation.metrics import gold_citations
from rag.evaluation.metrics.metric import Case, Metric, Share


def precision(case: Case) -> Share | None:
    """The share of the listed papers that belong."""
    return gold_citations.precision(case) if case.item.kind in SETS else None


def recall(case: Case) -> Share | None:
    """The share of the papers that belong that are listed."""
    return gold_citations.recall(case) if case.item.kind in SETS else None


def f1(case: Case) -> Share | None:
    """The harmonic mean of both; 0 where the answer lists nothing."""
    gold = frozenset(case.item.gold_papers)
    if case.item.kind not in SETS or not gold:
        return None
    cited = case.cited - frozenset(case.item.borderline_papers)
    return 2 * len(cited & gold) / (len(cited) + len(gold)), 1.0


LIST_PRECISION = Metric("list_precision", precision, "no answer to a list or count cites a paper")
LIST_RECALL = Metric("list_recall", recall, "no question asks for a list or count")
LIST_F1 = Metric("list_f1", f1, "no question asks for a list or count")
