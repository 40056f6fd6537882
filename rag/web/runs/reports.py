"""The report of a run, or of two (`?with=OTHER`), as a page of its own, which can be kept: `runs/NAME.html`."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from rag.core.config import Config
from rag.core.errors import RagError, UsageError
from rag.web.runs.archive import Archive


class Reports:
    """Gives the page of `rag eval report`, which has a Content-Security-Policy of its own and loads nothing."""

    def __init__(self, config: Config) -> None:
        self._archive = Archive(config)

    async def html(self, request: Request) -> Response:
        """The report of the runs that the address names; everybody who is let in may read it."""
        other = request.query_params.get("with")
        return await run_in_threadpool(self._made, request.path_params["name"], *([other] if other else []))

    def _made(self, *names: str) -> Response:
        try:
            page = self._archive.report(*names)
        except UsageError as error:
            return PlainTextResponse(str(error), 404)
        except RagError as error:
            return PlainTextResponse(str(error), 500)
        # What a model wrote may hold half a character, which can't be sent.
        return HTMLResponse(page.encode("utf-8", "replace"), headers={"cache-control": "no-store"})
