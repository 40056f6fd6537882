"""The client of a language model: deadlines, a stop, bounded retries, a cache, and the model's thinking left out.

A request runs in a thread of its own and fills a queue, on which the client waits; so no model can hold the caller up.
"""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty
from typing import Any, Literal

from rag.core.errors import (
    ModelError,
    ModelRateLimit,
    ModelServerError,
    ModelStopped,
    ModelTimeout,
    ModelUnreachable,
    QuotaExhausted,
)
from rag.core.tracing import NOTHING, Span
from rag.llm.events import Chunk
from rag.llm.faults import model_error
from rag.llm.prompts import Message
from rag.llm.replies import Recorded, Replies, key_of
from rag.llm.source import Request, Source
from rag.llm.thinking import Thinking
from rag.llm.window import context_window

TICK = 0.05
"""Seconds after which a stop is noticed at the latest. Pieces are not delayed by it."""
LONGEST_WAIT = 20.0
"""Seconds that an endpoint may make us wait by Retry-After; when it asks for more, the error is raised at once."""
PAUSE = 1.0
"""Seconds before the second attempt; twice as many before the third. Give or take a fifth, lest many come at once."""
PIECE = 40
"""Characters of a piece when a reply comes from the cache."""
LONGEST = 60_000
"""Characters of a reply that are read; a review of twenty papers has a fifth of them."""
CHARACTERS_A_TOKEN = 4
"""For estimates: https://help.openai.com/en/articles/4936856 (English text)."""

Finish = Literal["stop", "length", "filter"]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: until the first token, between tokens, and for all with its retries. Thinking counts as tokens."""

    first: float = 120.0
    between: float = 60.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `estimated`: the endpoint gave no counts, and these are a quarter of the characters."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.estimated or other.estimated,
        )


class Client:
    """Asks a model. Holds no state of a call, so that threads may share it.

    `context` is what the model reads, in tokens; 0 where the endpoint is to be asked for it.
    """

    def __init__(
        self,
        source: Source,
        *,
        deadlines: Deadlines = Deadlines(),
        retries: int = 2,
        cache: Replies | None = None,
        context: int = 0,
    ) -> None:
        self.source, self.deadlines, self.retries, self.cache = source, deadlines, retries, cache
        self._context = context
        self.span = NOTHING

    def within(self, span: Span) -> Client:
        """The same client, whose requests are parts of `span`."""
        if span is NOTHING:
            return self
        self._context = self.context  # asked once, and not by each copy
        other = copy.copy(self)
        other.span = span
        return other

    @property
    def model(self) -> str:
        """The name of the model, as configured."""
        return self.source.model

    @property
    def host(self) -> str:
        """Where the model runs, as messages name it."""
        return self.source.host

    @property
    def context(self) -> int:
        """How many tokens the model reads; the endpoint is asked once, where the configuration doesn't say."""
        self._context = self._context or context_window(self.source)
        return self._context

    def stream(self, messages: Sequence[Message], *, stop: threading.Event | None = None, **options: Any) -> Reply:
        """A reply, which sends the request when it is iterated. `options`, such as `max_tokens`, go to the model.

        Iterating raises `ModelError` with the text that had come, `ModelStopped` soon after `stop` is set.
        """
        return Reply(self, messages, stop or threading.Event(), options)


