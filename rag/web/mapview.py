"""The map of a collection as one picture: points, what the last answer did with them, and the names of the groups.

The picture is for eyes and a pointer. What it shows is said in words by `rag.web.maptext`, for keyboards and readers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.core.answer import Answer
from rag.core.paper import Paper
from rag.index.mapping import Group, PaperMap, Point
from rag.papers.sentences import split_sentences
from rag.web.drawing import macro
from rag.web.markdown import counted

_picture = macro("map", "picture")
ACT = "map-read"
"""The action of a point and of a title beside the map: its value is the id of the paper that is to be read."""
PLAIN, DRAWN = 1_500, 4_000
"""Papers from which on points are small and say only their title; and points that are drawn at most."""
YEARS = 5
"""Colours of years in map.css."""
COLOURS = 12
"""Colours of groups in map.css; there are no more groups than that (`rag.index.layout`)."""

WIDTH, HEIGHT = 1000, 700
_MARGIN = 36
_RADIUS = {300: 8.0, PLAIN: 6.0}
"""Of the points, by how many there are at most; the smallest are `_SMALL`."""
_SMALL = 3.5
_CUT = 26  # characters of a term in a name
_TITLE = 200  # characters of a title or a sentence where one hovers
_LINE, _LETTER = 24, 11.0  # height of a line and width of a letter of a name, as map.css writes it
_BADGE = 60  # width of the number that stands for a name on a phone
_STEP, _STEPS = 18, 14  # how far from its group a name may stand, and how finely places are tried
_WEIGHED = 600  # points for which it is looked whether a name would hide them
_HIDING = (8.0, 10.0, 20.0)
"""How bad to hide a point, one that was looked at, one that is cited: in steps that a name goes out of its way.

On the 82 seeds no point is hidden so; with (3, 5, 15) it was 7, and names were 49 units from the middle, not 87."""
_CLEAR = 8  # from a name to a point that it doesn't hide


@dataclass(frozen=True, slots=True)
class Marks:
    """What the last answer did: `cited` gives the markers of a paper, `retrieved` has the ids of all it looked at."""

    cited: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    retrieved: frozenset[str] = frozenset()

    @classmethod
    def of(cls, answer: Answer | None) -> Marks:
        """The marks of an answer; none without one."""
        cited: dict[str, list[int]] = {}
        for citation in answer.citations if answer else ():
            cited.setdefault(citation.paper_id, []).append(citation.marker)
        looked_at = frozenset(r.paper_id for r in answer.retrieved) if answer else frozenset()
        return cls({id: tuple(sorted(markers)) for id, markers in cited.items()}, looked_at | cited.keys())


@dataclass(frozen=True, slots=True)
class Box:
    """Where a name stands: its middle and its size, in units of the picture."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        """Whether two names would run into each other."""
        across = abs(self.x - other.x) * 2 < self.width + other.width
        return across and abs(self.y - other.y) * 2 < self.height + other.height

    def covers(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of some points would be hidden."""
        across = np.abs(x - self.x) < self.width / 2 + _CLEAR
        hidden: NDArray[np.bool_] = across & (np.abs(y - self.y) < self.height / 2 + _CLEAR)
        return hidden


def picture(found: PaperMap, papers: Mapping[str, Paper], marks: Marks) -> str:
    """The picture. `papers` are those of the collection by their ids."""
    points = drawn(found.points, marks)
    plain = len(found.points) > PLAIN
    radius = next((r for most, r in _RADIUS.items() if len(points) <= most), _SMALL)
    spans = spans_of_years(papers)

    def point(at: Point, paper: Paper) -> dict[str, Any]:
        x, y = _place(at.x, at.y)
        markers = marks.cited.get(at.paper_id, ())
        when = next((n for n, (_, last) in enumerate(spans, 1) if paper.year and paper.year <= last), 0)
        words = _description(paper, plain) + (f" Cited as {', '.join(f'[{m}]' for m in markers)}." if markers else "")
        colour = f"g{at.group % COLOURS + 1} y{when}"
        looked_at = at.paper_id in marks.retrieved
        return {"id": at.paper_id, "x": x, "y": y, "colour": colour, "words": words, "markers": markers,
                "looked_at": looked_at, "radius": radius, "plain": plain}  # fmt: skip

    order = sorted(points, key=lambda p: p.paper_id in marks.retrieved)
    shown = [point(p, papers[p.paper_id]) for p in order if p.paper_id in papers]
    lines = [_lines(group, number) for number, group in enumerate(found.groups, start=1)]
    sizes = [(max(map(_width, own)), float(_LINE * len(own) + 4)) for own in lines]
    names = zip(place_names(found.groups, sizes, points, marks), lines, strict=True)
    badges = [(float(_BADGE), float(_BADGE))] * len(lines)
    numbers = enumerate(place_names(found.groups, badges, points, marks), start=1)
    placed = [one for one in names if one[0]], [one for one in numbers if one[1]]
    return _picture(WIDTH, HEIGHT, spoken(found, marks), shown, *placed, _LINE)


