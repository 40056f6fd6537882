"""A blocking stream for programs that use asyncio: it runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


async def in_thread(begin: Callable[[threading.Event], Iterator[T]]) -> AsyncIterator[T]:
    """What the iterator that `begin` makes yields, or raises. Leaving early sets the event that `begin` was given.

    Nothing is kept between two streams, so that each may have an event loop of its own.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[tuple[bool, T | Exception | None]] = asyncio.Queue()
    stop = threading.Event()

    def tell(more: bool, what: T | Exception | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(arrived.put_nowait, (more, what))

    def run() -> None:
        try:
            for item in begin(stop):
                tell(True, item)
                if stop.is_set():
                    break
            tell(False, None)
        except Exception as e:  # raised again where it is awaited
            tell(False, e)

    threading.Thread(target=run, name="stream", daemon=True).start()
    try:
        while True:
            more, what = await arrived.get()
            if isinstance(what, Exception):
                raise what
            if not more:
                return
            yield what  # type: ignore[misc]
    finally:
        stop.set()
