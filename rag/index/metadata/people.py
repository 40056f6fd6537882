"""Authors that a question names.

A surname counts only if an author of the collection has it. One that is also a word – of the language, or of the
papers themselves: Rice, Frost, Parkinson – needs a cue that a person is meant: "by Rice", "Rice et al.", "Rice's
paper", "Rice (2019)", "did Rice report", "Oryza Rice".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.index.metadata.catalogue import Catalogue
from rag.index.metadata.names import PARTICLES, Name, folded, read_name
from rag.index.metadata.years import PAPER

_TOKEN = re.compile(r"[^\W\d_]+(?:['’ʼ](?!s\b)[^\W\d_]+)*")
_VERB = (
    r"(?:find|found|finds|reports?|reported|shows?|showed|say|says|said|writes?|wrote|written|publish\w*|conclude\w*"
    r"|studied|study|measured?|measures|tested|test|tests|compared?|propose\w*|observed?|describe[sd]?|claim(?:ed|s)?"
    r"|argue[sd]?|suggest(?:ed|s)?|recommend(?:ed|s)?|present(?:ed|s)?|investigate[sd]?|use|used|uses|make|made|come to"
    r"|think|author(?:ed)?|discover(?:ed)?|count(?:ed)?|estimated?|examine[sd]?|evaluate[sd]?|work(?:ed)? on|do|did)"
)
_ET_AL = r"\s*,?\s*(?:et\.?\s+al\b\.?|(?:and|&)\s+(?:colleagues|co-?workers|co-?authors|others)\b)"
_POSSESSIVE = r"['’]s?(?!\w)"
_OWN = rf"{_POSSESSIVE}\s+(?:(?:[12]\d{{3}}|first|last|latest|newest|oldest|other|own|recent|earlier)\s+)*"
_PARTICLES = PARTICLES - {"do", "te", "ten"}  # "What do Marrow and colleagues say?"
_MONTHS = frozenset("january february march april may june july august september october november december".split())

# Cues that hold whatever the case of the name, and those that need a capital: "caused by frost" names nobody.
_BEFORE = re.compile(
    rf"\b(?:(?:{PAPER}|work|works|written|authored|co-?authored|published)\s+by|authors?\s+(?:named|called))\s+$",
    re.IGNORECASE,
)
_BEFORE_CAPITAL = re.compile(
    r"\b(?:by|authors?|according\s+to|(?:wrote|written|published)\s+with"
    rf"|{PAPER}(?:\s+(?:do|did)\s+(?:we|you)\s+have|\s+(?:are|is)\s+there)?\s+(?:from|of))\s+$",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"{_ET_AL}|{_OWN}(?:papers?|articles?|abstracts?|publications?|work)\b", re.IGNORECASE)
_AFTER_CAPITAL = re.compile(
    rf"{_OWN}(?:{PAPER}|results?|findings?|experiments?|conclusions?)\b|\s*,?\s*\((?:1[5-9]|20)\d\d[a-z]?\)|,?\s+(?:1[5-9]|20)\d\d\b(?!%)",
    re.IGNORECASE,
)
_DID = re.compile(r"\b(?:did|has|have)\s+$", re.IGNORECASE)
_WRITE = re.compile(
    r"\s+(?:ever\s+|also\s+)?(?:(?:co-?)?(?:write|written|author(?:ed)?)|publish(?:ed)?|work(?:ed)?\s+on)\b",
    re.IGNORECASE,
)
# Who is named to be left out, or as cited, restricts nothing.
_LEFT_OUT = re.compile(
    r"\b(?:cit(?:e|es|ed|ing)|besides|except(?:\s+for)?|without|not(?:\s+written)?\s+by|(?:other|rather)\s+than|apart\s+from)"
    r"\s+(?:(?:that|those|the\s+papers?|papers?)\s+(?:of|by)\s+)?$",
    re.IGNORECASE,
)
_ASKED = re.compile(r"\b(?:did|does|do|has|have|had)\s+(?:[^\W\d_][\w.'’-]*\s+(?:(?:and|&)\s+)?){0,3}$", re.IGNORECASE)
_ACTS = re.compile(rf"(?:\s+(?:and|&)\s+[^\W\d_][\w.'’-]*)?\s+(?:also\s+)?{_VERB}\b", re.IGNORECASE)
_FOLLOWING = re.compile(r"\W*(?:(?:and|but|so|what|how)\s+)+(?:about\s+|for\s+)?$", re.IGNORECASE)
_CITED = re.compile(
    rf"(?:{_ET_AL})?(?:,?\s*\(((?:1[5-9]|20)\d\d)[a-z]?\)|,?\s*((?:1[5-9]|20)\d\d)\b[a-z]?(?!%|\s*{PAPER}\b))?",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\s*(?:,|&|,?\s*\band\b)\s*(?:[^\W\d_]\.?[-\s]*){0,3}$", re.IGNORECASE)

_NAME = r"(?P<name>(?:[^\W\d_][\w.'’-]{0,40}\s+){0,3}?[^\W\d_][\w'’-]{0,40}?)"
_UNKNOWN = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:{PAPER}|work|written|authored)\s+by\s+(?P<name>[^\W\d_][\w.'’-]*(?:\s+[^\W\d_][\w.'’-]*){{0,3}})",
        rf"(?<!\w){_NAME}{_ET_AL}",
        rf"(?<!\w){_NAME}(?:['’]s|(?<=s)['’])\s+(?:papers?|articles?|publications?)\b",
        rf"\b(?:did|has|have)\s+{_NAME}\s+(?:ever\s+)?(?:write|written|publish|published|author|authored)\b",
    )
)


@dataclass(frozen=True, slots=True)
class Person:
    """A name in a question, the rows of the papers that are meant, and whether it is asked for one paper of theirs.

    `start` and `end` are the place of the name, with "et al." and a year where they follow. `one` is so for "Odgers'
    paper", "Odgers et al." and "Odgers (2018)": then the papers are those whose first author it is, where there are
    some, and of that year. Without rows nobody of the collection has that name, or wrote anything in that year.
    """

    start: int
    end: int
    name: str
    rows: tuple[int, ...]
    one: bool = False


def find_people(question: str, catalogue: Catalogue) -> list[Person]:
    """The authors that `question` names, in its order, then those that it names and the collection doesn't have."""
    found = [p for p in _families(question, catalogue) if not _LEFT_OUT.search(question[: p.start])]
    sure = [_sure(question, person, catalogue) for person in found]
    # "Frost and Odgers": who stands beside an author of the same paper is one.
    for at, (a, b) in enumerate(pairwise(found)):
        joined = _JOINED.fullmatch(question[a.end : b.start]) and set(a.rows) & set(b.rows)
        if joined and question[a.start].isupper() and question[b.start].isupper():
            sure[at] = sure[at + 1] = True
    known = [_one_or_all(question, p, catalogue) for p, is_sure in zip(found, sure, strict=True) if is_sure]
    return known + list(_unknown(question, known, catalogue))


