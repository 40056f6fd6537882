"""Systems that are right or wrong on purpose: they show what each metric rewards, and that no simple trick wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rag.core.answer import Answer, Citation, Kind, Retrieved
from rag.evaluation.items import SETS, Item
from rag.papers import Paper
from rag.service import Rag

PASTED = 5
"""Abstracts that "paste" pastes: as many passages as a plain retrieval engine shows."""


class Baseline:
    """One of `BASELINES` over a collection.

    "oracle" quotes the gold spans, names what is missing, and abstains where nothing answers; "paste" pastes the
    abstracts of the first papers found; "abstain" never answers; "cite-all" is our quoting answer in which every quote
    cites every paper found; "echo" says the question again.
    """

    jobs = 1

    def __init__(self, name: str, service: Rag) -> None:
        self.name = name
        self._service = service
        self._papers = {p.id: p for p in service.papers()}
        self._answer = BASELINES[name]

    def about(self) -> dict[str, Any]:
        """Nothing but its name."""
        return {}

    def answer(self, item: Item) -> Answer:
        """What it says to an item."""
        return replace(self._answer(self, item), question=item.question, standalone_question=item.question)

    def paper(self, id: str) -> Paper:
        """A paper of the collection."""
        return self._papers[id]

    def found(self, item: Item) -> Answer:
        """Our own answer."""
        return self._service.ask(item.question, item.turns)

    @property
    def size(self) -> int:
        """Papers of the collection."""
        return len(self._papers)


def _oracle(baseline: Baseline, item: Item) -> Answer:
    if not item.answerable:
        return _abstain(baseline, item)
    papers = [baseline.paper(id) for id in item.gold_papers]
    citations = [
        Citation(n, s.paper_id, baseline.paper(s.paper_id).title, s.text, s.start, s.end)
        for n, s in enumerate(item.gold_spans, 1)
    ]
    parts = [f"**{len(papers)} of {baseline.size} papers** fit; all were considered."] if item.kind in SETS else []
    parts += [f"**{as_it_is(p.title)}**\n\n{_quotes([c for c in citations if c.paper_id == p.id])}" for p in papers]
    parts += [f"The collection has no paper on {as_it_is(side)}." for side in item.missing]
    kinds: dict[str, Kind] = {"comparison": "comparison", "list": "list", "count": "list"}
    return Answer(
        question="",
        standalone_question="",
        kind=kinds.get(item.kind, "single"),
        answer="\n\n".join(parts),
        citations=tuple(citations),
        missing=item.missing,
        retrieved=tuple(Retrieved(p.id, p.title, 1.0) for p in papers),
        searched=baseline.size,
    )


def _paste(baseline: Baseline, item: Item) -> Answer:
    found = baseline.found(item).retrieved[:PASTED]
    papers = [baseline.paper(r.paper_id) for r in found]
    citations = tuple(Citation(n, p.id, p.title, p.abstract, 0, len(p.abstract)) for n, p in enumerate(papers, 1))
    text = "\n\n".join(f"**{as_it_is(c.title)}**\n\n{_quotes([c])}" for c in citations)
    return Answer("", "", "single", text, citations=citations, retrieved=found, searched=baseline.size)


def _abstain(baseline: Baseline, item: Item) -> Answer:
    return Answer("", "", "none", "The collection does not say.", abstained=True, searched=baseline.size)


def _cite_all(baseline: Baseline, item: Item) -> Answer:
    found = baseline.found(item)
    own = {c.paper_id for c in found.citations}
    papers = [baseline.paper(r.paper_id) for r in found.retrieved if r.paper_id not in own]
    citations = list(found.citations)
    citations += [
        Citation(n, p.id, p.title, p.abstract, 0, len(p.abstract)) for n, p in enumerate(papers, len(citations) + 1)
    ]
    markers = "".join(f"[{c.marker}]" for c in citations)
    quotes = [c.quote for c in found.citations] or ["It is in these papers."]
    text = "\n\n".join(f"“{as_it_is(quote)}” {markers}" for quote in quotes)
    return replace(found, answer=text, abstained=False, citations=tuple(citations), missing=())


def _echo(baseline: Baseline, item: Item) -> Answer:
    return Answer("", "", "single", as_it_is(item.question), searched=baseline.size)


def _quotes(citations: Sequence[Citation]) -> str:
    return "\n>\n".join(f"> “{as_it_is(c.quote)}” [{c.marker}]" for c in citations)


_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")


def as_it_is(text: str) -> str:
    """`text` as Markdown that shows it."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


BASELINES: dict[str, Callable[[Baseline, Item], Answer]] = {
    "oracle": _oracle,
    "paste": _paste,
    "abstain": _abstain,
    "cite-all": _cite_all,
    "echo": _echo,
}
