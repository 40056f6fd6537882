"""The answer of a model to a question of any kind: which way it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from rag.ask.plan import Plan
from rag.ask.reading.answer import SOURCES, USUAL, Check, Event, Reading, Settings, read
from rag.ask.reading.prove import Proof
from rag.ask.reading.receipt import Receipt
from rag.ask.reading.review import review
from rag.ask.reading.screening import screen
from rag.ask.reading.sources import Sources
from rag.ask.reading.stream import Header
from rag.ask.reading.verify import verify
from rag.core.answer import Step, Text
from rag.core.errors import ModelError, ModelStopped
from rag.index.index import Index
from rag.llm.client import Client

Further = Callable[[str], Sequence[int]]
"""Searches the collection once more: the rows of papers for a text, best first."""


def answer(
    plan: Plan,
    rows: Sequence[int],
    index: Index,
    client: Client,
    *,
    further: Further | None = None,
    considered: int = 0,
    settings: Settings = USUAL,
    receipt: Receipt | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Answer a question from the papers in `rows`, best first: steps, text as it comes, the `Reading` last.

    A list and an overview read all of `rows`, in several calls where one does not hold them; any other question the
    best, and where the model says what another paper would write that answers, once more those that `further` finds
    for it. `considered` is how many papers were searched (0: all of the index). The `Reading` is not usable where the
    model failed or nothing of what it wrote can be traced: then the caller quotes. Raises `ModelStopped`, and
    `ModelError` where `settings.fallback` is off.
    """
    receipt = receipt or Receipt()
    check = _check(client, settings, stop)
    many = len(set(rows)) > SOURCES[plan.kind] and settings.sources <= 0
    try:
        if plan.kind == "list" and (many or plan.count):
            yield from screen(
                plan, rows, index, client, considered=considered or len(index), receipt=receipt, stop=stop
            )
        elif plan.kind == "overview" and many:
            yield from review(plan, rows, index, client, settings=settings, receipt=receipt, stop=stop, check=check)
        else:
            yield from _read(plan, rows, index, client, further, settings, receipt, stop, check)
    except ModelError as e:
        if isinstance(e, ModelStopped) or not settings.fallback:
            raise
        yield Reading("", "nearest", None, (), (), (), receipt, (), (str(e),), usable=False, followed=False)


def _read(
    plan: Plan,
    rows: Sequence[int],
    index: Index,
    client: Client,
    further: Further | None,
    settings: Settings,
    receipt: Receipt,
    stop: threading.Event | None,
    check: Check | None,
) -> Iterator[Event]:
    """Read the best papers, and where they do not answer, those that the model would search for: two calls at most.

    What the first call said stands where the second finds no answer either.
    """
    first: Reading | None = None
    for event in read(
        plan, rows, index, client, settings=settings, receipt=receipt, stop=stop, check=check, hold=_searches
    ):
        if isinstance(event, Reading):
            first = event
        else:
            yield event
    assert first is not None
    found = further(first.search) if further and first.search else ()
    new = [row for row in found if row not in first.read]
    if new:
        cited = [index.rows[c.paper_id] for c in first.citations] if first.state == "partly" else []
        more = list(dict.fromkeys([*cited, *new]))
        yield Step("retrieve", f"Searching for {first.search}")
        try:
            second = yield from _second(
                read(plan, more, index, client, settings=settings, receipt=receipt, stop=stop, check=check, hold=_open)
            )
        except ModelStopped:
            raise
        except ModelError:
            second = None
        if second is not None and len(second.missing) <= len(first.missing):
            yield replace(second, read=(*first.read, *second.read))
            return
    if first.search:
        yield Text(first.text)
    yield first


def _second(events: Iterator[Event]) -> Generator[Event, None, Reading | None]:
    """The events of a second reading; gives the `Reading` where it answers."""
    for event in events:
        if isinstance(event, Reading):
            return event if event.usable and event.state in ("answers", "partly") else None
        yield event
    return None


def _searches(header: Header) -> bool:
    return bool(header.search)


def _open(header: Header) -> bool:
    return header.state in ("nearest", "nothing")


def _check(client: Client, settings: Settings, stop: threading.Event | None) -> Check | None:
    """The second look that `thorough` wants; where none is to be had, the answer stands without."""
    if not settings.thorough:
        return None

    def look(proofs: list[Proof], sources: Sources, receipt: Receipt) -> None:
        try:
            verify(proofs, sources, receipt, client, stop)
        except ModelStopped:
            raise
        except ModelError:
            if not settings.fallback:
                raise

    return look
