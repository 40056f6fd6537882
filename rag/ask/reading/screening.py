"""Lists and counts with a model: every candidate is read; what fits is named with the sentence that shows it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, Field

from rag.ask.citations import Citations
from rag.ask.plan import Plan
from rag.ask.reading.answer import MARGIN, Event, Reading
from rag.ask.reading.batches import Batch, batches, read_batches
from rag.ask.reading.prove import Proof, Prover
from rag.ask.reading.receipt import Receipt
from rag.ask.reading.render import render
from rag.ask.reading.sources import Source, Sources, rendered, tokens
from rag.ask.reading.statements import Parsed, parse
from rag.ask.reading.stream import Header, State
from rag.core.answer import Step, Text
from rag.index.index import Index
from rag.llm.client import Client
from rag.llm.prompts import data, prompt
from rag.llm.structured import ask_json

TOKENS_A_PAPER = 60
"""Of a reply, for each paper of a batch."""
UNFIT = "{model} found none of the {read} abstracts that it read to fit; only exact quotes are shown instead."
UNREAD = "No reply of {model} could be used; only exact quotes are shown instead."


class Fitting(BaseModel):
    """One paper that fits, as the model names it."""

    source: int
    fit: str = "yes"
    sentence: int = 0
    says: str = Field(default="", max_length=400)


class Screened(BaseModel):
    """The reply to the prompt `screen`."""

    papers: list[Fitting] = Field(max_length=200)


def screen(
    plan: Plan,
    rows: Sequence[int],
    index: Index,
    client: Client,
    *,
    considered: int,
    receipt: Receipt | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """List the papers among `rows`, best first, that fit: steps, the text, the `Reading` last.

    `considered` is how many papers the collection has, of which `rows` are the candidates. The `Reading` is not usable
    where nothing fits, or nothing could be read. Raises `ModelStopped`, and `ModelError` where every call fails.
    """
    receipt = receipt or Receipt()
    used = prompt("screen")
    question = data(plan.standalone)
    fixed = sum(tokens(m.content) for m in used.fill(sources="", question=question)) + MARGIN
    # A quarter of the context is for the reply.
    sources, parts = batches(rows, index, max(256, client.context * 3 // 4 - fixed))
    warnings: list[str] = []

    def ask(batch: Batch, halt: threading.Event) -> Screened | None:
        return ask_json(
            client,
            used.fill(sources=rendered(batch), question=question),
            Screened,
            stop=halt,
            count=lambda reply: receipt.count(reply, used),
            max_tokens=min(client.context // 4, 100 + TOKENS_A_PAPER * len(batch)),
        )

    found: list[Screened | None] = []
    for step in read_batches(parts, ask, stop, warnings):
        if isinstance(step, Step):
            yield step
        else:
            found = step
    read = [batch for batch, screened in zip(parts, found, strict=True) if screened is not None]
    fitting = _checked([f for screened in found if screened is not None for f in screened.papers], sources)
    reading = _listed(plan, fitting, sources, sum(map(len, read)), considered, receipt, warnings)
    if reading.usable:
        yield Text(reading.text)
    yield reading


def _checked(found: Sequence[Fitting], sources: Sources) -> list[tuple[Source, Fitting]]:
    """What exists of what was named, each paper once, with a sentence that exists."""
    kept: dict[int, tuple[Source, Fitting]] = {}
    for fitting in found:
        source = sources.get(fitting.source)
        if source is None or source.number in kept or not source.spans:
            continue
        if fitting.fit.strip().lower() in ("no", "none", "false"):
            continue
        if not 1 <= fitting.sentence <= len(source.spans):
            best = sources.best(fitting.says or source.paper.title, [source])
            fitting = fitting.model_copy(update={"sentence": best[1] if best else 1})
        kept[source.number] = (source, fitting)
    return list(kept.values())


def _listed(
    plan: Plan,
    fitting: Sequence[tuple[Source, Fitting]],
    sources: Sources,
    read: int,
    considered: int,
    receipt: Receipt,
    warnings: list[str],
) -> Reading:
    sure = [pair for pair in fitting if not pair[1].fit.strip().lower().startswith("part")]
    partly = [pair for pair in fitting if pair not in sure]
    count = f"{len(sure)} paper{'' if len(sure) == 1 else 's'}"
    lines = [f"**{count}** of {considered:,} fit{'s' if len(sure) == 1 else ''}; {read} abstracts were read.", ""]
    lines += [_line(source, f, sources) for source, f in sure]
    if partly:
        lines += ["", "Only touched on in:" if sure else "None is about it as a whole; it is touched on in:", ""]
        lines += [_line(source, f, sources) for source, f in partly]
    parsed = parse("\n".join(lines), Header())
    proofs = Prover(sources).prove(parsed)
    citations = Citations(sources.index)
    text, claims = render(parsed, proofs, citations, strict=False)
    state: State = "answers" if sure else "nearest"
    if not fitting:
        warnings.append((UNFIT if read else UNREAD).format(model=receipt.model or "the model", read=read))
    return Reading(
        text=text,
        state=state,
        headline=f"{count} of {considered:,}" if sure else None,
        missing=(),
        citations=citations.all(),
        claims=tuple(claims),
        receipt=receipt,
        read=tuple(s.row for s in sources.papers),
        warnings=tuple(warnings),
        usable=bool(fitting),
    )


def _line(source: Source, fitting: Fitting, sources: Sources) -> str:
    """One item of the list: what the model says of the paper where it can be traced, else the sentence itself."""
    title = " ".join(source.paper.title.split()).replace("*", "\\*").rstrip(".")
    cite = f"[{source.number}.{fitting.sentence}]"
    says = " ".join(fitting.says.split()).rstrip(".").replace("[", "(").replace("]", ")")
    item = f"- **{title}**: {says} {cite}."
    if says and _traced(parse(item, Header()), sources):
        return item
    quote = " ".join(source.text(fitting.sentence).split()).replace("[", "(").replace("]", ")")
    return f"- **{title}**: “{quote}” {cite}"


def _traced(parsed: Parsed, sources: Sources) -> bool:
    proofs: list[Proof] = Prover(sources).prove(parsed)
    return all(p.verdict in (None, "supported") for p in proofs)
