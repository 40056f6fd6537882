"""What stands beside the map: the same in words, with the titles as buttons, and the paper that is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from rag.core.answer import Answer
from rag.core.paper import Paper
from rag.index.mapping import Group, PaperMap
from rag.web.bridge import button
from rag.web.mapview import ACT, COLOURS, DRAWN, Marks, drawn, name
from rag.web.markdown import shown
from rag.web.paperlist import byline

AGAIN = "map-again"
"""The action that draws the map anew."""
LISTED = 100
"""Papers of a group that are listed; more of them are found by searching."""

EMPTY = (
    '<section class="sources empty" aria-label="Map"><h2>No papers yet</h2>'
    "<p>Add papers under Papers, and the map shows which of them are about the same.</p></section>"
)
NOTHING_READ = (
    '<section class="reading empty" aria-label="Paper"><h2>Read a paper</h2>'
    "<p>Click a point of the map, or a title below, and the abstract shows here.</p></section>"
)
GONE = (
    '<section class="reading empty" aria-label="Paper"><p>This paper is not in the collection any more. Open the map '
    "again to see those that are.</p></section>"
)


def legend(found: PaperMap, marks: Marks, *, awaited: bool) -> str:
    """What the signs of the picture mean, and what of the collection is drawn; `awaited` while an answer is written."""
    signs = [("point g1", "a paper; near ones are about the same, and a colour is a group")]
    if marks.retrieved:
        signs.append(("retrieved g1", f"looked at for the last answer ({len(marks.retrieved):,})"))
    if marks.cited:
        signs.append(("cited g1", f"cited in it ({len(marks.cited):,}), with the number of its marker"))
    items = "".join(f"<li>{_sign(kind)} {words}</li>" for kind, words in signs)
    notes = "" if marks.retrieved else " Ask something in the chat, and what the answer looked at is marked here."
    if len(found.points) > DRAWN:
        notes = f" Drawn are {len(drawn(found.points, marks)):,} of {len(found.points):,} papers, evenly picked.{notes}"
    hint = f"Only nearness means something: the directions do not.{notes}"
    if awaited:
        hint += f" The last question has no answer yet. {button(AGAIN, '', 'Look again', style='link')}"
    return f'<div class="legend"><ul aria-label="Signs">{items}</ul><p class="hint">{hint}</p></div>'


def _sign(kind: str) -> str:
    style = kind.partition(" ")[0]
    shapes = {
        "point": f'<circle class="{kind}" cx="24" cy="24" r="10"/>',
        "retrieved": f'<g class="{kind}"><circle class="ring" cx="24" cy="24" r="18"/>'
        '<circle class="point g1" cx="24" cy="24" r="10"/></g>',
        "cited": f'<g class="{kind}"><path d="M24 1 l23 23 l-23 23 l-23 -23 z"/><text x="24" y="24">1</text></g>',
    }
    return f'<svg class="sign" viewBox="0 0 48 48" aria-hidden="true">{shapes[style]}</svg>'


def words(found: PaperMap, papers: Mapping[str, Paper], marks: Marks) -> str:
    """The papers of the last answer, and those of each group, as buttons that read them."""
    parts = []
    if marks.retrieved:
        nearest = [p.paper_id for p in found.points if p.paper_id in marks.retrieved]
        nearest.sort(key=lambda id: (marks.cited.get(id) or (10_000,))[0])
        count = f"{len(marks.cited):,} cited, {len(nearest):,} looked at"
        parts.append(_folded("The last answer", count, _titles(nearest, papers, marks), "", open=True))
    for number, group in enumerate(found.groups, start=1):
        parts.append(_group(group, number, papers, marks))
    head = '<section class="groups" aria-labelledby="map-groups"><h2 id="map-groups">Groups</h2>'
    return f"{head}{''.join(parts)}</section>"


def _group(group: Group, number: int, papers: Mapping[str, Paper], marks: Marks) -> str:
    """A group, with the papers of the last answer first."""
    members = sorted(group.members, key=lambda id: (id not in marks.cited, id not in marks.retrieved))
    listed = _titles(members[:LISTED], papers, marks)
    if len(members) > LISTED:
        listed += f'<p class="hint">And {len(members) - LISTED:,} more: search for them under Papers.</p>'
    dot = f'<span class="dot g{(number - 1) % COLOURS + 1}" aria-hidden="true"></span>'
    count = f"{len(members):,} paper{'' if len(members) == 1 else 's'}"
    return _folded(name(group, number), count, listed, dot)


def _folded(head: str, count: str, inside: str, sign: str, *, open: bool = False) -> str:
    return (
        f'<details{" open" if open else ""}><summary>{sign}{shown(head)} <span class="count">{count}</span></summary>'
        f"{inside}</details>"
    )


def _titles(ids: Iterable[str], papers: Mapping[str, Paper], marks: Marks) -> str:
    items = "".join(
        f"<li>{button(ACT, id, shown(papers[id].title), style='title')}{_mark(id, marks)}</li>"
        for id in ids
        if id in papers
    )
    return f"<ul>{items}</ul>"


def _mark(id: str, marks: Marks) -> str:
    if markers := marks.cited.get(id):
        return f' <span class="did">cited {", ".join(f"[{m}]" for m in markers)}</span>'
    return ' <span class="did">looked at</span>' if id in marks.retrieved else ""


def reading(paper: Paper, answer: Answer | None, visit: str) -> str:
    """A whole paper, with what the last answer quotes of it marked; the focus goes to it when `visit` is a new one."""
    spans = {
        (c.start, c.end)
        for c in (answer.citations if answer else ())
        if c.paper_id == paper.id and c.quote and paper.abstract[c.start : c.end] == c.quote
    }
    link = ""
    if paper.url and re.match(r"https?://", paper.url, re.IGNORECASE):
        link = f'<a href="{shown(paper.url)}" class="link" target="_blank">Read it at its source</a>'
    note = '<p class="hint">Marked: what the last answer quotes.</p>' if spans else ""
    return (
        '<article class="reading" aria-labelledby="map-reading-title">'
        f'<h2 id="map-reading-title" tabindex="-1" data-focus="{shown(visit)}">{shown(paper.title)}</h2>{byline(paper)}'
        f'<div class="does">{button("ask-about", paper.id, "Ask about this paper", style="main-button")}'
        f"{button('read', paper.id, 'Read under Papers', style='link')}{link}</div>"
        f'<div class="abstract">{_marked(paper.abstract, spans)}</div>{note}</article>'
    )


def _marked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    spans = list(spans)
    cuts = sorted({0, len(text), *(end for span in spans for end in span)})
    return "".join(
        f"<mark>{shown(text[a:b])}</mark>" if any(s <= a and b <= e for s, e in spans) else shown(text[a:b])
        for a, b in pairwise(cuts)
    )
