"""Overview recall: the share of the key papers of an overview that the answer shows.

|shown ∩ key| / |key|, a mean over questions; 0 where the answer abstains or failed. Our own: a view of a subject is no
list, so nothing is said of the other papers that it shows.
"""

from __future__ import annotations

from rag.evaluation.metrics import gold_citations
from rag.evaluation.metrics.metric import Case, Metric, Share


def recall(case: Case) -> Share | None:
    """The share of the key papers that are shown."""
    return gold_citations.recall(case) if case.item.kind == "overview" else None


OVERVIEW_RECALL = Metric("overview_recall", recall, "no question asks for an overview with key papers")
