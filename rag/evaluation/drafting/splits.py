"""Which split a paper belongs to: its items all do, so that dev and test share no gold paper."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from rag.evaluation.items import Item, Split

SplitRule = Callable[[str], Split]
"""The split of a paper, by its id: the same whenever it is asked."""


def by_hash(paper_id: str) -> Split:
    """Half of all papers are dev, half test, by a SHA-256 of the id: the same in any collection."""
    return "dev" if hashlib.sha256(paper_id.encode()).digest()[0] % 2 == 0 else "test"


def as_in(items: Iterable[Item]) -> SplitRule:
    """The rule of a set that is there already: the papers of its items keep their splits, others are split by hash."""
    known: dict[str, Split] = {i: item.split for item in items for i in (*item.gold_papers, *item.about_papers)}
    return lambda paper_id: known.get(paper_id) or by_hash(paper_id)


def common(paper_ids: Sequence[str], rule: SplitRule) -> Split | None:
    """The split that all these papers share; None where they are of both."""
    splits = {rule(id) for id in paper_ids}
    return splits.pop() if len(splits) == 1 else None
