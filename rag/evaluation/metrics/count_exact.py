"""Count exactness: whether an answer to "how many papers …" gives the number of the gold papers.

Our own. The number is the first that the answer states ("4 of 82 papers fit", "there are four"), or how many papers it
cites where it states none. Borderline papers count neither way: those that the answer lists may be in its number or
not. 0 where it abstains or failed.
"""

from __future__ import annotations

from rag.evaluation.counting import stated_count
from rag.evaluation.metrics.metric import Case, Share


def exact(case: Case) -> Share | None:
    """1 where the number is right, else 0."""
    gold = len(case.item.gold_papers)
    if case.item.kind != "count":
        return None
    if case.abstained or case.failed:
        return 0.0, 1.0
    aside = case.cited & frozenset(case.item.borderline_papers)
    stated = stated_count(_own_words(case.plain), case.answer.searched)
    if stated is None:
        return float(bool(case.cited) and len(case.cited - aside) == gold), 1.0
    return float(gold <= stated <= gold + len(aside)), 1.0


def _own_words(text: str) -> str:
    """`text` without quotations: their numbers are the papers' own."""
    kept, depth = [], 0
    for character in text:
        depth = max(0, depth + (character == "“") - (character == "”"))
        # A quotation that is never closed hides no more than its line.
        depth = 0 if character == "\n" else depth
        kept.append(character if not depth else " ")
    return "".join(kept)
