"""One question's way: read, searched for, answered, checked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rag.ask.answering import Findings, as_it_is, not_chosen, quote
from rag.ask.citations import Citations, check
from rag.ask.finding import Finder, Found
from rag.ask.metadata import Metadata, Reading
from rag.ask.question import Query
from rag.ask.support import SupportChecker
from rag.ask.writing.author import Author, Written
from rag.ask.writing.listing import UNFIT_FOR_LISTS, ListJudge
from rag.ask.writing.understanding import Understanding
from rag.core.answer import Answer, Aspect, Event, Retrieved, Step, Text, Turn
from rag.core.config import MAX_HISTORY, MAX_QUESTION, MAX_TURN
from rag.core.errors import ModelError, ModelStopped, UsageError
from rag.core.threads import one_thread
from rag.llm.prompts import prompt
from rag.llm.reading import Reader

RETRIEVED = 20
"""Papers of the ranking that an answer shows."""
SURER = 0.1
"""Probability by which a model's reading of a question has to be the surer one, to be taken instead of the rules'."""


@dataclass(frozen=True, slots=True)
class Generating:
    """A model, and how its answers are to be treated. `context` is what it reads, in tokens."""

    reader: Reader
    checker: SupportChecker
    context: int
    strict: bool = False
    judge: bool = False
    fallback: bool = True


@dataclass(slots=True)
class Asking:
    """A question on its way. `generating` is None in quoting mode, and after the model failed."""

    question: str
    turns: Sequence[Turn]
    finder: Finder
    generating: Generating | None
    stop: threading.Event
    metadata: Metadata | None = None
    written: Written = field(init=False)
    _marks: list[float] = field(default_factory=lambda: [time.perf_counter()])
    _model: str | None = None

    def __post_init__(self) -> None:
        self.written = Written(Citations(self.finder.index))
        self._model = self.generating.reader.model if self.generating else None

    def events(self) -> Iterator[Event]:
        """Steps, pieces of text, and the Answer at the end."""
        yield Step("understand", "Reading the question")
        with one_thread():
            query = self.finder.understand(self.question, self.turns)
            reading = self.metadata.read(self.question, query, self.finder) if self.metadata else None
        if reading is not None and reading.text is not None:
            yield from self._from_metadata(query, reading)
            return
        narrowed = reading if reading is not None and reading.finder is not self.finder else None
        if narrowed is not None:
            self.finder = narrowed.finder
            with one_thread():
                query = self.finder.understand(narrowed.question, self.turns)
        other = self._other_reading(query)
        self._mark()
        yield Step("retrieve", f"Searching {_papers(self.finder.searched)}")
        with one_thread():
            found = self._found(query, other)
        self._mark()
        if narrowed is not None and found.findings.abstain and self.metadata:
            rows = self.finder.allowed(range(len(self.finder.index)))
            yield from self._from_metadata(query, self.metadata.nearest(narrowed, rows))
            return
        yield from self._steps(found)
        found = self._judged(found)
        before = _not_asked(found.findings)
        if before:
            yield Text(before)
        pieces = []
        for piece in self._pieces(found.findings):
            if isinstance(piece, str):
                pieces.append(piece)
                yield Text(piece)
            else:
                yield piece
        check(self.written.citations.all(), self.finder.index)
        self._mark()
        yield self._answer(found, before + (self.written.text or "".join(pieces)))

    def _from_metadata(self, query: Query, reading: Reading) -> Iterator[Event]:
        """The answer that authors, years and venues give."""
        assert self.metadata is not None
        while len(self._marks) < 3:  # nothing was searched for
            self._mark()
        text = self.metadata.cited(reading, self.written.citations)
        yield Text(text)
        check(self.written.citations.all(), self.finder.index)
        self._mark()
        papers = self.finder.index.papers
        yield Answer(
            question=self.question,
            standalone_question=query.standalone,
            kind="list" if len(reading.rows) > 1 else "single",
            answer=text,
            abstained=not reading.rows or reading.unsure,
            model=self._model,
            citations=self.written.citations.all(),
            retrieved=tuple(Retrieved(papers[row].id, papers[row].title, 1.0) for row in reading.rows[:RETRIEVED]),
            searched=self.finder.searched,
            timings_ms=self._timings(),
        )

    def _mark(self) -> None:
        self._marks.append(time.perf_counter())

    def _other_reading(self, query: Query) -> Query | None:
        """How a model reads the question, where the rules are unsure."""
        if self.generating is None:
            return None
        try:
            understanding = Understanding(
                self.finder.names,
                self.generating.reader,
                lambda name, reply: self.written.count(reply, prompt(name)),
                self.stop,
            )
            return understanding.reading(query, self.turns)
        except ModelError as e:
            self._without_model(e)
            return None

    def _without_model(self, error: ModelError) -> None:
        """Go on without the model, if that is wanted."""
        if self.generating is None or not self.generating.fallback or isinstance(error, ModelStopped):
            raise error
        self.written.warnings.append(str(error))
        self.generating = None

    def _found(self, query: Query, other: Query | None) -> Found:
        """What answers; of two readings, the one that the collection answers better."""
        found = self.finder.find(query)
        if other is None:
            return found
        second = self.finder.find(other)
        if second.findings.abstain:
            return found
        if other.kind == "comparison":
            present = sum(s.paper is not None for s in second.findings.sides)
            return second if present > 1 else found
        surer = second.findings.confidence > found.findings.confidence + SURER
        return second if found.findings.abstain or surer else found

    def _steps(self, found: Found) -> Iterator[Step]:
        papers = _papers(len(found.findings.papers) + sum(s.paper is not None for s in found.findings.sides))
        query = found.findings.query
        if found.findings.abstain or query.size:
            yield Step("answer", "Answering")
        elif self.generating is None:
            yield Step("answer", f"Quoting {papers}")
        elif query.kind == "list":
            yield Step("answer", "Judging which papers belong")
        else:
            yield Step("answer", f"Reading {papers}, writing")

    def _judged(self, found: Found) -> Found:
        """A list with the model's word on its candidates."""
        if self.generating is None or found.candidates is None:
            return found
        used = prompt("list")
        judge = ListJudge(
            self.finder,
            self.generating.reader,
            lambda reply: self.written.count(reply, used),
            self.stop,
            self.generating.context,
        )
        try:
            judged = judge.judged(found)
        except ModelError as e:
            self._without_model(e)
            return found
        if judged.ignored:
            self.written.warnings.append(UNFIT_FOR_LISTS)
        return Found(judged.findings, found.ranking)

    def _pieces(self, findings: Findings) -> Iterator[str | Step]:
        generating = self.generating
        if generating is None or findings.abstain or findings.query.kind == "list":
            return quote(findings, self.finder.index, self.finder.names, self.written.citations)
        author = Author(
            self.finder.index,
            self.finder.names,
            generating.checker,
            generating.reader,
            context=generating.context,
            strict=generating.strict,
            judging=generating.judge,
            fallback=generating.fallback,
        )
        return author.write(findings, self.written, self.stop)

    def _timings(self) -> dict[str, float]:
        started, understood, retrieved, done = self._marks
        return {
            "understand": round((understood - started) * 1000, 2),
            "retrieve": round((retrieved - understood) * 1000, 2),
            "answer": round((done - retrieved) * 1000, 2),
            "total": round((done - started) * 1000, 2),
        }

    def _answer(self, found: Found, text: str) -> Answer:
        findings, written = found.findings, self.written
        timings = self._timings()
        if written.first_token is not None:
            timings["first_token"] = round(written.first_token * 1000, 2)
        return Answer(
            question=self.question,
            standalone_question=findings.query.standalone,
            kind=findings.query.kind,
            answer=text.strip(),
            abstained=findings.abstain or written.abstains,
            mode="quoting" if self.generating is None or written.quoting else "generating",
            model=(written.model or self._model) if self._model else None,
            citations=written.citations.all(),
            claims=written.claims,
            missing=(*(s.text for s in findings.sides if s.paper is None), *findings.query.outside),
            aspects=_aspects(findings, written.citations, self.finder),
            retrieved=_retrieved(found, self.finder),
            searched=findings.searched,
            confidence=_confidence(findings),
            warnings=tuple(dict.fromkeys(written.warnings)),
            prompt_tokens=written.usage.prompt_tokens,
            completion_tokens=written.usage.completion_tokens,
            prompts=dict(written.prompts),
            replayed=written.replayed,
            timings_ms=timings,
        )


