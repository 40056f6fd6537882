"""A stand-in for `rag.service.Rag` that answers at once: for tests of what the front ends do with an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from rag.core.answer import Answer, Citation, Claim, Event, Retrieved, Step, Text, Turn
from rag.core.config import MAX_QUESTION, Config
from rag.core.errors import ModelStopped, ModelUnreachable, RagError, UsageError
from rag.core.options import Options
from rag.core.paper import Paper, paper_id
from rag.index.index import Index
from rag.index.near import Near

ABSTRACT = "QLoRA is frugal. Double quantization saves 0.37 bits per parameter. \x1b]0;owned\x07Nothing else is said."
PAPER = Paper(
    id=paper_id("QLoRA: Efficient Finetuning", ABSTRACT),
    title="QLoRA: Efficient Finetuning",
    abstract=ABSTRACT,
    raw_abstract=ABSTRACT,
    authors=("Tim Dettmers",),
    year=2023,
)
OTHER = Paper(id="gpipe-00000000", title="GPipe", abstract="Pipelines.", raw_abstract="Pipelines.")
TRUE = "Double quantization saves 0.37 bits per parameter"
HALF = "QLoRA is always frugal"
FALSE = "Double quantization saves 3 bits per parameter"
DRAFT = "Half of an answer "
QUOTE = "Double quantization saves 0.37 bits per parameter."


class FakeRag:
    """Knows two papers once `ingest` was called; remembers what it was asked."""

    def __init__(self, config: Config, *, empty: bool = False) -> None:
        self.config = config
        self.held: tuple[Paper, ...] = () if empty else (PAPER, OTHER)
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []
        self.stops: list[threading.Event | None] = []
        self.options: list[Options | None] = []
        self.ingested: list[dict[str, object]] = []
        self.closed = False

    def papers(self) -> tuple[Paper, ...]:
        return self.held

    def ingest(
        self,
        paths: Sequence[Path] = (),
        *,
        add: bool = False,
        strict: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> SimpleNamespace:
        self.ingested.append({"paths": tuple(paths), "add": add, "strict": strict})
        self.held = (PAPER, OTHER)
        if progress:
            progress("Embedding", 1, 2)
            progress("Embedding", 2, 2)
        merged = SimpleNamespace(kept=PAPER, file="b.bib", line=7)
        return SimpleNamespace(
            papers=2,
            added=2,
            changed=0,
            removed=0,
            unchanged=0,
            merged=(merged,),
            refused=(),
            seconds=1.234,
            remarks=(),
            read="2 papers; 1 merged",
        )

    @property
    def model(self) -> str | None:
        return self.config.model or None

    @property
    def models(self) -> tuple[str, ...]:
        return (self.config.model,) if self.config.model else ()

    def removed(self) -> list[tuple[str, tuple[Paper, ...]]]:
        return []

    def index(self) -> Index:
        raise RagError("There is no index.")

    def near(self, text: str, count: int = 10) -> tuple[Near, ...]:
        return ()

    def starters(self, count: int = 4) -> tuple[str, ...]:
        return ("What is saved?",)

    def suggest(self, answers: Sequence[Answer], *, count: int = 3, options: Options | None = None) -> tuple[str, ...]:
        return ("And what else is saved?",)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        id: str | None = None,
        options: Options | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        *_, answer = self.stream(question, history, options=options, stop=stop)
        assert isinstance(answer, Answer)
        return replace(answer, id=id)

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        options: Options | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """A question with "written" gets a model's answer, one with "nearest", "partly" or "overview" such an answer;
        "unreachable" fails, "endless" waits, both in mid-draft.
        """
        yield Step("understand", "Reading the question")
        self.asked.append((question, tuple(history)))
        self.stops.append(stop)
        self.options.append(options)
        self._refuse(question)
        answer = _written(question) if "written" in question else _stated(self._quoted(question, history))
        if "endless" in question or "unreachable" in question:
            yield Text(DRAFT)
        if "endless" in question:
            assert stop is not None
            while not stop.wait(0.02):
                yield Text("more ")
            raise ModelStopped("The answer of fake-1 was stopped.", partial=DRAFT)
        if "unreachable" in question:
            raise ModelUnreachable("The connection to models.example broke; try again.", partial=DRAFT)
        yield Text(f"{answer.answer} And a guess." if answer.claims else answer.answer)
        yield answer

    def _refuse(self, question: str) -> None:
        if not question.strip():
            raise UsageError("The question is empty; ask something.")
        if len(question) > MAX_QUESTION:
            raise UsageError(f"The question has {len(question)} characters; {MAX_QUESTION} are allowed.")
        if "crash" in question:
            raise RuntimeError("a fault")
        if "interrupt" in question:
            raise KeyboardInterrupt

    def _quoted(self, question: str, history: Sequence[Turn]) -> Answer:
        start = ABSTRACT.index(QUOTE)
        return Answer(
            question=question,
            standalone_question=question if not history else f"{question} (QLoRA)",
            kind="single",
            answer=f"**QLoRA**: {QUOTE} [1]",
            citations=(Citation(1, PAPER.id, PAPER.title, QUOTE, start, start + len(QUOTE)),),
            retrieved=tuple(Retrieved(p.id, p.title, 1.0) for p in self.held),
            searched=len(self.held),
        )

    def close(self) -> None:
        self.closed = True


def _stated(answer: Answer) -> Answer:
    """The answer in the state, or of the kind, that its question names."""
    quoted = f"**{PAPER.title}** (2023)\n\n> “{QUOTE}” [1]"
    if "nearest" in answer.question:
        text = f"No sentence here clearly answers this; the nearest are:\n\n{quoted}"
        return replace(answer, state="nearest", abstained=True, answer=text)
    if "partly" in answer.question:
        return replace(
            answer, state="partly", missing=("H2O", "Bloop"), headline="0.37 bits", answer=f"**0.37 bits**\n\n{quoted}"
        )
    if "overview" in answer.question:
        first = f"### Quantization (1 paper)\n\n- **{PAPER.title}**: “{QUOTE}” [1]"
        text = f"Two subjects.\n\n{first}\n\n### Pipelines (1 paper)\n\n- **GPipe**\n"
        return replace(answer, kind="overview", answer=text)
    return answer


def _written(question: str) -> Answer:
    """Three claims: one that holds, one that holds in part, and one that doesn't."""
    start, end = ABSTRACT.index(QUOTE), ABSTRACT.index(QUOTE) + len(QUOTE)
    return Answer(
        question=question,
        standalone_question=question,
        kind="single",
        answer=f"{TRUE} [1]. {HALF} [2] [partly supported]. {FALSE} [unsupported].",
        mode="generating",
        model="fake-1",
        claims=(
            Claim(f"{TRUE}.", "supported", "", (1,)),
            Claim(f"{HALF}.", "partly", 'no sentence says "always"', (2,)),
            Claim(f"{FALSE}.", "unsupported", "the abstract gives 0.37, not 3"),
        ),
        citations=(
            Citation(1, PAPER.id, PAPER.title, QUOTE, start, end),
            Citation(2, PAPER.id, PAPER.title, "QLoRA is frugal.", 0, 16, supported=False),
        ),
        searched=2,
        prompt_tokens=1000,
        completion_tokens=234,
        prompts={"answer": "3f2a9c1d"},
        timings_ms={"understand": 1.0, "retrieve": 1.0, "answer": 1498.0, "total": 1500.0},
    )
