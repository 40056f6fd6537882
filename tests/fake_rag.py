"""A stand-in for `rag.pipeline.Rag` that answers at once: for tests of what the front ends do with an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from rag.answer import Answer, Citation, Event, Retrieved, Step, Text, Turn
from rag.config import MAX_QUESTION, Config
from rag.errors import UsageError
from rag.papers.paper import Paper, paper_id

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
QUOTE = "Double quantization saves 0.37 bits per parameter."


class FakeRag:
    """Knows two papers once `ingest` was called; remembers what it was asked."""

    def __init__(self, config: Config, *, empty: bool = False) -> None:
        self.config = config
        self.held: tuple[Paper, ...] = () if empty else (PAPER, OTHER)
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []
        self.ingested: list[dict[str, object]] = []
        self.closed = False

    def papers(self) -> tuple[Paper, ...]:
        return self.held

    def ingest(
        self,
        paths: Sequence[Path] = (),
        *,
        add: bool = False,
        skip_bad: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> SimpleNamespace:
        self.ingested.append({"paths": tuple(paths), "add": add, "skip_bad": skip_bad})
        self.held = (PAPER, OTHER)
        if progress:
            progress("Embedding", 1, 2)
            progress("Embedding", 2, 2)
        merged = SimpleNamespace(kept=PAPER, file="b.bib", line=7)
        return SimpleNamespace(
            papers=2, added=2, changed=0, removed=0, unchanged=0, merged=(merged,), refused=(), seconds=1.234
        )

    def ask(self, question: str, history: Sequence[Turn] = (), *, id: str | None = None) -> Answer:
        self.asked.append((question, tuple(history)))
        if not question.strip():
            raise UsageError("The question is empty; ask something.")
        if len(question) > MAX_QUESTION:
            raise UsageError(f"The question has {len(question)} characters; {MAX_QUESTION} are allowed.")
        if "crash" in question:
            raise RuntimeError("a fault")
        if "interrupt" in question:
            raise KeyboardInterrupt
        start = ABSTRACT.index(QUOTE)
        return Answer(
            question=question,
            standalone_question=question if not history else f"{question} (QLoRA)",
            kind="single",
            answer=f"**QLoRA**: {QUOTE} [1]",
            citations=(Citation(1, PAPER.id, PAPER.title, QUOTE, start, start + len(QUOTE)),),
            retrieved=tuple(Retrieved(p.id, p.title, 1.0) for p in self.held),
            searched=len(self.held),
            id=id,
        )

    def stream(self, question: str, history: Sequence[Turn] = ()) -> Iterator[Event]:
        yield Step("understand", "Reading the question")
        answer = self.ask(question, history)
        yield Text(answer.answer)
        yield answer

    def close(self) -> None:
        self.closed = True
