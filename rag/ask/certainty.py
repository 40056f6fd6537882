"""How sure it is that the collection answers a question: a probability, and the state that follows from it.

The features compare a question, word by word, with the papers that were found. They mean the same in any field, and no
rule about a field's words or a kind of detail decides. What is less than sure is shown all the same, as the nearest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, terms, words
from rag.index.retrieval import Ranking
from rag.index.scores import Encoded, TokenScores

FEATURES = (
    "mean", "lowest", "second", "together", "percentile", "percentile_low", "sentence", "document", "score", "lead",
    "unknown", "title", "length", "pieces",
)  # fmt: skip
"""
The support of a word of the question is 1 where the papers write it, else the mean cosine of its best word pieces there.
mean, lowest, second: its mean over the words, weighted by rarity, and the two lowest; together: the best mean within one
sentence; percentile, percentile_low: the share of other papers in which a word has less support, its mean and its
lowest; sentence, document: cosines of the best sentence and of the passages; score, lead: the fused score of the best
paper, and how far it is ahead of the fifth; unknown: share of the words, weighted by rarity, that no paper has; title:
share of the words that the title has; length: how many words, as a logarithm; pieces: into how many pieces the strangest
unknown word falls.
"""

_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the question without its stop words: its stem, its word pieces (t,), its rarity."""

    stem: str
    pieces: NDArray[np.bool_]
    rarity: float


class Certainty:
    """Estimates for one index whether papers answer a question."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tokens = TokenScores(index)

    def features(self, query: Encoded, ranking: Ranking, rows: Sequence[int]) -> Floats:
        """The features (len(FEATURES),) of the papers in `rows`, best first; `ranking` is that of all candidates."""
        asked = self._words(query)
        at = [int(np.flatnonzero(ranking.rows == row)[0]) for row in rows]
        if not asked or not rows:
            return np.zeros(len(FEATURES), np.float32)
        weight = np.array([w.rarity for w in asked])
        weight = weight / max(float(weight.sum()), 1e-9)
        support, together = self._support(query, asked, rows, weight)
        low = np.sort(support)
        percentile = self._percentiles(ranking, asked, at, support)
        lexicon = self._index.lexicon
        unknown = np.array([w.stem not in lexicon for w in asked])
        head = set().union(*(terms(self._index.papers[row].title) for row in rows))
        fifth = ranking.score[min(4, len(ranking.score) - 1)]
        values = [
            float(support @ weight),
            float(low[0]),
            float(low[min(1, len(low) - 1)]),
            together,
            float(percentile @ weight),
            float(percentile.min()),
            float(ranking.sentence[at].max()),
            float(ranking.document[at].max()),
            float(ranking.score[at].max()),
            float(ranking.score[at].max() - fifth),
            float(unknown @ weight),
            float(np.array([w.stem in head for w in asked]) @ weight),
            math.log1p(min(len(asked), 12)),
            float(max((min(4, int(w.pieces.sum())) for w, u in zip(asked, unknown, strict=True) if u), default=0)),
        ]
        return np.array(values, np.float32)

    def _words(self, query: Encoded) -> list[_Word]:
        found: dict[str, _Word] = {}
        for match in _WORD.finditer(query.text):
            parts = words(match.group())
            if not parts or parts[0] in STOPWORDS:
                continue
            inside = (query.offsets[:, 0] >= match.start()) & (query.offsets[:, 1] <= match.end())
            inside &= query.offsets[:, 0] >= 0
            if inside.any():
                stemmed = stem(parts[0])
                found.setdefault(stemmed, _Word(stemmed, inside, self._index.lexicon.idf(stemmed)))
        return list(found.values())

    def _support(
        self, query: Encoded, asked: Sequence[_Word], rows: Sequence[int], weight: NDArray[np.float64]
    ) -> tuple[Floats, float]:
        """The support of each word in any of the papers, and the best weighted mean within one sentence."""
        best, together = np.zeros(len(asked), np.float32), 0.0
        for row in rows:
            paper = self._index.papers[row]
            first, last = (int(i) for i in self._index.token_starts[row : row + 2])
            similarity = self._tokens.similarities(query, slice(first, last))
            owners = np.asarray(self._index.token_owners[first:last])
            for number in np.unique(owners):
                mine = similarity[owners == number].max(axis=0)
                span = None if number < 0 else self._index.sentences(row)[number]
                text = paper.title if span is None else paper.abstract[span.start : span.end]
                written = set(terms(text))
                support = np.array(
                    [1.0 if w.stem in written else float(mine[w.pieces].mean()) for w in asked], np.float32
                )
                best = np.maximum(best, support)
                if span is not None:
                    together = max(together, float(support @ weight))
        return best, together

    def _percentiles(
        self, ranking: Ranking, asked: Sequence[_Word], at: Sequence[int], support: Floats
    ) -> Floats:
        """For each word the share of the other finely ranked papers that support it less."""
        cover = ranking.cover[np.isfinite(ranking.cover).all(axis=1)]
        if len(cover) < 5:
            return np.full(len(asked), 0.75, np.float32)
        own = np.nanmax(ranking.cover[at], axis=0)
        below = (cover < own).mean(axis=0)
        return np.array([float(below[w.pieces].mean()) for w in asked], np.float32)
