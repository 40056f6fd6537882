"""Comparisons and lists as tables of the page, and what of them can be downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.core.answer import Answer, Citation
from rag.home.tables import SILENT, Cell, Table
from rag.web.markdown import chip, shown, to_html
from rag.web.markup import SITE

Links = Mapping[int, tuple[str, str]]


def beside(value: Answer, made: Table, links: Links, turn: int) -> str:
    """A comparison that a model wrote: its text, and the quotes side by side."""
    text = to_html(value.answer, links, turn, value.doubtful)
    table = drawn(made, links, f"Comparison of answer {turn}")
    return f'{text}<details class="beside"><summary>The quotes side by side</summary>{table}</details>'


def drawn(table: Table, links: Links, name: str) -> str:
    """The HTML of a table; what scrolls sideways can be reached by keyboard."""
    heads = "".join(f'<th scope="col">{shown(column)}</th>' for column in table.columns)
    rows = "".join(f"<tr>{''.join(_cell(cell, links) for cell in row.cells)}</tr>" for row in table.rows)
    return (
        f'<div class="table" role="region" tabindex="0" aria-label="{shown(name)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def downloads(turn: int, conversation: str) -> str:
    """Links to the table of an answer as CSV and as Markdown, and to its papers as BibTeX; none where it isn't kept."""
    place = f"{SITE}conversations/{shown(conversation)}/{turn}"
    links = (
        f'<a href="{place}.{kind}" download aria-label="Download the {what} of answer {turn} as {words}">{words}</a>'
        for kind, what, words in (("csv", "table", "CSV"), ("md", "table", "Markdown"), ("bib", "papers", "BibTeX"))
    )
    return "".join(links) if conversation else ""


def _cell(cell: Cell, links: Links) -> str:
    if isinstance(cell, str):
        return f"<td>{shown(cell)}</td>"
    if not cell:
        return f'<td class="silent">{SILENT}</td>'
    return f"<td>{quoted(cell, links)}</td>"


def quoted(cited: Sequence[Citation], links: Links) -> str:
    """Quotes with their markers, a paragraph each."""
    return "".join(f"<p>“{shown(c.quote)}”&nbsp;{chip(c.marker, links.get(c.marker))}</p>" for c in cited)
