"""An endpoint in the form of OpenAI's chat completions: each collection is a model that answers from its papers.

https://platform.openai.com/docs/api-reference/chat says what requests and answers look like. What a program sends
beyond the fields here (temperature, tools, …) is ignored.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from rag.api import tasks
from rag.api.callers import counted
from rag.api.calls import Calls
from rag.api.collections import Collections
from rag.api.errors import FAULT, log_fault, openai_error, status_of
from rag.api.notes import with_notes, without_notes
from rag.core.answer import Answer, Event, Step, Text, Turn
from rag.core.background import in_thread
from rag.core.config import MAX_TURN
from rag.core.errors import Missing, RagError, UsageError
from rag.llm.keys import without_keys
from rag.service import Rag

OWNER = "paper-rag"
_PIECE = 60  # characters of a piece of a streamed text, at least


class Part(BaseModel):
    """A part of a message; of those that are no text, only the type is read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """One message of the conversation."""

    role: str = ""  # that of a tool's result is empty in some programs
    content: str | list[Part] | None = None

    def words(self) -> str:
        """The text of the message. UsageError where it has a picture, a sound or a file."""
        if not isinstance(self.content, list):
            return self.content or ""
        if other := [
            part.type for part in self.content if part.type not in ("text", "input_text", "output_text", "refusal")
        ]:
            raise UsageError(f"Only text is read here, and a message has a part of the type {other[0][:50]!r}.")
        return "\n".join(part.text for part in self.content)


Messages = Annotated[list[Message], Field(min_length=1, max_length=2_000)]


class StreamOptions(BaseModel):
    """What a stream has beside the text."""

    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """A request for a chat completion: the last message of the user is the question, what is before it the history."""

    model: str = ""
    messages: Messages
    stream: bool | None = None
    stream_options: StreamOptions | None = None


def question_of(messages: list[Message]) -> tuple[str, list[Turn]]:
    """The question, and the turns before it. UsageError where no message is the user's."""
    last = max((n for n, message in enumerate(messages) if message.role == "user"), default=None)
    if last is None:
        raise UsageError("No message has the role user, so that there is no question.")
    return messages[last].words(), [turn for m in messages[:last] for turn in _turn(m)]


def _turn(message: Message) -> Iterator[Turn]:
    """Instructions to a model and results of tools are no part of the conversation."""
    if message.role == "user":
        yield Turn("user", message.words()[:MAX_TURN])
    elif message.role == "assistant" and (text := without_notes(message.words())):
        yield Turn("assistant", text[:MAX_TURN])


