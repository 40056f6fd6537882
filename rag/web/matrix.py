"""Chosen papers side by side: a table of what each abstract says of each aspect, for the page and as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from rag.ask.matrix import MAX_PAPERS, Comparison
from rag.core.answer import Citation
from rag.core.paper import Paper
from rag.home import tables
from rag.service import Rag
from rag.web.drawing import macro

ASPECTS = "method, data, results, hardware"
"""What papers are compared by where nobody has written anything else."""
MAX_TEXT = 1_000
"""Characters of all aspects together."""

html, cell = (partial(macro("papers", name), silent=tables.SILENT) for name in ("matrix", "cell"))


def aspects(text: str) -> list[str]:
    """The aspects in a text that has commas or semicolons between them."""
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


def table(value: Comparison, papers: Mapping[str, Paper]) -> tables.Table:
    """The comparison as a table to keep, with what is known of the papers."""
    quotes = {row.paper_id: [cell.quotes for cell in row.cells] for row in value.rows}
    return tables.arranged(value.aspects, quotes, papers)


def quotes(rag: Rag, ids: Sequence[str], aspects: Sequence[str]) -> dict[str, list[tuple[Citation, ...]]]:
    """What each of any number of papers says of each aspect. Raises what `Rag.compare` does."""
    found: dict[str, list[tuple[Citation, ...]]] = {}
    for start in range(0, len(ids) if aspects else 0, MAX_PAPERS):
        compared = rag.compare(ids[start : start + MAX_PAPERS], aspects)
        found |= {row.paper_id: [cell.quotes for cell in row.cells] for row in compared.rows}
    return found
