"""A paper as drafts see it: its sentences, how questions call it, and items made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.ask.names import Names
from rag.ask.suggesting.subject import Role, Sentence, Subject, nameable, own_name, sentences
from rag.evaluation.drafting.splits import SplitRule
from rag.evaluation.items import Item, Kind, Nugget, Span, Split
from rag.papers import Paper

__all__ = ["Role", "Sentence", "Source", "drafted", "listed", "sources"]


@dataclass(frozen=True, slots=True)
class Source(Subject):
    """One paper, and the split that all that is asked of it belongs to."""

    split: Split

    def span(self, sentence: Sentence) -> Span:
        """A sentence as a gold span."""
        return Span(paper_id=self.paper.id, start=sentence.start, end=sentence.end, text=sentence.text)


def sources(papers: Sequence[Paper], names: Names, rows: Iterable[int], rule: SplitRule) -> dict[int, Source]:
    """The papers in these rows, by row, without those that no question could name. `names` are those of all papers."""
    found = {}
    for row in rows:
        paper = papers[row]
        if nameable(paper.title):
            found[row] = Source(paper, own_name(names, row), sentences(paper), rule(paper.id))
    return found


def drafted(
    kind: Kind,
    template: str,
    question: str,
    reference: str,
    split: Split,
    *,
    gold: Sequence[Source] = (),
    spans: Sequence[Span] = (),
    nuggets: Sequence[Nugget] = (),
    **fields: Any,
) -> Item:
    """An item that is to be reviewed; its id is made of what it asks, so that the same draft has the same id."""
    history = fields.get("history", ())
    said = "\n".join((kind, question, *(m.content for m in history), *(s.paper.id for s in gold)))
    return Item(
        id=f"draft-{kind}-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:10]}",
        kind=kind,
        question=question,
        reference_answer=reference,
        nuggets=tuple(nuggets),
        gold_papers=tuple(s.paper.id for s in gold),
        gold_titles=tuple(s.paper.title for s in gold),
        gold_spans=tuple(spans),
        answerable=kind != "unanswerable",
        split=split,
        notes=f"draft by template {template}; review",
        draft=True,
        **fields,
    )


def listed(parts: Sequence[str]) -> str:
    """ "A", "A and B", "A, B and C"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
