"""What this server gives under `paper-rag/`, apart from Gradio: scripts, and conversations as files."""

from __future__ import annotations

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
from rag.core.errors import RagError
from rag.core.paper import Paper
from rag.home import citing, conversations, exporting, tables
from rag.home.conversation import Conversation
from rag.web.downloads import Downloads
from rag.web.login import owner
from rag.web.markup import SITE
from rag.web.runs.reports import Reports
from rag.web.shelf import Shelf

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

    def __init__(self, app: ASGIApp, shelf: Shelf) -> None:
        self._app = app
        files, downloads = Files(shelf), Downloads(shelf)
        self._site = Starlette(
            routes=[
                Mount(f"/{SITE}scripts", StaticFiles(directory=_HERE / "scripts")),
                Route(f"/{SITE}papers.bib", downloads.bibtex),
                Route(f"/{SITE}comparison.csv", downloads.csv),
                Route(f"/{SITE}comparison.md", downloads.markdown),
                Route(f"/{SITE}runs/{{name}}.html", Reports(shelf.config).html),
                Route(f"/{SITE}conversations/{{name}}", files.conversation),
                Route(f"/{SITE}conversations/{{id}}/{{name}}", files.answer),
                Route(_STATISTICS, _no_statistics),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to whom it is for."""
        ours = scope["type"] == "http" and (scope["path"].startswith(f"/{SITE}") or scope["path"] == _STATISTICS)
        await (self._site if ours else self._app)(scope, receive, send)


@dataclass(frozen=True)
class Files:
    """Conversations, and tables of their answers, as files to keep. Only their owner gets them."""

    shelf: Shelf

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
        """`ID/NUMBER.csv` or `ID/NUMBER.md`: the table of one answer."""
        turn, _, kind = request.path_params["name"].rpartition(".")
        make = {"csv": tables.to_csv, "md": tables.to_markdown}.get(kind)

        def table(found: Conversation, papers: dict[str, Paper]) -> str | None:
            answer = _numbered(found, turn)
            made = tables.table(answer, papers) if answer and make else None
            return make(made) if made and make else None

        return await run_in_threadpool(self._made, request, request.path_params["id"], kind, table if make else None)

    def _made(self, request: Request, id: str, kind: str, make: _Make | None) -> Response:
        try:
            found = conversations.load(self.shelf.config.home, owner(request), id)
            if found is None or make is None:
                return PlainTextResponse(GONE, 404)
            papers = {p.id: p for p in self.shelf.rag(found.collection).papers()}
            text = make(found, papers)
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
