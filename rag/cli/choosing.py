"""The papers that a user names on the command line: by id, citation key or title, by year, author or venue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.core.options import Options
    from rag.core.paper import Paper

Wanted = Annotated[
    list[str] | None,
    typer.Option("--paper", metavar="ID_OR_TITLE", help="Ask this paper only, or these; a title may be cut short."),
]
Years = Annotated[
    str | None,
    typer.Option("--years", metavar="RANGE", help="Only papers of these years: 2018-2020, 2020-, -2015 or 2021."),
]
Author = Annotated[
    list[str] | None, typer.Option("--author", metavar="NAME", help="Only papers by this author, or one of these.")
]
Venue = Annotated[
    list[str] | None,
    typer.Option("--venue", metavar="NAME", help="Only papers of this journal or conference, or these."),
]
SHOWN = 3
"""Titles that a message names."""


def chosen(
    wanted: Sequence[str] | None,
    papers: Sequence[Paper],
    years: str | None = None,
    authors: Sequence[str] | None = None,
    venues: Sequence[str] | None = None,
) -> Options | None:
    """What restricts a question to the papers that are `wanted`, or have these years, authors and venues; None where
    nothing does.

    Raises `UsageError` for what names no paper or more than one, and for years that are none.
    """
    if not (wanted or years or authors or venues):
        return None
    from rag.core.options import Options

    ids = frozenset(ids_of(wanted, papers, "--paper ")) if wanted else None
    return Options(papers=ids, years=_range(years), authors=tuple(authors or ()), venues=tuple(venues or ()))


def among(
    papers: Sequence[Paper], years: str | None, authors: Sequence[str] | None, venues: Sequence[str] | None
) -> list[Paper]:
    """Those of `papers` that have these years, authors and venues. Raises `UsageError` for years that are none."""
    options = chosen(None, papers, years, authors, venues)
    if options is None:
        return list(papers)
    from rag.index.metadata import Filters

    rows = Filters.of(options).rows(papers)
    return [paper for row, paper in enumerate(papers) if row in rows]


def ids_of(wanted: Sequence[str], papers: Sequence[Paper], flag: str = "") -> list[str]:
    """The ids of the papers that are named, each once; `UsageError` for what names no paper, or more than one."""
    return list(dict.fromkeys(_id(text, papers, flag) for text in wanted))


def _range(years: str | None) -> tuple[int | None, int | None] | None:
    from rag.core import values

    try:
        return values.years(years) if years else None
    except ValueError as e:
        raise UsageError(f"--years {years!r}: {e}") from e


def _id(text: str, papers: Sequence[Paper], flag: str) -> str:
    sought = _folded(text)
    if not sought:
        raise UsageError(f"{flag or 'One paper '}is empty: give an id or a title; rag papers lists them.")
    by_id = [p for p in papers if p.id == text.strip()]
    by_key = [p for p in papers if p.key == text.strip()]
    by_title = [p for p in papers if _folded(p.title) == sought]
    found = by_id or by_key or by_title or [p for p in papers if _folded(p.title).startswith(sought)]
    if not found:
        raise UsageError(f"{flag}{text!r} names no paper of the collection: rag papers WORDS finds its id and title.")
    if len(found) > 1:
        some = "; ".join(p.title for p in found[:SHOWN]) + ("; …" if len(found) > SHOWN else "")
        raise UsageError(f"{flag}{text!r} names {len(found)} papers: {some}. Give more of the title, or the id.")
    return found[0].id


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
