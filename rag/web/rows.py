"""A list, or the view of a topic, as ranked rows that are sorted, filtered, chosen from and given columns in place.

`scripts/rows.js` does so; for a column it asks for what each abstract says of an aspect (`rag.web.site`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rag.core.answer import Answer
from rag.core.paper import Paper
from rag.home.tables import Table
from rag.web.bridge import button, field
from rag.web.markdown import shown, to_html
from rag.web.markup import SITE
from rag.web.paperlist import byline
from rag.web.tables import Links, quoted

_ITEM = re.compile(r"(?:\d+[.)]|-) ")
_NAMED = 3  # authors of a row; of more, how many
FEW = 3
"""Rows from which on there is something to sort and filter."""


def ranked(value: Answer) -> bool:
    """Whether an answer is a list of papers, or a view of a topic that has no groups."""
    return value.kind == "list" or (
        value.kind == "overview" and value.mode == "quoting" and "\n### " not in value.answer
    )


def html(value: Answer, table: Table, links: Links, turn: int, papers: Mapping[str, Paper], conversation: str) -> str:
    """The rows of a list, between what its text says before and after. `papers` are those that it cites, by id, as far
    as they are there; a list that isn't kept, whose `conversation` is "", gets no columns."""
    rows = ""
    for number, row in enumerate(table.rows, 1):
        title = row.cells[table.columns.index("Paper")]
        quotes = "".join(quoted(cell, links) for cell in row.cells if not isinstance(cell, str))
        rows += _row(number, str(title), papers.get(row.paper_id or ""), row.paper_id or "", quotes)
    tools = _tools(turn, conversation, dated=any(p.year for p in papers.values())) if len(table.rows) >= FEW else ""
    before, after = (to_html(text, links, turn) for text in _around(value.answer))
    place = f' data-cells="{SITE}conversations/{shown(conversation)}/{turn}.json"' if conversation else ""
    name = shown(f"List of answer {turn}")
    return f'{before}<div class="listing"{place}>{tools}<ol class="rows" aria-label="{name}">{rows}</ol></div>{after}'


def _row(number: int, title: str, paper: Paper | None, id: str, quotes: str) -> str:
    name, year = shown(title), str(paper.year or "") if paper else ""
    named = button("read", id, name, style="title") if id else f"<b>{name}</b>"
    dated = f' <span class="year">{year}</span>' if year else ""
    by = byline(paper, _NAMED, year=False) if paper else ""
    pick = (
        f'<button type="button" class="pick" data-tick aria-pressed="false" aria-label="Tick {name}">'
        '<span aria-hidden="true">✓</span></button>'
    )
    return (
        f'<li data-row="{shown(id)}" data-rank="{number}" data-year="{year}" data-title="{name}">{pick if id else ""}'
        f'<div><p><span class="rank">{number}.</span> {named}{dated}</p>{by}{quotes}</div></li>'
    )


def _tools(turn: int, conversation: str, *, dated: bool) -> str:
    sorts = {"rank": "Relevance", **({"year": "Newest"} if dated else {}), "title": "Title"}
    buttons = "".join(
        f'<button type="button" class="round" data-order="{key}" aria-pressed="{pressed}">{words}</button>'
        for (key, words), pressed in zip(sorts.items(), ("true", "false", "false"), strict=False)
    )
    some = "a word, an author, 2019-2021" if dated else "a word or an author"
    column = field(f"Add a column to the list of answer {turn}", "Add a column, as: speedup", most=200)
    return (
        f'<div class="tools"><span class="sorts" role="group" aria-label="Sort by">{buttons}</span>'
        f"<span data-filter>{field(f'Filter the list of answer {turn}', f'Filter: {some}')}</span>"
        f'{f"<span data-column>{column}</span>" if conversation else ""}<span class="told" role="status"></span></div>'
    )


def _around(markdown: str) -> tuple[str, str]:
    """What stands before the first item of a list, and what after the last."""
    lines = markdown.splitlines()
    items = [n for n, line in enumerate(lines) if _ITEM.match(line)] or [len(lines)]
    after = (line for line in lines[items[-1] + 1 :] if not line.startswith(" "))
    return "\n".join(lines[: items[0]]), "\n".join(after)