def spans_of_years(papers: Mapping[str, Paper]) -> list[tuple[int, int]]:
    """The years of the papers in at most `YEARS` spans, oldest first, with about as many papers in each; none where
    the papers have fewer than two years."""
    years = sorted(p.year for p in papers.values() if p.year)
    if len(set(years)) < 2:
        return []
    ends = sorted({years[(n + 1) * len(years) // YEARS - 1] for n in range(min(YEARS, len(years)))} | {years[-1]})
    starts = [years[0], *(end + 1 for end in ends)]
    return list(zip(starts, ends, strict=False))


def drawn(points: Sequence[Point], marks: Marks) -> list[Point]:
    """The points that are drawn: all, or of very many a sample, with every one that the last answer looked at."""
    if len(points) <= DRAWN:
        return list(points)
    chosen = {i * len(points) // DRAWN for i in range(DRAWN)}
    return [p for i, p in enumerate(points) if i in chosen or p.paper_id in marks.retrieved]


def name(group: Group, number: int) -> str:
    """What a group is called: its number and its terms."""
    return f"{number}. {' · '.join(_cut(t, _CUT) for t in group.terms) or 'various'}"


def spoken(found: PaperMap, marks: Marks) -> str:
    """What the picture shows, in words."""
    groups = "; ".join(
        f"{', '.join(g.terms) or 'various'} ({counted(len(g.members), 'paper')})" for g in found.groups[:COLOURS]
    )
    words = f"Map of {counted(len(found.points), 'paper')} in {counted(len(found.groups), 'group')}: {groups}."
    if marks.retrieved:
        cited = f"{len(marks.cited):,} that it cites" if marks.cited else "it cites none"
        words += f" Marked are the {counted(len(marks.retrieved), 'paper')} that the last answer looked at, {cited}."
    return words + " The same is written beside the map."


def _description(paper: Paper, plain: bool) -> str:
    """A paper in a line: title, year, and how its abstract begins."""
    year = f" ({paper.year})" if paper.year else ""
    head = f"{_cut(paper.title, _TITLE)}{year}."
    sentences = [] if plain else split_sentences(paper.abstract)
    return f"{head} {_cut(paper.abstract[sentences[0].start : sentences[0].end], _TITLE)}" if sentences else head


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _place(x: float, y: float) -> tuple[float, float]:
    """Where something of the map is in the picture."""
    return round(_MARGIN + x * (WIDTH - 2 * _MARGIN), 1), round(_MARGIN + y * (HEIGHT - 2 * _MARGIN), 1)


def _lines(group: Group, number: int) -> list[str]:
    """A name as it is written in the picture: two terms, one under the other."""
    first, *others = [_cut(term, _CUT) for term in group.terms[:2]] or ["various"]
    return [f"{number}. {first}", *others]


def _width(text: str) -> float:
    return sum(_LETTER * (1.8 if unicodedata.east_asian_width(c) in "WF" else 1) for c in text) + 8


def place_names(
    groups: Sequence[Group], sizes: Sequence[tuple[float, float]], points: Sequence[Point], marks: Marks
) -> list[Box | None]:
    """A place for each name near its group's middle: inside the picture, over no other name, and over few points.

    Larger groups come first; a name that fits nowhere has none. `sizes` are widths and heights.
    """
    few = points[:: len(points) // _WEIGHED + 1]
    x, y = np.array([_place(p.x, p.y) for p in few]).reshape(-1, 2).T
    badness = np.array([_HIDING[(p.paper_id in marks.retrieved) + (p.paper_id in marks.cited)] for p in few])
    placed: list[Box] = []
    found: list[Box | None] = []
    for group, (width, height) in zip(groups, sizes, strict=True):
        best: tuple[float, Box] | None = None
        for distance, left, top in _around(*_place(group.x, group.y)):
            box = Box(_within(left, width / 2, WIDTH), _within(top, height / 2, HEIGHT), width, height)
            if (best is not None and distance >= best[0]) or any(box.overlaps(other) for other in placed):
                continue
            cost = distance + float(badness[box.covers(x, y)].sum())
            if best is None or cost < best[0]:
                best = cost, box
        found.append(best and best[1])
        if best is not None:
            placed.append(best[1])
    return found


def _around(x: float, y: float) -> Iterator[tuple[float, float, float]]:
    """Places around one, near ones first, each with its distance in steps."""
    steps = range(-_STEPS, _STEPS + 1)
    offsets = sorted((abs(dx) + 1.4 * abs(dy), dx, dy) for dx in steps for dy in steps)
    for distance, dx, dy in offsets:
        yield distance, x + dx * _STEP, y + dy * _STEP


def _within(middle: float, half: float, size: float) -> float:
    return min(max(middle, half), size - half) if 2 * half < size else size / 2
