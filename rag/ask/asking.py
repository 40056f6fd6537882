"""One question's way: planned, searched for, read or arranged, proved."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.ask import cues
from rag.ask.arrange import Writer, headline
from rag.ask.citations import Citations, check
from rag.ask.metadata import Metadata
from rag.ask.plan import Plan, Read, read_question
from rag.ask.quoting import Finder, Found
from rag.ask.reading import ModelPlan, Reading, Receipt, Settings, answer, needs_model, plan_with_model
from rag.core.answer import Answer, Event, Kind, Retrieved, Step, Text, Turn
from rag.core.config import MAX_HISTORY, MAX_QUESTION, MAX_TURN
from rag.core.errors import ModelError, ModelStopped, UsageError
from rag.core.threads import one_thread
from rag.index.metadata import Filters
from rag.llm.client import Client
from rag.papers.sentences import Span

BROKE_OFF = "*The reply broke off here; the best sentences are:*"
"""What stands between the beginning of a reply and the quotes that make up for the rest."""
RETRIEVED = 20
"""Papers of the ranking that an answer shows."""


@dataclass(frozen=True, slots=True)
class Generating:
    """A model, and how its answers are read."""

    client: Client
    settings: Settings


@dataclass(slots=True)
class Asking:
    """A question on its way. `model` reads and writes; where it is None, or fails, exact sentences are quoted."""

    question: str
    turns: Sequence[Turn]
    finder: Finder
    metadata: Metadata
    generating: Generating | None
    stop: threading.Event
    receipt: Receipt = field(default_factory=Receipt)
    warnings: list[str] = field(default_factory=list)
    _marks: list[float] = field(default_factory=lambda: [time.perf_counter()])

    def events(self) -> Iterator[Event]:
        """Steps, pieces of text, and the Answer at the end."""
        yield Step("understand", "Reading the question")
        with one_thread():
            plan = self.finder.plan(self.question, self.turns)
        plan = self._planned(plan)
        with one_thread():
            told = self.metadata.read(plan, self.finder)
        self._mark()
        if told.answer is not None:
            self._mark()
            yield Text(told.answer)
            yield self._told(told.plan, told.answer, told.rows)
            return
        finder = told.finder
        yield Step("retrieve", f"Searching {_papers(finder.searched)}")
        with one_thread():
            found = finder.find(told.plan)
        self._mark()
        if self.generating is None or plan.kind == "chat":
            yield from self._quoted(finder, found)
        else:
            yield from self._read(finder, found, self.generating)

    def _planned(self, plan: Plan) -> Plan:
        """The plan with what a model makes of the conversation, or of a long question."""
        if self.generating is None or plan.kind == "chat" or not needs_model(self.question, self.turns):
            return plan
        try:
            made = plan_with_model(self.question, self.turns, self.generating.client, self.receipt, self.stop)
        except ModelError as e:
            self._without_model(e)
            return plan
        return plan if made is None else _merged(plan, made, self.finder.read)

    def _without_model(self, error: ModelError) -> None:
        """Go on without the model, if that is wanted."""
        if isinstance(error, ModelStopped) or self.generating is None or not self.generating.settings.fallback:
            raise error
        self.warnings.append(str(error))
        self.generating = None

    def _read(self, finder: Finder, found: Found, generating: Generating, *, turned: bool = False) -> Iterator[Event]:
        """The answer that a model reads from the papers; exact sentences where nothing of it can be used. `turned`: the
        model has already said that the question is of another kind."""
        rows = finder.to_read(found)
        read: Reading | None = None
        for event in answer(
            found.plan,
            rows,
            finder.index,
            generating.client,
            further=lambda text: finder.further(text, found),
            considered=finder.searched,
            settings=generating.settings,
            receipt=self.receipt,
            stop=self.stop,
        ):
            if isinstance(event, Reading):
                read = event
            else:
                yield event
        assert read is not None
        if read.wants and read.wants != found.plan.kind and not turned:
            # The model sees better than the cues that the question is one for many papers.
            text = found.plan.standalone
            plan = replace(found.plan, kind=read.wants, topic=text, count=cues.asks_how_many(text))
            with one_thread():
                found = finder.find(plan)
            yield from self._read(finder, found, generating, turned=True)
            return
        self.warnings += read.warnings
        if not read.usable:
            # A model that read the papers and found no answer is not overruled by the search.
            doubted = read.followed and read.state in ("nearest", "nothing") and found.state in ("answers", "partly")
            yield from self._quoted(finder, replace(found, state="nearest") if doubted else found)
            return
        citations = Citations(finder.index)
        for c in read.citations:
            citations.cite(finder.index.rows[c.paper_id], Span(c.start, c.end), supported=c.supported)
        text = read.text
        if (read.broken or not read.followed) and found.papers and found.state != "nothing":
            # A reply that broke off, or a model that did not keep to its instructions: the best sentences stand below.
            pieces = "".join(Writer(found, finder.index, citations, finder.searched).pieces())
            pieces = f"{BROKE_OFF}\n\n{pieces}" if read.broken else pieces
            yield Text(f"\n\n{pieces}")
            text = f"{text}\n\n{pieces}"
        check(citations.all(), finder.index)
        self._mark()
        yield self._written(finder, found, replace(read, text=text, citations=citations.all()))

    def _written(self, finder: Finder, found: Found, read: Reading) -> Answer:
        quoted = self._answer(finder, found, read.text, Citations(finder.index))
        return replace(
            quoted,
            abstained=read.state in ("nearest", "nothing"),
            state=read.state,
            headline=read.headline,
            mode="generating",
            citations=read.citations,
            claims=read.claims,
            missing=read.missing,
        )

    def _quoted(self, finder: Finder, found: Found) -> Iterator[Event]:
        yield Step("answer", f"Quoting {_papers(len(found.papers))}" if found.papers else "Answering")
        citations = Citations(finder.index)
        writer = Writer(found, finder.index, citations, finder.searched, finder.about() if not found.papers else ())
        pieces = []
        for piece in writer.pieces():
            pieces.append(piece)
            yield Text(piece)
        check(citations.all(), finder.index)
        self._mark()
        yield self._answer(finder, found, "".join(pieces), citations)

    def _answer(self, finder: Finder, found: Found, text: str, citations: Citations) -> Answer:
        return Answer(
            question=self.question,
            standalone_question=found.plan.standalone,
            kind=kind_of(found.plan),
            answer=text.strip(),
            abstained=found.state in ("nearest", "nothing") and found.plan.kind != "chat",
            state=found.state,
            headline=headline(found, finder.index),
            citations=citations.all(),
            missing=found.missing,
            retrieved=retrieved(finder, found),
            searched=finder.searched,
            confidence=None if found.probability is None else round(found.probability, 4),
            warnings=tuple(dict.fromkeys(self.warnings)),
            model=self._model(),
            prompt_tokens=self.receipt.usage.prompt_tokens,
            completion_tokens=self.receipt.usage.completion_tokens,
            calls=self.receipt.calls,
            cost=self.receipt.cost(self.generating.settings.prices if self.generating else ()),
            prompts=dict(self.receipt.prompts),
            replayed=self.receipt.replayed,
            timings_ms=self._timings(),
        )

    def _model(self) -> str | None:
        """The model that was asked, as its endpoint names it, or else as it is configured."""
        configured = self.generating.client.model if self.generating else None
        return self.receipt.model or configured

    def _told(self, plan: Plan, text: str, rows: Sequence[int]) -> Answer:
        """The answer that the metadata gives; each paper is cited by the sentence that says what it does."""
        citations = Citations(self.finder.index)
        papers = self.finder.index.papers
        for row in rows:
            for sentence in self.finder.purpose(row):
                citations.cite(row, sentence.span)
        self._mark()
        return Answer(
            question=self.question,
            standalone_question=plan.standalone,
            kind=kind_of(plan),
            answer=text,
            abstained=not rows,
            state="answers" if rows else "nothing",
            citations=citations.all(),
            retrieved=tuple(Retrieved(papers[r].id, papers[r].title, 1.0) for r in rows[:RETRIEVED]),
            searched=self.finder.searched,
            timings_ms=self._timings(),
        )

    def _mark(self) -> None:
        self._marks.append(time.perf_counter())

    def _timings(self) -> dict[str, float]:
        started, understood, retrieved_at, done = self._marks[0], *self._marks[-3:]
        spans = {
            "understand": understood - started,
            "retrieve": retrieved_at - understood,
            "answer": done - retrieved_at,
            "total": done - started,
        }
        if self.receipt.first_token is not None:
            spans["first_token"] = self.receipt.first_token
        return {name: round(seconds * 1000, 2) for name, seconds in spans.items()}


def _merged(plan: Plan, made: ModelPlan, read: Read) -> Plan:
    """What cues and a model read, together: the model says what is asked, the cues keep the papers of the conversation
    where the model names none."""
    merged = read_question(plan.question, read, made.question)
    kind = made.kind if made.kind != "chat" else plan.kind
    filters = Filters(years=(made.since, made.until), authors=tuple(made.authors))
    return replace(
        merged,
        kind=kind,
        searches=tuple(made.searches),
        topic=made.searches[0] if kind in ("list", "overview") else merged.topic,
        sides=tuple(made.sides),
        count=made.count or merged.count,
        filters=filters or None,
    )


def kind_of(plan: Plan) -> Kind:
    """The kind of an answer, as the contract names it."""
    return "none" if plan.kind == "chat" else plan.kind


def retrieved(finder: Finder, found: Found) -> tuple[Retrieved, ...]:
    """The best of the ranking; what is quoted comes first."""
    papers = finder.index.papers
    score = {int(r): float(s) for r, s in zip(found.ranking.rows, found.ranking.score, strict=True)}
    top = max(score.values(), default=0.0)
    quoted = [p.row for p in found.papers] if found.plan.kind != "overview" or found.plan.topic else []
    if len(score) < min(RETRIEVED, finder.searched):  # of the papers of a conversation only
        least = min(score.values(), default=0.0)
        score.update({row: least for row in finder.search(found.plan.standalone) if row not in score})
    order = [*dict.fromkeys([*quoted, *score])][:RETRIEVED]
    scores = (top if row in quoted else score[row] for row in order)
    return tuple(Retrieved(papers[r].id, papers[r].title, round(s, 4)) for r, s in zip(order, scores, strict=True))


def checked_turns(question: str, history: Sequence[Turn | Mapping[str, str]]) -> list[Turn]:
    """The last turns of the history, given as `Turn` or as {"role", "content"}; UsageError for what can't be used."""
    if not isinstance(question, str):
        raise UsageError(f"The question must be a text, not {type(question).__name__}.")
    if not question.strip():
        raise UsageError("The question is empty.")
    if _halved(question):
        raise UsageError("The question has half a character in it (a lone surrogate).")
    if len(question) > MAX_QUESTION:
        raise UsageError(f"The question has {len(question):,} characters; at most {MAX_QUESTION:,} are read.")
    turns = []
    for turn in list(history)[-MAX_HISTORY:]:
        given = {"role": turn.role, "content": turn.content} if isinstance(turn, Turn) else turn
        role, content = (given.get("role"), given.get("content")) if isinstance(given, Mapping) else (None, None)
        if role not in ("user", "assistant") or not isinstance(content, str):
            raise UsageError('A turn of the history needs "role" ("user" or "assistant") and "content" (text).')
        if len(content) > MAX_TURN:
            raise UsageError(f"A turn of the history is longer than {MAX_TURN:,} characters.")
        if _halved(content):
            raise UsageError(
                "A turn of the history has half a character in it (a lone surrogate); it may have been cut."
            )
        # A question may become part of the next one, and is held to the limit of one.
        turns.append(Turn("user", content[:MAX_QUESTION]) if role == "user" else Turn("assistant", content))
    return turns


def _halved(text: str) -> bool:
    return re.search("[\ud800-\udfff]", text) is not None


def _papers(n: int) -> str:
    return f"{n:,} paper{'' if n == 1 else 's'}"
