"""BM25 over the papers: titles and abstracts, stemmed.

Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", in the variant of Lucene (bm25s).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import Stemmer
from numpy.typing import NDArray

from rag.index.embedding import Floats

K1, B = 1.5, 0.75
"""bm25s's defaults. With a title counted three times they do as well as any of the five settings tried on SciFact's
training claims (nDCG@10 .696; .688 to .691 for the others)."""

SLIP_LENGTH = 5
"""Letters of a stem from which on one letter wrong makes a slip, and not another word."""

_WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
_SCRIPT = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED = re.compile(f"[{_SCRIPT}]")
"""Han, Hiragana and Katakana, which put no space between words."""
_UNSPACED_RUN = re.compile(f"[{_SCRIPT}]+|[^{_SCRIPT}]+")
_stemmer = Stemmer.Stemmer("english")

STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing done down during each either else few for from further get gets give given gives got had
    has have having he her here hers him his how however i if in into is isn it its itself just let like many may me
    might more most much must my no nor not now of off on once one only or other our out over own per please same say
    says shall she should show shows so some such tell than that the their theirs them then there these they thing
    things this those though through to too under until up upon us use used uses using very via want was way ways we
    were what when where whether which while who whom whose why will with within without would yes you your
    paper papers article articles work works study studies author authors abstract abstracts collection
    research""".split()
)
"""Words that say nothing of a subject, in questions about papers; part of the index version."""


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The Snowball English stem of a lower-case word."""
    stemmed: str = _stemmer.stemWord(word)
    return stemmed


def words(text: str) -> list[str]:
    """The lower-case words and numbers of `text`, accents removed: "ZeRO-Infinity 2.5×" gives zero, infinity, 2.5."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    found = _WORD.findall(text.casefold())
    if text.isascii() or not _UNSPACED.search(text):
        return found
    return [part for word in found for part in _parts(word)]


def _parts(word: str) -> list[str]:
    """A word as it is; of a text without spaces between its words, each two neighbouring characters."""
    if not _UNSPACED.search(word):
        return [word]
    parts: list[str] = []
    for run in _UNSPACED_RUN.findall(word):
        pairs = [run[i : i + 2] for i in range(len(run) - 1)] if _UNSPACED.match(run) else []
        parts += pairs or [run]
    return parts


def terms(text: str) -> list[str]:
    """The stems of the words of `text` that aren't stopwords, in order, with repetitions."""
    return [stem(word) for word in words(text) if word not in STOPWORDS]


class Lexicon:
    """A BM25 index of one text a paper."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._vocabulary: dict[str, int] = index.vocab_dict
        self._papers = int(index.scores["num_docs"])
        # Entries of a column of the sparse score matrix: the papers that have the term.
        self._starts = np.asarray(index.scores["indptr"])
        self._rows = index.scores["indices"]

    @classmethod
    def build(cls, texts: Sequence[str]) -> Lexicon:
        """Index `texts`; scores come back in their order."""
        import bm25s

        index = bm25s.BM25(k1=K1, b=B, method="lucene")
        # bm25s refuses a corpus without a single word; a term that no query has stands in for one.
        index.index([terms(text) or ["\0"] for text in texts] or [["\0"]], show_progress=False)
        return cls(index)

    def save(self, folder: Path) -> None:
        """Write the index into `folder`."""
        self._index.save(str(folder), show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> Lexicon:
        """Read what `save` wrote."""
        import bm25s

        return cls(bm25s.BM25.load(str(folder), load_corpus=False, load_vocab=True, mmap=True))

    def scores(self, query: Sequence[str]) -> Floats:
        """The BM25 score of every paper for the stems in `query`, shape (papers,); 0 where no stem occurs."""
        known = [term for term in query if term in self._vocabulary]
        if not known:
            return np.zeros(self._papers, np.float32)
        scores: Floats = np.asarray(self._index.get_scores(known), dtype=np.float32)
        return scores

    def holders(self, term: str) -> NDArray[np.int64]:
        """The rows of the papers that have this stem."""
        column = self._vocabulary.get(term)
        first, last = (0, 0) if column is None else self._starts[column : column + 2]
        return np.asarray(self._rows[first:last], np.int64)

    def frequency(self, term: str) -> int:
        """The number of papers that have this stem."""
        column = self._vocabulary.get(term)
        return 0 if column is None else int(self._starts[column + 1] - self._starts[column])

    def idf(self, term: str) -> float:
        """The inverse document frequency of a stem (BM25's, in Lucene's variant): log(1 + (N - n + .5) / (n + .5))."""
        n = self.frequency(term)
        return math.log1p((self._papers - n + 0.5) / (n + 0.5))

    def corrected(self, term: str) -> str:
        """The stem itself, or the only likely one that a slip of the pen made of it: "difus" gives "diffus"."""
        if term in self._vocabulary or len(term) < SLIP_LENGTH or not term.isalpha():
            return term
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        near = process.extractOne(term, self._vocabulary.keys(), scorer=OSA.distance, score_cutoff=1)
        return str(near[0]) if near and near[0][:1] == term[:1] else term

    def __len__(self) -> int:
        return self._papers

    def __contains__(self, term: str) -> bool:
        return term in self._vocabulary
