"""The words by which a question sets things against each other, or counts."""

from __future__ import annotations

import re

HEAD = 1_000
"""Characters of a question in which such words are looked for."""

_COUNT = re.compile(r"\b(?:how\s+many|the\s+number\s+of|count)\b", re.IGNORECASE)
_COMPARES = re.compile(
    r"\b(?:compar\w+|contrast\w*|differ\w*|versus|vs|both|either|respectively|the\s+others?|the\s+latter|whereas|each|side\s+by\s+side|one\b.*\bthe\s+other)\b|\(a\)|\(i\)|\b1\)",
    re.IGNORECASE,
)


def asks_how_many(question: str) -> bool:
    """Whether the papers are to be counted."""
    return bool(_COUNT.search(question[:HEAD]))


def compares(question: str) -> bool:
    """Whether it has a word of comparison: "versus", "both", "the other"."""
    return bool(_COMPARES.search(question[:HEAD]))


def joins(question: str) -> bool:
    """Whether it joins two things by "or" or "than"."""
    return bool(re.search(r"\w,?\s+(?:or|than)\s+\w", question, re.IGNORECASE))


def without_comparing(question: str) -> str:
    """The question without its words of comparison."""
    return _COMPARES.sub(" ", question)
