"""HTML fragments of two runs held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rag.web.markdown import shown
from rag.web.runs.paging import PAGE, heading, pages

if TYPE_CHECKING:
    from rag.evaluation.comparing import Change, Comparison
    from rag.evaluation.report.cards import Card

ACT = "run-changes"
TWO = "Choose the two runs to compare; there have to be two that are finished."
SAME = "Choose two different runs: a run is no better than itself."


def figures(found: Comparison) -> str:
    """The verdict, every metric in both with its paired difference, and what was not the same when they were made."""
    from rag.evaluation import side_by_side
    from rag.evaluation.report import parts
    from rag.evaluation.verdict import details, headline

    changed = found.settings and parts.table(side_by_side.conditions(found), "What was changed")
    settings = changed or '<p class="aside">Nothing that the runs tell of themselves.</p>'
    return (
        f'<section class="evaluated evaluation" aria-label="Comparison"><h2 tabindex="-1">{shown(headline(found))}</h2>'
        f'<p class="lead">{shown(details(found))}</p>'
        f'<p class="names"><b>A</b> {shown(found.a)}<br><b>B</b> {shown(found.b)}</p>'
        f"{parts.table(side_by_side.figures(found), 'Differences')}"
        f'<details class="fold"><summary>What was changed between them</summary>{settings}</details></section>'
    )


def changes(found: Comparison, a: Mapping[str, Card], b: Mapping[str, Card], first: int = 0, visit: str = "") -> str:
    """The questions of which something else became, with both answers; what was won and lost before the others.

    `a` and `b` are the items of the two runs, by their ids. The focus goes to the heading where `visit` is another than
    before.
    """
    groups = (("Won", found.got_better), ("Lost", found.got_worse), ("Wrong in another way", found.shifted))
    counts = ", ".join(f"{title.lower()} {len(some):,}" for title, some in groups)
    every = [(title, change) for title, some in groups for change in some]
    part = every[first : first + PAGE]
    listed = "".join(_titled(title, [c for t, c in part if t == title], a, b) for title, _ in groups)
    turning = pages(ACT, len(every), first, str)
    none = "" if every else '<p class="aside">Of every question the same became in both.</p>'
    return (
        f'<section class="evaluated evaluation items" aria-label="Changed items">'
        f"{heading('Questions that changed', visit)}"
        f"<p>{counts}. {found.unlike:,} of {found.n:,} answers differ in their text or their quotes.</p>"
        f"{turning}{listed}{none}</section>"
    )


def _titled(title: str, part: Sequence[Change], a: Mapping[str, Card], b: Mapping[str, Card]) -> str:
    if not part:
        return ""
    return f"<h3>{title} in B</h3>" + "".join(_change(c, a[c.item.id], b[c.item.id]) for c in part)


def _change(change: Change, a: Card, b: Card) -> str:
    tags = " → ".join(
        f'<span class="tag {"good" if card.outcome == "right" else "bad"}">{shown(card.words)}</span>'
        for card in (a, b)
    )
    item = change.item
    return (
        f'<details class="card"><summary><span class="question">{shown(item.question)}</span> '
        f'<span class="small">{tags} {shown(item.kind)} · {shown(item.id)}</span></summary>'
        f'<h3>Reference</h3><p class="text">{shown(item.reference_answer)}</p>'
        f'<div class="pair">{_side("A", a)}{_side("B", b)}</div></details>'
    )


def _side(letter: str, card: Card) -> str:
    from rag.evaluation.report import parts

    error = card.scored.error
    said = f'<p class="problem"><b>Error:</b> {shown(error)}</p>' if error else f'<div class="answer">{card.html}</div>'
    quotes = parts.quotes(card.quoted, "in a gold passage") or '<p class="small">Nothing is quoted.</p>'
    return f"<div><h3>{letter}: {shown(card.run)}</h3>{said}<h4>Quoted evidence</h4>{quotes}</div>"
