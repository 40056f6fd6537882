"""Tables as values, so that the Markdown and the page show the same figures and the same reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rag.evaluation.intervals import Estimate

UNDEFINED = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: a text, what belongs to it in small print, and why it has no value."""

    text: str
    detail: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: what it is about, and a cell for each further column. A heading has none."""

    name: str
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `remark` is what a reader has to know to read it. `text` columns are words, others are figures."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    remark: str = ""
    words: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Why cells have no value: each reason once, in the order of the table."""
        return tuple(dict.fromkeys(c.note for c in self._cells() if c.note))

    def mark(self, cell: Cell) -> str:
        """The letter of a cell's reason among the notes: a, b, …, z, aa; empty for a cell that has a value."""
        return letters(self.notes.index(cell.note)) if cell.note else ""

    def _cells(self) -> Iterator[Cell]:
        for row in self.rows:
            yield from row.cells


def letters(number: int) -> str:
    """0, 1, …, 25, 26 as a, b, …, z, aa."""
    before, last = divmod(number, 26)
    return (letters(before - 1) if before else "") + chr(ord("a") + last)


def estimate(value: Estimate | None, why: str) -> Cell:
    """An estimate with the ends of its interval, or the reason why there is none; one without width is not known."""
    if value is None:
        return Cell(UNDEFINED, note=why)
    return Cell(figure(value.value), "all alike" if value.unanimous else f"{figure(value.low)} to {figure(value.high)}")


def figure(value: float) -> str:
    """A share as .931, where 1.000 means all of them, and .999 nearly; a count or length with one decimal."""
    if abs(value) > 1:
        return f"{value:,.1f}".replace("-", "−")
    short = round(value, 3) if abs(value) == 1 else max(-0.999, min(0.999, round(value, 3)))
    return f"{short + 0.0:.3f}".replace("0.", ".", 1).replace("-", "−")


def count(value: float | None) -> str:
    """A number of things, with commas; a dash for none known."""
    return UNDEFINED if value is None else f"{value:,.0f}"
