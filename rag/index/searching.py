"""Finding papers while somebody types: each word of the query begins a word of the title, authors, year or abstract."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.core.paper import Paper, fold

_KEPT = 4  # Collections whose folded texts are kept; 28,000 papers take 40 MB.

SLIP_LENGTH, LONG = 5, 8
"""Letters of a word from which on one letter wrong is a slip of the pen, and from which on two are."""

# Folding of plain ASCII, which most abstracts are, twenty times as fast as in general.
_SPACED = {c: " " for c in range(128) if not (chr(c).isalnum() or chr(c) == "_")}
_FIRST_UNSPACED = "\u2e80"  # From here on are the scripts that put no space between words: Chinese, Japanese.


def search(papers: Sequence[Paper], query: str) -> list[Paper]:
    """The papers that have every word of `query`, or a word that begins with it; all of them where it has no word.

    Those with the words in the title come first, whole words before beginnings, then those with them among authors and
    years, then the others; equals stay in the order of `papers`. Case, accents and punctuation don't matter. A word
    that no paper has is read as `meant` says.

    Over 28,000 papers a word takes 20 to 40 ms and four words that most papers have 75, after 1.5 s for the first
    search; what that made is kept for a tuple, as `Rag.papers()` gives.
    """
    words = meant(papers, query)
    return _shelf(papers).find(words) if words else list(papers)


def meant(papers: Sequence[Paper], query: str) -> list[str]:
    """The words of `query`, folded; for one that begins no word of any paper, the nearest one that a paper has, if it
    is near enough for a slip of the pen: "quantizaton" gives quantization."""
    # A word twice asks nothing more, and a query may be as long as a page.
    words = list(dict.fromkeys(fold(query).split()))
    return list(dict.fromkeys(map(_shelf(papers).meant, words))) if words else []


def places(words: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Where a text has the words that a search for `words`, as `meant` gives them, finds."""
    if not words:
        return []
    # Character for character, so that the places are those of the text.
    plain = text if text.isascii() else "".join(unicodedata.normalize("NFKD", c)[0] for c in text)
    one = (re.escape(w) if w[0] >= _FIRST_UNSPACED else rf"(?<!\w){re.escape(w)}\w*" for w in words)
    return [match.span() for match in re.finditer("|".join(one), plain, re.IGNORECASE)]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Papers and their folded texts, each between spaces, so that " word" is the beginning of a word.

    `texts` are whole papers, from the title on.
    """

    papers: Sequence[Paper]
    titles: list[str]
    bylines: list[str]
    texts: list[str]
    words: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, papers: Sequence[Paper]) -> _Shelf:
        titles = [_folded(p.title) for p in papers]
        bylines = [_folded(f"{' '.join(p.authors)} {p.year or ''}") for p in papers]
        heads = zip(titles, bylines, papers, strict=True)
        return cls(papers, titles, bylines, [f"{title}{byline}{_folded(p.abstract)}" for title, byline, p in heads])

    def meant(self, word: str) -> str:
        beginning = _beginning(word)
        if len(word) < SLIP_LENGTH or not word.isalpha() or any(beginning in text for text in self.texts):
            return word
        if not self.words:
            self.words.update(w for text in self.texts for w in text.split())
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        most = 1 if len(word) < LONG else 2
        near = process.extractOne(word, self.words, scorer=OSA.distance, score_cutoff=most)
        return str(near[0]) if near and near[0][0] == word[0] else word

    def find(self, words: Sequence[str]) -> list[Paper]:
        found: Sequence[int] = range(len(self.papers))
        # The longest is the rarest, most likely, and leaves the least to look through for the others.
        for word in sorted(map(_beginning, words), key=len, reverse=True):
            found = [i for i in found if word in self.texts[i]]
        wanted = [(_beginning(word), f" {word} ") for word in words]
        phrase = _beginning(" ".join(words)) if len(words) > 1 else ""
        ranks = {i: self._rank(i, wanted, phrase) for i in found}
        return [self.papers[i] for i in sorted(found, key=ranks.__getitem__, reverse=True)]

    def _rank(self, i: int, words: Sequence[tuple[str, str]], phrase: str) -> int:
        title, byline = self.titles[i], self.bylines[i]
        points = 0
        for beginning, whole in words:
            if beginning in title:
                points += 8 if whole in title else 6
            elif beginning in byline:
                points += 4 if whole in byline else 2
        return points + (points > 0 and phrase in title)


_shelves: deque[_Shelf] = deque(maxlen=_KEPT)
_making = threading.Lock()


def _shelf(papers: Sequence[Paper]) -> _Shelf:
    with _making:
        for shelf in _shelves:
            if shelf.papers is papers:
                return shelf
        shelf = _Shelf.of(papers)
        if isinstance(papers, tuple):  # Anything else may change.
            _shelves.append(shelf)
    return shelf


def _folded(text: str) -> str:
    plain = " ".join(text.translate(_SPACED).lower().split()) if text.isascii() else fold(text)
    return f" {plain} "


def _beginning(word: str) -> str:
    return word if word[0] >= _FIRST_UNSPACED else f" {word}"
