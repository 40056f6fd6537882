"""What this server gives under `paper-rag/`, apart from Gradio: scripts, and conversations as files."""

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

from rag.core.answer import Answer
from rag.core.errors import RagError, UsageError
from rag.core.paper import Paper
from rag.home import citing, conversations, exporting, tables
from rag.home.conversation import Conversation
from rag.web import matrix
from rag.web.collection_cache import CollectionCache
from rag.web.downloads import Downloads
from rag.web.login import owner
from rag.web.markup import SITE, clean
from rag.web.runs.reports import Reports

_HERE = Path(__file__).parent
_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "bib": "application/x-bibtex; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
_Make = Callable[[Conversation, dict[str, Paper]], str | None]
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
        files, downloads = Files(collections), Downloads(collections)
        self._site = Starlette(
            routes=[
                Mount(f"/{SITE}scripts", StaticFiles(directory=_HERE / "scripts")),
                Route(f"/{SITE}papers.bib", downloads.bibtex),
                Route(f"/{SITE}comparison.csv", downloads.csv),
                Route(f"/{SITE}comparison.md", downloads.markdown),
                Route(f"/{SITE}runs/{{name}}.html", Reports(collections.config).html),
                Route(f"/{SITE}conversations/{{name}}", files.conversation),
                Route(f"/{SITE}conversations/{{id}}/{{name}}", files.answer),
                Route(_STATISTICS, _no_statistics),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to whom it is for."""
        handled = scope["type"] == "http" and (scope["path"].startswith(f"/{SITE}") or scope["path"] == _STATISTICS)
        await (self._site if handled else self._app)(scope, receive, send)


@dataclass(frozen=True)
class Files:
    """Conversations, and tables of their answers, as files to keep. Only their owner gets them."""

    collections: CollectionCache

    async def conversation(self, request: Request) -> Response:
        """`ID.md`, `ID.json` or `ID.bib`."""
        id, _, kind = request.path_params["name"].rpartition(".")
        makers: dict[str, _Make] = {
            "md": exporting.to_markdown,
            "json": lambda found, _: exporting.to_json(found),
            "bib": lambda found, papers: citing.write(exporting.cited(found, papers), "bibtex"),
        }
        return await run_in_threadpool(self._made, request, id, kind, makers.get(kind))

    async def answer(self, request: Request) -> Response:
        """`ID/NUMBER.csv`, `.md` or `.bib`: the table of one answer, or its papers; `.json`: what its columns say.

        The address may have papers, each as an `id`, for some of the rows in another order, and up to eight `aspect`s,
        each a column more.
        """
        turn, _, kind = request.path_params["name"].rpartition(".")
        asked = request.query_params

        def made(found: Conversation, papers: dict[str, Paper]) -> str | None:
            answer = _numbered(found, turn)
            table = tables.table(answer, papers) if answer else None
            if table is None:
                return None
            table = tables.chosen(table, asked.getlist("id")) if "id" in asked else table
            ids = [row.paper_id for row in table.rows if row.paper_id in papers]
            if kind == "bib":
                return citing.write([papers[id] for id in ids if id], "bibtex")
            quotes = matrix.quotes(
                self.collections.rag(found.collection), [i for i in ids if i], asked.getlist("aspect")
            )
            if kind == "json":
                return json.dumps({id: [clean(matrix.cell(cell)) for cell in cells] for id, cells in quotes.items()})
            table = tables.widened(table, asked.getlist("aspect"), quotes)
            return tables.to_csv(table) if kind == "csv" else tables.to_markdown(table)

        return await run_in_threadpool(
            self._made, request, request.path_params["id"], kind, made if kind in _TYPES else None
        )

    def _made(self, request: Request, id: str, kind: str, make: _Make | None) -> Response:
        try:
            found = conversations.load(self.collections.config.home, owner(request), id)
            if found is None or make is None:
                return PlainTextResponse(GONE, 404)
            papers = {p.id: p for p in self.collections.rag(found.collection).papers()}
            text = make(found, papers)
        except UsageError as error:
            return PlainTextResponse(str(error), 400)
        except RagError as error:
            return PlainTextResponse(str(error), 500)
        if text is None:
            return PlainTextResponse(GONE, 404)
        name = f"{_filename(found.title)}.{kind}"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(text.encode(), media_type=_TYPES[kind], headers=headers)


def _numbered(found: Conversation, turn: str) -> Answer | None:
    number = int(turn) if re.fullmatch(r"[1-9][0-9]{0,3}", turn) else 0
    return found.answers[number - 1] if 1 <= number <= len(found.answers) else None


def _filename(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")[:60] or "conversation"
