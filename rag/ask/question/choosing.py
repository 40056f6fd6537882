"""Which paper is meant where a question names others only to set them aside: "not the … one", "of the two the …"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.ask.names import Mention, Names
from rag.ask.question.sides import COMPARES, distinct

_NOT = r"(?:(?:so|and|but|i\.e\.|please)\s+)?(?:not|neither|no|never|unlike|rather\s+than|as\s+opposed\s+to|in\s+contrast\s+to|don['’]?t\s+(?:mix|confuse)|do\s+not\s+(?:mix|confuse))\b"
_ASIDES = (
    re.compile(rf"\s*\(\s*{_NOT}[^()]*\)", re.IGNORECASE),
    # "(COAT instead compresses them)", "(which GPTQ, by contrast, …)"
    re.compile(
        r"\s*\([^()]*\b(?:instead|by\s+contrast|in\s+contrast|don['’]?t\s+(?:mix|confuse))\b[^()]*\)", re.IGNORECASE
    ),
    # between two commas, or a comma and a colon
    re.compile(
        r"\s*,\s*(?:and\s+|but\s+)?(?:not\s+(?:the|that|to\s+be\s+confused\s+with|about)\b|unlike\b|as\s+opposed\s+to\b|rather\s+than\b|don['’]?t\s+(?:mix|confuse)\b)[^,:;?!()]*(?=[,:;?!)])(?:,(?=\s))?",
        re.IGNORECASE,
    ),
    re.compile(r"^\W*unlike\s+[^,:;?!()]+,\s*", re.IGNORECASE),
)
_KIND = re.compile(r"\b(?:ones?|papers?|works?|stud(?:y|ies)|systems?|methods?|toolkit|frameworks?)\W*$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.;:?!…])\s+")
_FORMER = re.compile(r"\bthe\s+(?P<which>former|latter|first\s+one|second\s+one|first|second)\b(?!-)", re.IGNORECASE)
_PAIR = re.compile(
    r"^\W*(?:both\s+)?(?P<a>(?:the|a|an)\s+.+?)\s+and\s+(?P<b>(?:the|a|an)\s+.+?\b(?:paper|work|study|system|method|model|framework|approach|one))\b",
    re.IGNORECASE,
)
_ONE = re.compile(
    r"(?P<before>\S*)\s*\bthe\s+(?:(?!first\b|second\b|other\b|same\b|two\b)[\w-]+\s+){0,3}?one\b(?!\s+hand)",
    re.IGNORECASE,
)
_JOINING = re.compile(r"(?:and|or|vs\.?|versus|with|than|from|to|between|.*,)", re.IGNORECASE)
_SEVERAL = re.compile(
    r"\b(?:two|three|four|several|both)\b[^.;:?!]*\b(?:papers|works|studies|systems|methods|titles|abstracts|approaches)\b|\bof\s+the\s+(?:two|three|four)\b",
    re.IGNORECASE,
)
_LOST = re.compile(
    r"\b(?:get(?:ting)?|am|['’]m)\s+(?:lost|confused)\b|\bconfus(?:e|es|ing)\b|\bmix(?:ing)?\s+(?:them|these|those)\s+up\b",
    re.IGNORECASE,
)
_SIDE_BY_SIDE = re.compile(
    r"\b(?:each|respectively|which\s+(?:one|of)|differ(?:s|ed|ent|ently|ences?)?|compar(?:e|es|ed|ing|ison)|what\s+(?:they|the\s+two)|versus|vs)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“'‘](?P<word>[A-Za-z][\w-]+)(?:\.\.\.|…)?[\"”'’]")
_NOT_ABOUT = re.compile(
    r"\s+(?:that|which)\s+(?:is|does|has)(?:\s+not|n['’]t)\s+(?:(?:about|on|for|with|from|deal\s+with|treat|concern)\s+)?(?P<what>[^,:;?.]+)",
    re.IGNORECASE,
)
FEW = 6
"""Papers, at most, that a word of their titles may tell: with more it is a subject."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is left of a question: its `text`, the `rows` of which one is meant (none: of all), and those that are not.

    `single` says that one of several is picked, so that nothing is compared; what the first `lead` characters name is
    then what they have in common.
    """

    text: str
    rows: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    single: bool = False
    lead: int = 0


def choose(text: str, names: Names) -> Choice:
    """The question without what it sets aside, and which papers are left to choose from."""
    left, aside = _without_asides(text, names)
    kept = {row for m in names.mentions(left) for row in m.rows}
    exclude = tuple(dict.fromkeys(row for m in aside for row in m.rows if row not in kept))
    picked = _former(left, names) or _the_one(left, names)
    if picked is None:
        return Choice(left, exclude=exclude)
    return replace(picked, rows=tuple(r for r in picked.rows if r not in exclude), exclude=exclude)


def _without_asides(text: str, names: Names) -> tuple[str, list[Mention]]:
    """The text without asides that name a paper or a kind of paper, and what they name."""
    found: list[Mention] = []
    for pattern in _ASIDES:
        for match in reversed(list(pattern.finditer(text))):
            mentions = names.mentions(match.group())
            rest = text[: match.start()] + (" " if match.start() else "") + text[match.end() :].lstrip(" ")
            rest = re.sub(r"\s+(?=[,:;?!.])", "", rest)
            if (mentions or _KIND.search(match.group().rstrip(") "))) and len(rest.split()) > 3:
                found += mentions
                text = rest
    return text, found


def _former(text: str, names: Names) -> Choice | None:
    """ "Both A and B do … In the former, …": asked of A."""
    found = list(_FORMER.finditer(text))
    if len({m.group("which").lower() for m in found}) != 1:
        return None
    match = found[0]
    lead, sep, _ = text[: match.start()].rpartition(". ")
    lead = lead if sep else text[: match.start()]
    first = match.group("which").lower() in ("former", "first", "first one")
    mentions = distinct(names.mentions(lead))
    asked = text[len(lead) + len(sep) :]
    if len(mentions) == 2:
        meant = mentions[0 if first else 1]
        return Choice(_FORMER.sub(lead[meant.start : meant.end], asked, count=1), meant.rows[:1], single=True)
    pair = _PAIR.match(lead)
    if pair is None:
        return None
    return Choice(_FORMER.sub(pair.group("a" if first else "b"), asked, count=1), single=True)


def _the_one(text: str, names: Names) -> Choice | None:
    """ "Two papers on … The one that …", "A, B and C. I mean the … one": one of several, by what tells it apart."""
    ones = list(_ONE.finditer(text))
    starts = [0, *(m.end() for m in _SENTENCE.finditer(text))]
    lost = _LOST.search(text)
    if lost:
        begin = next((s for s in starts if s > lost.start()), len(text))
    elif len(ones) == 1 and not _JOINING.fullmatch(ones[0].group("before")):
        begin = max(s for s in starts if s <= ones[0].end() - 3)
    else:
        return None
    lead = text[: begin if lost or begin else ones[0].start()]
    asked = text[begin:]
    mentions = distinct(names.mentions(lead))
    several = _SEVERAL.search(lead) or len(mentions) > 1 or (mentions and COMPARES.search(lead)) or lost
    if not several or not asked or _SIDE_BY_SIDE.search(asked):
        return None
    rows = _titled(lead, names) if not mentions else _all_of(lead, mentions)
    barred = _NOT_ABOUT.search(asked)
    if barred and len(rows) > 1:
        least = names.titled_most(barred.group("what"), rows)
        rows, text = tuple(r for r in rows if r != least), text.replace(barred.group(), "")
    if begin and (len(mentions) > 1 or lost or rows):
        return Choice(asked, rows, single=True)
    return Choice(text, rows, single=True, lead=len(lead))


def _titled(lead: str, names: Names) -> tuple[int, ...]:
    """The rows of the papers that a quoted word of their titles tells: "the three 'Flash…' papers"."""
    quoted = _QUOTED.search(lead)
    rows = names.titled(quoted.group("word")) if quoted else []
    return tuple(rows) if 1 < len(rows) <= FEW else ()


def _all_of(lead: str, mentions: Sequence[Mention]) -> tuple[int, ...]:
    """The papers to choose from, where all that the lead joins are known: of "PPD and EasySpec" one is not."""
    for a, b in pairwise(mentions):
        if not re.fullmatch(
            r"['’s]*\s*(?:,|and|,\s*and|or|,\s*or|&|/)\s*(?:the\s+)?", lead[a.end : b.start], re.IGNORECASE
        ):
            return ()
    if len(mentions) < 2 or re.search(r"(?:\band|\bor|,)\s*$", lead[: mentions[0].start]):
        return ()
    return tuple(m.rows[0] for m in mentions)
