"""A draft: an item that is to be reviewed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from rag.evaluation.items import Item, Kind, Nugget, Span, Split
from rag.papers import Paper


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
