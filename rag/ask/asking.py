"""One question's way: planned, searched for, read or arranged, proved."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.ask.arrange import Writer, headline
from rag.ask.citations import Citations, check
from rag.ask.metadata import Metadata
from rag.ask.plan import Plan
from rag.ask.quoting import Finder, Found
from rag.core.answer import Answer, Event, Kind, Retrieved, Step, Text, Turn
from rag.core.config import MAX_HISTORY, MAX_QUESTION, MAX_TURN
from rag.core.errors import ModelError, ModelStopped, UsageError
from rag.core.threads import one_thread

RETRIEVED = 20
"""Papers of the ranking that an answer shows."""


@dataclass(slots=True)
class Asking:
    """A question on its way. `model` reads and writes; where it is None, or fails, exact sentences are quoted."""

    question: str
    turns: Sequence[Turn]
    finder: Finder
    metadata: Metadata
    stop: threading.Event
    warnings: list[str] = field(default_factory=list)
    _marks: list[float] = field(default_factory=lambda: [time.perf_counter()])

    def events(self) -> Iterator[Event]:
        """Steps, pieces of text, and the Answer at the end."""
        yield Step("understand", "Reading the question")
        with one_thread():
            plan = self.finder.plan(self.question, self.turns)
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
        yield from self._quoted(finder, found)

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
            timings_ms=self._timings(),
        )

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
        return {name: round(seconds * 1000, 2) for name, seconds in spans.items()}


def kind_of(plan: Plan) -> Kind:
    """The kind of an answer, as the contract names it."""
    return "none" if plan.kind == "chat" else plan.kind


def retrieved(finder: Finder, found: Found) -> tuple[Retrieved, ...]:
    """The best of the ranking; what is quoted comes first."""
    papers = finder.index.papers
    score = {int(r): float(s) for r, s in zip(found.ranking.rows, found.ranking.score, strict=True)}
    top = max(score.values(), default=0.0)
    quoted = [p.row for p in found.papers] if found.plan.kind != "overview" or found.plan.topic else []
    order = [*dict.fromkeys([*quoted, *score])][:RETRIEVED]
    scores = (top if row in quoted else score[row] for row in order)
    return tuple(Retrieved(papers[r].id, papers[r].title, round(s, 4)) for r, s in zip(order, scores, strict=True))


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


def _papers(n: int) -> str:
    return f"{n:,} paper{'' if n == 1 else 's'}"
