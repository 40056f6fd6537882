"""What a peer has read, as spans of our abstracts, and its references to them as citations of our contract."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType

from rag.core.answer import Citation, Retrieved
from rag.papers import Paper

SAID_NOTHING = "Empty Response"
"""What stands for an empty answer; the words are LlamaIndex's."""


@dataclass(frozen=True, slots=True)
class Source:
    """The part of an abstract, `paper.abstract[start:end]`, that a text which a peer has read holds, and its score."""

    paper: Paper
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer, `text[start:end]`, refers to sources, by their numbers from 1; to none that it has: empty."""

    start: int
    end: int
    numbers: tuple[int, ...]


def document(paper: Paper) -> str:
    """The text that a peer gets of a paper."""
    return f"{paper.title}\n\n{paper.abstract}"


def source(paper: Paper, chunk: str, score: float | None) -> Source:
    """What a chunk of `document(paper)` holds of the abstract; all of it where that can't be told."""
    ahead = len(document(paper)) - len(paper.abstract)
    at = document(paper).find(chunk)
    start, end = max(0, at - ahead), at + len(chunk) - ahead
    if at < 0 or end <= start:
        start, end = 0, len(paper.abstract)
    return Source(paper, start, end, score or 0.0)


def retrieved(sources: Iterable[Source]) -> tuple[Retrieved, ...]:
    """The papers of sources, each once, best first."""
    best: dict[str, Retrieved] = {}
    for s in sorted(sources, key=lambda s: -s.score):
        best.setdefault(s.paper.id, Retrieved(s.paper.id, s.paper.title, s.score))
    return tuple(best.values())


def rewritten(text: str, places: Iterable[Place], sources: Sequence[Source]) -> tuple[str, tuple[Citation, ...]]:
    """The text with "[1]", "[2]", … in the order of first mention for its references, and what these cite.

    A place that refers to no source is left out of the text: it would be read as a marker that cites nothing.
    """
    order: dict[int, int] = {}
    pieces: list[str] = []
    done = 0
    for place in sorted(places, key=lambda p: p.start):
        before = text[done : place.start]
        pieces.append(before if place.numbers else before.rstrip(" "))
        pieces.append("".join(f"[{order.setdefault(n, len(order) + 1)}]" for n in place.numbers))
        done = place.end
    pieces.append(text[done:])
    return "".join(pieces).strip() or SAID_NOTHING, tuple(
        citation(marker, sources[n - 1]) for n, marker in order.items()
    )


def citation(marker: int, source: Source) -> Citation:
    """A citation of all that the source holds."""
    quote = source.paper.abstract[source.start : source.end]
    return Citation(marker, source.paper.id, source.paper.title, quote, source.start, source.end)


def code(*modules: ModuleType) -> str:
    """Twelve hexadecimal digits over the code of modules, and over this one's: answers depend on it."""
    here = inspect.getmodule(code)
    found = hashlib.sha256()
    for module in (here, *modules):
        found.update(inspect.getsource(module).encode())  # type: ignore[arg-type]
    return found.hexdigest()[:12]
