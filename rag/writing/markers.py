"""Citation markers in every form that models write them, recognised at one place of a text."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_WORD = r"(?:(?:sources?|refs?\.?|references?|papers?|citations?|documents?|docs?|abstracts?|id|no\.?|s)\s*[:#=.]?\s*)?"
_NUMBER = rf"{_WORD}\#?\^?\s*\d{{1,3}}(?:\s*[-–]\s*\d{{1,3}})?"
_NUMBERS = rf"{_NUMBER}(?:\s*(?:,|;|/|&|and)\s*{_NUMBER})*"
_SQUARE = re.compile(rf"\[\s*\[?\s*\^?\s*(?P<n>{_NUMBERS})\s*(?:[†‡:][^\[\]【】\n]{{0,40}})?\]\]?", re.IGNORECASE)
_LENTICULAR = re.compile(rf"【\s*(?P<n>{_NUMBERS})\s*(?:[†‡:][^\[\]【】\n]{{0,40}})?】", re.IGNORECASE)
_ROUND = re.compile(rf"\(\s*(?P<n>{_NUMBERS})\s*\)", re.IGNORECASE)
_SPOKEN = re.compile(r"source|ref|paper|citation|document|doc|abstract", re.IGNORECASE)
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

    `known` are the numbers of the sources; `final` says that no more text comes. A number in round brackets is a marker
    only where it ends a clause, which enumerations, "(1) first, (2) second", don't, and only of a known source.
    """
    close = text.find(_CLOSED_BY[text[0]], 1, LONGEST)
    if close < 0:
        return False if final or len(text) >= LONGEST or "\n" in text else Pending
    if text[0] == "(":
        return _round(text, known, final=final)
    match = (_SQUARE if text[0] == "[" else _LENTICULAR).match(text)
    if match is None:
        # "[[1]" waits for its second bracket.
        return Pending if text.startswith("[[") and len(text) == close + 1 and not final else False
    if match.end() == len(text) and not final and text.startswith("[[") and not text.endswith("]]"):
        return Pending
    return Marker(numbers(match["n"]), match.end())


def _round(text: str, known: Collection[int], *, final: bool) -> Marker | bool | None:
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
