"""The words of a claim laid along those of an abstract: what was moved, broken apart or replaced.

A claim that repeats a sentence with two of its parts exchanged has all of its words and says another thing. So the
words are aligned one by one, at least cost in jumps (dynamic programming, as in Smith and Waterman 1981), and what the
best alignment breaks is counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rag.ask.grounding import EXACT, Abstract, Grounds, Reading
from rag.ask.wording import LIGHT, Item
from rag.index.embedding import Floats

FLOOR = 0.35
"""Words that match less than this aren't aligned."""
NEAR, FAR, BACK, OTHER = 0.03, 0.2, 0.3, 0.4
"""Costs: a word skipped, more than three of them, a step back, another sentence. Set by hand on development pairs."""
NEW, WEAK = 0.1, 0.15
SWAPPED = 3
"""Words that may change places with their neighbours and say the same."""

_ADJUNCT = frozenset(
    """in on at for with when during using via through compared while and or as where after before under across within
    without like including such since because so that which who""".split()
)


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where each word of a claim lies: `path[i]` is an item of the abstract, or -1.

    Of the `steps` from one aligned word to the next, `backs` go back within a clause and `jumps` change the sentence;
    `torn` are the pairs of words within one clause of the claim that the abstract has apart.
    """

    path: tuple[int, ...]
    steps: int
    backs: int
    jumps: int
    torn: tuple[tuple[int, int], ...]


def align(reading: Reading, grounds: Grounds, names: frozenset[str]) -> Alignment:
    """The alignment of least cost. The paper's own `names` and generic words are left out: they stand anywhere."""
    weights = np.array([0.0 if skipped(i, names) else w for i, w in zip(reading.items, reading.weights, strict=True)])
    path = best_path(np.where(weights[:, None] > 0, grounds.match, 0.0), weights, grounds.owners)
    pairs = [(i, j) for i, j in enumerate(path) if j >= 0]
    backs = jumps = 0
    torn = []
    for (i, j), (k, m) in pairwise(pairs):
        # "an error rate of 2.57%" and "a 2.57% error rate" say the same.
        other, back = grounds.owners[j] != grounds.owners[m], m < j - SWAPPED
        bound = _bound(reading, i, k, back and not other)
        jumps, backs = jumps + int(other), backs + int(bound and back and not other)
        if bound and (other or back or m - j > 3 + (k - i)):
            torn.append((i, k))
    return Alignment(tuple(path), max(1, len(pairs)), backs, jumps, tuple(torn))


def skipped(item: Item, names: frozenset[str]) -> bool:
    """Whether the place of `item` tells nothing."""
    return item.figure is None and (item.generic or item.stem in names or item.stem in LIGHT)


def _bound(reading: Reading, i: int, k: int, back: bool) -> bool:
    """Whether two words of the claim belong together: in one clause, and no adjunct or passive between them."""
    one, other = reading.items[i], reading.items[k]
    gap = set(re.findall(r"[a-z]+", reading.text[one.end : other.start].lower()))
    return one.clause == other.clause and not gap & _ADJUNCT and not (back and "by" in gap)


def best_path(match: Floats, weights: Floats, owners: Sequence[int] | np.ndarray) -> list[int]:
    """For each of n words the item of m that it is aligned with, or -1, so that matches less jumps are the most.

    `match` has shape (n, m), `weights` (n,), `owners` (m,) the sentence of each item.
    """
    n, m = match.shape
    if not n or not m:
        return [-1] * n
    owner = np.asarray(owners)
    ahead = np.arange(m)[None, :] - np.arange(m)[:, None]
    cost = np.select([ahead == 0, ahead < 0, ahead <= 4], [0.05, BACK, NEAR * (ahead - 1)], FAR)
    cost = np.where(owner[None, :] == owner[:, None], cost, OTHER)
    cost = np.vstack([cost, np.full((1, m), NEW)])
    score = np.full(m + 1, -1e9)
    score[m] = 0.0
    came = np.zeros((n, m + 1), np.int64)
    taken = np.zeros((n, m + 1), bool)
    for i in range(n):
        scale = np.full((m + 1, 1), min(1.0, weights[i] + 0.3))
        scale[m] = 1.0
        reached = score[:, None] - cost * scale
        origin = reached.argmax(axis=0)
        gain = np.where(match[i] > FLOOR, weights[i] * (match[i] - WEAK), -1e9)
        best = reached[origin, np.arange(m)] + gain
        taken[i, :m] = best > score[:m]
        came[i] = np.arange(m + 1)
        came[i, :m][taken[i, :m]] = origin[taken[i, :m]]
        score[:m] = np.where(taken[i, :m], best, score[:m])
    path = [-1] * n
    j = int(score.argmax())
    for i in range(n - 1, -1, -1):
        if taken[i, j]:
            path[i] = j
        j = int(came[i, j])
    return path


def in_order(reading: Reading, grounds: Grounds, names: frozenset[str]) -> tuple[float, float]:
    """Of the weight of the claim's words, the share that the evidence has, and the share that it has in their order."""
    keep = [i for i, item in enumerate(reading.items) if not skipped(item, names)]
    weights = reading.weights[keep]
    columns = np.isin(grounds.owners, grounds.chosen)
    same = grounds.match[keep][:, columns] >= EXACT
    longest = np.zeros(int(columns.sum()) + 1)
    for weight, row in zip(weights, same, strict=True):
        before = np.concatenate([longest[SWAPPED:-1], np.full(min(SWAPPED, len(row)), longest[-1])])
        stepped = np.maximum(before + weight * row, longest[1:])
        longest = np.maximum.accumulate(np.concatenate([[0.0], stepped]))
    total = max(float(weights.sum()), 1e-9)
    return float(grounds.exact[keep] @ weights) / total, float(longest[-1]) / total


def repeated(reading: Reading, paper: Abstract, chosen: Sequence[int]) -> float:
    """The share of the claim's words that one sentence of the evidence has in their order."""
    longest = max((_common(reading.stems, paper.stems[s + 1]) for s in chosen), default=0)
    return longest / max(1, len(reading.stems))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    if not other:
        return 0
    numbers = {word: n for n, word in enumerate(dict.fromkeys(other))}
    theirs = np.array([numbers[w] for w in other])
    longest = np.zeros(len(theirs) + 1, np.int64)
    for word in one:
        stepped = np.maximum(longest[:-1] + (theirs == numbers.get(word, -1)), longest[1:])
        longest = np.maximum.accumulate(np.concatenate([[0], stepped]))
    return int(longest[-1])
