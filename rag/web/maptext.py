"""What stands beside the map: the same in words, with the titles as buttons, and the paper that is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.core.answer import Answer
from rag.core.paper import Paper
from rag.index.mapping import PaperMap
from rag.web.drawing import macro
from rag.web.mapview import COLOURS, Marks, drawn, name, spans_of_years
from rag.web.paperlist import cited

AGAIN = "map-again"
"""The action that draws the map anew."""
INSIDE = "map-inside"
"""The action of a line that was drawn around points: its value are the ids of their papers."""
LISTED = 100
"""Papers of a group that are listed."""

empty = macro("map", "empty")
_legend, _words, _inside, _reading = (macro("map", part) for part in ("legend", "words", "inside", "reading"))


def legend(found: PaperMap, papers: Mapping[str, Paper], marks: Marks, *, awaited: bool) -> str:
    """What the signs of the picture mean, and what of the collection is drawn; `awaited` while an answer is written."""
    return _legend(len(found.points), len(drawn(found.points, marks)), spans_of_years(papers), marks, awaited)


def words(found: PaperMap, papers: Mapping[str, Paper], marks: Marks) -> str:
    """The papers of the last answer, and those of each group, as buttons that read them."""
    nearest = [p.paper_id for p in found.points if p.paper_id in marks.retrieved]
    nearest.sort(key=lambda id: (marks.cited.get(id) or (10_000,))[0])
    groups = [
        # The papers of the last answer come first.
        (
            name(group, n),
            sorted(group.members, key=lambda id: (id not in marks.cited, id not in marks.retrieved)),
            (n - 1) % COLOURS + 1,
        )
        for n, group in enumerate(found.groups, start=1)
    ]
    return _words(nearest, groups, papers, marks)


def inside(papers: Sequence[Paper], visit: str) -> str:
    """The papers that somebody drew a line around."""
    return _inside([p.id for p in papers], {p.id: p for p in papers}, Marks(), visit)


def reading(paper: Paper, answer: Answer | None, visit: str) -> str:
    """A whole paper, with what the last answer quotes of it marked; the focus goes to it when `visit` is a new one."""
    return _reading(paper, cited([answer] if answer else [], paper), visit)