def _papers(n: int) -> str:
    return f"{n:,} paper{'' if n == 1 else 's'}"


def _not_asked(findings: Findings) -> str:
    """A paragraph on what the question is about and not asked of; "" where there is nothing to say."""
    outside = [as_it_is(name) for name in findings.query.outside]
    return f"{not_chosen(outside)}.\n\n" if outside else ""


def _aspects(findings: Findings, citations: Citations, finder: Finder) -> tuple[Aspect, ...]:
    """The columns of a comparison, each with the markers of the quotes that stand in it."""
    papers = finder.index.papers
    marker = {(c.paper_id, c.start, c.end): c.marker for c in citations.all()}
    columns: list[list[int]] = [[] for _ in findings.aspects]
    for side in findings.sides:
        for column, spans in zip(columns, side.cells, strict=False):
            places = [(papers[side.paper.row].id, s.start, s.end) for s in spans] if side.paper is not None else []
            column.extend(marker[place] for place in places if place in marker)
    return tuple(Aspect(name, tuple(column)) for name, column in zip(findings.aspects, columns, strict=True))


def _confidence(findings: Findings) -> float | None:
    """Of a single answer: lists and comparisons are decided paper by paper, a greeting isn't weighed."""
    return round(findings.confidence, 4) or None if findings.query.kind == "single" else None