def _families(question: str, catalogue: Catalogue) -> list[Person]:
    """The family names of authors, as far as the given names beside them fit."""
    tokens = list(_TOKEN.finditer(question))
    words = [folded(token[0]) for token in tokens]
    found: list[Person] = []
    at = 0
    while at < len(tokens):
        size, names = _longest(at, words, tokens, question, catalogue)
        if size:
            person = _with_given(question, tokens, at, size, names)
            if person and (not found or found[-1].end <= person.start):
                found.append(person)
        at += max(size, 1)
    return found


def _longest(
    at: int, words: Sequence[tuple[str, ...]], tokens: Sequence[re.Match[str]], question: str, catalogue: Catalogue
) -> tuple[int, dict[int, list[Name]]]:
    """How many tokens from `at` on are a family name, and whose."""
    for size in range(min(catalogue.longest_family, len(tokens) - at), 0, -1):
        start, end = tokens[at].start(), tokens[at + size - 1].end()
        # A part of a compound is no name: "Odgers-type", "non-Odgers".
        if question[start - 1 : start] in ("-", "_") or re.match(r"[-_]\w|\d", question[end:]):
            continue
        if names := catalogue.family([w for word in words[at : at + size] for w in word]):
            return size, names
    return 0, {}


def _with_given(
    question: str, tokens: Sequence[re.Match[str]], at: int, size: int, names: dict[int, list[Name]]
) -> Person | None:
    """The name with the given names and particles around it; None where these are another person's."""
    start, end = tokens[at].start(), tokens[at + size - 1].end()
    family = question[start:end]
    first = at
    while first and _adjacent(question, tokens[first - 1], tokens[first]) and tokens[first - 1][0] in _PARTICLES:
        first -= 1
    start = tokens[first].start() if first < at and size else start
    given: list[str] = []
    while first and len(given) < 3 and _adjacent(question, tokens[first - 1], tokens[first]):
        token = tokens[first - 1][0]
        if len(token) == 1 and (
            not family[0].isupper() or (token in "AI" and question[tokens[first - 1].end()] != ".")
        ):
            break  # "A small study"
        if not _fit([token, *given], family, names) or not (token[0].isupper() or len(token) > 2):
            break
        given.insert(0, token)
        first -= 1
        start = tokens[first].start()
    if not given and (after := re.match(r",\s?((?:[^\W\d_]\.[\s-]?){1,3})", question[end:])):
        initials = after[1].split()
        if _fit(initials, family, names):
            given, end = initials, end + len(after[0].rstrip())
    own = tokens[first - 1] if first and _adjacent(question, tokens[first - 1], tokens[first]) else None
    if not given and own and first > 1 and own[0].istitle() and _called_by(question, own.start()):
        return None  # "by John Odgers", where the collection has a Tam Odgers
    fits = read_name(" ".join([*given, family]))
    rows = tuple(sorted(row for row, own in names.items() if not given or any(fits.fits(n) for n in own)))
    return Person(start, end, question[start:end].strip(), rows)


