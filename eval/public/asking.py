"""A collection of a public set's documents, and what our program says to its questions, without a model."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rag.core.answer import Answer, Turn
from rag.core.config import Config
from rag.core.paper import Paper, paper_id
from rag.index.library import write_papers
from rag.service import Rag, build


def document(name: str, title: str, abstract: str) -> Paper:
    """A document of a set as a paper, whose `key` is the set's own name of it."""
    title, text = " ".join(title.split()), " ".join(abstract.split())
    return Paper(paper_id(f"{title} {name}", text), title, text, abstract, key=name)


@contextmanager
def collection(papers: Sequence[Paper]) -> Iterator[Rag]:
    """Our program over these papers, in a home that is removed afterwards; the index is built at the first question."""
    with tempfile.TemporaryDirectory(prefix="public-set-") as home:
        config = Config(home=Path(home), llm="none")
        write_papers(config.home / "collections" / config.collection / "papers.jsonl", papers)
        with build(config) as rag:
            yield rag


def asked(rag: Rag, questions: Sequence[tuple[str, tuple[Turn, ...]]]) -> list[Answer]:
    """The answers to questions with what was said before each; how far it is goes to standard error."""
    found = []
    for n, (question, turns) in enumerate(questions, 1):
        found.append(rag.ask(question, turns))
        if n % 25 == 0 or n == len(questions):
            print(f"\r{n:,} of {len(questions):,} asked", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def keys(rag: Rag) -> Mapping[str, str]:
    """The set's own name of each paper."""
    return {p.id: p.key or p.id for p in rag.papers()}


def looked_at(answer: Answer, names: Mapping[str, str]) -> list[str]:
    """The documents that were retrieved, best first, by the set's own names."""
    return [names[r.paper_id] for r in answer.retrieved]


def cited(answer: Answer, names: Mapping[str, str]) -> list[str]:
    """The documents that are quoted, in their order, by the set's own names."""
    return list(dict.fromkeys(names[c.paper_id] for c in answer.citations))
