"""What this server gives under `paper-rag/`, apart from Gradio: scripts, and conversations, papers, runs as files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.core.errors import RagError, UsageError
from rag.core.paper import Paper
from rag.home import citing, conversations, exporting, notes, tables
from rag.home.conversation import Conversation
from rag.web import matrix
from rag.web.collection_cache import CollectionCache
from rag.web.login import owner
from rag.web.markup import SITE, clean
from rag.web.paperlist import MAX_QUERY, Look, found
from rag.web.runs.archive import Archive

_HERE = Path(__file__).parent
_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "bib": "application/x-bibtex; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
GONE = "There is no such conversation on this server any more. Reload the page to see those that there are."


# Gradio's documentation of the endpoints shows how often each was called, which nobody counts here; Gradio itself would
# refuse to say so, and the browser report a failure.
_STATISTICS = "/monitoring/summary"


async def _no_statistics(_: Request) -> Response:
    return JSONResponse({"functions": {}})


class Site:
    """ASGI middleware that answers for the paths below `SITE`, and leaves the others to Gradio."""

    def __init__(self, app: ASGIApp, collections: CollectionCache) -> None:
        self._app = app
        files = Files(collections, Archive(collections.config))
        routes = {
            "papers.{kind}": files.papers,
            "comparison.{kind}": files.comparison,
            "runs/{name}.{kind}": files.report,
            "conversations/{id}.{kind}": files.conversation,
            "conversations/{id}/{turn}.{kind}": files.answer,
        }
        self._site = Starlette(
            routes=[
                Mount(f"/{SITE}scripts", StaticFiles(directory=_HERE / "scripts")),
                *(Route(f"/{SITE}{path}", _sending(make)) for path, make in routes.items()),
                Route(_STATISTICS, _no_statistics),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to whom it is for."""
        handled = scope["type"] == "http" and (scope["path"].startswith(f"/{SITE}") or scope["path"] == _STATISTICS)
        await (self._site if handled else self._app)(scope, receive, send)


_File = tuple[str, str] | None
"""The name of a file, "" for one that is shown, and its text; None where there is none."""


def _sending(make: Callable[[Request, str], _File]) -> Callable[[Request], object]:
    """A handler that sends the file that `make` finds for a request, of the kind that its address ends with."""

    def sent(request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            made = make(request, kind) if kind in _TYPES else None
        except RagError as error:
            return PlainTextResponse(str(error), 404 if isinstance(error, UsageError) else 500)
        if made is None:
            return PlainTextResponse(GONE, 404)
        name, text = made
        headers = {"cache-control": "no-store"}
        if name:
            headers["content-disposition"] = f'attachment; filename="{name}.{kind}"'
        # What a model wrote may hold half a character, which can't be sent.
        return Response(text.encode("utf-8", "replace"), media_type=_TYPES[kind], headers=headers)

    async def handler(request: Request) -> Response:
        return await run_in_threadpool(sent, request)

    return handler


@dataclass(frozen=True)
class Files:
    """What can be kept, each with the notes of who takes it. A conversation is given to its owner alone."""

    collections: CollectionCache
    archive: Archive

    def conversation(self, request: Request, kind: str) -> _File:
        """A conversation, or the papers that it cites."""
        talk = self._asked(request)
        if talk is None or kind not in ("md", "json", "bib"):
            return None
        papers, kept = self._papers(request, talk.collection)
        if kind == "bib":
            return _filename(talk), citing.write(exporting.cited(talk, papers), "bibtex", kept)
        text = exporting.to_json(talk) if kind == "json" else exporting.to_markdown(talk, papers, kept)
        return _filename(talk), text

    def answer(self, request: Request, kind: str) -> _File:
        """The table of one answer, or its papers; as JSON what its columns say.

        The address may have papers, each as an `id`, for some of the rows in another order, and up to eight `aspect`s,
        each a column more.
        """
        talk, turn, asked = self._asked(request), request.path_params["turn"], request.query_params
        number = int(turn) if re.fullmatch(r"[1-9][0-9]{0,3}", turn) else 0
        if talk is None or not 1 <= number <= len(talk.answers):
            return None
        papers, kept = self._papers(request, talk.collection)
        table = tables.table(talk.answers[number - 1], papers)
        if table is None:
            return None
        table = tables.chosen(table, asked.getlist("id")) if "id" in asked else table
        ids = [row.paper_id for row in table.rows if row.paper_id and row.paper_id in papers]
        if kind == "bib":
            return _filename(talk), citing.write([papers[id] for id in ids], "bibtex", kept)
        quotes = matrix.quotes(self.collections.rag(talk.collection), ids, asked.getlist("aspect"))
        if kind == "json":
            cells = {id: [clean(matrix.cell(cell)) for cell in found] for id, found in quotes.items()}
            return _filename(talk), json.dumps(cells)
        return _filename(talk), _written(tables.widened(table, asked.getlist("aspect"), quotes), kind, kept)

    def papers(self, request: Request, kind: str) -> _File:
        """The papers with an `id` of the address, or those that the search `q` finds and that have its `years`,
        `author` and `venue`; without any all of them.
        """
        asked = request.query_params
        papers, kept = self._papers(request, asked.get("collection", ""))
        wanted = set(asked.getlist("id"))
        query, years, author, venue = (asked.get(name, "")[:MAX_QUERY] for name in ("q", "years", "author", "venue"))
        look = Look(query, years, author, venue)
        every = tuple(papers.values())
        chosen = [p for p in every if p.id in wanted] if wanted else found(every, look)
        return ("papers", citing.write(chosen, "bibtex", kept)) if kind == "bib" else None

    def comparison(self, request: Request, kind: str) -> _File:
        """The papers with an `id` by each `aspect`, as a table."""
        asked = request.query_params
        papers, kept = self._papers(request, asked.get("collection", ""))
        compared = self.collections.rag(asked.get("collection", "")).compare(
            asked.getlist("id"), asked.getlist("aspect")
        )
        return "comparison", _written(matrix.table(compared, papers), kind, kept)

    def report(self, request: Request, kind: str) -> _File:
        """The report of a run, or of two (`?with=OTHER`), as a page that has a Content-Security-Policy of its own and
        loads nothing; everybody who is let in may read it."""
        other = request.query_params.get("with")
        names = [request.path_params["name"], *([other] if other else [])]
        return ("", self.archive.report(*names)) if kind == "html" else None

    def _asked(self, request: Request) -> Conversation | None:
        return conversations.load(self.collections.config.home, owner(request), request.path_params["id"])

    def _papers(self, request: Request, collection: str) -> tuple[dict[str, Paper], dict[str, notes.Note]]:
        """The papers of a collection by their ids, and what the reader keeps of them."""
        rag = self.collections.rag(collection)
        kept = notes.load(rag.config.home, owner(request), rag.config.collection)
        return {p.id: p for p in rag.papers()}, kept


def _written(table: tables.Table, kind: str, kept: dict[str, notes.Note]) -> str:
    table = tables.annotated(table, kept)
    return tables.to_csv(table) if kind == "csv" else tables.to_markdown(table)


def _filename(talk: Conversation) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", talk.title).strip("-")[:60] or "conversation"
