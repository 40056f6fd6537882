"""What a question and the papers' vectors have in common: pooled cosines, late interaction, and a scale for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.index.embedding import Floats, unit
from rag.index.index import Index
from rag.index.rows import Rounded

Rows = NDArray[np.int64]

HELD = 64 * 2**20
"""Bytes of passages, and of sentences, that are kept as float32; of more, each question converts what it needs."""
CHUNK = 10_000
"""Papers whose vectors are converted at a time, where all are needed."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A question as the scores need it.

    `vector` (384,) has unit length; `tokens` (t, 192) are its word pieces, projected, with `importance` (t,), their
    inverse document frequencies, summing to 1, and `offsets` (t, 2), their characters in `text`; `terms` are the stems
    without stopwords, slips of the pen corrected to words of the collection.
    """

    text: str
    vector: Floats
    tokens: Floats
    importance: Floats
    offsets: NDArray[np.int32]
    terms: tuple[str, ...]

    @property
    def unread(self) -> bool:
        """Whether most of the text is in a script that the built-in model was not trained on, so that its vectors tell
        nothing: "绿茶保留了多少香气？"."""
        letters = [c for c in self.text if c.isalpha()]
        return sum(c > "\u024f" for c in letters) > len(letters) / 2


def held(vectors: Rounded | NDArray[np.float16]) -> Rounded | NDArray[Any]:
    """`vectors` in memory and converted, where they are few enough."""
    return floats(vectors[:]) if 4 * vectors.size <= HELD else vectors


def floats(vectors: NDArray[Any]) -> Floats:
    """`vectors` as float32: themselves where they are that already."""
    return vectors.astype(np.float32, copy=False)


def pooled(
    vectors: Rounded | NDArray[Any], starts: NDArray[np.int64], rows: Rows, query: Floats
) -> tuple[Floats, Floats]:
    """The largest and the mean cosine with `query` of each row's vectors, (rows,) each; 0 for a row without any."""
    counts = starts[rows + 1] - starts[rows]
    largest, mean = np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
    filled = np.flatnonzero(counts)
    if not len(filled):
        return largest, mean
    cosines = floats(vectors[_gather(starts, rows)]) @ query
    heads = np.concatenate([[0], np.cumsum(counts[filled])[:-1]])
    largest[filled] = np.maximum.reduceat(cosines, heads)
    mean[filled] = np.add.reduceat(cosines, heads) / counts[filled]
    return largest, mean


def means(vectors: NDArray[Any], starts: NDArray[np.int64], rows: Rows) -> Floats:
    """The mean of each row's vectors, of length 1, (rows, d); 0 for a row without any."""
    found = np.zeros((len(rows), vectors.shape[1]), np.float32)
    counts = starts[rows + 1] - starts[rows]
    for filled in np.split(at := np.flatnonzero(counts), range(CHUNK, len(at), CHUNK)):
        if len(filled):
            heads = np.cumsum(counts[filled]) - counts[filled]
            found[filled] = np.add.reduceat(floats(vectors[_gather(starts, rows[filled])]), heads)
    return unit(found)


def _gather(starts: NDArray[np.int64], rows: Rows) -> slice | NDArray[np.int64]:
    """Where the entries of `rows` lie, row after row."""
    if len(rows) == len(starts) - 1:
        return slice(None)
    counts = starts[rows + 1] - starts[rows]
    found: NDArray[np.int64] = np.arange(counts.sum())
    found += np.repeat(starts[rows] - np.cumsum(counts) + counts, counts)
    return found


class TokenScores:
    """Late interaction over the token vectors of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def cover(self, query: Encoded, rows: Rows) -> Floats:
        """For each paper each question token's best cosine in it, (rows, t); the weighted mean of a line is the MaxSim
        of ColBERT (Khattab and Zaharia 2020)."""
        starts = self._index.token_starts
        found = np.zeros((len(rows), len(query.tokens)), np.float32)
        # Paper by paper: their tokens lie side by side, and to copy those of all papers together costs more.
        for n, (first, last) in enumerate(zip(starts[rows].tolist(), starts[rows + 1].tolist(), strict=True)):
            if last > first:
                found[n] = self.similarities(query, slice(first, last)).max(axis=0)
        return found

    def similarities(self, query: Encoded, where: slice | NDArray[np.int64]) -> Floats:
        """Cosines of some of the index's tokens with the question's, shape (tokens, question tokens)."""
        arrays = self._index.data.arrays
        return self._index.token_code.cosines(arrays["tokens.u8"][where], arrays["tokens.f16"][where], query.tokens)


def standardise(scores: Floats, own: int | None = None) -> Floats:
    """`scores` on the scale on which the first `own` of them, or all, have mean 0 and standard deviation 1; all 0 where
    those are all the same."""
    scale = scores[:own]
    spread = float(scale.std()) if len(scale) else 0.0
    if spread < 1e-6:
        return np.zeros_like(scores)
    standard: Floats = (scores - scale.mean()) / spread
    return standard
