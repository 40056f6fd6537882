"""The evidence beside the chat: each cited paper with its quoted sentences marked in the abstract."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from rag.core.answer import Answer, Citation
from rag.core.paper import Paper
from rag.web.bridge import button, copier
from rag.web.fragments import anchor
from rag.web.markdown import counted, shown
from rag.web.paperlist import byline, doi_link

_OPEN = 4  # With more papers than this, as lists have, only the titles show until one is opened.
_NEAREST = 5
_NAMED = 3  # authors of a paper; of more, how many
_VERDICTS = {
    "quote": ("good", "✓ exact quote"),
    "supported": ("good", "✓ supports the claim"),
    "partly": ("part", "◐ supports part of the claim"),
    "unsupported": ("bad", "✕ does not support the claim"),
}
"""Style and words for what a sentence is to the claims that cite it."""
_LOST = ("bad", "✕ not found in the abstract")

EMPTY = (
    '<section class="sources empty" aria-label="Sources"><h2>Sources</h2>'
    "<p>The papers behind an answer appear here, with the sentences that it quotes marked in their abstracts.</p>"
    "</section>"
)


def needed(answers: Iterable[Answer]) -> set[str]:
    """The ids of the papers that `panel` shows for `answers`."""
    return {source.paper_id for a in answers for source in (a.citations or a.retrieved[:_NEAREST])}


def panel(answers: Sequence[Answer], papers: Mapping[str, Paper]) -> str:
    """The sources of a conversation, newest answer first and open, earlier ones folded under their question.

    Answers are numbered from 1 as in the chat. A paper that is not in `papers` any more is named without its abstract.
    """
    if not answers:
        return EMPTY
    newest = _sources(answers[-1], len(answers), papers)
    earlier = "".join(
        f'<details class="earlier"><summary>{shown(a.question)}</summary>{_sources(a, turn, papers)}</details>'
        for turn, a in reversed(list(enumerate(answers[:-1], start=1)))
        if a.citations
    )
    if earlier:
        earlier = f'<h2 class="before">Earlier answers</h2>{earlier}'
    return f'<section class="sources" aria-label="Sources">{newest}{earlier}</section>'


def _sources(answer: Answer, turn: int, papers: Mapping[str, Paper]) -> str:
    if not answer.citations:
        return _nearest(answer, papers)
    cited: dict[str, list[Citation]] = {}
    for citation in answer.citations:
        cited.setdefault(citation.paper_id, []).append(citation)
    few = len(cited) <= _OPEN
    cards = "".join(_card(answer, papers.get(id), citations, turn, few) for id, citations in cited.items())
    name, what = ("Nearest papers", "quoted") if answer.state == "nearest" else ("Sources", "cited")
    count = counted(len(cited), f"{what} paper")
    return f'<h2>{name} <span class="count">{count}</span></h2>{cards}'


def _card(answer: Answer, paper: Paper | None, citations: Sequence[Citation], turn: int, open: bool) -> str:
    abstract = "<p>This paper is no longer in the collection.</p>" if paper is None else _marked(paper, citations, turn)
    title = shown(citations[0].title)
    by = byline(paper, _NAMED) if paper else ""
    return (
        f'<details class="card"{" open" if open else ""}><summary><h3>{title}</h3></summary>'
        f'{by}{_verdicts(answer, citations, paper, turn)}<div class="abstract">{abstract}</div>'
        f"{_actions(citations, paper)}</details>"
    )


def _actions(citations: Sequence[Citation], paper: Paper | None) -> str:
    """What can be done with a paper and its quotes."""
    if paper is None:
        return ""
    quotes = "\n".join(f"“{c.quote}” ({paper.title})" for c in citations if _exact(c, paper))
    parts = []
    if quotes:
        words = "Copy quotes" if len(citations) > 1 else "Copy quote"
        parts.append(copier(quotes, words, label=f"{words} of {paper.title}"))
    parts.append(button("read", paper.id, "Read under Papers", label=f"Read {paper.title} under Papers"))
    if paper.url and re.match(r"https?://(?!(?:dx\.)?doi\.org/)", paper.url):
        parts.append(f'<a href="{shown(paper.url)}" target="_blank">Open the paper</a>')
    parts.append(doi_link(paper))
    return f'<p class="actions">{"".join(parts)}</p>'


def _verdicts(answer: Answer, citations: Sequence[Citation], paper: Paper | None, turn: int) -> str:
    """Each verdict once, in words, sign and colour, behind the markers that it holds for."""
    markers: dict[tuple[str, str], list[str]] = {}
    for citation in citations:
        level = answer.verdict(citation.marker) or ("quote" if citation.supported else "unsupported")
        verdict = _VERDICTS[level] if _exact(citation, paper) else _LOST
        markers.setdefault(verdict, []).append(
            f'<a class="chip" href="#answer-{turn}" aria-label="{citation.marker}, back to the answer">'
            f"{citation.marker}</a>"
        )
    groups = (f'<span class="{style}">{" ".join(chips)} {words}</span>' for (style, words), chips in markers.items())
    return f'<p class="verdicts">{" ".join(groups)}</p>'


def _exact(citation: Citation, paper: Paper | None) -> bool:
    return (
        paper is not None and bool(citation.quote) and paper.abstract[citation.start : citation.end] == citation.quote
    )


def _marked(paper: Paper, citations: Sequence[Citation], turn: int) -> str:
    """The abstract with each exact quote between <mark> tags, by its offsets; quotes may overlap or repeat."""
    text = paper.abstract
    html: list[str] = []
    exact = [c for c in citations if _exact(c, paper)]
    lost = [c for c in citations if c not in exact]
    # A marker must lead somewhere even if its quote is gone: to the start of the abstract.
    html.extend(f'<span id="{anchor(turn, c.marker)}"></span>' for c in lost)
    cuts = sorted({0, len(text), *(c.start for c in exact), *(c.end for c in exact)})
    for start, end in pairwise(cuts):
        piece = shown(text[start:end])
        if any(c.start <= start and end <= c.end for c in exact):
            numbers = "".join(f'<sup id="{anchor(turn, c.marker)}">{c.marker}</sup>' for c in exact if c.start == start)
            piece = f"<mark>{numbers}{piece}</mark>"
        html.append(piece)
    return "".join(html)


def _nearest(answer: Answer, papers: Mapping[str, Paper]) -> str:
    found = [papers[r.paper_id] for r in answer.retrieved[:_NEAREST] if r.paper_id in papers]
    if not found:
        return EMPTY
    cards = "".join(
        f'<details class="card"><summary><h3>{shown(p.title)}</h3></summary>'
        f'<div class="abstract">{shown(p.abstract)}</div>{_actions((), p)}</details>'
        for p in found
    )
    return (
        '<h2>Nearest papers <span class="count">none was cited</span></h2>'
        f'<p class="hint">The closest in the collection, to judge for yourself.</p>{cards}'
    )