def routes(collections: Collections, calls: Calls) -> APIRouter:
    """The endpoints below `/v1`."""
    router = APIRouter(prefix="/v1", include_in_schema=False)

    @router.get("/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(collections, name) for name in collections.names()]}

    @router.get("/models/{model:path}")
    def model(model: str) -> dict[str, Any]:
        return _model(collections, chosen(collections, model).config.collection)

    @router.post("/chat/completions", response_model=None, dependencies=[Depends(counted)])
    async def complete(asked: ChatRequest, request: Request) -> JSONResponse | StreamingResponse:
        rag = chosen(collections, asked.model)
        question, history = question_of(asked.messages)
        with_model = rag.model is not None
        keys = tuple(collections.config.keys.values())
        completion = _Completion(f"{OWNER}/{rag.config.collection}", asked, keys, thinks=with_model)
        if tasks.is_task(question):
            written = await calls.answer(request.is_disconnected, lambda _: tasks.reply(rag, question))
            if asked.stream:
                return completion.stream(completion.pieces(written))
            return JSONResponse(completion.whole(written))
        if asked.stream:
            events = events_of(calls, rag, question, history)
            first = await anext(events)  # What is wrong with a request is told by its status.
            return completion.stream(_chunks(completion, first, events))
        answer = await calls.answer(
            request.is_disconnected, lambda stop: rag.ask(question, history, stop=stop), with_model=with_model
        )
        return JSONResponse(completion.whole(with_notes(answer), answer))

    return router


def chosen(collections: Collections, model: str) -> Rag:
    """The collection that a model stands for: "paper-rag/NAME", or the name alone; the usual one for "paper-rag"."""
    name = model.removeprefix(f"{OWNER}/") if model not in ("", OWNER) else ""
    try:
        return collections.rag(name)
    except Missing as error:
        raise Missing(f"The model {model[:100]!r} does not exist: {error} A model is {OWNER}/COLLECTION.") from error


def _model(collections: Collections, name: str) -> dict[str, Any]:
    file = collections.config.home / "collections" / name / "papers.jsonl"
    created = int(file.stat().st_mtime) if file.exists() else 0
    return {"id": f"{OWNER}/{name}", "object": "model", "created": created, "owned_by": OWNER}


async def events_of(calls: Calls, rag: Rag, question: str, history: list[Turn]) -> AsyncIterator[Event]:
    """What an answer is made of, while it is made."""
    async with calls.turn(with_model=rag.model is not None):
        async for event in in_thread(lambda stop: rag.stream(question, history, stop=stop)):
            calls.seen(event)
            yield event


async def _chunks(completion: _Completion, first: Event, events: AsyncIterator[Event]) -> AsyncIterator[dict[str, Any]]:
    """The chunks of a streamed answer.

    A draft may be taken back, and a program can't take back what it has shown: steps and drafts of a model go where
    programs show its thinking, and the text is the checked one.
    """
    yield completion.chunk({"role": "assistant", "content": ""})
    event: Event | None = first
    while event is not None:
        if isinstance(event, Answer):
            async for piece in completion.pieces(with_notes(event), event):
                yield piece
        elif completion.thinks and isinstance(event, Step | Text):
            yield completion.chunk(
                {"reasoning_content": f"{event.detail}\n" if isinstance(event, Step) else event.text}
            )
        event = await anext(events, None)


class _Completion:
    """Fills in the objects of one completion."""

    def __init__(self, model: str, asked: ChatRequest, keys: tuple[str, ...], *, thinks: bool) -> None:
        self._keys = keys
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}
        self._usage = bool(asked.stream_options and asked.stream_options.include_usage)
        self.thinks = thinks

    def whole(self, text: str, answer: Answer | None = None) -> dict[str, Any]:
        """The completion at once."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        whole = {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}
        return {**whole, "paper_rag": answer.to_json()} if answer else whole

    def chunk(self, delta: dict[str, str], finish: Literal["stop"] | None = None, **more: Any) -> dict[str, Any]:
        """A piece of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self._usage else {}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice], **usage, **more}

    async def pieces(self, text: str, answer: Answer | None = None) -> AsyncIterator[dict[str, Any]]:
        """A text in pieces, and the end of the stream, which holds the whole answer."""
        for piece in pieces_of(text):
            yield self.chunk({"role": "assistant", "content": piece})
        yield self.chunk({}, "stop", **({"paper_rag": answer.to_json()} if answer else {}))
        if self._usage:
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(answer)}

    def stream(self, chunks: AsyncIterator[dict[str, Any]]) -> StreamingResponse:
        """The chunks as server-sent events."""
        return streamed(chunks, self._keys)


def streamed(chunks: AsyncIterator[dict[str, Any]], keys: tuple[str, ...]) -> StreamingResponse:
    """Chunks as server-sent events, each under the name of its type where it has one."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_sent(chunks, keys), media_type="text/event-stream", headers=headers)


async def _sent(chunks: AsyncIterator[dict[str, Any]], keys: tuple[str, ...]) -> AsyncIterator[str]:
    """Server-sent events of `chunks`; an error that comes in between is one, too, as the SDK of OpenAI reads it."""
    try:
        async for chunk in chunks:
            name = f"event: {chunk['type']}\n" if "type" in chunk else ""
            yield f"{name}data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
        yield "data: [DONE]\n\n"
    except RagError as error:
        told = openai_error(status_of(error), without_keys(str(error), keys))
        yield f"data: {json.dumps({'error': told})}\n\n"
    except Exception as error:
        log_fault(error, keys)
        yield f"data: {json.dumps({'error': openai_error(500, FAULT)})}\n\n"


def pieces_of(text: str) -> Iterator[str]:
    """A text in pieces that end behind a space or a line, as chat programs show them one after another."""
    start = 0
    while start < len(text):
        end = text.find(" ", start + _PIECE) + 1 or len(text)
        yield text[start:end]
        start = end


def _usage(answer: Answer | None) -> dict[str, int]:
    prompt, completion = (answer.prompt_tokens, answer.completion_tokens) if answer else (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
