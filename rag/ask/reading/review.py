"""Overviews of more papers than one call holds: notes on each part, put together in one call more."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence

from rag.ask.plan import Plan
from rag.ask.reading.answer import MARGIN, REPLY_TOKENS, USUAL, Check, Event, Settings, read_reply
from rag.ask.reading.batches import Batch, batches, read_batches
from rag.ask.reading.receipt import Receipt
from rag.ask.reading.sources import rendered, tokens
from rag.core.answer import Step
from rag.index.index import Index
from rag.llm.client import Client
from rag.llm.prompts import data, prompt

TOKENS_A_PAPER = 70
"""Of notes, for each paper of a part."""


def review(
    plan: Plan,
    rows: Sequence[int],
    index: Index,
    client: Client,
    *,
    settings: Settings = USUAL,
    receipt: Receipt | None = None,
    stop: threading.Event | None = None,
    check: Check | None = None,
) -> Iterator[Event]:
    """An overview of the papers in `rows`, best first: steps, text as it comes, the `Reading` last.

    Every statement keeps the sentences that the notes give for it. Raises `ModelStopped`, and `ModelError` where every
    call for notes fails or there is no falling back.
    """
    receipt = receipt or Receipt()
    used = prompt("notes")
    question = data(plan.standalone)
    fixed = sum(tokens(m.content) for m in used.fill(sources="", question=question)) + MARGIN
    sources, parts = batches(rows, index, max(256, client.context * 3 // 4 - fixed))
    warnings: list[str] = []

    def ask(batch: Batch, halt: threading.Event) -> str:
        reply = client.stream(
            used.fill(sources=rendered(batch), question=question),
            stop=halt,
            max_tokens=min(client.context // 4, 100 + TOKENS_A_PAPER * len(batch)),
        )
        text = "".join(reply)
        receipt.count(reply, used)
        return text

    notes: list[str | None] = []
    for step in read_batches(parts, ask, stop, warnings):
        if isinstance(step, Step):
            yield step
        else:
            notes = step
    yield Step("answer", "Putting the notes together")
    whole = prompt("review")
    limit = min(REPLY_TOKENS["overview"], client.context // 4)
    room = client.context - limit - MARGIN - sum(tokens(m.content) for m in whole.fill(notes="", question=question))
    lines = [line for text in notes if text for line in text.splitlines() if re.search(r"\d\.\d", line)]
    while lines and tokens("\n".join(lines)) > room:
        lines.pop()
    messages = whole.fill(notes=data("\n".join(lines)), question=question)
    yield from read_reply(
        client, messages, whole, limit, sources, receipt, warnings, settings=settings, stop=stop, check=check
    )
