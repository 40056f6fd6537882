"""Many papers read in batches, side by side, with a bounded number of calls."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from rag.ask.reading.sources import Source, Sources, tokens
from rag.core.answer import Step
from rag.core.errors import ModelError, ModelStopped
from rag.index.index import Index

CALLS = 5
"""Batches of one answer, at most; putting their results together may take one call more."""
SMALLEST = 12
"""Papers of a batch, where there are so many: fewer would only cost more calls."""
TOGETHER = 4
"""Requests at the same time. A server that takes one at a time queues them."""
_TICK = 0.1

Batch = tuple[Source, ...]
T = TypeVar("T")


def batches(rows: Sequence[int], index: Index, budget: int) -> tuple[Sources, list[Batch]]:
    """The papers in `rows`, best first, as sources with numbers of their own throughout, and cut into batches.

    A batch has `budget` tokens at most. What does not fit into `CALLS` batches, the lowest-ranked, is left out.
    """
    wanted = list(dict.fromkeys(rows))
    size = max(SMALLEST, math.ceil(len(wanted) / CALLS))
    found: list[list[Source]] = [[]]
    left = budget
    for row in wanted:
        spans = tuple(index.sentences(row))
        number = sum(map(len, found)) + 1
        source = Source(number, row, index.papers[row], spans, tuple(range(1, len(spans) + 1)))
        cost = tokens(source.rendered()) + 1
        if found[-1] and (len(found[-1]) >= size or cost > left):
            if len(found) == CALLS:
                break
            found.append([])
            left = budget
        found[-1].append(source)
        left -= cost
    papers = tuple(source for batch in found for source in batch)
    return Sources(index, papers, left_out=len(wanted) - len(papers)), [tuple(batch) for batch in found if batch]


def read_batches(
    parts: Sequence[Batch],
    ask: Callable[[Batch, threading.Event], T],
    stop: threading.Event | None,
    warnings: list[str],
) -> Iterator[Step | list[T | None]]:
    """What `ask` gives for each batch, in their order, None for one that failed; before it, a step as each is done.

    `ask` gets an event that is set when nothing more is wanted. Raises `ModelStopped`, and the error of the last batch
    where all fail.
    """
    total, done = sum(map(len, parts)), 0
    halt = threading.Event()
    results: list[T | None] = [None] * len(parts)
    error: ModelError | None = None
    yield Step("answer", f"Reading {total} papers")
    pool = ThreadPoolExecutor(TOGETHER, thread_name_prefix="rag-batch")
    try:
        asked: dict[Future[T], int] = {pool.submit(ask, part, halt): n for n, part in enumerate(parts)}
        waiting = set(asked)
        while waiting:
            finished, waiting = wait(waiting, timeout=_TICK, return_when=FIRST_COMPLETED)
            if stop is not None and stop.is_set():
                raise ModelStopped("The answer was stopped; ask again to get one.")
            for future in finished:
                try:
                    results[asked[future]] = future.result()
                except ModelStopped:
                    raise
                except ModelError as e:
                    error = e
                done += len(parts[asked[future]])
                yield Step("answer", f"Read {done} of {total} papers")
    finally:
        halt.set()
        pool.shutdown(wait=False, cancel_futures=True)
    if error is not None and all(r is None for r in results):
        raise error
    if error is not None:
        warnings.append(str(error))
    yield results
