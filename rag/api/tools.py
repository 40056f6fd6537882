"""What assistants get over the Model Context Protocol (MCP): five tools, and papers as resources.

The SDK speaks the revisions 2024-11-05 to 2025-11-25 of https://modelcontextprotocol.io. Over HTTP no session is kept:
each request is answered by itself, so that there is none that somebody else could enter. A result is Markdown for the
model to read, short enough for its context, and the same as structured values for programs.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from inspect import getdoc
from typing import Annotated, Any, TypeVar

from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rag.api import forms, narrowing, results
from rag.api.callers import counted
from rag.api.calls import Calls
from rag.api.collections import Collections
from rag.api.errors import FAULT, log_fault
from rag.api.notes import with_notes
from rag.api.papers import described, one
from rag.core.answer import Answer
from rag.core.errors import RagError
from rag.core.markdown import as_it_is
from rag.core.paper import Paper
from rag.index.holdings import holdings
from rag.index.searching import search
from rag.llm.keys import without_keys
from rag.service import Rag

_READS = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)
_MOST_FOUND = 50
_AUTHORS = 3  # of a paper in a list
_INSTRUCTIONS = (
    "Answers from a collection of abstracts of scientific papers. `ask` answers a question with exact quotes; "
    "`search_papers` finds papers and their ids, `get_paper` reads one abstract, `compare` makes a table. Cite papers "
    "by title, and repeat quotes to the letter. Where `state` is not `answers`, say so."
)

Text = Annotated[str, Field(max_length=4_000)]
T = TypeVar("T")


class Tools:
    """The tools over some collections, each a method, and how a call becomes work in a thread."""

    def __init__(self, collections: Collections, calls: Calls) -> None:
        self._collections, self._calls = collections, calls

    async def ask(
        self,
        context: Context[Any, Any, Any],
        question: Annotated[forms.Question, Field(description="A question in English, as one would ask a colleague.")],
        history: Annotated[list[forms.TurnForm], Field(description="The conversation before it, oldest first.")] = [],
        papers: Annotated[forms.Names, Field(description="Ids or titles to look at; none for all.")] = [],
        years: forms.Years = "",
        authors: forms.Names = [],
        venues: forms.Names = [],
        collection: forms.Collection = "",
    ) -> Annotated[CallToolResult, results.Told]:
        """Ask the papers a question: about one, to compare several, for a list, or what is known of a subject.

        The answer cites exact sentences of the abstracts, and says how far they answer.
        """
        form = forms.AskForm(
            question=question, papers=papers, years=years, authors=authors, venues=venues, collection=collection
        )

        def work(rag: Rag, stop: threading.Event) -> Answer:
            turns = [turn.model_dump() for turn in history]
            return rag.ask(question, turns, options=form.options(rag), stop=stop)

        answer = await self._done(context, collection, work, asks=True)
        cited = [{name: getattr(c, name) for name in results.Cited.model_fields} for c in answer.citations]
        head = f"State: {answer.state}\n\n" if answer.state != "answers" else ""
        told = {"state": answer.state, "missing": list(answer.missing), "warnings": list(answer.warnings)}
        return _result(head + with_notes(answer), {**told, "answer": answer.answer, "citations": cited})

    async def search_papers(
        self,
        context: Context[Any, Any, Any],
        query: Annotated[Text, Field(description="What the papers are about, or words of title, authors or abstract.")],
        by: Annotated[
            str, Field(pattern="^(meaning|words)$", description="meaning, or words: all of them.")
        ] = "meaning",
        limit: Annotated[int, Field(ge=1, le=_MOST_FOUND)] = 10,
        years: forms.Years = "",
        authors: forms.Names = [],
        venues: forms.Names = [],
        collection: forms.Collection = "",
    ) -> Annotated[CallToolResult, results.FoundList]:
        """Find papers, by meaning or by words; gives ids and titles, and by meaning the nearest sentence of each."""

        def work(rag: Rag, _: threading.Event) -> tuple[int, list[tuple[Paper, str]]]:
            options = narrowing.options(years, authors, venues)
            if by == "words":
                among = narrowing.among(search(rag.papers(), query), options)
                return len(among), [(paper, "") for paper in among[:limit]]
            near = {n.paper.id: n.paper.abstract[slice(*n.sentence)] for n in rag.near(query, len(rag.papers()))}
            held = {paper.id: paper for paper in narrowing.among(rag.papers(), options)}
            return len(near.keys() & held.keys()), [(held[i], quote) for i, quote in near.items() if i in held][:limit]

        found, papers = await self._done(context, collection, work)
        lines = [f"{found} papers" + (f", the first {limit}" if found > limit else "")]
        lines += [f"- {_named(p)} (id: {p.id})" + (f": “{as_it_is(quote)}”" if quote else "") for p, quote in papers]
        values = [{**_brief(paper), "quote": quote} for paper, quote in papers]
        return _result("\n".join(lines), {"found": found, "papers": values})

    async def get_paper(
        self,
        context: Context[Any, Any, Any],
        paper: Annotated[Text, Field(description="An id, or a whole title.")],
        collection: forms.Collection = "",
    ) -> Annotated[CallToolResult, forms.PaperBody]:
        """Read one paper: title, authors, year, venue, DOI, address, and the whole abstract."""
        found = await self._done(context, collection, lambda rag, _: one(rag.papers(), paper))
        return _result(_written(found), described(found))

    async def compare(
        self,
        context: Context[Any, Any, Any],
        papers: Annotated[list[str], Field(min_length=1, max_length=20, description="Ids, or beginnings of titles.")],
        aspects: Annotated[
            list[str], Field(min_length=1, max_length=8, description='Such as "speedup", "which GPUs".')
        ],
        collection: forms.Collection = "",
    ) -> Annotated[CallToolResult, results.Table]:
        """Compare papers by aspects, as a table with exact quotes in its cells."""
        table = await self._done(context, collection, lambda rag, _: rag.compare(papers, aspects))
        rows = [
            {
                "paper_id": row.paper_id,
                "title": row.title,
                "cells": [
                    {"aspect": aspect, "quotes": [quote.quote for quote in cell.quotes]}
                    for aspect, cell in zip(table.aspects, row.cells, strict=True)
                ],
            }
            for row in table.rows
        ]
        return _result(table.markdown(), {"rows": rows})

    async def list_collections(self, context: Context[Any, Any, Any]) -> Annotated[CallToolResult, results.HeldList]:
        """List the collections of papers that there are, with the number of papers of each."""
        config = self._collections.config
        held = await self._done(context, "", lambda _, stop: holdings(config.home))
        values = [{"name": one.name, "papers": one.papers} for one in held]
        text = "\n".join(f"- {one.name}: {one.papers:,} papers" for one in held)
        return _result(text, {"usual": config.collection, "collections": values})

    async def paper(self, collection: str, id: str) -> str:
        """A paper of a collection as Markdown: title, authors, year, venue, abstract."""
        return _written(one(self._collections.rag(collection).papers(), id))

    async def _done(
        self,
        context: Context[Any, Any, Any],
        collection: str,
        work: Callable[[Rag, threading.Event], T],
        *,
        asks: bool = False,
    ) -> T:
        """What `work` returns; `ToolError` with a sentence where it can't be done, whatever the cause."""
        request = context.request_context.request
        gone: Callable[[], Awaitable[bool]] = request.is_disconnected if isinstance(request, Request) else _never
        keys = tuple(self._collections.config.keys.values())
        try:
            if isinstance(request, Request):
                counted(request)
            rag = self._collections.rag(collection)

            def begun(stop: threading.Event) -> T:
                if not rag.papers():
                    rag.ingest()
                return work(rag, stop)

            return await self._calls.answer(gone, begun, with_model=asks and rag.model is not None)
        except RagError as error:
            raise ToolError(without_keys(str(error), keys)) from error
        except Exception as error:
            log_fault(error, keys)
            raise ToolError(FAULT) from error


