"""Where replies come from: one request to a model, running in a thread of its own and delivering into a queue."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import Any, Protocol

from rag.llm.events import Chunk
from rag.llm.prompts import Message


class Request:
    """One request to a model, begun when it is made.

    `items` gets each `Chunk` as it comes, then None for the end or the exception that was raised. `last` is when
    (`time.monotonic`) the model last wrote something, be it thinking; None while it hasn't.
    """

    def __init__(self) -> None:
        self.items: SimpleQueue[Chunk | BaseException | None] = SimpleQueue()
        self.last: float | None = None
        self.closed = False
        # The caller's context goes with it: LlamaIndex keeps the current span there. A daemon, since a model object
        # that can't be interrupted must not keep the program from ending.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._run,), name="rag-llm", daemon=True).start()

    def close(self) -> None:
        """End the request, from any thread; what still comes is dropped."""
        self.closed = True

    def deliver(self, chunk: Chunk) -> None:
        """Hand a chunk to whoever reads `items`."""
        # A chunk without text, such as one that only names the role, is no sign that the model is writing.
        if chunk.text or chunk.thinking:
            self.last = time.monotonic()
        self.items.put(chunk)

    def _run(self) -> None:
        try:
            self.exchange()
            self.items.put(None)
        except BaseException as e:
            self.items.put(e)

    def exchange(self) -> None:
        """Send the request and deliver its chunks; returns at the end, raises what goes wrong."""
        raise NotImplementedError


class Source(Protocol):
    """A model that can be asked: an `Endpoint`, or a LlamaIndex model (rag.llm.llamaindex).

    `host` is how messages name where it runs; `settings` are what decides its replies, without keys.
    """

    @property
    def model(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def begin(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Request:
        """Send a request."""
        ...
