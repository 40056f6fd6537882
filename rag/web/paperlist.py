"""The papers of a collection: which of them are listed, and the HTML of the list and of the one that is read.

Every fragment escapes what it is given and is on one line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, get_args
from urllib.parse import quote, urlencode

from rag.api import narrowing
from rag.api.collections import title
from rag.core.answer import Answer
from rag.core.config import DEFAULT_COLLECTION
from rag.core.paper import Paper, fold
from rag.home.citing import doi_of
from rag.home.notes import MAX_NOTE, Note
from rag.index.near import Near
from rag.index.searching import search
from rag.web.bridge import button, copier, field
from rag.web.markdown import shown
from rag.web.markup import SITE
from rag.web.snippets import marked, snippet

PAGE = 100
"""Papers that are listed at once."""
MAX_QUERY = 300
"""Characters of a search."""
COMPARED = (2, 8)
"""Chosen papers that one table compares."""
_NAMED = 3  # authors in the list; of more, how many
_LINKED = 400  # chosen papers that one link can name: an address holds some 40,000 characters

Sort = Literal["match", "file", "title", "year"]
SORTS: dict[Sort, str] = {"match": "Best match", "file": "As in the files", "title": "Title", "year": "Newest"}


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
    sentence: tuple[int, int] | None = None
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


def place(value: str) -> tuple[str, tuple[int, int] | None]:
    """The paper, and the sentence in it, that a button to read names: "ID", or "ID START END"."""
    if fits := re.fullmatch(r"(\S+) (\d{1,9}) (\d{1,9})", value):
        return fits[1], (int(fits[2]), int(fits[3]))
    return value, None


def count(shown_papers: int, total: int, *, narrowed: bool = False, near: int = 0, read: str = "") -> str:
    """How many of the papers were found, and how many are near in meaning; `narrowed` where not only words were
    searched, `read` is the query without its slips."""
    slip = f" for “{shown(read)}”" if read else ""
    if total and not shown_papers and narrowed and not near:
        return "<p>No paper fits all of this. Leave a field empty, or search with fewer words.</p>"
    if total and not shown_papers:
        rest = "This one is near in meaning." if near == 1 else f"These {near} are near in meaning."
        return f"<p>No paper has all of these words. {rest if near else 'Try fewer or other words.'}</p>"
    of = f"{shown_papers:,} of {total:,}" if shown_papers != total else f"{total:,}"
    return f"<p>{of} paper{'' if total == 1 else 's'}{slip}</p>"


def tools(papers: Sequence[Paper], found: Sequence[Paper], look: Look, collection: str, *, kept: int = 0) -> str:
    """How the list is sorted, and what can be done with all of it; `kept` papers have a star or a note."""
    offered = [
        s for s in SORTS if (s != "match" or look.query.strip()) and (s != "year" or any(p.year for p in papers))
    ]
    sorts = "".join(button("sort", s, SORTS[s], style="round", pressed=s == look.sorted_by) for s in offered)
    parts = [f'<span class="sorts" role="group" aria-label="Sort by">{sorts}</span>']
    if kept or look.kept:
        parts.append(button("kept", "", f"★ and notes: {kept:,}", style="round", pressed=look.kept))
    if found and len(found) < len(papers):
        parts.append(button("choose-found", "", f"Choose all {len(found):,} found", style="link"))
    if found and (not look.kept or len(found) <= _LINKED):
        fields = [("id", p.id) for p in found] if look.kept else look.address
        parts.append(_bibtex(collection, fields, f"BibTeX of {len(found):,}"))
    return f'<div class="tools">{"".join(parts)}</div>'


def listed(
    found: Sequence[Paper],
    look: Look,
    chosen: Collection[str],
    *,
    words: Sequence[str] = (),
    near: Sequence[Near] = (),
    kept: Mapping[str, Note] = MappingProxyType({}),
) -> str:
    """The first papers of those that were found, with the `words` of the search marked, a button for more, and then
    those that are `near` in meaning, each with its nearest sentence; `kept` are the stars and notes, by id."""

    def item(p: Paper, part: str, value: str) -> str:
        return _item(p, words, part, value, p.id in chosen, p.id == look.reading, kept.get(p.id, Note()))

    items = "".join(item(p, snippet(p.abstract, words), p.id) for p in found[: look.limit])
    left = len(found) - look.limit
    more = button(
        "more", "", f"Show {min(PAGE, left)} more", label=f"Show {min(PAGE, left)} more of {left:,}", style="more"
    )
    html = f'<ul class="papers" aria-label="Papers">{items}</ul>{more if left > 0 else ""}' if items else ""
    rows = ((n.paper, marked(n.paper.abstract[slice(*n.sentence)], words), n.sentence) for n in near)
    items = "".join(item(p, sentence, f"{p.id} {start} {end}") for p, sentence, (start, end) in rows)
    head = '<h2 class="near">Near in meaning</h2><ul class="papers" aria-label="Near in meaning">'
    return f"{html}{head}{items}</ul>" if items else html


def _item(paper: Paper, words: Sequence[str], part: str, value: str, chosen: bool, current: bool, note: Note) -> str:
    """A row; `part` is the HTML of what was found of its abstract, `value` what its title opens."""
    mark = ' aria-current="true"' if current else ""
    tick = '<span aria-hidden="true">✓</span>'
    pick = button("choose", paper.id, tick, label=f"Choose {paper.title}", style="pick", pressed=chosen)
    read = button("read", value, marked(paper.title, words), style="title")
    found = f'<p class="part-of">{part}</p>' if part else ""
    found += f'<p class="noted">{shown(note.text)}</p>' if note.text else ""
    return f"<li{mark}>{pick}<div>{read}{byline(paper, _NAMED)}{found}</div>{_star(paper, note)}</li>"


def _star(paper: Paper, note: Note) -> str:
    sign = f'<span aria-hidden="true">{"★" if note.star else "☆"}</span>'
    return button("star", paper.id, sign, label=f"Star {paper.title}", style="star", pressed=note.star)


def byline(paper: Paper, most: int | None = None, *, year: bool = True) -> str:
    """Authors, year and venue, as far as they are known; of more than `most` authors how many more there are."""
    names = paper.authors if most is None or len(paper.authors) <= most + 1 else paper.authors[:most]
    authors = ", ".join(names)
    if len(names) < len(paper.authors):
        authors += f" and {len(paper.authors) - len(names)} more"
    by = " · ".join(part for part in (authors, str(paper.year or "") if year else "", paper.venue or "") if part)
    return f'<p class="by">{shown(by)}</p>' if by else ""


def reading(
    paper: Paper,
    look: Look,
    *,
    chosen: bool,
    cited: Collection[tuple[int, int]],
    bibtex: str = "",
    near: Sequence[Near] = (),
    note: Note | None = None,
) -> str:
    """A whole paper: `cited` are the places that the open conversation quotes, `near` are papers like it. With a
    `note`, which may be empty, it can be noted and starred."""
    target = look.sentence if _within(paper, look.sentence) else None
    marks = ""
    if inside := [c for c in cited if _within(paper, c)]:
        what = "sentence" if len(inside) == 1 else "sentences"
        marks = f'<p class="hint">Marked: the {what} that the open conversation quotes.</p>'
    focus = "" if target else f' data-focus="{shown(look.visit)}"'
    return (
        f'<article class="reading" aria-labelledby="reading-title"><h2 id="reading-title" tabindex="-1"{focus}>'
        f"{shown(paper.title)}</h2>{byline(paper)}{_actions(paper, chosen, bibtex)}"
        f'<div class="abstract">{abstract(paper.abstract, inside, target, look.visit)}</div>{marks}'
        f"{_noting(paper, note)}{_similar(near)}"
        '<a href="#papers-top" class="up link">Back to the list</a></article>'
    )


def _noting(paper: Paper, note: Note | None) -> str:
    """The star of a paper, and the field for a note on it, which `scripts/notes.js` sends."""
    if note is None:
        return ""
    box = field("Your note on this paper", "Kept for you while you type", value=note.text, lines=2, most=MAX_NOTE)
    head = f'<div class="head"><h3>Your note</h3>{_star(paper, note)}</div>'
    return f'<section class="noting" data-note="{shown(paper.id)}">{head}{box}</section>'


def _similar(near: Sequence[Near]) -> str:
    items = "".join(f"<li>{button('read', n.paper.id, shown(n.paper.title), style='title')}</li>" for n in near)
    return f'<section class="similar"><h3>Similar papers</h3><ul>{items}</ul></section>' if items else ""


def source(paper: Paper) -> str:
    """Links to where a paper is on the web: its address, and that of its DOI."""
    link = doi_link(paper)
    if paper.url and re.match(r"https?://(?!(?:dx\.)?doi\.org/)", paper.url, re.IGNORECASE):
        return f'<a href="{shown(paper.url)}" class="link" target="_blank">Read it at its source</a>{link}'
    return link


def doi_link(paper: Paper) -> str:
    """A link to where the DOI of a paper leads; empty without one."""
    doi = doi_of(paper)
    place = shown(f"https://doi.org/{quote(doi, safe='/')}")
    return f'<a href="{place}" class="link" target="_blank">doi:{shown(doi)}</a>' if doi else ""


def _actions(paper: Paper, chosen: bool, bibtex: str) -> str:
    parts = [
        button("ask-about", paper.id, "Ask about this paper", style="main-button"),
        button("choose", paper.id, "Leave out" if chosen else "Choose", style="link"),
        copier(bibtex, "Copy BibTeX", style="link") if bibtex else "",
        source(paper),
    ]
    return f'<div class="does">{"".join(parts)}</div>'


def _within(paper: Paper, span: tuple[int, int] | None) -> bool:
    return span is not None and 0 <= span[0] < span[1] <= len(paper.abstract)


def abstract(
    text: str, spans: Collection[tuple[int, int]], target: tuple[int, int] | None = None, visit: str = ""
) -> str:
    """The abstract with each span between <mark> tags; the one that was asked for gets the focus."""
    every = [*spans, *([target] if target else [])]
    cuts = sorted({0, len(text), *(end for span in every for end in span)})
    html = []
    for start, end in pairwise(cuts):
        piece = shown(text[start:end])
        if any(a <= start and end <= b for a, b in every):
            asked = target is not None and target[0] <= start and end <= target[1]
            first = f' tabindex="-1" data-focus="{shown(visit)}"' if target and target[0] == start else ""
            style = ' class="asked"' if asked else ""
            piece = f"<mark{style}{first}>{piece}</mark>"
        html.append(piece)
    return "".join(html)


def cited(answers: Sequence[Answer], paper: Paper) -> set[tuple[int, int]]:
    """The places in the abstract of `paper` that answers quote, where they are still there."""
    places = ((c, (c.start, c.end)) for a in answers for c in a.citations if c.paper_id == paper.id)
    return {span for c, span in places if c.quote and paper.abstract[span[0] : span[1]] == c.quote}


NOTHING_READ = (
    '<section class="reading empty" aria-label="Paper"><h2>Read a paper</h2><p>Click a title, and its abstract shows '
    "here. Choose papers to ask only them, or to compare what they say.</p></section>"
)
GONE = (
    '<section class="reading empty" aria-label="Paper"><p>This paper is not in the collection any more.</p></section>'
)


def tray(chosen: Collection[str], collection: str, *, deletable: bool = False) -> str:
    """What can be done with the chosen papers; empty where none is."""
    if not chosen:
        return ""
    parts = [button("ask-chosen", "", "Ask them" if len(chosen) > 1 else "Ask it", style="main-button")]
    low, high = COMPARED
    if low <= len(chosen) <= high:
        parts.append(button("compare", "", "Compare them", style="link"))
    elif len(chosen) > high:
        parts.append(f'<span class="hint">{low} to {high} can be compared</span>')
    if len(chosen) <= _LINKED:
        parts.append(_bibtex(collection, [("id", id) for id in chosen], "BibTeX"))
    parts.append(button("drop", "", "Clear", label="Clear: choose none", style="link"))
    if deletable:
        parts.append(button("remove", "", "Delete", label="Delete the chosen papers", style="link danger"))
    only = "these" if len(chosen) > 1 else "this one"
    text = f"<span><b>{len(chosen):,} chosen:</b> questions are asked of {only} only.</span>"
    return f'<p class="picked">{text}{"".join(parts)}</p>'


def collections(names: Sequence[str], open: str, *, deletable: bool = False) -> str:
    """The collections of the server, the one that comes filled first; `open` is the one that is shown."""
    shelved = sorted({*names, open}, key=lambda name: (name != DEFAULT_COLLECTION, name.lower()))
    items = "".join(button("collection", n, shown(title(n)), style="round", pressed=n == open) for n in shelved)
    if deletable:
        items += button("remove", "*", "Delete", label=f"Delete the collection {title(open)}", style="link danger")
    return f'<div class="collections" role="group" aria-label="Collection"><span>Collection</span>{items}</div>'


def address(file: str, fields: Sequence[tuple[str, str]]) -> str:
    """The address, relative to the page, of a file of this server that depends on `fields`."""
    # The sanitizer lets no ".." through, wherever it stands.
    return f"{SITE}{file}?{urlencode(fields).replace('..', '%2E%2E')}"


def _bibtex(collection: str, fields: Sequence[tuple[str, str]], words: str) -> str:
    place = address("papers.bib", [("collection", collection), *fields])
    return f'<a href="{shown(place)}" class="link" download>{words}</a>'
