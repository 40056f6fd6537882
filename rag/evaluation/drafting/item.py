"""A draft, an item that is to be reviewed, and the split of its papers: dev and test share no gold paper."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rag.evaluation.items import Item, Kind, Nugget, Span, Split
from rag.papers import Paper

SplitRule = Callable[[str], Split]
"""The split of a paper, by its id: the same whenever it is asked."""


def drafted(
    kind: Kind, how: str, question: str, reference: str, split: Split, gold: Sequence[Paper] = (), **fields: Any
) -> Item:
    """An item that was written by `how`. Its id is made of what it asks, so that the same draft has the same id."""
    history = fields.get("history", ())
    said = "\n".join((kind, question, *(m.content for m in history), *(p.id for p in gold)))
    return Item(
        id=f"draft-{kind}-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:10]}",
        kind=kind,
        question=question,
        reference_answer=reference,
        gold_papers=tuple(p.id for p in gold),
        gold_titles=tuple(p.title for p in gold),
        answerable=kind != "unanswerable",
        split=split,
        notes=f"draft by {how}; review",
        draft=True,
        **fields,
    )


def vital(text: str, paper_id: str = "") -> Nugget:
    """A nugget that has to be there, as it is written."""
    return Nugget(text=text, importance="vital", aliases=(text,), paper_id=paper_id)


def span_of(paper: Paper, start: int, end: int) -> Span:
    """A stretch of an abstract as a gold span."""
    return Span(paper_id=paper.id, start=start, end=end, text=paper.abstract[start:end])


def by_hash(paper_id: str) -> Split:
    """Half of all papers are dev, half test, by a SHA-256 of the id: the same in any collection."""
    return "dev" if hashlib.sha256(paper_id.encode()).digest()[0] % 2 == 0 else "test"


def as_in(items: Iterable[Item]) -> SplitRule:
    """The rule of a set that is there already: the papers of its items keep their splits, others are split by hash."""
    known: dict[str, Split] = {i: item.split for item in items for i in (*item.gold_papers, *item.about_papers)}
    return lambda paper_id: known.get(paper_id) or by_hash(paper_id)
