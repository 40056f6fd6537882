"""Ending an answer early.

Gradio's own way to cancel an event races with what the event still sends: the page may end up with an error, or busy
for good. Here the wish to stop is noted on the server, the model is told, and the answer itself ends and says so, as
its last update.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

_LOOK = 0.1  # seconds between two looks at the wish while the source is silent

_ARRIVAL = 3.0  # seconds that a question waits for a page to be there at most

T = TypeVar("T")


class Stop:
    """The reader's wish about the answer that is being written: to end it, and maybe to see something else instead.

    `event` is set with it: it goes to `Rag.stream`, which ends the request to the model.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.instead: Any = None

    @property
    def asked(self) -> bool:
        """Whether the answer is to end."""
        return self.event.is_set()

    def ask(self, instead: Any = None) -> None:
        """Ends the answer soon. `instead` is what the page shows by then: the answer's last update must not undo it."""
        self.instead = instead if instead is not None else self.instead
        self.event.set()


class Stops:
    """The answers that are being written, by the session of their page."""

    def __init__(self) -> None:
        self._running: dict[str, Stop] = {}
        self._begun: set[str] = set()
        self._arriving: dict[str, threading.Event] = {}

    @contextmanager
    def running(self, session: str) -> Iterator[Stop]:
        """Registers an answer for as long as the context lasts."""
        self._begun.add(session)
        stop = self._running[session] = Stop()
        try:
            yield stop
        finally:
            if self._running.get(session) is stop:
                del self._running[session]

    def begun(self, session: str) -> bool:
        """Whether a session has asked anything."""
        return session in self._begun

    @contextmanager
    def arriving(self, session: str) -> Iterator[None]:
        """While the context lasts, a page shows what it begins with; `arrived` waits for its end."""
        done = self._arriving[session] = threading.Event()
        try:
            yield
        finally:
            done.set()
            self._arriving.pop(session, None)

    def arrived(self, session: str) -> None:
        """Waits until a page shows what it begins with, lest that comes after the answer and hides it."""
        if done := self._arriving.get(session):
            done.wait(_ARRIVAL)

    def leave(self, session: str) -> None:
        """Forgets a session; nobody reads what would still be written for it."""
        self.ask(session)
        self._begun.discard(session)

    def ask(self, session: str, instead: Any = None) -> None:
        """Stops the answer of a session, where there is one."""
        if stop := self._running.get(session):
            stop.ask(instead)


def until(events: Iterator[T], stop: Stop) -> Iterator[T | None]:
    """`events` until `stop` is asked for, which a slow source of events does not delay; None while it is silent.

    The source runs in a thread of its own. It is not asked for more once the reader stops or leaves, and leaving sets
    the event of `stop`.
    """
    pieces: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def pump() -> None:
        try:
            for event in events:
                pieces.put((event, None))
                if stop.asked:
                    break
            if isinstance(events, Generator):
                events.close()
            pieces.put((None, None))
        except BaseException as error:  # raised again where the events are read
            pieces.put((None, error))

    threading.Thread(target=pump, name="answer", daemon=True).start()
    try:
        while not stop.asked:
            try:
                event, error = pieces.get(timeout=_LOOK)
            except Empty:
                yield None
                continue
            if error is not None and not stop.asked:
                raise error
            if event is None:
                return
            yield event
    finally:
        stop.event.set()
