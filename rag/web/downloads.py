"""Papers and comparisons as files: `papers.bib`, `comparison.csv` and `comparison.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from rag.core.errors import RagError, UsageError
from rag.home import citing, tables
from rag.web import matrix
from rag.web.collection_cache import CollectionCache
from rag.web.paperlist import MAX_QUERY, Look, found

_BIB, _CSV, _MD = "application/x-bibtex; charset=utf-8", "text/csv; charset=utf-8", "text/markdown; charset=utf-8"


@dataclass(frozen=True)
class Downloads:
    """Files of what is in a collection; the address says of which, and which papers."""

    collections: CollectionCache

    async def bibtex(self, request: Request) -> Response:
        """The papers with an `id` of the address, or those that the search `q` finds and that have its `years`,
        `author` and `venue`; without any all of them.
        """

        def made() -> str:
            papers = self.collections.rag(request.query_params.get("collection", "")).papers()
            if wanted := set(request.query_params.getlist("id")):
                return citing.write([p for p in papers if p.id in wanted], "bibtex")
            query, years, author, venue = (
                request.query_params.get(name, "")[:MAX_QUERY] for name in ("q", "years", "author", "venue")
            )
            look = Look(query=query, years=years, author=author, venue=venue)
            return citing.write(found(papers, look), "bibtex")

        return await run_in_threadpool(_file, made, "papers.bib", _BIB)

    async def csv(self, request: Request) -> Response:
        """The papers with an `id` by each `aspect`, for spreadsheets."""
        return await run_in_threadpool(_file, lambda: tables.to_csv(self._table(request)), "comparison.csv", _CSV)

    async def markdown(self, request: Request) -> Response:
        """The papers with an `id` by each `aspect`, for notes."""
        return await run_in_threadpool(_file, lambda: tables.to_markdown(self._table(request)), "comparison.md", _MD)

    def _table(self, request: Request) -> tables.Table:
        rag = self.collections.rag(request.query_params.get("collection", ""))
        asked = request.query_params
        return matrix.table(rag.compare(asked.getlist("id"), asked.getlist("aspect")), {p.id: p for p in rag.papers()})


def _file(make: Callable[[], str], name: str, kind: str) -> Response:
    try:
        text = make()
    except UsageError as error:
        return PlainTextResponse(str(error), 404)
    except RagError as error:
        return PlainTextResponse(str(error), 500)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text.encode(), media_type=kind, headers=headers)
