"""Tables as values, so that the terminal, the Markdown and the page show the same figures and the same reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.evaluation.intervals import Estimate
from rag.evaluation.runs import Run

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
    """A table; `remark` is what a reader has to know to read it. Its cells are figures, or else `words`."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    remark: str = ""
    words: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Why cells have no value: each reason once, in the order of the table."""
        return tuple(dict.fromkeys(c.note for row in self.rows for c in row.cells if c.note))


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


def labels(runs: Sequence[Run]) -> tuple[str, ...]:
    """What each run is called: its name, with the folder above where two have the same, and else a number."""
    names = [r.name for r in runs]
    longer = [f"{r.folder.parent.name}/{r.name}" if names.count(r.name) > 1 else r.name for r in runs]
    return tuple(f"{n} ({longer[: i + 1].count(n)})" if longer.count(n) > 1 else n for i, n in enumerate(longer))


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values under dotted names, as text; lists on one line."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)):
            found |= {f"{prefix}{key}": ", ".join(str(v) for v in value)} if value else {}
        elif value is not None and value != "":
            found[f"{prefix}{key}"] = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return found
