"""Years that a question restricts papers to: "papers since 2020", "published between 2018 and 2020", "a 2021 study".

A year restricts only where the question says that it is the papers' own. In "papers that use data from 2011" and in
"How many storms were there since 2011?" it belongs to what the papers are about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rag.index.metadata.catalogue import Years

PAPER = r"(?:papers?|articles?|studies|study|publications?|preprints?|reviews?|research|literature|abstracts?)"
"""What a question calls papers."""

_YEAR = r"(?:1[5-9]\d\d|20\d\d)"
_NUMBERS = dict(zip("one two three four five six seven eight nine ten".split(), range(1, 11), strict=True))
_THE_YEAR = rf"\s+(?:the\s+year\s+)?({_YEAR})"


def _both(first: str, last: str) -> Years:
    return min(int(first), int(last)), max(int(first), int(last))


# Each phrase with what its years mean; of two that begin at one place the earlier in this list is meant.
_PHRASES: tuple[tuple[str, Callable[..., Years]], ...] = (
    (rf"between\s+({_YEAR})\s+and\s+({_YEAR})", _both),
    (rf"(?:(?:from|in|of)\s+)?({_YEAR})\s*(?:\bto\b|\buntil\b|\btill\b|\bthrough\b|[-–—])\s*({_YEAR})", _both),
    (rf"from\s+({_YEAR})\s+(?:onwards?|on\b(?=\s*[?.,]|$)|and\s+later)", lambda y: (int(y), None)),
    (rf"(?:from\s+|in\s+)?({_YEAR})\s+(?:or|and)\s+(?:later|newer|after)", lambda y: (int(y), None)),
    (rf"(?:since|starting\s+(?:in|from|with)){_THE_YEAR}", lambda y: (int(y), None)),
    (rf"(?:after|(?:later|newer|more\s+recent|younger)\s+than){_THE_YEAR}", lambda y: (int(y) + 1, None)),
    (rf"(?:before|prior\s+to|(?:earlier|older)\s+than){_THE_YEAR}", lambda y: (None, int(y) - 1)),
    (rf"(?:until|till|up\s+to|no\s+later\s+than|by){_THE_YEAR}", lambda y: (None, int(y))),
    (r"(?:in|from|of|during)\s+the\s+((?:1[5-9]|20)\d0)s", lambda y: (int(y), int(y) + 9)),
    (rf"(?:in|from|of|during){_THE_YEAR}", lambda y: (int(y), int(y))),
    (rf"({_YEAR})", lambda y: (int(y), int(y))),
)
_EDGES = r"(?<![\w.,$€£–-]){}(?![\w%–-]|[.,]\d)"
_RANGES = tuple((re.compile(_EDGES.format(phrase), re.IGNORECASE), means) for phrase, means in _PHRASES)
_LAST_YEARS = re.compile(
    rf"(?:(?:in|from|of|over|during|within)\s+)?the\s+(?:last|past)\s+(\d{{1,2}}|{'|'.join(_NUMBERS)})\s+years\b",
    re.IGNORECASE,
)

_PUBLISHED = (
    r"(?:publish(?:ed)?|publications?|appear(?:ed)?|writ(?:e|ten)|wrote|authored|released|came\s+out|come\s+out|dated)"
)
_ARE = r"(?:\s+(?:that|which))?\s+(?:are|were|is|was|date|came|come)(?:\s+back)?"
_ABOUT = r"(?:on|about|of|for|regarding|concerning|related\s+to|dealing\s+with|discussing|with|into)"
# Behind these a year is that of what was looked at, and so it is behind a participle ("seeds harvested in 2011").
_OBSERVED = re.compile(
    r"\b(?:data|datasets?|records?|samples?|surveys?|patients?|cohorts?|measurements?|images|seasons?|harvests?|census"
    r"|outbreaks?|epidemics?|elections?|winters?|summers?|wars?|crisis|born|grown|caught|held|made|taken|seen|done|built"
    r"|kept|begun|(?!publish|relat|bas)\w+ed)\s*$",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"(?:\b{PAPER}(?:{_ARE})?\s*\(?"
    rf"|(?<!data )(?<!records )\b{_PUBLISHED}(?:\s+(?:by|{_ABOUT})\s+[^,;?.]{{1,80}}?)?\s*"
    rf"|\b{PAPER}\s+(?:by|{_ABOUT})\s+(?P<topic>[^,;?.]{{1,80}}?),?\s*"
    r"|\b(?:has|have|had)\s+been\s+(?:found|shown|learned|learnt|reported|discovered|done|said|proposed)[^,;?.]*\s"
    r"|\b(?:new|newly|known|anything|something|everything)\s+)$",
    re.IGNORECASE,
)
_PAPERS_FOLLOW = re.compile(rf"\s*\)?\s*{PAPER}\b", re.IGNORECASE)
_PAPERS_LATER = re.compile(rf",?\s[^?.]*?\b(?:{PAPER}|{_PUBLISHED})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class YearsFound:
    """Years that restrict papers, and the place of the phrase that says so."""

    start: int
    end: int
    years: Years


def find_years(question: str, newest: int | None, taken: Iterable[tuple[int, int]] = ()) -> YearsFound | None:
    """The years that `question` restricts papers to, if it does.

    "The last 5 years" are those up to `newest`, the newest of the collection. What lies in the places `taken` is part
    of a reference ("Odgers et al., 2018").
    """
    for found in _all_ranges(question, newest):
        before, after = question[: found.start], question[found.end :]
        if any(start <= found.start < end for start, end in taken):
            continue
        if question[found.start : found.end].isdigit():
            if _PAPERS_FOLLOW.match(after) and not re.search(r"\b(?:in|since|of|from)\s*$", before):
                return found
            continue
        context = _BEFORE.search(before)
        if context and _OBSERVED.search(context["topic"] or ""):
            context = None
        opening = not before.strip() and _PAPERS_LATER.match(after)
        if context or opening or _PAPERS_FOLLOW.match(after):
            return found
    return None


def _all_ranges(question: str, newest: int | None) -> list[YearsFound]:
    found: list[YearsFound] = []
    for match in _LAST_YEARS.finditer(question):
        count = int(match[1]) if match[1].isdigit() else _NUMBERS[match[1].lower()]
        if newest is not None:
            found.append(YearsFound(match.start(), match.end(), (newest - count + 1, None)))
    for pattern, means in _RANGES:
        for match in pattern.finditer(question):
            if not any(f.start <= match.start() < f.end for f in found):
                found.append(YearsFound(match.start(), match.end(), means(*match.groups())))
    return sorted(found, key=lambda f: f.start)
