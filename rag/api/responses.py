"""The same in the form of OpenAI's newer interface, whole and streamed.

https://platform.openai.com/docs/api-reference/responses says what requests and answers look like. Nothing is stored
here: a program sends the conversation with each request.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from rag.api import chat, tasks
from rag.api.callers import counted
from rag.api.calls import Calls
from rag.api.collections import Collections
from rag.api.notes import with_notes
from rag.core.answer import Answer, Event
from rag.core.errors import UsageError


class ResponsesRequest(BaseModel):
    """A request: `input` is the question, or the conversation that ends with it."""

    model: str = ""
    input: str | chat.Messages
    stream: bool | None = None
    previous_response_id: str | None = None

    def messages(self) -> list[chat.Message]:
        """The conversation. UsageError where it is named and not sent."""
        if self.previous_response_id:
            raise UsageError("Responses are not stored here: send the whole conversation as input.")
        return [chat.Message(role="user", content=self.input)] if isinstance(self.input, str) else self.input


def add_to(router: APIRouter, collections: Collections, calls: Calls) -> None:
    """Add `/v1/responses` to the endpoints below `/v1`."""

    @router.post("/responses", response_model=None, dependencies=[Depends(counted)])
    async def respond(asked: ResponsesRequest, request: Request) -> JSONResponse | StreamingResponse:
        rag = chat.chosen(collections, asked.model)
        question, history = chat.question_of(asked.messages())
        response = _response(f"{chat.OWNER}/{rag.config.collection}")
        if tasks.is_task(question):
            text = await calls.answer(request.is_disconnected, lambda _: tasks.reply(rag, question))
            return JSONResponse(_with(response, text))
        if asked.stream:
            events = chat.events_of(calls, rag, question, history)
            first = await anext(events)  # What is wrong with a request is told by its status.
            return chat.streamed(_numbered(_stream(response, first, events)), tuple(collections.config.keys.values()))
        answer = await calls.answer(
            request.is_disconnected,
            lambda stop: rag.ask(question, history, stop=stop),
            with_model=rag.model is not None,
        )
        return JSONResponse(_with(response, with_notes(answer), answer))


def _response(model: str) -> dict[str, Any]:
    """A response that has begun."""
    head = {"id": f"resp_{secrets.token_hex(12)}", "object": "response", "created_at": int(time.time())}
    unset = dict.fromkeys(("error", "incomplete_details", "instructions", "temperature", "top_p", "usage"))
    fixed = {"parallel_tool_calls": False, "tool_choice": "none", "tools": [], "metadata": {}, "store": False}
    return {**head, "model": model, "status": "in_progress", "output": [], **unset, **fixed}


def _with(response: dict[str, Any], text: str, answer: Answer | None = None) -> dict[str, Any]:
    """The whole response; a note of the text is an annotation where its marker stands first."""
    notes = [
        {"type": "file_citation", "file_id": c.paper_id, "filename": c.title, "index": text.find(f"[{c.marker}]")}
        for c in (answer.citations if answer else ())
    ]
    part = {"type": "output_text", "text": text, "annotations": notes, "logprobs": []}
    item = {"type": "message", "id": response["id"].replace("resp", "msg"), "role": "assistant"}
    output = [{**item, "status": "completed", "content": [part]}]
    usage = {
        f"{kind}_tokens_details": {of: 0} for kind, of in (("input", "cached_tokens"), ("output", "reasoning_tokens"))
    }
    read, written = (answer.prompt_tokens, answer.completion_tokens) if answer else (0, 0)
    usage |= {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}  # type: ignore[dict-item]
    whole = {**response, "status": "completed", "output": output, "usage": usage}
    return {**whole, "paper_rag": answer.to_json()} if answer else whole


async def _stream(
    response: dict[str, Any], first: Event, events: AsyncIterator[Event]
) -> AsyncIterator[dict[str, Any]]:
    """The events of a response; its text comes when it is checked."""
    yield {"type": "response.created", "response": response}
    yield {"type": "response.in_progress", "response": response}
    event: Event | None = first
    while event is not None:
        if isinstance(event, Answer):
            for one in _finished(_with(response, with_notes(event), event)):
                yield one
        event = await anext(events, None)


def _finished(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    (item,) = whole["output"]
    (part,) = item["content"]
    of = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    began = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": 0, "item": began}
    yield {"type": "response.content_part.added", **of, "part": {**part, "text": "", "annotations": []}}
    for piece in chat.pieces_of(part["text"]):
        yield {"type": "response.output_text.delta", **of, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **of, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **of, "part": part}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": whole}


async def _numbered(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    number = 0
    async for event in events:
        yield {**event, "sequence_number": number}
        number += 1
