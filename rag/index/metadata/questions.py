"""What a question asks of the metadata, and what is left of it to ask of the papers' texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rag.core.paper import Paper
from rag.index.metadata.catalogue import Catalogue, Filters
from rag.index.metadata.kinds import Kind, Order, described, kind_of, order_of, subject, wants_papers, wants_writings
from rag.index.metadata.people import Person, find_people
from rag.index.metadata.references import Reference, find_references, find_venue
from rag.index.metadata.years import PAPER, YearsFound, find_years

Lacking = Literal["authors", "years", "venues"]


@dataclass(frozen=True, slots=True)
class MetadataQuestion:
    """A question as far as metadata answers it.

    `kind` says what is asked for: the authors ("who"), the year ("when") or the venue ("where") of papers, or which
    papers there are by an author, of a year or in a venue ("which"). None is a question for the texts, which may be
    restricted.

    `filters` are what it restricts the papers to, false where it doesn't; `rows` are the papers that satisfy them, none
    without filters. `text` is the question without what `filters` stand for. Of "who", "when" and "where" it describes
    the papers that are meant ("moth traps"). It is "" where nothing is left that the texts could tell: then `rows` are
    the answer, and where there are no filters either, as in "When was it published?", the conversation has it.

    `order` says that the newest or the oldest of the papers is asked for: of `rows`, of those that `text` describes, or
    of all. `unknown` are the authors, keys and DOIs that
    it names and the collection doesn't have; `lacking` is what it needs and no paper of the collection has.
    """

    filters: Filters
    text: str
    kind: Kind | None
    rows: tuple[int, ...]
    order: Order | None = None
    unknown: tuple[str, ...] = ()
    lacking: Lacking | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """People who are named together: "Marrow and Vance"."""

    people: tuple[Person, ...]

    @property
    def one(self) -> bool:
        return any(p.one for p in self.people)

    @property
    def shared(self) -> set[int]:
        """The rows of the papers that all of them wrote."""
        return set.intersection(*(set(p.rows) for p in self.people))

    @property
    def rows(self) -> set[int]:
        return self.shared or {row for p in self.people for row in p.rows}


def read_filters(question: str, catalogue: Catalogue) -> MetadataQuestion:
    """What `question` asks of the metadata of the collection, and what it restricts the papers to."""
    references = find_references(question, catalogue)
    people = [p for p in find_people(question, catalogue) if not any(r.start <= p.start < r.end for r in references)]
    groups = _groups(question, people)
    places = [(r.start, r.end) for r in references] + [(p.start, p.end) for p in people]
    years = find_years(question, catalogue.years[-1] if catalogue.years else None, places)
    venue = find_venue(question, catalogue)
    kind = kind_of(question)
    order, text = order_of(_without(question, references, groups, years, venue, catalogue.papers))
    titled = catalogue.titled_in(question) if kind and not references else ()
    filters = _filters(catalogue, references, groups, years, venue, titled)
    if kind:
        text = "" if titled or references else described(text)
    elif groups and _PERSON.fullmatch(text):
        kind, text = "which", ""
    elif (filters or order) and _asks_for_papers(question, groups):
        kind, text = "which", subject(text)
    return MetadataQuestion(
        filters=filters,
        text=text,
        kind=kind,
        rows=tuple(sorted(filters.rows(catalogue.papers))) if filters else (),
        order=order,
        unknown=tuple(p.name for p in people if not p.rows) + tuple(r.text for r in references if not r.rows),
        lacking=_lacking(kind, bool(people), years is not None or order is not None, catalogue),
    )


def _asks_for_papers(question: str, groups: Sequence[_Group]) -> bool:
    """Whether papers are asked for; "Odgers' paper" is one that is asked about."""
    return wants_writings(question) or (wants_papers(question) and not any(group.one for group in groups))


def _groups(question: str, people: Sequence[Person]) -> list[_Group]:
    groups: list[list[Person]] = [[p] for p in people[:1]]
    for one, other in pairwise(people):
        if re.fullmatch(r"\s*(?:,|&|,?\s*\band\b)\s*", question[one.end : other.start]):
            groups[-1].append(other)
        else:
            groups.append([other])
    return [_Group(tuple(group)) for group in groups]


def _filters(
    catalogue: Catalogue,
    references: Sequence[Reference],
    groups: Sequence[_Group],
    years: YearsFound | None,
    venue: Reference | None,
    titled: Iterable[int],
) -> Filters:
    named = [group for group in groups if group.rows] or groups
    simple = not any(group.one for group in named) and (len(named) < 2 or all(len(g.people) == 1 for g in named))
    authors = tuple(p.name for group in named for p in group.people) if simple or not any(g.rows for g in named) else ()
    rows = {row for reference in references for row in reference.rows} | {*titled}
    chosen: set[int] | None = rows if rows or references else None
    if not authors and named:
        written = {row for group in named for row in group.rows}
        chosen = written if chosen is None else chosen | written
    return Filters(
        years=years.years if years else (None, None),
        authors=authors,
        venues=(venue.text,) if venue else (),
        papers=None if chosen is None else frozenset(catalogue.papers[row].id for row in chosen),
        together=simple and len(named) == 1 and len(named[0].people) > 1 and bool(named[0].shared),
    )


def _lacking(kind: Kind | None, people: bool, years: bool, catalogue: Catalogue) -> Lacking | None:
    if (kind == "who" or people) and not catalogue.has_authors:
        return "authors"
    if (kind == "when" or years) and not catalogue.has_years:
        return "years"
    return "venues" if kind == "where" and not catalogue.has_venues else None


_PERSON = re.compile(r"\W*who(?:['’]s|\s+(?:is|are|was))\s+the\s+authors\W*", re.IGNORECASE)
"""What is left of "Who is Tam Odgers?", which asks for the papers of a name."""
_Cut = tuple[int, int, str]
_OBJECT = re.compile(
    r"\b(?:in|of|from|do|does|did|to|by|about|with|is|was|has|and|or|than|vs\.?|compared?|summari[sz]e|explain)\s+$",
    re.IGNORECASE,
)
_OPENING = re.compile(
    rf"^\W*(?:(?:in|from|according\s+to|for|of)\s+)?(?:the\s+(?:{PAPER}|authors|work)\b(?:\s+(?:of|by)\s+the\s+authors\b)?|(?=[,:]))\s*[,:]+\s*",
    re.IGNORECASE,
)


def _without(
    question: str,
    references: Sequence[Reference],
    groups: Sequence[_Group],
    years: YearsFound | None,
    venue: Reference | None,
    papers: Sequence[Paper],
) -> str:
    """The question without the places that filters stand for, still a sentence."""
    known = [r for r in references if r.rows]
    people = [person for group in groups for person in group.people]
    # What is compared needs its name: that of a paper is its title.
    if len(known) > 1:
        cuts = [(r.start, r.end, _titles(r.rows, papers)) for r in known]
    else:
        cuts = [_reference_cut(question, r) for r in known]
    if (len(groups) == 1 and groups[0].shared) or not any(group.rows for group in groups):
        cuts += [_group_cut(question, group) for group in groups]
    else:
        cuts += [_person_cut(question, p, papers) for p in people if p.one and p.rows]
    cuts += [(_with_verb(question, years.start), years.end, "")] if years else []
    cuts += [(_with_verb(question, venue.start), venue.end, "")] if venue else []
    if not cuts:
        return question
    text = question
    for start, end, instead in sorted(cuts, reverse=True):
        text = text[:start] + instead + text[end:]
    text = re.sub(r"\(\s*\)|\bof\s+of\b", "", text)
    text = re.sub(r"\s+(?=[?.,!;:])|(?<=\s)\s+", "", text).strip()
    text = _OPENING.sub("", re.sub(r"^[\s,;:]+", "", text))
    text = re.sub(r"\b([Dd]o)es(?= the authors\b)", r"\1", re.sub(r"\b([Hh]a)s(?= the authors\b)", r"\1ve", text))
    return text[:1].upper() + text[1:] if question[:1].isupper() else text


def _with_verb(question: str, start: int) -> int:
    """Where a phrase begins, with the "published" of "papers published in" before it."""
    verb = r"(?<=\s)(?:(?:that|which)\s+(?:are|were)\s+)?(?:published|printed|presented|dated)\s+$"
    found = re.search(verb, question[:start], re.IGNORECASE)
    return found.start() if found and re.search(rf"\b{PAPER}\s+$", question[: found.start()], re.IGNORECASE) else start


def _reference_cut(question: str, reference: Reference) -> _Cut:
    before, after = question[: reference.start], question[reference.end :]
    noun = "the papers" if len(reference.rows) > 1 else "the paper"
    if re.search(rf"\b(?:{PAPER})\s*[\[(]?$", before) or not _OBJECT.search(before):
        return reference.start, reference.end, noun if re.match(r"['’]s\b", after) else ""
    return reference.start, reference.end, noun


def _titles(rows: Iterable[int], papers: Sequence[Paper]) -> str:
    return " and ".join(f"“{papers[row].title}”" for row in rows)


def _person_cut(question: str, person: Person, papers: Sequence[Paper]) -> _Cut:
    own = re.match(rf"['’]s?\s+(?:[12]\d{{3}}\s+)?(?:{PAPER})\b", question[person.end :], re.IGNORECASE)
    return person.start, person.end + (own.end() if own else 0), _titles(person.rows, papers)


def _group_cut(question: str, group: _Group) -> _Cut:
    start, end = group.people[0].start, group.people[-1].end
    before, after = question[:start], question[end:]
    asked = re.search(r"\b(?:did|has|have|had)\s+$", before)
    wrote = re.match(
        r"\s+(?:ever\s+|also\s+)?(?:(?:co-?)?(?:write|written|author(?:ed)?)|publish(?:ed)?|worked\s+on)\b(?:\s+together)?",
        after,
    )
    if asked and wrote:
        return asked.start(), end + wrote.end(), ""
    if by := re.search(
        r"(?:\b(?:that|which)\s+(?:was|were)\s+)?(?:\b(?:co-?)?(?:written|authored|published)\s+)?\b(?:by|from)\s+$",
        before,
    ):
        return by.start(), end, ""
    if own := re.match(rf"['’]s?\s+(?:[12]\d{{3}}\s+)?(?={PAPER}\b|work\b)|['’]s?\s+", after):
        return start, end + own.end(), "the "
    if paper := re.match(rf"\s+(?={PAPER}\b)", after):
        return start, end + paper.end(), ""
    if start and question[start - 1] == "(" and after.startswith(")"):
        return start - 1, end + 1, "the authors" if _OBJECT.search(question[: start - 1]) else ""
    if before.endswith("with ") and re.search(r"\bauthor$", question[start:end]):
        return start - len("with "), end, ""
    return start, end, "the paper" if group.one and re.search(r"\d\W*$", question[start:end]) else "the authors"
