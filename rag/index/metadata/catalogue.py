"""What a collection knows of its papers apart from their texts, and the filters that choose papers by it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from rag.core.options import Options
from rag.core.paper import Paper, fold
from rag.index.metadata.names import Name, folded, read_name

Years = tuple[int | None, int | None]
"""The first and the last year, both included; None is open."""

DOI = re.compile(r"\b10\.\d{4,9}/[^\s<>\"{}|\\^`]+", re.IGNORECASE)
"""A DOI in a text; what punctuation may follow it is part of the match (`bare_doi` takes it off)."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which papers are meant, by what is known of them: they satisfy all that is given, and an empty one gives nothing.

    `years` are the first and the last, None where open. A paper has one of `authors` – with `together` each of them –
    and stands in one of `venues`: names as people write them, "Odgers", "T. Odgers", "Odgers, Tam", and venues by
    whole words, "Ecology" for "Journal of Ecology". `papers` are ids.
    """

    years: Years = (None, None)
    authors: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    papers: frozenset[str] | None = None
    together: bool = False

    @classmethod
    def of(cls, options: Options) -> Filters:
        """The filters that the options of a question give."""
        return cls(options.years or (None, None), options.authors, options.venues, options.papers)

    def __bool__(self) -> bool:
        return self != Filters(together=self.together)

    def rows(self, papers: Sequence[Paper]) -> set[int]:
        """The rows of the papers that are meant; all where nothing is given."""
        names = [read_name(author) for author in self.authors]
        venues = [f" {fold(venue)} " for venue in self.venues]
        return {row for row, paper in enumerate(papers) if self._has(paper, names, venues)}

    def _has(self, paper: Paper, names: Sequence[Name], venues: Sequence[str]) -> bool:
        if self.papers is not None and paper.id not in self.papers:
            return False
        first, last = self.years
        if (first, last) != (None, None) and (
            paper.year is None or paper.year < (first or paper.year) or paper.year > (last or paper.year)
        ):
            return False
        if names:
            own = [read_name(author) for author in paper.authors]
            found = (any(name.fits(other) for other in own) for name in names)
            if not (all(found) if self.together else any(found)):
                return False
        return not venues or any(venue in f" {fold(paper.venue or '')} " for venue in venues)


class _Tables:
    """The years, and by what papers are called: family names, keys, DOIs and venues, with their rows."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.years = tuple(sorted({p.year for p in papers if p.year is not None}))
        self.families: dict[tuple[str, ...], dict[int, list[Name]]] = defaultdict(dict)
        self.keys: dict[str, list[int]] = defaultdict(list)
        self.dois: dict[str, list[int]] = defaultdict(list)
        self.venues: dict[str, list[int]] = defaultdict(list)
        for row, paper in enumerate(papers):
            for author in paper.authors:
                name = read_name(author)
                for called in (name, name.with_longer_family()):
                    if called is not None and called.family:
                        self.families[called.family].setdefault(row, []).append(called)
            for key in {paper.id.casefold(), (paper.key or paper.id).casefold()}:
                self.keys[key].append(row)
            if paper.doi:
                self.dois[paper.doi.casefold()].append(row)
            for venue in _called(paper.venue or ""):
                self.venues[venue].append(row)
        self.longest_family = max(map(len, self.families), default=0)
        self.longest_venue = max((venue.count(" ") + 1 for venue in self.venues), default=0)


