"""The papers that a user names on the command line, by id or by title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.core.options import Options
    from rag.papers import Paper

Wanted = Annotated[
    list[str] | None,
    typer.Option("--paper", metavar="ID_OR_TITLE", help="Ask this paper only, or these; a title may be cut short."),
]
SHOWN = 3
"""Titles that a message names."""


def chosen(wanted: Sequence[str] | None, papers: Sequence[Paper]) -> Options | None:
    """What restricts a question to the papers that are `wanted`; None where none is.

    Raises `UsageError` for what names no paper, or more than one.
    """
    if not wanted:
        return None
    from rag.core.options import Options

    return Options(papers=frozenset(_id(text, papers) for text in wanted))


def _id(text: str, papers: Sequence[Paper]) -> str:
    sought = _folded(text)
    if not sought:
        raise UsageError("--paper is empty: give an id or a title; rag papers lists them.")
    by_id = [p for p in papers if p.id == text.strip()]
    by_title = [p for p in papers if _folded(p.title) == sought]
    found = by_id or by_title or [p for p in papers if _folded(p.title).startswith(sought)]
    if not found:
        raise UsageError(f"--paper {text!r} names no paper of the collection: rag papers WORDS finds its id and title.")
    if len(found) > 1:
        some = "; ".join(p.title for p in found[:SHOWN]) + ("; …" if len(found) > SHOWN else "")
        raise UsageError(f"--paper {text!r} names {len(found)} papers: {some}. Give more of the title, or the id.")
    return found[0].id


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
