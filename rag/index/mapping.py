"""The collection as a picture: each paper a point, near to papers that are about the same; and groups with names."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from filelock import FileLock

from rag.core.paper import Paper
from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.layout import lay_out, sample
from rag.index.scores import means
from rag.index.topics import names

FILE = "map-1.json"
"""Beside the index of the papers that it shows, and gone with it; the number is that of the way it is made."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a paper is: `x` from the left and `y` from the top, both in [0, 1]; `group` is a place in the map's."""

    paper_id: str
    x: float
    y: float
    group: int


@dataclass(frozen=True, slots=True)
class Group:
    """Papers that are near to each other: two or three terms that name them, their ids, and where their middle is.

    Where no term tells of the group, `terms` is empty.
    """

    terms: tuple[str, ...]
    members: tuple[str, ...]
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class PaperMap:
    """The points in the order of the papers, and the groups, the largest first. Every paper is in one group."""

    points: tuple[Point, ...]
    groups: tuple[Group, ...]


def paper_map(index: Index) -> PaperMap:
    """The map of the papers in `index`: made once, which takes seconds, and then read from beside the index."""
    file = index.folder / FILE
    with _alone(file):
        drawing = _read(file)
        if drawing is None or len(drawing.places) != len(index):
            vectors = means(index.passage_vectors, index.passage_starts, np.arange(len(index)))
            drawing = _drawn(index.papers, vectors)
            _write(file, drawing)
    return _shown(index.papers, drawing)


def draw(papers: Sequence[Paper], vectors: Floats) -> PaperMap:
    """The map of `papers`, whose embeddings are the rows of `vectors`; the same from run to run."""
    return _shown(papers, _drawn(papers, vectors))


def _shown(papers: Sequence[Paper], drawing: _Drawing) -> PaperMap:
    places, groups = drawing.places, drawing.groups
    points = tuple(Point(p.id, x, y, g) for p, (x, y), g in zip(papers, places, groups, strict=True))
    found = []
    for number, terms in enumerate(drawing.terms):
        inside = [p for p in points if p.group == number]
        middle = median(p.x for p in inside), median(p.y for p in inside)
        found.append(Group(terms, tuple(p.paper_id for p in inside), *middle))
    return PaperMap(points, tuple(found))


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Whoever comes while the map is being made waits for it, instead of making it as well."""
    lock = FileLock(str(file.with_suffix(".lock")))
    try:
        lock.acquire()
    except OSError:  # The folder can't be written: the map is made for this time.
        yield
        return
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What is kept of a map: the place and the group of each paper, in their order, and the terms of each group."""

    places: tuple[tuple[float, float], ...]
    groups: tuple[int, ...]
    terms: tuple[tuple[str, ...], ...]


def _read(file: Path) -> _Drawing | None:
    """The drawing on disk; None where there is none, or a damaged one, which is made again."""
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        places = tuple((float(x), float(y)) for x, y in stored["places"])
        return _Drawing(places, tuple(map(int, stored["groups"])), tuple(tuple(map(str, t)) for t in stored["terms"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, drawing: _Drawing) -> None:
    draft = file.with_suffix(".draft")
    with contextlib.suppress(OSError):
        draft.write_text(json.dumps(asdict(drawing)), encoding="utf-8")
        draft.replace(file)


def _drawn(papers: Sequence[Paper], vectors: Floats) -> _Drawing:
    places, labels = lay_out(vectors)
    # A group's name is told by as many of its papers as are laid out, however large the collection.
    rows = sample(len(papers))
    count = int(labels.max(initial=-1)) + 1
    groups = [np.flatnonzero(labels[rows] == number).tolist() for number in range(count)]
    terms = names([papers[row] for row in rows], groups)
    # What is kept is what is shown, the first time as later.
    rounded = tuple((round(float(x), 4), round(float(y), 4)) for x, y in places)
    return _Drawing(rounded, tuple(labels.tolist()), tuple(terms))
