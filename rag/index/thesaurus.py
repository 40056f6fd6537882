"""The field's terms for everyday words: "fits on one card" asks about a GPU.

A small embedding knows few of these; a question that describes an idea in other words is searched with them added.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from rag.index.lexical import stem, words

MAX_TERMS = 12
"""Words added to a question at most: more would drown it."""


@cache
def _entries() -> tuple[dict[str, list[tuple[tuple[str, ...], str]]], int]:
    """The entries by the stem of their first word, and the length of the longest in words."""
    table: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    longest = 1
    for line in Path(__file__).with_name("thesaurus.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        left, _, right = line.partition(":")
        for phrase in left.split("|"):
            key = tuple(stem(w) for w in words(phrase))
            table.setdefault(key[0], []).append((key, right.strip()))
            longest = max(longest, len(key))
    return table, longest


def field_terms(question: str) -> list[str]:
    """The terms of the field for what `question` says in other words, without those it has, in order."""
    table, _ = _entries()
    stems = [stem(w) for w in words(question)]
    have = set(stems)
    found: list[str] = []
    for i, first in enumerate(stems):
        for key, right in table.get(first, ()):
            if tuple(stems[i : i + len(key)]) == key:
                found += [term for term in re.split(r"\s+", right) if not {stem(w) for w in words(term)} <= have]
    return list(dict.fromkeys(found))[:MAX_TERMS]
