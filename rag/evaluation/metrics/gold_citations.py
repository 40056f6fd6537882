"""Citations against the gold papers, as sets of papers.

Recall = |cited ∩ gold| / |gold|; precision = |cited ∩ gold| / |cited|. Borderline papers count neither way. These are
the set measures of van Rijsbergen 1979 (Information Retrieval, chapter 7).
"""

from __future__ import annotations

from rag.evaluation.metrics.metric import Case, Metric, Share


def recall(case: Case) -> Share | None:
    """The share of the gold papers that the answer cites; 0 where it abstains or failed."""
    gold = frozenset(case.item.gold_papers)
    return (len(gold & case.cited) / len(gold), 1.0) if gold else None


def precision(case: Case) -> Share | None:
    """The share of the cited papers that are gold."""
    gold = frozenset(case.item.gold_papers)
    cited = case.cited - frozenset(case.item.borderline_papers)
    return (len(gold & cited) / len(cited), 1.0) if gold and cited else None


GOLD_CITATION_RECALL = Metric("gold_citation_recall", recall, "no question has gold papers")
GOLD_CITATION_PRECISION = Metric(
    "gold_citation_precision", precision, "no answer to a question with gold papers cites a paper"
)
