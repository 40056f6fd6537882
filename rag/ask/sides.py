"""Which papers share a question: decided by coverage, not by a grammar of comparisons.

Each word piece of the question has a best cosine in each paper. Where one stretch of the question fits one paper
better and another stretch fits another, the two papers share it: they are its sides, however it is worded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import terms
from rag.index.retrieval import Ranking
from rag.index.scores import Encoded

NEAR = 8
"""Papers of the ranking that may be a side."""
FEATURES = ("second", "least", "words", "titles", "lead", "compares")
"""
second, least: what the stretch that fits the other paper better gains, and the less of the two gains; words, titles:
the rarity, 0 to 1, of the rarest word that only one of them has (in its title), the less of the two; lead: how far the
best paper is ahead of the second; compares: the question has a word of comparison.
"""
WEIGHTS, BIAS = np.array([18.2, 14.5, 0.09, 1.94, -0.13, 3.54], np.float32), -2.55
"""Logistic regression on 700 questions of three collections, 110 of them comparisons. Cross-validated by collection the
area under the ROC curve is .95 (systems), .99 (medicine), .97 (society)."""
SHARES = 0.5
"""Probability from which on the question is one of several papers."""
MORE = 0.6
"""Of the gain of the second side, what a third or fourth must gain."""
LEAST = 0.02
"""And at the least."""
MOST_SIDES = 4


@dataclass(frozen=True, slots=True)
class Sharing:
    """The papers that share a question, best first, with the stretch of the question that is each one's own, and the
    probability that they do."""

    rows: tuple[int, ...]
    parts: tuple[str, ...]
    probability: float


def sharing(index: Index, query: Encoded, ranking: Ranking, compares: bool) -> Sharing:
    """Who shares the question, and how probably; the first row is the best paper of the ranking."""
    near = min(NEAR, int(np.isfinite(ranking.cover).all(axis=1).sum()))
    order = np.argsort(query.offsets[:, 0], kind="stable")
    cover = (ranking.cover[:near] * query.importance)[:, order]
    if near < 2:
        return Sharing(tuple(int(r) for r in ranking.rows[:1]), (query.text,), 0.0)
    pairs = [_pair(index, query, ranking, cover, n) for n in range(1, near)]
    best = max(pairs, key=lambda p: p[0])
    other = 1 + pairs.index(best)
    lead = float(ranking.score[0] - ranking.score[1])
    features = np.array([*best[1], lead, float(compares)], np.float32)
    probability = 1 / (1 + math.exp(-float(features @ WEIGHTS + BIAS)))
    chosen = [0, other]
    while len(chosen) < MOST_SIDES:
        rest = cover - cover[chosen].max(axis=0)
        gains = [_stretch(rest[n])[0] if n not in chosen else 0.0 for n in range(near)]
        pick = int(np.argmax(gains))
        if gains[pick] < MORE * best[1][0] or gains[pick] <= LEAST:
            break
        chosen.append(pick)
    parts = tuple(_part(query, order, cover, n, chosen) for n in chosen)
    return Sharing(tuple(int(ranking.rows[n]) for n in chosen), parts, probability)


def _pair(index: Index, query: Encoded, ranking: Ranking, cover: Floats, n: int) -> tuple[float, list[float]]:
    """How well the best paper and that at `n` share the question, to choose among the others, and the features of
    it."""
    second, _ = _stretch(cover[n] - cover[0])
    first, _ = _stretch(cover[0] - cover[n])
    rows = int(ranking.rows[0]), int(ranking.rows[n])
    papers = [index.papers[row] for row in rows]
    held = [set(terms(f"{p.title} {p.abstract}")) for p in papers]
    heads = [set(terms(p.title)) for p in papers]
    most = math.log1p((len(index) - 0.5) / 1.5)
    rarity = {t: index.lexicon.idf(t) / most for t in set(query.terms) if t in index.lexicon}
    only = [max((w for t, w in rarity.items() if t in held[i] and t not in held[1 - i]), default=0.0) for i in (0, 1)]
    titled = [
        max((w for t, w in rarity.items() if t in heads[i] and t not in held[1 - i]), default=0.0) for i in (0, 1)
    ]
    least = min(first, second)
    value = least + 0.05 * min(only) + 0.1 * min(titled) - 0.02 * float(ranking.score[0] - ranking.score[n])
    return value, [second, least, min(only), min(titled)]


def _stretch(gain: Sequence[float] | Floats) -> tuple[float, tuple[int, int]]:
    """The largest sum of neighbouring values, and where they are (Kadane 1984)."""
    best, where, total, start = 0.0, (0, 0), 0.0, 0
    for i, value in enumerate(gain):
        if total <= 0:
            total, start = 0.0, i
        total += float(value)
        if total > best:
            best, where = total, (start, i + 1)
    return best, where


def _part(query: Encoded, order: NDArray[np.int64], cover: Floats, n: int, chosen: Sequence[int]) -> str:
    """The stretch of the question that fits the paper at `n` better than the other chosen ones."""
    others = [m for m in chosen if m != n]
    _, (start, end) = _stretch(cover[n] - cover[others].max(axis=0))
    if end <= start:
        return query.text
    offsets = query.offsets[order]
    left, right = int(offsets[start][0]), int(offsets[end - 1][1])
    while left > 0 and query.text[left - 1].isalnum():
        left -= 1
    while right < len(query.text) and query.text[right].isalnum():
        right += 1
    return query.text[left:right].strip(" ,.;:?")
