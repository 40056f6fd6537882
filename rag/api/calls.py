"""How many calls are answered at once, and that they end where their caller goes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import ceil
from typing import TypeVar

import anyio

from rag.core.errors import Busy, UsageError

WAITING = 64
"""Calls that may wait; more are refused with a sentence rather than kept for minutes."""
_AT_ONCE = 4  # As on the page: retrieval is bound by the processor. So many calls wait for a model beside them.
_LOOK = 0.5  # seconds between two looks whether the caller is still there
_WINDOW = 60.0  # seconds that a limit of calls counts over
_REMEMBERED = 10_000  # callers whose calls are counted

T = TypeVar("T")


class Calls:
    """Answers a few calls at a time; others wait, and where too many do, they are refused.

    Those that wait for a model are counted apart: nobody who needs none waits for them. `seen` gets what is answered.
    """

    def __init__(self, seen: Callable[[object], None] = lambda _: None) -> None:
        self.seen = seen
        self._limiters = {with_model: anyio.CapacityLimiter(_AT_ONCE) for with_model in (True, False)}
        self._seconds = {True: 20.0, False: 1.0}  # of a call, on average

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return sum(limiter.statistics().tasks_waiting for limiter in self._limiters.values())

    @asynccontextmanager
    async def turn(self, *, with_model: bool) -> AsyncIterator[None]:
        """While the block runs, one of the places is taken. `Busy` where too many wait for one."""
        limiter = self._limiters[with_model]
        if limiter.statistics().tasks_waiting >= WAITING:
            wait = ceil(self._seconds[with_model] * WAITING / _AT_ONCE)
            raise Busy(f"{WAITING} calls are waiting already; try again in about {wait} seconds.", retry_after=wait)
        caller = object()  # Not the task, which is what a limiter else asks for: a stream may end in another.
        await limiter.acquire_on_behalf_of(caller)
        start = time.monotonic()
        try:
            yield
        finally:
            limiter.release_on_behalf_of(caller)
            self._seconds[with_model] += (time.monotonic() - start - self._seconds[with_model]) / 10

    async def answer(
        self,
        gone: Callable[[], Awaitable[bool]],
        work: Callable[[threading.Event], T],
        *,
        with_model: bool = False,
    ) -> T:
        """What `work` returns, or raises. It gets an event that is set once `gone` says that the caller has gone."""
        stop = threading.Event()
        value: list[T] = []
        async with _while_there(gone, stop), self.turn(with_model=with_model):
            value.append(await anyio.to_thread.run_sync(work, stop, abandon_on_cancel=True))
        self.seen(value[0])
        return value[0]


@asynccontextmanager
async def _while_there(gone: Callable[[], Awaitable[bool]], stop: threading.Event) -> AsyncIterator[None]:
    """While the block runs: `stop` is set where the caller goes, and what only waits for its turn is given up."""
    scope = anyio.CancelScope()

    async def watch() -> None:
        while not await gone():
            await asyncio.sleep(_LOOK)
        stop.set()
        scope.cancel()

    watching = asyncio.create_task(watch())
    try:
        with scope:
            yield
    finally:
        watching.cancel()
        stop.set()
    if scope.cancelled_caught:
        raise UsageError("The caller has gone.")


class Limit:
    """At most so many calls a minute of one caller; 0 for any number."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._made: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Count a call. `Busy`, with the seconds to wait, where there were too many."""
        if not self._most:
            return
        now, made = self._clock(), self._made.setdefault(caller, deque())
        self._made.move_to_end(caller)
        while len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)
        while made and made[0] <= now - _WINDOW:
            made.popleft()
        if len(made) >= self._most:
            wait = max(1, ceil(made[0] + _WINDOW - now))
            raise Busy(
                f"These were {self._most} calls within a minute, as many as you may make; wait {wait} seconds.",
                retry_after=wait,
            )
        made.append(now)