def _adjacent(question: str, one: re.Match[str], other: re.Match[str]) -> bool:
    return bool(re.fullmatch(r"\.?[\s-]*", question[one.end() : other.start()]))


def _fit(given: Sequence[str], family: str, names: dict[int, list[Name]]) -> bool:
    sought = Name(tuple(w for g in given for w in folded(g)), read_name(family).family)
    return any(
        len(sought.given) <= len(name.given)
        and all(_same(a, b) for a, b in zip(sought.given, name.given, strict=False))
        for own in names.values()
        for name in own
    )


def _same(one: str, other: str) -> bool:
    """Whether given names are the same, or one is the initial of the other."""
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _called_by(question: str, start: int) -> bool:
    return bool(_BEFORE.search(question[:start]) or _BEFORE_CAPITAL.search(question[:start]))


def _sure(question: str, person: Person, catalogue: Catalogue) -> bool:
    """Whether the name stands for the person: it is no word, or a cue says so."""
    words = folded(person.name)
    before, after = question[: person.start], question[person.end :]
    family = read_name(person.name).family
    if len(family) > 1 or not any(catalogue.is_word(word) for word in family):
        return True
    if _BEFORE.search(before) or _AFTER.match(after) or (_DID.search(before) and _WRITE.match(after)):
        return True
    if not question[person.start].isupper() and words[0] not in PARTICLES:
        return False
    if len(words) > 1 and not catalogue.family(words) and words[0] not in PARTICLES:
        return True  # with a given name or initials
    if words[-1] in _MONTHS and re.match(r"\s+\d", after):
        return False
    return bool(
        _BEFORE_CAPITAL.search(before)
        or _AFTER_CAPITAL.match(after)
        or (_ASKED.search(before) and _ACTS.match(after))
        or (before.strip() and re.match(rf"\s+{PAPER}\b", after))
        or (not before.strip() and re.match(r"\s*:\s", after))
        or (_FOLLOWING.match(before) and not re.search(r"\w", after) and not catalogue.names_thing(person.name))
    )


def _one_or_all(question: str, person: Person, catalogue: Catalogue) -> Person:
    """The person with the papers that are meant, where the question speaks of one of theirs."""
    after = question[person.end :]
    cited = _CITED.match(after)
    paper = re.match(rf"{_OWN}(?:paper|article|abstract|study|publication)\b", after, re.IGNORECASE)
    if first := re.match(r"\s+as\s+(?:the\s+|a\s+)?(?:first|lead)\s+author\b", after, re.IGNORECASE):
        return replace(
            person, end=person.end + first.end(), rows=catalogue.first_author(person.rows, person.name), one=True
        )
    if not (cited and cited[0].strip()) and not paper:
        return person
    rows = catalogue.first_author(person.rows, person.name) or person.rows
    year = (cited[1] or cited[2]) if cited else ""
    if year:
        of_year = [row for row in person.rows if catalogue.papers[row].year == int(year)]
        rows = catalogue.first_author(of_year, person.name) or tuple(of_year)
    end = person.end + (len(cited[0].rstrip()) if cited else 0)
    name = f"{person.name} {year}" if year and not rows else person.name
    return replace(person, end=end, name=name, rows=rows, one=True)


def _unknown(question: str, known: Sequence[Person], catalogue: Catalogue) -> Iterable[Person]:
    """Names that a cue marks as an author's and no author has."""
    taken = [(p.start, p.end) for p in known]
    for pattern in _UNKNOWN:
        for match in pattern.finditer(question):
            start, end = _capitalised(question, match.start("name"), match.end("name"))
            if start == end or any(a < end and start < b for a, b in taken):
                continue
            name = re.sub(r"['’]s?$", "", question[start:end]).strip(" .,")
            family = read_name(name).family
            if catalogue.by_author(name) or any(catalogue.mentions(word) for word in family):
                continue  # a system or a subject that goes by that name
            taken.append((start, end))
            cited = _CITED.match(question[start + len(name) :])
            yield Person(start, start + len(name) + (len(cited[0]) if cited else 0), name, ())


def _capitalised(question: str, start: int, end: int) -> tuple[int, int]:
    """The last run of capitalised words between two places."""
    words = list(re.finditer(r"\S+", question[start:end]))
    run: list[re.Match[str]] = []
    for word in words:
        if word[0][0].isupper() and not (start + word.start() == 0 and len(words) > 1):
            run.append(word)
        elif run and word[0] not in PARTICLES:
            break
        else:
            run = []
    return (start + run[0].start(), start + run[-1].end()) if run else (start, start)
