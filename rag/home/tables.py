"""Comparisons and lists as tables: a row a paper, with its exact quotes; as CSV and as Markdown too."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.core.answer import Answer, Citation
from rag.core.markdown import NOT_SAID, as_it_is
from rag.core.paper import Paper
from rag.home.notes import Note

Cell = str | tuple[Citation, ...]
"""Text, or quotes from the paper of the row; no quotes at all: no sentence clearly says it."""

NUMBER = "#"
"""The column of the numbers of a list, before all others."""
QUOTES = "What its abstract says"
"""The column of the quotes, where there is one."""
NOTE = "Your note"
SILENT = NOT_SAID
ABSENT = "No paper of the {searched} searched is on this."


@dataclass(frozen=True, slots=True)
class Row:
    """A paper, or a side of a comparison that no paper is on (`paper_id` None); a cell for each column of the table."""

    paper_id: str | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Names of columns, and rows in the order of the answer. Columns of which nothing is known are left out."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def table(answer: Answer, papers: Mapping[str, Paper]) -> Table | None:
    """The table of a comparison, a list or an overview, None of any other answer.

    A list or an overview has a row a paper, that of a list numbered as in its text; a comparison has one a side, in the
    order of the question, and then those that no paper is on, and a column an aspect where several are asked for.
    `papers` are by id; of one that isn't there any more only what the citations hold is shown.
    """
    if answer.abstained or answer.kind not in ("comparison", "list", "overview") or not answer.citations:
        return None
    cited: dict[str, list[Citation]] = {}
    for citation in answer.citations:
        cited.setdefault(citation.paper_id, []).append(citation)
    if answer.kind == "comparison":  # A model cites in an order of its own; the sides come first in the ranking.
        place = {found.paper_id: n for n, found in enumerate(answer.retrieved)}
        cited = dict(sorted(cited.items(), key=lambda item: place.get(item[0], len(place))))
    columns = [(a.name.capitalize(), set(a.markers)) for a in answer.aspects] or [
        (QUOTES, {c.marker for c in answer.citations})
    ]
    quotes = {
        id: [tuple(sorted((c for c in found if c.marker in markers), key=lambda c: c.start)) for _, markers in columns]
        for id, found in cited.items()
    }
    absent = {side: ABSENT.format(searched=f"{answer.searched:,}") for side in answer.missing}
    return arranged([name for name, _ in columns], quotes, papers, absent=absent, numbered=answer.kind == "list")


def arranged(
    headings: Sequence[str],
    quotes: Mapping[str, Sequence[tuple[Citation, ...]]],
    papers: Mapping[str, Paper],
    *,
    absent: Mapping[str, str] | None = None,
    numbered: bool = False,
) -> Table:
    """A table with a column of quotes for each heading, beside what is known of the papers.

    `quotes` has for each paper id the quotes under each heading; `absent` has for a side that no paper is on what to
    say of it, which stands under the first heading.
    """
    about: list[tuple[str, Callable[[int, str], str]]] = [
        ("Paper", lambda n, id: papers[id].title if id in papers else _title(quotes[id]) or id),
        ("Authors", lambda n, id: ", ".join(papers[id].authors) if id in papers else ""),
        ("Year", lambda n, id: str(papers[id].year or "") if id in papers else ""),
        ("Link", lambda n, id: papers[id].url or "" if id in papers else ""),
    ]
    if numbered:
        about.insert(0, (NUMBER, lambda n, id: str(n)))
    about = [(name, value_of) for name, value_of in about if name == "Paper" or any(value_of(1, id) for id in quotes)]
    rows = [
        Row(id, (*(value_of(n, id) for _, value_of in about), *found))
        for n, (id, found) in enumerate(quotes.items(), start=1)
    ]
    for side, note in (absent or {}).items():
        known = (side if name == "Paper" else "" for name, _ in about)
        rows.append(Row(None, (*known, note, *[""] * (len(headings) - 1))))
    return Table((*(name for name, _ in about), *headings), tuple(rows))


def chosen(value: Table, ids: Sequence[str]) -> Table:
    """The rows of these papers, in this order."""
    rows = {row.paper_id: row for row in value.rows}
    return Table(value.columns, tuple(rows[id] for id in ids if id in rows))


def widened(value: Table, aspects: Sequence[str], quotes: Mapping[str, Sequence[tuple[Citation, ...]]]) -> Table:
    """The table with a column more for each aspect; `quotes` are by paper id, one for each aspect."""
    none = ("",) * len(aspects)
    rows = (Row(row.paper_id, (*row.cells, *quotes.get(row.paper_id or "", none))) for row in value.rows)
    return Table((*value.columns, *aspects), tuple(rows))


def annotated(value: Table, notes: Mapping[str, Note]) -> Table:
    """The table with a column more for the notes of a reader, where there is one on a paper of it."""
    column = [str(notes.get(row.paper_id or "", "")) for row in value.rows]
    if not any(column):
        return value
    rows = (Row(row.paper_id, (*row.cells, note)) for row, note in zip(value.rows, column, strict=True))
    return Table((*value.columns, NOTE), tuple(rows))


def to_csv(value: Table) -> str:
    """The table as CSV (RFC 4180), quotes of one cell on lines of their own.

    It begins with a byte order mark, without which Excel takes UTF-8 for another encoding. A cell that a spreadsheet
    would take for a formula gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    out = io.StringIO()
    writer = csv.writer(out)
    for cells in (value.columns, *(row.cells for row in value.rows)):
        writer.writerow([harmless("\n".join(_lines(cell))) for cell in cells])
    return "\ufeff" + out.getvalue()


def to_markdown(value: Table) -> str:
    """The table in GitHub's Markdown (https://github.github.com/gfm/#tables-extension-); all text shows as it is."""
    lines = [value.columns, ("---",) * len(value.columns)]
    lines += [tuple("<br>".join(map(verbatim, _lines(cell))) for cell in row.cells) for row in value.rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def verbatim(text: str) -> str:
    """`text` as Markdown that shows it as it is, entities of HTML too."""
    return as_it_is(_printable(text)).replace("&", "\\&")


def _title(quotes: Sequence[tuple[Citation, ...]]) -> str:
    return next((c.title for found in quotes for c in found), "")


def _lines(cell: Cell) -> list[str]:
    if isinstance(cell, str):
        return [_printable(cell)]
    return [f"“{_printable(c.quote)}”" for c in cell] or [SILENT]


def _printable(text: str) -> str:
    """`text` on one line, without what no program shows."""
    return " ".join(re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", " ", text).split())


def harmless(cell: str) -> str:
    """`cell` as no spreadsheet takes it for a formula: with an apostrophe before it, where one might."""
    # Full-width signs count as well in some spreadsheets.
    return f"'{cell}" if cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) else cell
