"""Records of one paper become one: which are the same, and the fullest fields of all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rag.core.paper import Paper, fold, paper_id

from .names import family

_LONG_TITLE = 4  # words: a shorter title alone says too little ("Editorial")
_ALIKE = 0.5  # of the words of the shorter title


class Papers:
    """Papers, none twice, in the order of their first record."""

    def __init__(self, papers: Iterable[Paper] = ()) -> None:
        self._papers: list[Paper] = []
        self._by_doi: dict[str, int] = {}
        self._by_title: dict[str, list[int]] = {}
        for paper in papers:
            self.add(paper)

    def __iter__(self) -> Iterator[Paper]:
        return iter(self._papers)

    def __getitem__(self, number: int) -> Paper:
        return self._papers[number]

    def __len__(self) -> int:
        return len(self._papers)

    def add(self, paper: Paper, *, newer: bool = False) -> int | None:
        """Add a paper. The number of the one that it repeats, which takes over its fuller fields; None for a new one.

        `newer`: what the paper says counts more than what is there, as when a corrected file is read again.
        """
        number = self._same(paper)
        if number is None:
            number = len(self._papers)
            self._papers.append(paper)
            self._know(number, paper)
            return None
        there = self._papers[number]
        self._papers[number] = merged = _updated(there, paper) if newer else fullest(there, paper)
        self._know(number, merged)
        self._know(number, paper)
        return number

    def holds(self, paper: Paper) -> bool:
        """Whether it repeats one that is there."""
        return self._same(paper) is not None

    def _know(self, number: int, paper: Paper) -> None:
        if paper.doi:
            self._by_doi.setdefault(paper.doi, number)
        numbers = self._by_title.setdefault(_folded(paper.title), [])
        if number not in numbers and len(numbers) < _MOST_OF_A_TITLE:
            numbers.append(number)

    def _same(self, paper: Paper) -> int | None:
        if paper.doi and (number := self._by_doi.get(paper.doi)) is not None and _akin(self._papers[number], paper):
            return number
        for number in self._by_title.get(_folded(paper.title), ()):
            if _repeats(self._papers[number], paper):
                return number
        return None


_MOST_OF_A_TITLE = 1_000


def _folded(title: str) -> str:
    return fold(title) or title


def _akin(a: Paper, b: Paper) -> bool:
    """Whether two papers of one DOI may be one: chapters of a book and abstracts of a meeting can share theirs."""
    first, second = set(_folded(a.title).split()), set(_folded(b.title).split())
    if len(first & second) >= _ALIKE * min(len(first), len(second)):
        return True
    if a.abstract and fold(a.abstract) == fold(b.abstract):
        return True
    return a.year == b.year and bool(a.authors and b.authors) and _first_author(a) == _first_author(b)


def _repeats(a: Paper, b: Paper) -> bool:
    """Whether two papers of one title are one."""
    if a.abstract and b.abstract and (fold(a.abstract) or a.abstract) == (fold(b.abstract) or b.abstract):
        return True
    if a.doi and b.doi and a.doi != b.doi:
        return False
    years = a.year is None or b.year is None or a.year == b.year
    people = not a.authors or not b.authors or _first_author(a) == _first_author(b)
    known = a.year is not None and b.year is not None and bool(a.authors and b.authors)
    # Of one without an abstract less is known, and less speaks against it.
    return years and people and (known or (not (a.abstract and b.abstract) and _says_enough(a.title)))


def _says_enough(title: str) -> bool:
    return len(_folded(title).split()) >= _LONG_TITLE


def _first_author(paper: Paper) -> str:
    return fold(family(paper.authors[0])) if paper.authors else ""


def fullest(a: Paper, b: Paper) -> Paper:
    """One paper of two records: `a`, with what `b` has more of. Its id is that of its title and abstract."""
    text = b if len(b.abstract) > len(a.abstract) else a
    title = a.title if text is a or fold(a.title) == fold(b.title) else text.title
    authors = max(a.authors, b.authors, key=_fullness)
    return replace(
        a,
        id=paper_id(title, text.abstract),
        title=title,
        abstract=text.abstract,
        raw_abstract=text.raw_abstract,
        authors=authors,
        year=a.year or b.year,
        url=_address(a, b),
        key=a.key or b.key,
        venue=max(a.venue or "", b.venue or "", key=_spelt_out) or None,
        doi=a.doi or b.doi,
        keywords=a.keywords if len(a.keywords) >= len(b.keywords) else b.keywords,
        sources=tuple(dict.fromkeys((*a.sources, *b.sources))),
        families=tuple(dict.fromkeys((*a.families, *b.families))),
    )


def _updated(old: Paper, new: Paper) -> Paper:
    """`new`, with what it lacks taken from `old`."""
    both = fullest(old, new)
    if not new.abstract:
        return both
    return replace(
        new,
        authors=new.authors or old.authors,
        year=new.year or old.year,
        url=new.url or old.url,
        key=new.key or old.key,
        venue=new.venue or old.venue,
        doi=new.doi or old.doi,
        keywords=new.keywords or old.keywords,
        sources=both.sources,
        families=both.families,
    )


def _fullness(authors: tuple[str, ...]) -> tuple[int, int]:
    return len(authors), len(re.findall(r"\w", "".join(authors)))


def _spelt_out(venue: str) -> tuple[int, bool]:
    return len(venue), not venue.isupper()


def _address(a: Paper, b: Paper) -> str | None:
    """The first address; one that anyone can open before that of a database's own page."""
    given = [url for url in (a.url, b.url) if url]
    return next((url for url in given if not _OF_A_DATABASE.search(url)), given[0] if given else None)


_OF_A_DATABASE = re.compile(
    r"scopus\.com|ebscohost|webofscience|embase\.com|ovid\.com|proquest\.com|lens\.org", re.IGNORECASE
)
