"""Titles in written text: each stands there as it is, or not at all."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from rag.papers import Paper

QUOTED = 90.0
"""Similarity, of 100, from which a text in quotation marks is taken for a title that is misquoted."""
NEAR = 91.0
"""Similarity from which a run of words is. The nearest of 968 reference answers and turns that is a wording of its own
("Scaling LLM Training on …") has 88; a title of which one letter is lost has 97 or more."""
WORDS = 4
"""Shorter titles are ordinary phrases, of which a text may have its own form."""
SHARED = 0.6
"""Of a title's words, so many stand in a text that comes near it; others are not compared."""
_QUOTES = re.compile(r"[\"“]([^\"“”]{15,300})[\"”]")


class Titles:
    """The titles of a collection."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._titles = {p.title for p in papers}
        self._flat = {title: flat(title) for title in sorted(self._titles)}
        self._having: dict[str, list[str]] = defaultdict(list)
        for title, words in self._flat.items():
            for word in {*words}:
                self._having[word].append(title)

    def having(self, phrase: str) -> str:
        """A title in which `phrase` stands as words; empty where none has it."""
        said = flat(phrase)
        likely = self._having.get(said[0], []) if said else []
        return next((t for t in likely if f" {' '.join(said)} " in f" {' '.join(self._flat[t])} "), "")

    def flaws(self, text: str) -> Iterator[str]:
        """What of `text` is nearly a title, in quotation marks or without."""
        told = set()
        for quote in {q.strip(" .,") for q in _QUOTES.findall(text)} - self._titles:
            near = max(self._titles, key=lambda title: fuzz.ratio(quote.casefold(), title.casefold()), default="")
            if fuzz.ratio(quote.casefold(), near.casefold()) >= QUOTED:
                told.add(near)
                yield f"{quote!r} is quoted for the title {near!r}"
        for run, near in self._misspelt(text):
            if near not in told:
                yield f"{run!r} is nearly, and not exactly, the title {near!r}"

    def _misspelt(self, text: str) -> Iterator[tuple[str, str]]:
        words = flat(text)
        shared = Counter(title for word in {*words} for title in self._having.get(word, ()))
        likely = [t for t, n in shared.items() if len(self._flat[t]) >= WORDS and n >= SHARED * len({*self._flat[t]})]
        said = " ".join(words)
        rest = []
        for title in sorted(likely, key=len, reverse=True):
            whole = " ".join(self._flat[title])
            if f" {whole} " in f" {said} ":
                # A title inside a longer one, or like another that stands here rightly, is no slip.
                said = f" {said} ".replace(f" {whole} ", " | ").strip()
            else:
                rest.append((whole, title))
        for whole, title in rest:
            if len(said) < SHARED * len(whole):
                continue
            found = fuzz.partial_ratio_alignment(whole, said, score_cutoff=NEAR)
            if found is not None and found.dest_end - found.dest_start >= 0.9 * len(whole):
                yield said[found.dest_start : found.dest_end].strip(), title


def flat(text: str) -> list[str]:
    """The words of `text` in lower case, without what stands between them."""
    return re.findall(r"\w+", text.casefold())
