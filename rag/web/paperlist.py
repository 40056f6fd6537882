"""The papers of a collection: which of them are listed, and the HTML of the list and of the one that is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

from rag.api import narrowing
from rag.api.collections import title
from rag.core.answer import Answer
from rag.core.config import DEFAULT_COLLECTION
from rag.core.paper import Paper, fold
from rag.home.notes import MAX_NOTE, Note
from rag.index.near import Near
from rag.index.searching import search
from rag.web.drawing import Span, macro

PAGE = 100
"""Papers that are listed at once."""
MAX_QUERY = 300
"""Characters of a search."""
COMPARED = (2, 8)
"""Chosen papers that one table compares."""

Sort = Literal["match", "file", "title", "year"]

count, tools, byline = macro("papers", "count"), macro("papers", "tools"), macro("parts", "byline")
listed = partial(macro("papers", "listed"), page=PAGE)
tray = partial(macro("papers", "tray"), low=COMPARED[0], high=COMPARED[1])
READ = "Read a paper"
"""The heading where none is read."""
unread, _reading, _collections = macro("parts", "unread"), macro("papers", "reading"), macro("papers", "collections")


@dataclass(frozen=True, slots=True)
class Look:
    """How a reader looks at the papers: what is searched and how sorted, how many are listed, and what is read.

    `years`, `author` and `venue` are what the papers are narrowed to, as the reader wrote them, "" for nothing; `kept`
    is whether only those with a star or a note are listed. `reading` is the id of a paper, "" for none; `sentence` is
    the place in its abstract that was asked for, and `visit` tells one click that opened it from the next.
    """

    query: str = ""
    years: str = ""
    author: str = ""
    venue: str = ""
    sort: Sort | None = None
    kept: bool = False
    limit: int = PAGE
    reading: str = ""
    sentence: Span | None = None
    visit: str = ""

    @property
    def sorted_by(self) -> Sort:
        """What was chosen; else the best match of a search, and the order of the files where nothing is searched."""
        if self.sort is None or (self.sort == "match" and not self.query.strip()):
            return "match" if self.query.strip() else "file"
        return self.sort

    @property
    def address(self) -> list[tuple[str, str]]:
        """What is searched and narrowed to, as fields of an address."""
        fields = [("q", self.query), ("years", self.years), ("author", self.author), ("venue", self.venue)]
        return [(name, value) for name, value in fields if value.strip()]


def found(papers: Sequence[Paper], look: Look) -> list[Paper]:
    """The papers that are searched for, sorted. Raises UsageError for years that are none."""
    authors, venues = ([name] if fold(name) else [] for name in (look.author, look.venue))
    matching = narrowing.among(search(papers, look.query), narrowing.options(look.years, authors, venues))
    match look.sorted_by:
        case "title":
            return sorted(matching, key=lambda p: re.sub(r"^\W+", "", p.title.casefold()))
        case "year":
            return sorted(matching, key=lambda p: -(p.year or 0))
        case "file":
            kept = {p.id for p in matching}
            return [p for p in papers if p.id in kept]
    return matching


def sort_named(value: str) -> Sort | None:
    """The way to sort that a button names; None for what is none."""
    return next((sort for sort in get_args(Sort) if sort == value), None)


def place(value: str) -> tuple[str, Span | None]:
    """The paper, and the sentence in it, that a button to read names: "ID", or "ID START END"."""
    if fits := re.fullmatch(r"(\S+) (\d{1,9}) (\d{1,9})", value):
        return fits[1], (int(fits[2]), int(fits[3]))
    return value, None


def reading(
    paper: Paper,
    look: Look,
    *,
    chosen: bool,
    cited: Collection[Span],
    bibtex: str = "",
    near: Sequence[Near] = (),
    note: Note | None = None,
) -> str:
    """A whole paper: `cited` are the places that the open conversation quotes, `near` are papers like it. With a
    `note`, which may be empty, it can be noted and starred."""

    def within(span: Span | None) -> bool:
        return span is not None and 0 <= span[0] < span[1] <= len(paper.abstract)

    target = look.sentence if within(look.sentence) else None
    return _reading(paper, look, chosen, [c for c in cited if within(c)], target, bibtex, near, note, MAX_NOTE)


def cited(answers: Sequence[Answer], paper: Paper) -> set[Span]:
    """The places in the abstract of `paper` that answers quote, where they are still there."""
    places = ((c, (c.start, c.end)) for a in answers for c in a.citations if c.paper_id == paper.id)
    return {span for c, span in places if c.quote and paper.abstract[span[0] : span[1]] == c.quote}


def collections(names: Sequence[str], open: str, *, deletable: bool = False) -> str:
    """The collections of the server, the one that comes filled first; `open` is the one that is shown."""
    shelved = sorted({*names, open}, key=lambda name: (name != DEFAULT_COLLECTION, name.lower()))
    return _collections([(name, title(name)) for name in shelved], open, deletable)
