"""What stands beside the map: the same in words, with the titles as buttons, and the paper that is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rag.core.answer import Answer
from rag.core.paper import Paper
from rag.index.mapping import Group, PaperMap
from rag.web.bridge import button
from rag.web.mapview import ACT, COLOURS, DRAWN, Marks, drawn, name, spans_of_years
from rag.web.markdown import counted, shown
from rag.web.paperlist import abstract, byline, cited, source

AGAIN = "map-again"
"""The action that draws the map anew."""
INSIDE = "map-inside"
"""The action of a line that was drawn around points: its value are the ids of their papers."""
CHOSEN = 400
"""Papers of a group, or inside of a line, that can be chosen at once."""
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


def legend(found: PaperMap, papers: Mapping[str, Paper], marks: Marks, *, awaited: bool) -> str:
    """What the signs of the picture mean, and what of the collection is drawn; `awaited` while an answer is written."""
    colours = _colours(papers)
    what = "a paper; near ones are about the same" + ("" if colours else ", and a colour is a group")
    signs = [("point g1", what)]
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
    hint += " Draw a line around points to choose their papers."
    return f'<div class="legend">{colours}<ul aria-label="Signs">{items}</ul><p class="hint">{hint}</p></div>'


def _colours(papers: Mapping[str, Paper]) -> str:
    """What the colours may mean, groups or years, where years are known; `scripts/map.js` switches."""
    spans = spans_of_years(papers)
    if not spans:
        return ""
    buttons = "".join(
        f'<button type="button" class="round" data-colours="{by}" aria-pressed="{pressed}">{words}</button>'
        for by, words, pressed in (("", "Group", "true"), ("by-year", "Year", "false"))
    )
    years = (f"{a}–{b}" if a != b else f"{a}" for a, b in spans)
    items = "".join(f'<li><span class="dot y{n}" aria-hidden="true"></span> {s}</li>' for n, s in enumerate(years, 1))
    return (
        f'<div class="colours"><span class="sorts" role="group" aria-label="Colours by">Colours by {buttons}</span>'
        f'<ul class="years" aria-label="Years">{items}</ul></div>'
    )


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
    listed = _asking(members) + _titles(members[:LISTED], papers, marks)
    if len(members) > LISTED:
        listed += f'<p class="hint">And {len(members) - LISTED:,} more: search for them under Papers.</p>'
    dot = f'<span class="dot g{(number - 1) % COLOURS + 1}" aria-hidden="true"></span>'
    return _folded(name(group, number), counted(len(members), "paper"), listed, dot)


def _folded(head: str, count: str, inside: str, sign: str, *, open: bool = False) -> str:
    return (
        f'<details{" open" if open else ""}><summary>{sign}{shown(head)} <span class="count">{count}</span></summary>'
        f"{inside}</details>"
    )


def _titles(ids: Iterable[str], papers: Mapping[str, Paper], marks: Marks) -> str:
    items = "".join(
        f"<li>{button(ACT, id, shown(papers[id].title), style='title')}{_year(papers[id])}{_mark(id, marks)}</li>"
        for id in ids
        if id in papers
    )
    return f"<ul>{items}</ul>"


def _year(paper: Paper) -> str:
    return f' <span class="did">{paper.year}</span>' if paper.year else ""


def _mark(id: str, marks: Marks) -> str:
    if markers := marks.cited.get(id):
        return f' <span class="did">cited {", ".join(f"[{m}]" for m in markers)}</span>'
    return ' <span class="did">looked at</span>' if id in marks.retrieved else ""


def inside(papers: Sequence[Paper], visit: str) -> str:
    """The papers that somebody drew a line around."""
    items = "".join(f"<li>{button(ACT, p.id, shown(p.title), style='title')}</li>" for p in papers[:LISTED])
    more = f'<p class="hint">And {len(papers) - LISTED:,} more.</p>' if len(papers) > LISTED else ""
    count = f"{counted(len(papers), 'paper')} inside"
    return (
        '<section class="reading groups" aria-labelledby="map-reading-title">'
        f'<h2 id="map-reading-title" tabindex="-1" data-focus="{shown(visit)}">{count}</h2>'
        f"{_asking([p.id for p in papers])}<ul>{items}</ul>{more}</section>"
    )


def _asking(ids: Sequence[str]) -> str:
    """Buttons that choose papers."""
    if not 1 <= len(ids) <= CHOSEN:
        return f'<p class="hint">At most {CHOSEN:,} papers can be chosen here.</p>' if ids else ""
    what = "this one" if len(ids) == 1 else f"these {len(ids):,}"
    ask = button("ask-about", " ".join(ids), f"Ask only {what}", style="link")
    return f'<p class="does">{ask}{button("choose-these", " ".join(ids), f"Choose {what}", style="link")}</p>'


def reading(paper: Paper, answer: Answer | None, visit: str) -> str:
    """A whole paper, with what the last answer quotes of it marked; the focus goes to it when `visit` is a new one."""
    spans = cited([answer] if answer else [], paper)
    note = '<p class="hint">Marked: what the last answer quotes.</p>' if spans else ""
    return (
        '<article class="reading" aria-labelledby="map-reading-title">'
        f'<h2 id="map-reading-title" tabindex="-1" data-focus="{shown(visit)}">{shown(paper.title)}</h2>{byline(paper)}'
        f'<div class="does">{button("ask-about", paper.id, "Ask about this paper", style="main-button")}'
        f"{button('read', paper.id, 'Read under Papers', style='link')}{source(paper)}</div>"
        f'<div class="abstract">{abstract(paper.abstract, spans)}</div>{note}</article>'
    )
