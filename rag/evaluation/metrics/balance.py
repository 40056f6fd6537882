"""Balance of a comparison: the share of its gold papers that at least one statement of the answer cites.

Our own: 1 where every side that the collection has is spoken of, with a citation. A mean over comparisons; 0 where the
answer abstains or failed.
"""

from __future__ import annotations

from rag.evaluation.metrics.metric import Case, Metric, Share


def balance(case: Case) -> Share | None:
    """The share of the sides that a statement cites."""
    gold = frozenset(case.item.gold_papers)
    if case.item.kind != "comparison" or not gold:
        return None
    used = {marker for s in case.statements for marker in s.markers}
    spoken = {c.paper_id for c in case.citations if c.marker in used}
    return len(gold & spoken) / len(gold), 1.0


BALANCE = Metric("balance", balance, "no comparison has a side that the collection has")
