"""The citations in a model's text: which brackets are some, and what they point to.

Asked for is "[3.2]", sentence 2 of source 3. Taken as well is what models make of it: "[3.2, 3.4]", "[3.2–3.4]",
"【3.2】", "[source 3.2]", "[[3.2]]", "\\[3.2\\]", "[3.2](#3.2)", and "[3]" for a source as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 120
"""Characters of a bracket that are waited for until it is decided that it holds no citation."""
MOST = 10
"""Sentences of a range, at most."""

_WORD = r"(?:sources?|papers?|sentences?|abstracts?|refs?|references?|nos?\.?|s|p|#|id)"
_NUMBER = rf"{_WORD}?[\s:#]*+\d{{1,3}}(?:\.\d{{1,3}})?"
_SEPARATOR = r"\s*+(?:[,;&/]|and|[-–—−]|to)\s*+"
_INSIDE = re.compile(rf"\s*{_NUMBER}(?:{_SEPARATOR}{_NUMBER})*\s*", re.IGNORECASE)
_PART = re.compile(r"(\d{1,3})(?:\.(\d{1,3}))?(?:\s*(?:[-–—−]|to)\s*\D{0,12}?(\d{1,3})(?:\.(\d{1,3}))?)?")
_TARGET = re.compile(r"\([#\w./:-]{0,60}\)")
_OPEN_TARGET = re.compile(r"\([#\w./:-]{0,60}\Z")
OPENING = re.compile(r"\\\[|\[\[|\[|【")
_CLOSING = {"\\[": "\\]", "[[": "]]", "[": "]", "【": "】"}


@dataclass(frozen=True, slots=True)
class Cited:
    """What one bracket cites: pairs of a source and a sentence, 0 for a source as a whole; it takes `length`
    characters."""

    pairs: tuple[tuple[int, int], ...]
    length: int


PENDING = "pending"
"""More text has to come before it is decided whether a bracket is a citation."""


def citation_at(text: str, *, final: bool) -> Cited | str | None:
    """The citation that `text` begins with: None where its bracket is none, `PENDING` where more has to come.

    `text` begins with what `OPENING` matches; `final` says that no more comes.
    """
    opened = OPENING.match(text)
    assert opened is not None
    if not final and text in ("[", "\\"):
        return PENDING
    opening = opened.group()
    closing = _CLOSING[opening]
    line = text[:LONGEST].partition("\n")[0]
    end = line.find(closing, len(opening))
    if end < 0:
        whole = len(line) == len(text) < LONGEST
        return PENDING if whole and not final and _could_be(line[len(opening) :]) else None
    inside = line[len(opening) : end]
    # "[0, 1]" is an interval: nothing is numbered 0.
    if not _INSIDE.fullmatch(inside) or re.search(r"(?<!\d)0+(?!\d)", inside):
        return None
    length = end + len(closing)
    rest = text[length : length + 64]
    if rest.startswith("(") or (not rest and not final):
        if not final and (not rest or _OPEN_TARGET.fullmatch(rest)):
            return PENDING
        if target := _TARGET.match(rest):
            length += target.end()
    return Cited(_pairs(inside), length)


def _could_be(inside: str) -> bool:
    return bool(re.fullmatch(r"[\s\d.,;&/:#–—−a-zA-Z\\\]-]*", inside))


def _pairs(inside: str) -> tuple[tuple[int, int], ...]:
    found: dict[tuple[int, int], None] = {}
    for match in _PART.finditer(inside):
        first, sentence, last, last_sentence = (int(g) if g else 0 for g in match.groups())
        if not last:
            found[first, sentence] = None
        elif not sentence and not last_sentence:
            for n in _range(first, last):
                found[n, 0] = None
        else:
            # "3.2–3.4", or "3.2–4" for the same.
            end = last_sentence if last == first and last_sentence else 0 if last_sentence else last
            for n in _range(sentence or 1, end) if end else (sentence,):
                found[first, n] = None
            if not end:
                found[last, last_sentence] = None
    return tuple(found)


def _range(first: int, last: int) -> range | tuple[int, int]:
    return range(first, last + 1) if first <= last < first + MOST else (first, last)
