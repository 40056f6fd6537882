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

from rag.ask.sentences import Sentence
from rag.core.answer import State
from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, terms, words
from rag.index.retrieval import Ranking
from rag.index.scores import Encoded, TokenScores

FEATURES = (
    "lowest", "percentile", "sentence", "document", "unknown", "title", "length", "worst", "within", "asked", "no_figure",
    "several", "restricted",
)  # fmt: skip
"""
The support of a word of the question is 1 where the papers write it, else the mean cosine of its best word pieces
there. lowest: the least of all words; percentile: the share of other papers in which a word has less support, weighted
by rarity; sentence, document: cosines of the best sentence and of the passages; unknown: share of the words, weighted
by rarity, that no paper has; title: share that the title has; length: how many words, as a logarithm; worst: the mean
cosine of the third of the word pieces that the abstracts fit worst; within: the best mean support within one sentence
of the words that the title has not; asked: the percentile of what is asked for, behind "which" or "how many";
no_figure: a figure is asked for and the best sentences have none; several, restricted: several papers share the
question, the conversation restricts it.
"""
WEIGHTS = np.array([0.79, 1.08, 2.11, 2.32, -1.53, -2.45, 1.24, 5.13, 3.11, 2.07, -1.01, 0.07, 4.56], np.float32)
BIAS = -9.6
"""Logistic regression on 1,050 questions of four collections, each weighted alike. Cross-validated the area under the
ROC curve is .89 (systems, half of the unanswerable ones written to be mistaken), .85 (medicine), .90 (society)."""
ANSWERS, SEVERAL, NEAR = 0.57, 0.35, 0.03
"""From this probability on one paper answers, and several papers do; from the last on papers are near."""
CAUTION = {"careful": 1.0, "usual": 0.0, "bold": -1.0}
"""What a user's wish adds to the odds, as a logarithm, that an answer needs."""

