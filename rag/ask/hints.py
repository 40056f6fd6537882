"""What in a question points to papers, whatever it asks of them: names, and figures that few papers have."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from rag.ask.details import rare_figures
from rag.ask.question import Query
from rag.index.index import Index
from rag.index.lexical import words
from rag.index.retrieval import Ranking

NAMED_BONUS, ABSTRACT_BONUS, FIGURE_BONUS = 6.0, 3.0, 4.0
"""Standard deviations that it is worth to own a name in the question that stands in the title, or only in the abstract,
and to be one of at most three papers with a figure of the question."""

_ASKS = re.compile(
    r"\?|\b(?:what|who|how|why|whose)\b|^\W*(?:which|where|when|does|do|did|is|are|can|compare|tell|explain)\b|:",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(r"\b(?:original|first|older|earlier)\b", re.IGNORECASE)


def favoured(ranking: Ranking, query: Query, index: Index) -> Ranking:
    """The ranking with what papers gain by the question's names and rare figures: "the one with 15.1 PetaFLOPs"."""
    bonus = _bonus(query, index)
    if not bonus:
        return ranking
    added = np.array([bonus.get(int(row), 0.0) for row in ranking.rows], np.float32)
    ranking = replace(ranking, score=ranking.score + added)
    return ranking.take(np.argsort(-ranking.score, kind="stable"))


def named_rows(query: Query, index: Index) -> set[int]:
    """The rows of the papers that the question names. Of several the one that speaks of all: who asks what Fuyou
    gains over ZeRO-Infinity asks the paper of Fuyou. "The original" is whose title begins with the name."""
    first = wants_original(query.standalone)
    rows = [m.rows[:1] if first else m.rows for m in query.mentions]
    if len(rows) > 1:
        names = [set(words(m.name)) for m in query.mentions]
        papers = {r: index.papers[r] for rs in rows for r in rs}
        texts = {r: set(words(f"{p.title} {p.abstract}")) for r, p in papers.items()}
        both = {r for r, text in texts.items() if all(name <= text for name in names)}
        if both:
            return both
    return {row for some in rows for row in some}


def wants_original(text: str) -> bool:
    """Whether, of the papers that own a name, the one that gave it is meant."""
    return bool(_ORIGINAL.search(text))


def _bonus(query: Query, index: Index) -> dict[int, float]:
    if not _ASKS.search(query.standalone):
        # A statement is looked up by what it says. On SciFact's claims a bonus for names costs .01 of nDCG@10.
        return {}
    titled = any(m.titled for m in query.mentions)
    bonus = dict.fromkeys(named_rows(query, index), NAMED_BONUS if titled else ABSTRACT_BONUS)
    for figure in rare_figures(query.standalone, index.lexicon):
        for row in np.flatnonzero(index.lexicon.scores([figure])):
            bonus[int(row)] = bonus.get(int(row), 0.0) + FIGURE_BONUS
    return bonus
