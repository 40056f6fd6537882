"""Comparisons and lists as tables of the page, and what of them can be downloaded."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rag.core.answer import Answer
from rag.home import tables
from rag.home.tables import NUMBER, SILENT, Cell, Table
from rag.web.markdown import chip, shown, to_html
from rag.web.markup import SITE

_ITEM = re.compile(r"\d+[.)] ")

Links = Mapping[int, tuple[str, str]]


def html(value: Answer, links: Links, turn: int) -> str:
    """A list as a table, between what its text says before and after; of a comparison that a model wrote, its text and
    the quotes side by side.

    Empty where the answer is better read as it was written: a comparison in quotes is a table already.
    """
    made = tables.table(value, {})
    if made is None:
        return ""
    if value.kind == "list":
        before, after = (to_html(text, links, turn) for text in _around(value.answer))
        return before + drawn(made, links, f"List of answer {turn}") + after
    if value.mode != "generating":
        return ""
    text = to_html(value.answer, links, turn, value.doubtful)
    table = drawn(made, links, f"Comparison of answer {turn}")
    return f'{text}<details class="beside"><summary>The quotes side by side</summary>{table}</details>'


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
    kind = "table numbered" if table.columns[0] == NUMBER else "table"
    return (
        f'<div class="{kind}" role="region" tabindex="0" aria-label="{shown(name)}"><table>'
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
    quotes = (f"<p>“{shown(c.quote)}”&nbsp;{chip(c.marker, links.get(c.marker))}</p>" for c in cell)
    return f"<td>{''.join(quotes)}</td>"
