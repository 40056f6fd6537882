"""Whether the server is well: `/healthz` and `/readyz` for whoever asks, `/metrics` for who may call."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from rag.api.collections import Collections
from rag.api.errors import refusal
from rag.api.metrics import NOT_INSTALLED
from rag.core.errors import RagError


def routes(collections: Collections) -> APIRouter:
    """The endpoints; they say nothing of papers, questions or settings to who has no key."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz() -> JSONResponse:
        status = collections.status
        try:
            if status == "ready" and not collections.rag().papers():
                status = "no papers"
        except RagError:
            status = "failed"
        return JSONResponse({"status": status}, 200 if status == "ready" else 503)

    @router.get("/metrics")
    def metrics(request: Request) -> Response:
        if (found := request.app.state.metrics) is None:
            return refusal(request.url.path, 501, NOT_INSTALLED)
        return Response(found.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
