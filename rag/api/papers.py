"""The papers of a collection, as callers name them and get them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rag.core.errors import Missing
from rag.core.paper import Paper, fold


def described(paper: Paper) -> dict[str, Any]:
    """A paper as callers get it."""
    return {
        "id": paper.id,
        "title": paper.title,
        "authors": list(paper.authors),
        "year": paper.year,
        "venue": paper.venue,
        "doi": paper.doi,
        "url": paper.url,
        "abstract": paper.abstract,
        "sources": list(paper.sources),
    }


def one(papers: Sequence[Paper], name: str) -> Paper:
    """The paper with this id or whole title. `Missing` where there is none."""
    ids = by_name(papers, [name])
    return next(paper for paper in papers if paper.id in ids)


def by_name(papers: Sequence[Paper], wanted: Iterable[str]) -> frozenset[str]:
    """The ids of the papers with these ids or whole titles. `Missing` for a name that no paper has."""
    held: dict[str, set[str]] = {}
    for paper in papers:
        held.setdefault(fold(paper.title), set()).add(paper.id)
        held.setdefault(paper.id, set()).add(paper.id)
    ids: set[str] = set()
    for name in wanted:
        if not (found := held.get(name) or held.get(fold(name))):
            raise Missing(f"There is no paper {name[:200]!r}; `papers` finds the ids and titles.")
        ids |= found
    return frozenset(ids)
