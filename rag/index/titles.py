"""Which papers a text names, by their titles: looked up word by word, so that a question does no work a title."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from rag.core.paper import Paper, fold

_NAME = re.compile(r"[A-Z].*[A-Z]|[a-z][A-Z]|\d")


class Titles:
    """The titles of papers by their first two words, and the names that stand before a colon: "GPTQ", "S-LoRA"."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self._titles: dict[str, list[tuple[str, int]]] = {}
        self._names: list[tuple[str, int]] = []
        for row, paper in enumerate(papers):
            if title := fold(paper.title):
                self._titles.setdefault(" ".join(title.split()[:2]), []).append((f" {title} ", row))
            name, colon, _ = paper.title.partition(":")
            name = name.strip()
            if colon and len(name.split()) <= 2 and _NAME.search(name):
                self._names.append((name, row))

    def within(self, text: str) -> tuple[int, ...]:
        """The rows of the papers whose title, or the name before its colon as it is written, stands in the text; in
        its order."""
        folded = f" {fold(text)} "
        places: dict[int, int] = {}
        words = folded.split()
        for start in {*words, *map(" ".join, pairwise(words))}:
            for title, row in self._titles.get(start, ()):
                if (at := folded.find(title)) >= 0:
                    places[row] = at
        for name, row in self._names:
            if name not in text or row in places:
                continue
            if match := re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
                places[row] = match.start()
        return tuple(sorted(places, key=lambda row: (places[row], row)))