def checked_turns(question: str, history: Sequence[Turn | Mapping[str, str]]) -> list[Turn]:
    """The last turns of the history, given as `Turn` or as {"role", "content"}; UsageError for what can't be used."""
    if not isinstance(question, str):
        raise UsageError(f"The question must be a text, not {type(question).__name__}.")
    if not question.strip():
        raise UsageError("The question is empty.")
    if any("\ud800" <= c <= "\udfff" for c in question):
        raise UsageError("The question has half a character in it (a lone surrogate); it may have been cut.")
    if len(question) > MAX_QUESTION:
        raise UsageError(f"The question has {len(question):,} characters; at most {MAX_QUESTION:,} are read.")
    turns = []
    for turn in list(history)[-MAX_HISTORY:]:
        role, content = (turn.role, turn.content) if isinstance(turn, Turn) else (turn.get("role"), turn.get("content"))
        if role not in ("user", "assistant") or not isinstance(content, str):
            raise UsageError('A turn of the history needs "role" ("user" or "assistant") and "content" (text).')
        if len(content) > MAX_TURN:
            raise UsageError(f"A turn of the history is longer than {MAX_TURN:,} characters.")
        turns.append(Turn("user" if role == "user" else "assistant", content))
    return turns


def _retrieved(found: Found, finder: Finder) -> tuple[Retrieved, ...]:
    """The best of the ranking. The sides of a comparison, each found on its own, come first."""
    scores = dict(zip((int(r) for r in found.ranking.rows), (float(s) for s in found.ranking.score), strict=True))
    sides = list(dict.fromkeys(s.paper.row for s in found.findings.sides if s.paper is not None))
    top = max(scores.values(), default=0.0)
    order = [*sides, *(r for r in scores if r not in sides)][:RETRIEVED]
    papers = finder.index.papers
    return tuple(Retrieved(papers[r].id, papers[r].title, round(top if r in sides else scores[r], 4)) for r in order)
