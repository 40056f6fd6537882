"""Papers by aspects: what each abstract says of each, in its own sentences, where one clearly does."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.ask.aspect import cells, is_part
from rag.ask.citations import Citations, check
from rag.ask.quoting import Finder
from rag.core import notebook
from rag.core.answer import Citation
from rag.core.errors import UsageError
from rag.core.markdown import NOT_SAID, as_it_is
from rag.index.index import Index

MAX_PAPERS, MAX_ASPECTS, MAX_ASPECT = 20, 8, 200
"""Papers and aspects of one table, and characters of an aspect."""
SHOWN = 3
"""Titles that an error names, where a beginning fits several."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one abstract says of one aspect: at most two exact sentences, none where no sentence clearly says it.

    `confidence` is the estimated probability that the best of them says it; None without quotes, and where the aspect
    is a part of an abstract ("method", "results"), of which no probability is estimated.
    """

    quotes: tuple[Citation, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One paper of the table, with a cell for each aspect."""

    paper_id: str
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of papers by aspects. A marker stands for the same quote wherever it is used in the table."""

    aspects: tuple[str, ...]
    rows: tuple[Row, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every quote of the table once, by marker."""
        found = {c.marker: c for row in self.rows for cell in row.cells for c in cell.quotes}
        return tuple(found[marker] for marker in sorted(found))

    def to_json(self) -> dict[str, Any]:
        """The table as a JSON object: aspects, rows, timings_ms."""
        return dataclasses.asdict(self)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return f"<div>{notebook.of_markdown(self.markdown())}{notebook.sources(self.citations)}</div>"

    def markdown(self) -> str:
        """The table as Markdown, a row a paper; a cell has its quotes with markers, or says that there is none."""
        lines = [_line(["Paper", *(as_it_is(a) for a in self.aspects)]), "|---" * (len(self.aspects) + 1) + "|"]
        lines += [_line([f"**{as_it_is(row.title)}**", *(_written(cell) for cell in row.cells)]) for row in self.rows]
        return "\n".join(lines) + "\n"


def compare(finder: Finder, papers: Sequence[str], aspects: Sequence[str]) -> Comparison:
    """The table of `papers`, each an id, a title or the beginning of one, by `aspects`.

    One that is given twice stands in the table once. Raises UsageError for what names no paper or several, and for too
    few or too many of either.
    """
    started = time.perf_counter()
    index = finder.index
    asked = _asked(aspects)
    rows = _rows(index, papers)
    citations = Citations(index)
    table = []
    for row, found in zip(rows, cells(finder, rows, asked), strict=True):
        filled = []
        for aspect, sentences in zip(asked, found, strict=True):
            sure = None if is_part(aspect) else max((round(s.score, 4) for s in sentences), default=None)
            filled.append(Cell(tuple(citations.cite(row, s.span) for s in sentences), sure))
        table.append(Row(index.papers[row].id, index.papers[row].title, tuple(filled)))
    check(citations.all(), index)
    return Comparison(asked, tuple(table), {"total": round((time.perf_counter() - started) * 1000, 2)})


def _asked(aspects: Sequence[str]) -> tuple[str, ...]:
    """The aspects, each once, as they were written but for the space in them."""
    _listed(aspects, "aspect", MAX_ASPECTS)
    found: dict[str, str] = {}
    for aspect in aspects:
        text = " ".join(aspect.split())
        if not any(c.isalnum() for c in text):
            raise UsageError(f"The aspect {aspect!r} has no word in it; write for example “speedup” or “which GPUs”.")
        if len(text) > MAX_ASPECT:
            raise UsageError(f"An aspect has {len(text):,} characters; at most {MAX_ASPECT} are read.")
        found.setdefault(text.casefold(), text)
    return tuple(found.values())


def _rows(index: Index, papers: Sequence[str]) -> tuple[int, ...]:
    _listed(papers, "paper", MAX_PAPERS)
    titles = [_folded(p.title) for p in index.papers]
    return tuple(dict.fromkeys(_row(index, titles, paper) for paper in papers))


def _row(index: Index, titles: Sequence[str], paper: str) -> int:
    """The row of the paper with this id, this title, or the only title that begins so."""
    if paper in index.rows:
        return index.rows[paper]
    wanted = _folded(paper)
    fit = [row for row, title in enumerate(titles) if title == wanted]
    fit = fit or [row for row, title in enumerate(titles) if wanted and title.startswith(wanted)]
    if len(fit) == 1:
        return fit[0]
    if not fit:
        raise UsageError(f"No paper has the id {paper!r} or a title that begins so; rag papers lists them.")
    some = "; ".join(index.papers[row].title for row in fit[:SHOWN]) + ("; …" if len(fit) > SHOWN else "")
    raise UsageError(f"{len(fit)} papers begin with {paper!r} ({some}): write more of the title, or the id.")


def _listed(values: Sequence[str], kind: str, most: int) -> None:
    """Raise UsageError unless `values` are one to `most` texts."""
    if isinstance(values, str) or not all(isinstance(v, str) for v in values):
        raise UsageError(f"Give the {kind}s as a list of texts, not as {type(values).__name__}.")
    if not 1 <= len(values) <= most:
        raise UsageError(f"A table has 1 to {most} {kind}s, not {len(values)}.")
    if any("\ud800" <= c <= "\udfff" for value in values for c in value):
        raise UsageError(f"A {kind} has half a character in it (a lone surrogate); it may have been cut.")


def _folded(title: str) -> str:
    return " ".join(title.casefold().split())


def _written(cell: Cell) -> str:
    return "<br>".join(f"“{as_it_is(c.quote)}” [{c.marker}]" for c in cell.quotes) or NOT_SAID


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