class Catalogue:
    """The authors, years, venues, citation keys and DOIs of a collection, for looking papers up by them.

    Rows are positions in `papers`, in ascending order. Nothing is read before the first question, at which the tables
    of 28,000 papers take 1 s; what is needed only by questions that may name an author or a title is made at the first
    one of these.
    """

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.papers = papers

    @cached_property
    def _tables(self) -> _Tables:
        return _Tables(self.papers)

    @property
    def years(self) -> tuple[int, ...]:
        """The years in which there are papers."""
        return self._tables.years

    @property
    def longest_family(self) -> int:
        """Words of the longest family name."""
        return self._tables.longest_family

    @property
    def longest_venue(self) -> int:
        """Words of the longest name of a venue."""
        return self._tables.longest_venue

    @property
    def has_authors(self) -> bool:
        """Whether any paper has an author."""
        return bool(self._tables.families)

    @property
    def has_years(self) -> bool:
        """Whether any paper has a year."""
        return bool(self.years)

    @property
    def has_venues(self) -> bool:
        """Whether any paper has a venue."""
        return bool(self._tables.venues)

    def by_author(self, name: str) -> tuple[int, ...]:
        """The papers of whoever may bear this name: "Odgers", "T. Odgers", "Tam Odgers", "Odgers, T"."""
        sought = read_name(name)
        names = self._tables.families.get(sought.family) or self._tables.families.get(folded(name)) or {}
        found = tuple(row for row, own in names.items() if any(sought.fits(n) or not sought.given for n in own))
        # The family name first, as in China or Hungary, against a catalogue that has it last.
        swapped = self._tables.families.get(sought.given[:1], {}) if not found and len(sought.given) == 1 else {}
        return found or tuple(row for row, own in swapped.items() if any(sought.fits(n) for n in own))

    def family(self, words: Sequence[str]) -> dict[int, list[Name]]:
        """The authors whose family name these folded words are, by the rows of their papers."""
        return self._tables.families.get(tuple(words), {})

    def first_author(self, rows: Iterable[int], name: str) -> tuple[int, ...]:
        """Those of `rows` whose first author may bear this name."""
        sought = read_name(name)
        authors = ((row, self.papers[row].authors) for row in rows)
        return tuple(row for row, names in authors if names and sought.fits(read_name(names[0])))

    def by_key(self, key: str) -> tuple[int, ...]:
        """The papers with this citation key or id, whatever its case."""
        return tuple(self._tables.keys.get(key.casefold(), ()))

    def by_doi(self, doi: str) -> tuple[int, ...]:
        """The papers with this DOI, given bare, as an address, or with "doi:"."""
        found = DOI.search(doi)
        return tuple(self._tables.dois.get(bare_doi(found[0]).casefold(), ())) if found else ()

    def by_venue(self, venue: str) -> tuple[int, ...]:
        """The papers of the venue with this name, or with this abbreviation in parentheses behind its name."""
        return tuple(self._tables.venues.get(fold(venue), ()))

    def titled_in(self, text: str) -> tuple[int, ...]:
        """The papers whose titles, or what these have before a colon, stand in `text` word for word."""
        words = fold(text).split()
        found = {
            row
            for at in range(len(words) - 1)
            for row, title in self._titles.get(" ".join(words[at : at + 2]), ())
            if words[at : at + len(title)] == title
        }
        return tuple(sorted(found))

    @cached_property
    def _titles(self) -> dict[str, list[tuple[int, list[str]]]]:
        """The titles of two words and more, by the first two."""
        titles: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
        for row, paper in enumerate(self.papers):
            for title in {fold(paper.title), fold(re.split(r":\s", paper.title)[0])}:
                if len(words := title.split()) > 1:
                    titles[" ".join(words[:2])].append((row, words))
        return dict(titles)

    @cached_property
    def _said(self) -> frozenset[str]:
        """The words of family names that some title or abstract has too."""
        words = {word for family in self._tables.families for word in family}
        texts = (f"{p.title} {p.abstract}" for p in self.papers)
        return frozenset(word for t in texts for word in re.findall(r"\w+", _plain(t)) if word in words)

    def is_word(self, word: str) -> bool:
        """Whether a folded family name is also a word of the language or of the papers' texts: Rice, Frost, May."""
        return word in self._said or word in _vocabulary()

    def mentions(self, word: str) -> bool:
        """Whether the title or the abstract of a paper has this folded word."""
        whole = re.compile(rf"\b{re.escape(word)}\b")
        return any(whole.search(_plain(f"{p.title} {p.abstract}")) for p in self.papers)

    def names_thing(self, name: str) -> bool:
        """Whether abstracts write this with a capital within a sentence: "patients with Parkinson"."""
        within = re.compile(rf"(?<=[a-z,;)] ){re.escape(name)}\b")
        return any(within.search(p.abstract) for p in self.papers)


def bare_doi(found: str) -> str:
    """A match of `DOI` without the punctuation of the sentence around it."""
    doi = found.rstrip(".,;:!?'’\"”]>")
    while doi.endswith(")") and doi.count(")") > doi.count("("):
        doi = doi[:-1].rstrip(".,;:")
    return doi


def _called(venue: str) -> set[str]:
    """What people call a venue: its name, the abbreviation behind it, the name without "Proceedings of the 37th"."""
    name = re.sub(r"\s*\([^()]*\)\s*$", "", venue)
    short = re.search(r"\(([A-Z][\w-]+)[^()]*\)\s*$", venue)
    plain = re.sub(r"^(?:the|proceedings of(?: the)?(?: \d+\w*)?(?: annual)?)\s+", "", fold(name))
    return {called for called in (fold(venue), fold(name), plain, fold(short[1]) if short else "") if called}


def _plain(text: str) -> str:
    return text.lower() if text.isascii() else fold(text)


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """The 23,000 words that the embedding's tokenizer has whole: the commonest of English, and some names."""
    file = Path(__file__).parents[1] / "tokenizer.json"
    pieces = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    return frozenset(piece for piece in pieces if len(piece) > 1 and not piece.startswith(("##", "[")))
