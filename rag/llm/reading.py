"""How a language model is read: with deadlines, a stop, bounded retries, and its thinking left out.

The model is any LlamaIndex `LLM`, ours or a caller's. A thread of its own takes the chunks and queues them, and the
reader waits on the queue; so no model object can hold the reader up.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty
from typing import Any, Literal

from llama_index.core.llms import LLM, ChatMessage

from rag.core.errors import (
    ModelError,
    ModelRateLimit,
    ModelServerError,
    ModelStopped,
    ModelTimeout,
    ModelUnreachable,
    QuotaExhausted,
)
from rag.llm.endpoint_errors import ours
from rag.llm.pump import Chunk, Pump
from rag.llm.replies import Recorded, Replies, key_of
from rag.llm.thinking import Thinking

TICK = 0.05
"""Seconds after which a stop is noticed at the latest. Pieces are not delayed by it."""
LONGEST_WAIT = 20.0
"""Seconds that an endpoint may make us wait by Retry-After; when it asks for more, the error is told at once."""
PAUSE = 1.0
"""Seconds before the second attempt; twice as many before the third. Give or take a fifth, lest many come at once."""
PIECE = 40
"""Characters of a piece when a reply comes from the cache."""
CHARACTERS_A_TOKEN = 4
"""For estimates: https://help.openai.com/en/articles/4936856 (English text)."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: until the connection stands, until the first token, between tokens, and for all with its retries.

    `connect` is known of our `Endpoint` only; other models are held to the rest. Thinking counts as tokens.
    """

    connect: float = 10.0
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


class Reader:
    """Reads a model. Holds no state of a call, so that threads may share it."""

    def __init__(
        self, llm: LLM, *, deadlines: Deadlines = Deadlines(), retries: int = 2, cache: Replies | None = None
    ) -> None:
        self.llm, self.deadlines, self.retries, self.cache = llm, deadlines, retries, cache

    @property
    def model(self) -> str:
        """The model's name as it is configured."""
        return self.llm.metadata.model_name

    @property
    def host(self) -> str:
        """Where the model runs, as far as its object says."""
        return str(getattr(self.llm, "host", None) or type(self.llm).__name__)

    def open(self, messages: Sequence[ChatMessage], *, stop: threading.Event | None = None, **options: Any) -> Reply:
        """A reply to these messages; the model is asked when the first piece is. `options` go to the model's call."""
        return Reply(self, messages, stop or threading.Event(), options)


