"""Papers that are near to a text in meaning, whatever their words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rag.core.paper import Paper
from rag.index.retrieval import PaperRanker
from rag.index.scores import floats

LEAST = 0.25
"""The cosine of its best sentence from which on a paper is near. On the 82 seeds, each of five subjects that they lack
(football, malaria, pasta, a word of no language, "nothing of this kind") has at most 0.21, and each of six that they
have at least one paper with 0.3 or more."""


@dataclass(frozen=True, slots=True)
class Near:
    """A paper, and where in its abstract the sentence is that is nearest to the text."""

    paper: Paper
    sentence: tuple[int, int]


def near(ranker: PaperRanker, text: str, count: int) -> tuple[Near, ...]:
    """At most `count` papers, the nearest first; none for a text in a script that the model does not read."""
    query = ranker.encode(text)
    if query.unread:
        return ()
    index = ranker.index
    ranking = ranker.rank(query)
    found = []
    for row in ranking.rows[ranking.sentence >= LEAST][:count].tolist():
        first, last = index.sentence_starts[row : row + 2]
        best = int(np.argmax(floats(index.sentence_vectors[first:last]) @ query.vector))
        span = index.sentences(row)[best]
        found.append(Near(index.papers[row], (span.start, span.end)))
    return tuple(found)
