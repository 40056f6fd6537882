"""The REST interface: ask, search, papers, compare, collections, ingest."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse

from rag.api import forms, narrowing
from rag.api.adding import Report, Uploads
from rag.api.callers import counted
from rag.api.calls import Calls
from rag.api.collections import Collections
from rag.api.papers import described, one
from rag.core.config import MAX_QUESTION
from rag.core.errors import PaperError
from rag.index.holdings import Holding, holdings
from rag.index.searching import search
from rag.papers import Remark
from rag.service import Rag

MAX_LIMIT = 1_000
"""Papers that one search gives at most."""
_MAX_FILES = 100
_COSTS = [Depends(counted)]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": forms.Problem, "content": {"application/problem+json": {}}}
    for status in (400, 401, 404, 422, 429, 502)
}

Words = Annotated[str, Query(max_length=MAX_QUESTION)]
Several = Annotated[list[Annotated[str, Query(max_length=1_000)]], Query(max_length=100)]
Count = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


def routes(collections: Collections, calls: Calls) -> APIRouter:
    """The endpoints below `/api/v1`."""
    router = APIRouter(prefix="/api/v1", responses=_PROBLEMS)
    _add_asking(router, collections, calls)
    _add_papers(router, collections, calls)
    _add_ingest(router, collections, calls)
    return router


def _add_asking(router: APIRouter, collections: Collections, calls: Calls) -> None:
    @router.post("/ask", dependencies=_COSTS, responses={200: {"model": forms.AnswerBody}})
    async def ask(form: forms.AskForm, request: Request) -> JSONResponse:
        """Ask a question: about one paper, to compare several, for a list, or what is known of a subject."""
        rag = collections.rag(form.collection)
        history = [turn.model_dump() for turn in form.history]
        answer = await calls.answer(
            request.is_disconnected,
            lambda stop: rag.ask(form.question, history, options=form.options(rag), stop=stop),
            with_model=rag.model is not None and form.mode != "quoting",
        )
        return JSONResponse(answer.to_json())

    @router.post("/compare", dependencies=_COSTS)
    async def compare(form: forms.CompareForm, request: Request) -> dict[str, Any]:
        """Compare papers, given by id, title or beginning of a title, by aspects, in exact sentences."""
        rag = collections.rag(form.collection)
        table = await calls.answer(request.is_disconnected, lambda _: rag.compare(form.papers, form.aspects))
        return table.to_json()

    @router.get("/search", dependencies=_COSTS, response_model=list[forms.HitBody])
    async def search_by_meaning(
        request: Request, query: Annotated[Words, Query(min_length=1)], collection: str = "", limit: Count = 10
    ) -> list[dict[str, Any]]:
        """The papers that are nearest in meaning to a text, whatever their words, and the nearest sentence of each."""
        rag = collections.rag(collection)
        return await calls.answer(request.is_disconnected, lambda _: hits(rag, query, limit))


def hits(rag: Rag, query: str, limit: int) -> list[dict[str, Any]]:
    """The papers nearest to `query`, each with the sentence that is nearest."""
    return [
        {"paper": described(near.paper), "quote": near.paper.abstract[start:end], "start": start, "end": end}
        for near in rag.near(query, limit)
        for start, end in [near.sentence]
    ]


def _add_papers(router: APIRouter, collections: Collections, calls: Calls) -> None:
    @router.get("/collections", response_model=list[forms.CollectionBody])
    def list_collections() -> tuple[Holding, ...]:
        """The collections that there are."""
        return holdings(collections.config.home)

    @router.get("/papers", response_model=forms.PapersBody)
    async def papers(
        request: Request,
        query: Words = "",
        collection: str = "",
        limit: Count = 20,
        offset: Annotated[int, Query(ge=0)] = 0,
        years: forms.Years = "",
        author: Several = [],
        venue: Several = [],
    ) -> dict[str, Any]:
        """The papers with all words of a query in title, authors, year or abstract; without a query, all."""
        rag = collections.rag(collection)

        def found(_: object) -> dict[str, Any]:
            among = narrowing.among(search(rag.papers(), query), narrowing.options(years, author, venue))
            return {"found": len(among), "papers": [described(p) for p in among[offset : offset + limit]]}

        return await calls.answer(request.is_disconnected, found)

    @router.get("/papers/{id}", response_model=forms.PaperBody)
    def paper(id: str, collection: str = "") -> dict[str, Any]:
        """One paper, by its id."""
        return described(one(collections.rag(collection).papers(), id))


def _add_ingest(router: APIRouter, collections: Collections, calls: Calls) -> None:
    adder = Uploads(collections)

    @router.post("/ingest", dependencies=_COSTS, response_model=forms.IngestBody)
    async def ingest(
        request: Request,
        files: Annotated[list[UploadFile], File(max_length=_MAX_FILES)],
        collection: Annotated[str, Form(max_length=64)] = "",
    ) -> dict[str, Any]:
        """Add the papers of files to a collection, or make a new one of them. RAG_ADDERS says who may."""
        kept = [(Path(file.filename or "").name, file.file) for file in files]

        def add(_: object) -> dict[str, Any]:
            *_, last = adder.add(_stored(kept), collection or collections.config.collection)
            assert isinstance(last, Report)
            return _told(last)

        return await calls.answer(request.is_disconnected, add)


def _stored(files: Sequence[tuple[str, BinaryIO]]) -> list[Path]:
    """The files on disk, each in a folder of its own, as `Uploads` deletes them."""
    paths = []
    for name, content in files:
        safe = re.sub(r"[^\w.-]", "_", name)[-100:].lstrip(".") or "papers"
        path = Path(tempfile.mkdtemp(prefix="rag-ingest-")) / safe
        with path.open("wb") as file:
            shutil.copyfileobj(content, file)
        paths.append(path)
    return paths


def _told(report: Report) -> dict[str, Any]:
    def records(of: Sequence[PaperError | Remark]) -> list[dict[str, Any]]:
        return [{"file": r.file, "line": r.line, "reason": r.reason} for r in of[:1_000]]

    return {
        "collection": report.collection,
        "papers": report.papers,
        "added": sorted(report.new),
        "known": len(report.known),
        "merged": len(report.merged),
        "refused": records(report.refused),
        "remarks": records(report.remarks),
    }
