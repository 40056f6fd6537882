"""Comparisons and lists as tables of the page, and what of them can be downloaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rag.core.answer import Answer, Citation
from rag.home import tables
from rag.home.tables import SILENT, Cell, Table
from rag.web.bridge import button
from rag.web.markdown import chip, shown, to_html
from rag.web.markup import SITE

_ITEM = re.compile(r"\d+[.)] ")
_YEAR = re.compile(r"^(\d+)\. \*\*.*?\*\* \((\d{4})\):", re.MULTILINE)

Links = Mapping[int, tuple[str, str]]


def html(value: Answer, links: Links, turn: int) -> str:
    """A list as ranked rows, between what its text says before and after; of a comparison that a model wrote, its text
    and the quotes side by side.

    Empty where the answer is better read as it was written: a comparison in quotes is a table already.
    """
    made = tables.table(value, {})
    if made is None:
        return ""
    if value.kind == "list":
        before, after = (to_html(text, links, turn) for text in _around(value.answer))
        return before + _ranked(made, links, value.answer, f"List of answer {turn}") + after
    if value.mode != "generating":
        return ""
    text = to_html(value.answer, links, turn, value.doubtful)
    table = drawn(made, links, f"Comparison of answer {turn}")
    return f'{text}<details class="beside"><summary>The quotes side by side</summary>{table}</details>'


def _ranked(table: Table, links: Links, text: str, name: str) -> str:
    """The rows of a list: the title, which opens the paper, the year where the text says it, and the sentences."""
    years = {int(n): year for n, year in _YEAR.findall(text)}
    rows = ""
    for number, row in enumerate(table.rows, 1):
        title = next(cell for cell in row.cells[1:] if isinstance(cell, str))
        named = button("read", row.paper_id, shown(title), style="title") if row.paper_id else f"<b>{shown(title)}</b>"
        year = f' <span class="year">{years[number]}</span>' if number in years else ""
        quotes = "".join(_quotes(cell, links) for cell in row.cells if not isinstance(cell, str))
        rows += f"<li><p>{named}{year}</p>{quotes}</li>"
    return f'<ol class="rows" aria-label="{shown(name)}">{rows}</ol>'


def _around(markdown: str) -> tuple[str, str]:
    """What stands before the first item of a numbered list, and what after the last."""
    lines = markdown.splitlines()
    items = [n for n, line in enumerate(lines) if _ITEM.match(line)] or [len(lines)]
    after = (line for line in lines[items[-1] + 1 :] if not line.startswith(" "))
    return "\n".join(lines[: items[0]]), "\n".join(after)


def drawn(table: Table, links: Links, name: str) -> str:
    """The HTML of a table; what scrolls sideways can be reached by keyboard."""
    heads = "".join(f'<th scope="col">{shown(column)}</th>' for column in table.columns)
    rows = "".join(f"<tr>{''.join(_cell(cell, links) for cell in row.cells)}</tr>" for row in table.rows)
    return (
        f'<div class="table" role="region" tabindex="0" aria-label="{shown(name)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def downloads(value: Answer, turn: int, conversation: str) -> str:
    """Links to the table of an answer as CSV and as Markdown; none where it has no table."""
    if not conversation or tables.table(value, {}) is None:
        return ""
    place = f"{SITE}conversations/{shown(conversation)}/{turn}"
    return (
        f'<a href="{place}.csv" download aria-label="Download the table of answer {turn} as CSV">CSV</a>'
        f'<a href="{place}.md" download aria-label="Download the table of answer {turn} as Markdown">Markdown</a>'
    )


def _cell(cell: Cell, links: Links) -> str:
    if isinstance(cell, str):
        return f"<td>{shown(cell)}</td>"
    if not cell:
        return f'<td class="silent">{SILENT}</td>'
    return f"<td>{_quotes(cell, links)}</td>"


def _quotes(cited: Sequence[Citation], links: Links) -> str:
    return "".join(f"<p>“{shown(c.quote)}”&nbsp;{chip(c.marker, links.get(c.marker))}</p>" for c in cited)
