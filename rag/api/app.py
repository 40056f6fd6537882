"""The application that answers programs, and the middleware that leads their requests to it."""

from __future__ import annotations

import time
from contextlib import suppress

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import __version__
from rag.api import chat, health, responses, rest
from rag.api.callers import caller
from rag.api.calls import Calls, Limit
from rag.api.collections import Collections
from rag.api.errors import FAULT, log_fault, refusal, refused
from rag.api.logs import ACCESS
from rag.api.metrics import Metrics
from rag.core.answer import Answer
from rag.core.errors import RagError
from rag.llm.keys import without_keys

PREFIXES = ("/v1/", "/api/", "/mcp/", "/metrics/", "/healthz/", "/readyz/")
"""The paths that programs call begin so."""
NO_MCP = "Tools for assistants need the SDK of MCP: pip install 'paper-rag[mcp]'."
UNGUARDED = ("/healthz", "/readyz")
"""What says no more than whether the server is well, to whoever asks."""


def is_ours(path: str) -> bool:
    """Whether a path is one that programs call, and not a part of the page."""
    return f"{path}/".startswith(PREFIXES)


class Api:
    """ASGI middleware that answers the paths that programs call, and leaves the others to the page."""

    def __init__(self, app: ASGIApp, collections: Collections) -> None:
        self._app = app
        self._api = application(collections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to whom it is for."""
        if scope["type"] != "http" or not is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        status, start = 500, time.monotonic()

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._api(scope, receive, noted)
        except Exception as error:  # It was answered (`_fault`); the server would log it once more, with its keys.
            log_fault(error, self._api.state.keys)
        finally:
            self._note(Request(scope), status, time.monotonic() - start)

    def _note(self, request: Request, status: int, seconds: float) -> None:
        """Count the request, and log it without its query, which may hold a question."""
        path = request.url.path
        if (metrics := self._api.state.metrics) is not None:
            metrics.requested(getattr(request.scope.get("route"), "path", "none"), status, seconds)
        fields = {"method": request.method, "path": path[:200], "status": status, "ms": round(seconds * 1000)}
        ACCESS.info("request", extra={"fields": {**fields, "caller": caller(request)}})


def application(collections: Collections) -> FastAPI:
    """The endpoints over these collections. Who may call them is decided before."""
    app = FastAPI(
        title="Paper RAG", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.keys = tuple(collections.config.keys.values())
    app.state.limit = Limit(collections.config.api_limit)
    app.state.metrics = None
    with suppress(ImportError):
        app.state.metrics = Metrics(lambda: calls.waiting, lambda: len(collections.rag().papers()))
    calls = Calls(lambda value: _count(app, value))
    openai = chat.routes(collections, calls)
    responses.add_to(openai, collections, calls)
    app.include_router(openai)
    app.include_router(health.routes(collections))
    app.include_router(rest.routes(collections, calls))
    app.router.routes.append(Route("/mcp", _Assistants(collections, calls)))
    app.add_exception_handler(RagError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _fault)
    return app


def _count(app: FastAPI, value: object) -> None:
    if isinstance(value, Answer) and app.state.metrics is not None:
        app.state.metrics.answered(value)


class _Assistants:
    """What answers at `/mcp`, loaded at the first request there: the SDK takes a second to import."""

    def __init__(self, collections: Collections, calls: Calls) -> None:
        self._made: ASGIApp | None = None
        self._collections, self._calls = collections, calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._made is None:
            try:
                from rag.api.tools import OverHttp
            except ModuleNotFoundError:
                await refusal(scope["path"], 501, NO_MCP)(scope, receive, send)
                return
            self._made = OverHttp(self._collections, self._calls)
        await self._made(scope, receive, send)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, RagError)
    return refused(request.url.path, error, request.app.state.keys)


async def _invalid(request: Request, error: Exception) -> Response:
    """The fields that are wrong, and why, without what was sent."""
    assert isinstance(error, RequestValidationError)
    faults = [{"field": ".".join(map(str, e["loc"][1:])) or "body", "reason": e["msg"]} for e in error.errors()]
    faults = without_keys(faults[:100], request.app.state.keys)
    sentence = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in faults[:10])
    status = 400 if request.url.path.startswith("/v1/") else 422
    return refusal(request.url.path, status, f"The request does not fit: {sentence}.", faults=faults)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if error.status_code in (404, 405):
        sentence = f"There is nothing at {request.method} {request.url.path[:200]}."
    return refusal(request.url.path, error.status_code, without_keys(sentence, request.app.state.keys))


async def _fault(request: Request, _: Exception) -> Response:
    return refusal(request.url.path, 500, FAULT)
