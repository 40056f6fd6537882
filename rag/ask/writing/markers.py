"""Citation markers in every form that models write them, recognised at one place of a text."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from rag.ask.writing.literal import OPEN_TARGET, TARGET

_WORD = r"(?:(?:sources?|refs?\.?|references?|papers?|citations?|documents?|docs?|abstracts?|id|no\.?|s)\s*[:#=.]?\s*)?"
_NUMBER = rf"{_WORD}\#?\^?\s*\d{{1,3}}(?:\s*[-–]\s*\d{{1,3}})?"
_NUMBERS = rf"{_NUMBER}(?:\s*(?:,|;|/|&|and)\s*{_NUMBER})*"
_SQUARE = re.compile(rf"\[\s*\[?\s*\^?\s*(?P<n>{_NUMBERS})\s*(?:[†‡:][^\[\]【】\n]{{0,40}})?\]\]?", re.IGNORECASE)
_LENTICULAR = re.compile(rf"【\s*(?P<n>{_NUMBERS})\s*(?:[†‡:][^\[\]【】\n]{{0,40}})?】", re.IGNORECASE)
_ROUND = re.compile(rf"\(\s*(?P<n>{_NUMBERS})\s*\)", re.IGNORECASE)
_IN_ROUND = re.compile(
    rf"\(\s*(?:see\s+|cf\.?\s*)?(?P<n>\[\s*{_NUMBERS}\s*\](?:\s*[,;]?\s*\[\s*{_NUMBERS}\s*\])*)\s*\)", re.IGNORECASE
)
_SPOKEN = re.compile(r"source|ref|paper|citation|document|doc|abstract", re.IGNORECASE)
_AND = re.compile(r"[^\S\n]*(?:(?P<word>,?[^\S\n]*(?:and|or)\b)|[,;&])?[^\S\n]*(?=[\[【])", re.IGNORECASE)
_OPEN_AND = re.compile(r"[^\S\n]*[,;&]?[^\S\n]*[a-z]{0,8}[^\S\n]*", re.IGNORECASE)
"""What may stand between two markers of one place, and what may become that, or another conjunction."""
_ENDS = re.compile(r"[^\S\n]*(?:$|[.,;:!?)\n\[【|&]|(?:and|or)\b)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\\[\s*(?P<n>\d{1,3}(?:[\s,–-]+\d{1,3})*)\s*\\?\]")
_OPEN_ESCAPED = re.compile(r"\\(?:\[[\d\s,–-]{0,30}\\?)?$")
_RANGE = re.compile(r"(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?")
LONGEST = 120
"""Characters within which a bracket that may be a marker is closed."""
_CLOSED_BY = {"[": "]", "【": "】", "(": ")"}


@dataclass(frozen=True, slots=True)
class Marker:
    """The sources that a marker names, in order, and how many characters it takes."""

    numbers: tuple[int, ...]
    length: int


Pending = None
"""The text ends before it is decided whether this is a marker."""


def marker_at(text: str, known: Collection[int], *, final: bool) -> Marker | bool | None:
    """What the bracket at the start of `text` is: a marker, none (False), or not decided yet (None).

    It may be escaped, as some models write it ("\\[1\\]").

    `known` are the numbers of the sources; `final` says that no more text comes. A number in round brackets is a marker
    only where it ends a clause, which enumerations, "(1) first, (2) second", don't, and only of a known source.
    """
    if text[0] == "\\":
        match = _ESCAPED.match(text)
        if match is None:
            return Pending if not final and _OPEN_ESCAPED.match(text) else False
        return Marker(numbers(match["n"]), match.end())
    line = text[:LONGEST].partition("\n")[0]
    close = line.find(_CLOSED_BY[text[0]], 1)
    if close < 0:
        return False if final or not len(line) == len(text) < LONGEST else Pending
    if text[0] == "(":
        return _round(text, known, final=final)
    match = (_SQUARE if text[0] == "[" else _LENTICULAR).match(text)
    if match is None:
        # "[[1]" waits for its second bracket.
        return Pending if text.startswith("[[") and len(text) == close + 1 and not final else False
    if match.end() == len(text) and not final and text.startswith("[[") and not text.endswith("]]"):
        return Pending
    # "[1]]": the second bracket is another's.
    own = match.end() - (match.group().endswith("]]") and not re.match(r"\[\s*\[", text))
    return Marker(numbers(match["n"]), own)


def behind(rest: str, known: Collection[int], *, final: bool) -> str | None:
    """What is left of the text behind a marker, without the target of a link and without what only joins another marker
    to it: "[1], [2] and [3]." None where more text has to come to tell."""
    if not final and rest.startswith("(") and OPEN_TARGET.match(rest):
        return None
    target = re.match(rf"{TARGET}\)", rest)
    rest = rest[target.end() :] if target else rest
    if not final and _OPEN_AND.fullmatch(rest):
        return None
    between = _AND.match(rest)
    if between is None:
        return rest
    found = marker_at(rest[between.end() :], known, final=final)
    if found is Pending:
        return None
    if not isinstance(found, Marker):
        return rest
    if not between["word"]:
        return rest[between.end() :]
    after = rest[between.end() + found.length :]
    if not final and re.fullmatch(r"[^\S\n]*[a-z]{0,3}", after, re.IGNORECASE):
        return None
    return rest[between.end() :] if _ENDS.match(after) else rest


def _round(text: str, known: Collection[int], *, final: bool) -> Marker | bool | None:
    inside = _IN_ROUND.match(text)
    if inside is not None:
        return Marker(numbers(inside["n"]), inside.end())
    match = _ROUND.match(text)
    if match is None:
        return False
    found = Marker(numbers(match["n"]), match.end())
    if _SPOKEN.search(match["n"]):
        return found
    after = text[match.end() :].lstrip(" \t")
    if not after and not final:
        return Pending
    ends = not after or after[0] in ".,;:!?\n"
    return found if ends and all(n in known for n in found.numbers) else False


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of "1, 3-5 and source 7", each once, ranges of up to ten spelled out."""
    found: list[int] = []
    for first, last in _RANGE.findall(text):
        low, high = int(first), int(last or first)
        found += range(low, high + 1) if low <= high < low + 10 else [low, high]
    return tuple(dict.fromkeys(found))
