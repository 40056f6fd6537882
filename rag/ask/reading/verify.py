"""A second look: the model holds each claim against the sentences that it cites, where code can't judge."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pydantic import BaseModel, Field

from rag.ask.reading.prove import Proof, Prover
from rag.ask.reading.receipt import Receipt
from rag.ask.reading.sources import Sources
from rag.ask.reading.statements import Segment, parse
from rag.ask.reading.stream import Header
from rag.llm.client import Client
from rag.llm.prompts import data, prompt
from rag.llm.structured import ask_json

MOST = 40
"""Claims of one answer that are checked."""


class Verdict(BaseModel):
    """Whether one statement holds, and what to say instead."""

    number: int
    holds: bool
    instead: str = Field(default="", max_length=600)


class Verdicts(BaseModel):
    """The reply to the prompt `verify`."""

    statements: list[Verdict] = Field(max_length=200)


def verify(
    proofs: Sequence[Proof], sources: Sources, receipt: Receipt, client: Client, stop: threading.Event | None
) -> None:
    """Have the traced claims checked in one call. One that fails is put right, or where nothing is right, dropped.

    What is said instead has to be traced itself. Raises `ModelError`.
    """
    checked = [p for p in proofs if p.verdict == "supported" and any(p.cited)][:MOST]
    if not checked:
        return
    used = prompt("verify")
    labels = {p.statement.row: p.statement.text for p in proofs if p.statement.label}
    text = "\n\n".join(_shown(n, p, labels.get(p.statement.row, "")) for n, p in enumerate(checked, 1))
    found = ask_json(
        client,
        used.fill(statements=text, question=data(sources.question)),
        Verdicts,
        stop=stop,
        count=lambda reply: receipt.count(reply, used),
        max_tokens=200 + 60 * len(checked),
    )
    for verdict in found.statements if found else ():
        if not verdict.holds and 1 <= verdict.number <= len(checked):
            _change(checked[verdict.number - 1], verdict.instead, sources)


def _shown(number: int, proof: Proof, label: str) -> str:
    """A claim with its sentences; `label` heads the row of a table that it stands in."""
    sentences = dict.fromkeys(s for cited in proof.cited for s in cited)
    quotes = "\n".join(
        f"({data(source.paper.title)}) {data(' '.join(source.text(n).split()))}" for source, n in sentences
    )
    row = f" (in the row “{data(label)}” of a table)" if label and label != proof.statement.text else ""
    return f"<source>\n{quotes}\n</source>\nStatement {number}{row}: {data(proof.statement.text)}"


def _change(proof: Proof, instead: str, sources: Sources) -> None:
    """Put a claim right, or drop it."""
    pairs = tuple(dict.fromkeys((source.number, n) for cited in proof.cited for source, n in cited))
    text = " ".join(instead.split()).replace("[", "(").replace("]", ")").rstrip(".")
    if text:
        cites = "".join(f"[{a}.{b}]" for a, b in pairs)
        again = Prover(sources).prove(parse(f"{text} {cites}.", Header()))
        if len(again) == 1 and again[0].verdict == "supported":
            sentences = [s for cited in proof.cited for s in cited]
            proof.statement.segments[:] = [Segment(text, pairs)]
            proof.cited[:] = [list(dict.fromkeys(sentences))]
            proof.changed = True
            return
    proof.verdict, proof.dropped = "unsupported", True
    proof.reason = "left out, since the model finds that its source does not say it"
