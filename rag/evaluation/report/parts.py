"""Tables and items as HTML: for the page of a report, and for other pages that show the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.evaluation.report.cards import Card, Quote
from rag.evaluation.report.meanings import MEANINGS
from rag.evaluation.report.table import Cell, Table

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Where the templates are; what is put into them is escaped, and what they lack raises."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"meanings": MEANINGS, "note": lambda table, text: table.mark(Cell("", note=text))}
    return found


def table(found: Table, name: str) -> str:
    """A table that scrolls by itself, with the reasons of what has no value below it. `name` is for screen readers."""
    return _part("table", found, name)


def item(card: Card, *, several: bool = False) -> str:
    """An item to be opened: what was asked and wanted beside what came. `several` runs are told apart by their name."""
    return _part("item", card, several)


def quotes(found: Sequence[Quote], other: str) -> str:
    """Passages of papers; what the other side has too is marked, and `other` says so."""
    return _part("quotes", found, other)


def _part(name: str, *values: object) -> str:
    module = environment().get_template("parts.html.j2").module
    return str(getattr(module, name)(*values))
