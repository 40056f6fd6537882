"""Papers by year, author and venue, as readers and programs write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.core import values
from rag.core.errors import UsageError
from rag.core.options import Options
from rag.core.paper import Paper
from rag.index.metadata import Filters


def options(years: str, authors: Iterable[str], venues: Iterable[str], papers: frozenset[str] | None = None) -> Options:
    """What restricts a question to such papers; `years` are "2018-2020", "2020-", "-2015" or "2021", "" for all.

    Raises UsageError for years that are none, and for a name that is empty.
    """
    try:
        given = values.years(years) if years.strip() else None
    except ValueError as error:
        raise UsageError(f"The years {years[:100]!r}: {error}") from error
    return Options(papers=papers, years=given, authors=tuple(authors), venues=tuple(venues))


def among(papers: Sequence[Paper], options: Options) -> list[Paper]:
    """Those of `papers` that have the years, authors and venues of `options`, in their order."""
    filters = Filters.of(options)
    rows = filters.rows(papers) if filters else range(len(papers))
    return [papers[row] for row in sorted(rows)]