def server(collections: Collections, calls: Calls) -> FastMCP[Any]:
    """The server over these collections, for any transport."""
    made: FastMCP[Any] = FastMCP("paper-rag", instructions=_INSTRUCTIONS, log_level="WARNING")
    tools = Tools(collections, calls)
    for tool in (tools.ask, tools.search_papers, tools.get_paper, tools.compare, tools.list_collections):
        made.add_tool(tool, description=getdoc(tool), annotations=_READS)
    made.resource("paper://{collection}/{id}", name="paper", mime_type="text/markdown")(tools.paper)
    return made


class OverHttp:
    """ASGI application that answers each request of MCP's streamable HTTP by itself."""

    def __init__(self, collections: Collections, calls: Calls) -> None:
        self._server = server(collections, calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # The lower server is what the SDK's own applications are made of.
        manager = StreamableHTTPSessionManager(self._server._mcp_server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)


async def _never() -> bool:
    return False


def _result(text: str, values: dict[str, Any]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structuredContent=values)


def _brief(paper: Paper) -> dict[str, Any]:
    more = ["…"] if len(paper.authors) > _AUTHORS else []
    return {"id": paper.id, "title": paper.title, "authors": [*paper.authors[:_AUTHORS], *more], "year": paper.year}


def _named(paper: Paper) -> str:
    return f"**{as_it_is(paper.title)}**" + (f" ({paper.year})" if paper.year else "")


def _written(paper: Paper) -> str:
    known = [", ".join(paper.authors), str(paper.year or ""), paper.venue or "", paper.doi or "", paper.url or ""]
    lines = [f"# {as_it_is(paper.title)}", as_it_is(". ".join(part for part in known if part)), f"id: {paper.id}"]
    lines.append(as_it_is(f"from: {', '.join(paper.sources)}") if paper.sources else "")
    return "\n\n".join([*(line for line in lines if line), as_it_is(paper.abstract) or "(no abstract)"])