class Reply:
    """The pieces of an answer's text, to be iterated once; thinking is left out.

    Iterating raises `ModelError`, with the text so far in its `partial`. Stopping to iterate (closing the iterator)
    closes the connection. The fields are final at the end:

    `text`: all that has come; it is what the pieces join to, unless thinking was recognised too late. `usage`: tokens
    of all attempts. `model`: its name as the endpoint gives it, else as configured. `first_token`: seconds from the
    start to the first piece, None before it. `finish`: "length" where the model ran into its limit of tokens, "stop"
    where it was done, None where unknown. `cached`: it comes from the cache, and no model was asked.
    """

    def __init__(
        self, reader: Reader, messages: Sequence[ChatMessage], stop: threading.Event, options: Mapping[str, Any]
    ) -> None:
        self.text = ""
        self.usage = Usage()
        self.model = reader.model
        self.first_token: float | None = None
        self.finish: Literal["stop", "length"] | None = None
        self.cached = False
        self._reader, self._messages, self._stop, self._options = reader, messages, stop, dict(options)
        self._pieces = self._read()

    def __iter__(self) -> Generator[str, None, None]:
        return self._pieces

    def _read(self) -> Generator[str, None, None]:
        start = time.monotonic()
        cache = self._reader.cache
        key = key_of(self._reader.llm, self._messages, self._options) if cache else ""
        self._check_stop()
        recorded = cache.get(key) if cache else None
        pieces = self._attempts(start + self._reader.deadlines.total) if recorded is None else self._replayed(recorded)
        for piece in pieces:
            if self.first_token is None:
                self.first_token = time.monotonic() - start
            yield piece
        if cache and recorded is None:
            cache.put(key, self._recorded())

    def _attempts(self, end: float) -> Iterator[str]:
        """The pieces, from as many attempts as it takes and is allowed."""
        for attempt in range(self._reader.retries + 1):
            try:
                yield from self._attempt(end)
                return
            except ModelError as e:
                e.partial = self.text
                wait = _wait(e, attempt)
                last = attempt == self._reader.retries or wait is None or time.monotonic() + wait >= end
                if last or self.first_token is not None:
                    raise
            if self._stop.wait(wait):
                self._check_stop()

    def _attempt(self, end: float) -> Iterator[str]:
        """The pieces of one request."""
        thinking = Thinking()
        spent = self.usage
        self.finish = None
        pump = Pump(self._reader.llm, self._messages, self._options)
        try:
            for chunk in self._arrivals(pump, end):
                self.model = chunk.model or self.model
                self.finish = _FINISH.get(chunk.finish or "", self.finish)
                if chunk.tokens:
                    self.usage = spent + Usage(*chunk.tokens)
                piece = thinking.feed(chunk.text)
                self.text = thinking.answer
                if piece:
                    yield piece
        finally:
            pump.close()
            if self.usage == spent and self.text:  # not told, or the reader left before it was
                self.usage = spent + self._estimate()
        piece = thinking.end()
        self.text = thinking.answer
        if piece:
            yield piece
        if not self.text.strip():
            raise self._empty()

    def _arrivals(self, pump: Pump, end: float) -> Iterator[Chunk]:
        """What the pump delivers, as long as the deadlines hold and nobody stops it."""
        begin = time.monotonic()
        while True:
            self._check_stop()
            if time.monotonic() >= end:
                raise self._late("total", "did not finish", self._reader.deadlines.total)
            try:
                item = pump.items.get(timeout=TICK)
            except Empty:
                self._check_deadlines(pump, begin)
                continue
            if item is None:
                return
            if isinstance(item, Chunk):
                yield item
                continue
            if isinstance(item, ModelError):
                raise item
            raise ours(item, self._reader.host, self._reader.model) from item

    def _check_deadlines(self, pump: Pump, begin: float) -> None:
        limits, now = self._reader.deadlines, time.monotonic()
        if pump.last is not None:
            # Counted from when it came, not from when a slow consumer took it.
            if now >= pump.last + limits.between:
                raise self._late("between tokens", "fell silent in mid-answer", limits.between)
        elif now >= begin + limits.first:
            raise self._late("first token", "gave no first token", limits.first)
        elif now >= begin + limits.connect and not pump.connected:
            raise self._late("connect", "did not take the connection", limits.connect)

    def _late(self, name: str, what: str, seconds: float) -> ModelTimeout:
        return ModelTimeout(
            f"{self._reader.host} {what} for {self._reader.model} within {seconds:g} seconds (deadline: {name}). "
            "Try again, or allow it more seconds.",
            partial=self.text,
        )

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise ModelStopped(
                f"The answer of {self._reader.model} at {self._reader.host} was stopped; ask again to get one.",
                partial=self.text,
            )

    def _empty(self) -> ModelServerError:
        who = f"{self._reader.model} at {self._reader.host}"
        if self.finish == "length":
            return _Exhausted(
                f"{who} spent all its tokens before an answer began. Allow it more, or use one that thinks less."
            )
        return _Empty(f"{who} sent an empty answer. Ask again, or use another model.")

    def _estimate(self) -> Usage:
        prompt = sum(len(m.content or "") for m in self._messages)
        return Usage(prompt // CHARACTERS_A_TOKEN + 1, len(self.text) // CHARACTERS_A_TOKEN + 1, estimated=True)

    def _replayed(self, recorded: Recorded) -> Iterator[str]:
        self.cached, self.model, self.finish = True, recorded.model, recorded.finish
        self.usage = Usage(recorded.prompt_tokens, recorded.completion_tokens, recorded.estimated)
        for start in range(0, len(recorded.text), PIECE):
            self._check_stop()
            piece = recorded.text[start : start + PIECE]
            self.text += piece
            yield piece

    def _recorded(self) -> Recorded:
        usage = self.usage
        return Recorded(
            self.text, self.model, self.finish, usage.prompt_tokens, usage.completion_tokens, usage.estimated
        )


class _Empty(ModelServerError):
    """An empty completion: a second try often has one."""


class _Exhausted(ModelServerError):
    """No answer within the limit of tokens: it would be the same again."""


_FINISH: dict[str, Literal["stop", "length"]] = {
    **dict.fromkeys(("stop", "end_turn", "eos"), "stop"),
    **dict.fromkeys(("length", "max_tokens"), "length"),
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