_NAME = re.compile(r"(?<![\w-])(?=[\w.+-]*(?:[a-z][A-Z]|[A-Z].*[A-Z]|[A-Za-z]-?\d))[\w.+-]*\w")
_ASKED = re.compile(
    r"\b(?:how\s+many|how\s+much|(?:what|which)(?:'s)?(?:\s+(?:is|are|was|were)\s+(?:the|its|their))?|whose)\s+"
    r"(?P<what>(?:[\w-]+\s+){0,3}[\w-]+)",
    re.IGNORECASE,
)
_FIGURE_ASKED = re.compile(
    r"\bhow\s+(?!do\b|does\b|did\b|is\b|are\b|was\b|were\b|can\b|could\b|to\b|would\b|should\b|has\b|have\b|come\b)[a-z]+"
    r"|\b(?:percent\w*|proportion|share|rate|ratio|number|amount|average|mean|odds|cost|price)\b|%",
    re.IGNORECASE,
)
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

    def probability(
        self,
        query: Encoded,
        ranking: Ranking,
        rows: Sequence[int],
        best: Sequence[Sentence],
        *,
        restricted: bool = False,
    ) -> float:
        """The probability that the papers in `rows`, best first, answer; `best` are the sentences of the first one."""
        odds = float(self.features(query, ranking, rows, best, restricted=restricted) @ WEIGHTS) + BIAS
        return 1 / (1 + math.exp(-odds))

    def unknown_names(self, text: str) -> list[str]:
        """Names in a text of which no paper has a word, in its spelling: "PointPillars", where nobody writes of it."""
        found = []
        for match in _NAME.finditer(text):
            parts = [stem(w) for w in words(match.group()) if w not in STOPWORDS]
            if parts and not any(p in self._index.lexicon for p in parts):
                found.append(match.group())
        return list(dict.fromkeys(found))

    def features(
        self, query: Encoded, ranking: Ranking, rows: Sequence[int], best: Sequence[Sentence], *, restricted: bool
    ) -> Floats:
        """The features (len(FEATURES),) of the papers in `rows`, best first. `ranking` is that of all candidates,
        `best` are the scored sentences of the first paper."""
        asked = self._words(query)
        if not asked or not rows:
            return np.zeros(len(FEATURES), np.float32)
        at = [int(np.flatnonzero(ranking.rows == row)[0]) for row in rows]
        weight = np.array([w.rarity for w in asked])
        weight = weight / max(float(weight.sum()), 1e-9)
        head = set().union(*(terms(self._index.papers[row].title) for row in rows))
        support, body = self._support(query, asked, rows)
        percentile = self._percentiles(ranking, asked, at)
        unknown = np.array([w.stem not in self._index.lexicon for w in asked])
        worst = np.sort(body)[: max(1, len(body) // 3)]
        values = [
            float(support.min()),
            float(percentile @ weight),
            float(ranking.sentence[at].max()),
            float(ranking.document[at].max()),
            float(unknown @ weight),
            float(np.array([w.stem in head for w in asked]) @ weight),
            math.log1p(min(len(asked), 12)),
            float(worst.mean()),
            self._within([w for w in asked if w.stem not in head], rows[0], best),
            _asked(query.text, asked, percentile),
            self._no_figure(query.text, rows[0], best),
            float(len(rows) > 1),
            float(restricted),
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

    def _support(self, query: Encoded, asked: Sequence[_Word], rows: Sequence[int]) -> tuple[Floats, Floats]:
        """The support of each word in any of the papers, and the best cosine of each word piece in their abstracts."""
        support = np.zeros(len(asked), np.float32)
        body = np.zeros(len(query.tokens), np.float32)
        for row in rows:
            paper = self._index.papers[row]
            first, last = (int(i) for i in self._index.token_starts[row : row + 2])
            if last <= first:
                continue
            similarity = self._tokens.similarities(query, slice(first, last))
            inside = similarity[np.asarray(self._index.token_owners[first:last]) >= 0]
            body = np.maximum(body, inside.max(axis=0)) if len(inside) else body
            whole = similarity.max(axis=0)
            written = set(terms(f"{paper.title} {paper.abstract}"))
            own = [1.0 if w.stem in written else float(whole[w.pieces].mean()) for w in asked]
            support = np.maximum(support, np.array(own, np.float32))
        return support, body

    def _within(self, asked: Sequence[_Word], row: int, sentences: Sequence[Sentence]) -> float:
        """The best mean support of the words within one sentence; 0 where there are none."""
        abstract, best = self._index.papers[row].abstract, 0.0
        for s in sentences if asked else ():
            written = set(terms(abstract[s.span.start : s.span.end]))
            best = max(best, float(np.mean([1.0 if w.stem in written else s.cover[w.pieces].mean() for w in asked])))
        return best

    def _no_figure(self, question: str, row: int, sentences: Sequence[Sentence]) -> float:
        """1 where a figure is asked for and none of the four best sentences has one."""
        if not _FIGURE_ASKED.search(question):
            return 0.0
        abstract = self._index.papers[row].abstract
        best = sorted(sentences, key=lambda s: -s.score)[:4]
        return float(not any(c.isdigit() for s in best for c in abstract[s.span.start : s.span.end]))

    def _percentiles(self, ranking: Ranking, asked: Sequence[_Word], at: Sequence[int]) -> Floats:
        """For each word the share of the other finely ranked papers that support it less."""
        cover = ranking.cover[np.isfinite(ranking.cover).all(axis=1)]
        if len(cover) < 5:
            return np.full(len(asked), 0.75, np.float32)
        own = np.nan_to_num(ranking.cover[at], nan=0.0).max(axis=0)
        below = (cover < own).mean(axis=0)
        return np.array([float(below[w.pieces].mean()) for w in asked], np.float32)


def _asked(question: str, words_of: Sequence[_Word], percentile: Floats) -> float:
    """The least percentile of what is asked for: the words behind "which" or "how many"; 1 where nothing is."""
    match = _ASKED.search(question)
    wanted = set()
    for word in words(match["what"]) if match else []:
        if word in STOPWORDS:
            break
        wanted.add(stem(word))
    return min((float(p) for w, p in zip(words_of, percentile, strict=True) if w.stem in wanted), default=1.0)


def state_of(probability: float, caution: float = 0.0, *, near: bool = False, least: float = ANSWERS) -> State:
    """The state of an answer with this probability. From `least` on it answers; `near`: the papers are those that were
    asked about, so that something is near whatever the probability."""
    odds = math.log(max(probability, 1e-9) / max(1 - probability, 1e-9)) - caution
    likely = 1 / (1 + math.exp(-odds))
    if likely >= least:
        return "answers"
    return "nearest" if near or likely >= NEAR else "nothing"
