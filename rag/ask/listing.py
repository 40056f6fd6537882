"""Which of all papers belong in a list.

Every paper of the collection is considered. A logistic regression on scores that mean the same in any field gives each
a probability, and the list is cut where its expected F1 is largest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.core.answer import State
from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, words
from rag.index.retrieval import Ranking
from rag.index.scores import Encoded, Rows

FEATURES = ("support", "score", "behind", "sentence", "names")
"""
support: the mean support of a word of the topic, weighted by rarity: 1 where the paper writes it, else the mean cosine
of its best word pieces; score, behind: the fused score, and how far it is behind the best; sentence: the cosine of the
best sentence; names: 1 where the paper writes all names in the topic, -1 where it doesn't, 0 where the topic has none.
"""
WEIGHTS, BIAS = np.array([1.52, 0.34, 0.26, 3.65, 0.63], np.float32), -3.8
"""Logistic regression on 86 lists of three collections, each weighted alike; fitted on two of them the mean F1 on the
third is .69 (systems), .85 (medicine) and .88 (society)."""
FEW_WORDS = 3
SUPPORTED, SUPPORTED_DESCRIPTION, NEAR, NEAR_DESCRIPTION = 0.65, 0.48, 0.42, 0.3
"""Support of a subject in a few words, or of a description, from which on a list answers, or is near. Of 98 lists and
overviews of three collections 3 fall below the first, of 14 subjects that the collection lacks 9."""
NAME_SHARE = 0.35
"""What more papers than this share have tells too few of them apart to be a name."""
_NAME = re.compile(r"(?<![\w-])(?=[\w.+-]{0,60}(?:[a-z][A-Z]|[A-Z].{0,200}[A-Z]|[A-Za-z]-?\d|\d{3}))[\w.+-]*\w")


@dataclass(frozen=True, slots=True)
class Membership:
    """How probably papers belong in a list: `rows`, best first, `probabilities` (papers,), and `writes`: whether a
    paper writes all words of the topic, and is not only about it. `support` is that of the topic's words in the best
    paper."""

    rows: Rows
    probabilities: Floats
    writes: NDArray[np.bool_]
    support: float = 0.0

    def members(self) -> list[int]:
        """The positions in `rows` of those that belong, best first."""
        return [int(i) for i in np.flatnonzero(best_cut(self.probabilities))]


def state_of_list(topic: Encoded, belonging: Membership, caution: float) -> State:
    """Whether the papers are on the topic: by how far the best of them supports its words. A few words are a subject,
    that the papers write or very nearly; many describe it in words of their own."""
    short = len(set(topic.terms)) <= FEW_WORDS
    support = belonging.support - 0.05 * caution
    if support >= (SUPPORTED if short else SUPPORTED_DESCRIPTION):
        return "answers"
    return "nearest" if support >= (NEAR if short else NEAR_DESCRIPTION) else "nothing"


def membership(index: Index, topic: Encoded, ranking: Ranking) -> Membership:
    """How probably each paper of the ranking belongs in a list of `topic`, the most probable first."""
    found, writes = features(index, topic, ranking)
    probabilities = (1 / (1 + np.exp(-(found @ WEIGHTS + BIAS)))).astype(np.float32)
    order = np.argsort(-probabilities, kind="stable")
    support = float(found[order[0], 0]) if len(order) else 0.0
    return Membership(ranking.rows[order], probabilities[order], writes[order], support)


def features(index: Index, topic: Encoded, ranking: Ranking) -> tuple[Floats, NDArray[np.bool_]]:
    """One line a paper of the ranking, with the columns of FEATURES, and whether it writes all words of the topic."""
    weight = {term: index.lexicon.idf(term) for term in dict.fromkeys(topic.terms)}
    total = max(sum(weight.values()), 1e-9)
    pieces = _pieces(topic, weight)
    cover = np.nan_to_num(ranking.cover, nan=0.0)
    support = np.zeros(len(ranking.rows))
    writes = np.full(len(ranking.rows), bool(weight))
    for term, share in weight.items():
        written = _written(index, ranking, term)
        near = cover[:, pieces[term]].mean(axis=1) if term in pieces else 0.0
        support += share / total * np.where(written, 1.0, near)
        writes &= written
    named = np.zeros(len(ranking.rows))
    if held := [_written(index, ranking, name) for name in _names(index, topic.text)]:
        named = np.where(np.logical_and.reduce(held), 1.0, -1.0)
    behind = ranking.score - ranking.score.max(initial=-np.inf)
    found = np.column_stack([support, ranking.score, behind, ranking.sentence, named])
    return found.astype(np.float32), writes


def _written(index: Index, ranking: Ranking, term: str) -> NDArray[np.bool_]:
    """Which papers of the ranking have this stem."""
    return np.isin(ranking.rows, index.lexicon.holders(term))


def _names(index: Index, topic: str) -> frozenset[str]:
    """The stems of the names in a topic: words with a capital or a digit inside that at most a third of the papers
    have."""
    found: set[str] = set()
    for match in _NAME.finditer(topic):
        parts = [stem(w) for w in words(match.group()) if w not in STOPWORDS]
        if parts and all(0 < index.lexicon.frequency(p) <= NAME_SHARE * len(index) for p in parts):
            found.update(parts)
    return frozenset(found)


def _pieces(topic: Encoded, weight: dict[str, float]) -> dict[str, NDArray[np.int64]]:
    """The word pieces of each stem of the topic."""
    found: dict[str, list[int]] = {}
    for n, (start, end) in enumerate(topic.offsets):
        left, right = int(start), int(end)
        while left > 0 and topic.text[left - 1].isalnum():
            left -= 1
        while right < len(topic.text) and topic.text[right].isalnum():
            right += 1
        for word in words(topic.text[left:right]):
            if word not in STOPWORDS and (stemmed := stem(word)) in weight:
                found.setdefault(stemmed, []).append(n)
    return {term: np.array(at, np.int64) for term, at in found.items()}


def best_cut(probabilities: Sequence[float] | Floats) -> NDArray[np.bool_]:
    """The set with the largest expected F1: the most probable k, with k chosen by 2·Σp(chosen) / (k + Σp(all))
    (Lipton, Elkan and Naryanaswamy 2014, "Optimal Thresholding of Classifiers to Maximize F1 Measure")."""
    values = np.asarray(probabilities, np.float64)
    order = np.argsort(-values, kind="stable")
    expected = 2 * np.cumsum(values[order]) / (np.arange(1, len(order) + 1) + values.sum())
    chosen = np.zeros(len(values), bool)
    chosen[order[: int(np.argmax(expected)) + 1]] = True
    return chosen