class Reply:
    """Pieces of text; iterable once. Leaving the iteration closes the connection. Its fields are final at the end.

    `text` is all that has come; it is what the pieces join to, unless thinking was recognised too late. `usage` counts
    the tokens of all attempts. `model` is its name as the endpoint gives it, else as configured. `first_token` is the
    seconds from the start to the first piece, None before it. `finish` is "length" where the model ran into its limit
    of tokens, "filter" where the endpoint withheld the rest, "stop" where it was done, None where unknown. `cached`
    replies come from the cache, and no model was asked.
    """

    def __init__(
        self, client: Client, messages: Sequence[Message], stop: threading.Event, options: Mapping[str, Any]
    ) -> None:
        self.text, self.usage, self.model = "", Usage(), client.model
        self.first_token: float | None = None
        self.finish: Finish | None = None
        self.cached = False
        self._client, self._messages, self._stop, self._options = client, messages, stop, dict(options)
        self._pieces = self._read()

    def __iter__(self) -> Generator[str, None, None]:
        return self._pieces

    def close(self) -> None:
        """End the request. Nothing more comes."""
        self._pieces.close()

    def _read(self) -> Generator[str, None, None]:
        start = time.monotonic()
        cache = self._client.cache
        key = key_of(self._client.source, self._messages, self._options) if cache else ""
        self._check_stop()
        recorded = cache.get(key) if cache else None
        pieces = self._attempts(start + self._client.deadlines.total) if recorded is None else self._replayed(recorded)
        span = self._client.span.child(f"chat {self.model}", {"gen_ai.operation.name": "chat"})
        try:
            for piece in pieces:
                if self.first_token is None:
                    self.first_token = time.monotonic() - start
                yield piece
        except Exception as error:
            span.fail(error)
            raise
        finally:
            span.set(self._described())
            span.end()
        if cache and recorded is None:
            u = self.usage
            whole = Recorded(self.text, self.model, self.finish, u.prompt_tokens, u.completion_tokens, u.estimated)
            cache.put(key, whole)

    def _described(self) -> dict[str, str | int | float | bool | None]:
        """The call by the names of OpenTelemetry."""
        return {
            "server.address": self._client.host,
            "gen_ai.request.model": self._client.model,
            "gen_ai.response.model": self.model,
            "gen_ai.usage.input_tokens": self.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": self.usage.completion_tokens,
            "paper_rag.first_token": self.first_token,
            "paper_rag.cached": self.cached,
        }

    def _attempts(self, end: float) -> Iterator[str]:
        """The pieces, from as many attempts as it takes and is allowed."""
        for attempt in range(self._client.retries + 1):
            try:
                yield from self._attempt(end)
                return
            except ModelError as e:
                e.partial = self.text
                wait = _wait(e, attempt)
                last = attempt == self._client.retries or wait is None or time.monotonic() + wait >= end
                if last or self.first_token is not None:
                    raise
            if self._stop.wait(wait):
                self._check_stop()

    def _attempt(self, end: float) -> Iterator[str]:
        """The pieces of one request."""
        thinking, spent = Thinking(), self.usage
        self.finish = None
        request = self._client.source.begin(self._messages, self._options)
        try:
            for chunk in self._arrivals(request, end):
                self.model = chunk.model or self.model
                if self.finish != "filter":  # Some say "stop" after it.
                    self.finish = _FINISH.get(chunk.finish or "", self.finish)
                if chunk.tokens:
                    self.usage = spent + Usage(*chunk.tokens)
                piece = thinking.feed(chunk.text)
                self.text = thinking.answer
                if piece:
                    yield piece
                if len(self.text) > LONGEST:
                    self.finish = "length"
                    break
        finally:
            request.close()
            if self.usage == spent and self.text:  # not told, or the reader left before it was
                self.usage = spent + self._estimate()
        piece = thinking.end()
        self.text = thinking.answer
        if piece:
            yield piece
        if not self.text.strip():
            raise self._empty()

    def _arrivals(self, request: Request, end: float) -> Iterator[Chunk]:
        """What the request delivers, as long as the deadlines hold and nobody stops it."""
        begin = time.monotonic()
        while True:
            self._check_stop()
            if time.monotonic() >= end:
                raise self._late("total", "did not finish", self._client.deadlines.total)
            try:
                item = request.items.get(timeout=TICK)
            except Empty:
                self._check_deadlines(request, begin)
                continue
            if item is None:
                return
            if isinstance(item, Chunk):
                yield item
                continue
            if isinstance(item, ModelError):
                raise item
            raise model_error(item, self._client.host, self._client.model) from item

    def _check_deadlines(self, request: Request, begin: float) -> None:
        limits, now = self._client.deadlines, time.monotonic()
        if request.last is not None:
            # Counted from when it came, not from when a slow consumer took it.
            if now >= request.last + limits.between:
                raise self._late("between tokens", "fell silent in mid-answer", limits.between)
        elif now >= begin + limits.first:
            raise self._late("first token", "gave no first token", limits.first)

    def _late(self, name: str, what: str, seconds: float) -> ModelTimeout:
        return ModelTimeout(
            f"{self._client.host} {what} for {self._client.model} within {seconds:g} seconds (deadline: {name}). "
            "Try again, or allow it more seconds.",
            partial=self.text,
        )

    def _check_stop(self) -> None:
        if self._stop.is_set():
            who = f"{self._client.model} at {self._client.host}"
            raise ModelStopped(f"The answer of {who} was stopped; ask again to get one.", partial=self.text)

    def _empty(self) -> ModelServerError:
        who = f"{self._client.model} at {self._client.host}"
        if self.finish == "length":
            return _Exhausted(
                f"{who} spent all its tokens before an answer began. Allow it more, or use one that thinks less."
            )
        if self.finish == "filter":
            return _Exhausted(
                f"{who} refused to answer, or its content filter withheld the answer. Ask otherwise, or use another "
                "model."
            )
        return _Empty(f"{who} sent an empty answer. Ask again, or use another model.")

    def _estimate(self) -> Usage:
        prompt = sum(len(m.content) for m in self._messages)
        return Usage(prompt // CHARACTERS_A_TOKEN + 1, len(self.text) // CHARACTERS_A_TOKEN + 1, estimated=True)

    def _replayed(self, recorded: Recorded) -> Iterator[str]:
        self.cached, self.model, self.finish = True, recorded.model, recorded.finish
        self.usage = Usage(recorded.prompt_tokens, recorded.completion_tokens, recorded.estimated)
        for start in range(0, len(recorded.text), PIECE):
            self._check_stop()
            piece = recorded.text[start : start + PIECE]
            self.text += piece
            yield piece


class _Empty(ModelServerError):
    """An empty completion: a second try often has one."""


class _Exhausted(ModelServerError):
    """No answer within the limit of tokens, or none that may be seen: it would be the same again."""


_FINISH: dict[str, Finish] = {
    **dict.fromkeys(("stop", "end_turn", "eos"), "stop"),
    **dict.fromkeys(("length", "max_tokens"), "length"),
    "content_filter": "filter",
}


def _wait(error: ModelError, attempt: int) -> float | None:
    """Seconds to wait before the next attempt; None where another would not help."""
    if isinstance(error, QuotaExhausted | _Exhausted) or not isinstance(
        error, ModelRateLimit | ModelServerError | ModelUnreachable
    ):
        return None
    if isinstance(error, _Empty):
        return 0.0 if attempt == 0 else None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return PAUSE * (1 << attempt) * random.uniform(0.8, 1.2)
