"""Which papers a question is about.

Candidates come from Chroma (passages nearest to the question) and from BM25; where a collection is small enough, every
paper is one. They are reranked by a weighted sum of standardised scores: passage, sentence, late interaction, BM25.
With another embedding (rag.index.external) its vectors stand for the passages, among the candidates and in the sum.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import StoreError
from rag.index.embedding import BuiltinEmbedding, Floats, OnnxEmbedding, States, unit
from rag.index.index import Index
from rag.index.lexical import terms
from rag.index.reranking import READ, Reranker
from rag.index.scores import Encoded, Rows, TokenScores, floats, held, pooled, standardise

CANDIDATES = 100
"""Papers that Chroma and BM25 propose, each."""
SCAN = 3000
"""A list scores at most this many papers; a smaller collection is scored whole."""
FINE = 48
"""Papers that get the costly score, late interaction; the others are ranked after them."""
FEEDBACK_PAPERS, FEEDBACK_SHARE = 3, 0.5
"""Rocchio's pseudo relevance feedback: the mean vector of the best papers, added to the question's with this share."""

LEXICAL_LEAST, LEXICAL_MOST = 0.2, 1.2
"""BM25's share of the score: the least where no paper has the question's rare words, the most where one has 0.7 of
them. Of 50 questions in other words than the abstract's the paper is among the first three in .98, and with a fixed
share of 1 in .90 (medicine and society); of 133 on systems in .82 and .78; requests for papers and lists stay as they
are."""

UNREAD = 0.05
"""What the built-in model's scores count where it does not read the question's script; BM25 decides."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Shares of the standardised scores in the sum; BM25's follows the question (LEXICAL_LEAST, LEXICAL_MOST).

    Chosen on questions about four collections (systems, medicine, society, 459 papers that 498 requests look for).
    """

    passage: float = 0.2
    document: float = 0.5
    sentence: float = 0.4
    tokens: float = 1.2
    feedback: float = 0.5


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Papers by falling score. All arrays have one entry a paper.

    `passage`, `document` and `sentence` are the built-in model's cosines of the best passage, their mean, and the best
    sentence, whichever model `score` is made with, for the judgement of an answer is calibrated on them; `tokens`
    is the weighted mean of the best cosines of the question's word pieces, which are in `cover` (papers, t), both NaN
    for papers beyond the finely ranked; `lexical` is BM25.
    """

    rows: Rows
    score: Floats
    passage: Floats
    document: Floats
    sentence: Floats
    tokens: Floats
    lexical: Floats
    cover: Floats

    def take(self, order: NDArray[np.int64]) -> Ranking:
        """The papers at these positions."""
        return Ranking(*(getattr(self, f.name)[order] for f in fields(self)))


class PaperRanker:
    """Ranks the papers of an index for a question."""

    def __init__(self, index: Index, embedding: OnnxEmbedding, reranker: Reranker | None = None) -> None:
        self.index, self._reranker = index, reranker
        self.tokens = TokenScores(index)
        self._sentences = held(index.sentence_vectors)
        self._passages = held(index.passage_vectors)
        external = index.external
        self._near = self._passages if external is None else held(external.vectors)
        self._embedding = embedding
        self.builtin = embedding.fingerprint == BuiltinEmbedding().fingerprint

    def encode(self, text: str) -> Encoded:
        """Run the model on a question."""
        return self.encoded(text, self._embedding.encode_question(text))

    def coverage(self, asked: Sequence[str]) -> float:
        """The largest share of the stems `asked`, weighted by rarity, that one of the three best papers by BM25 has."""
        weights = {term: self.index.lexicon.idf(term) for term in asked}
        total = sum(weights.values())
        scores = self.index.lexicon.scores(asked)
        best = 0.0
        for row in np.argsort(-scores)[:3]:
            paper = self.index.papers[int(row)]
            found = set(terms(f"{paper.title} {paper.abstract}"))
            best = max(best, sum(w for term, w in weights.items() if term in found))
        return best / total if total else 0.0

    def encoded(self, text: str, states: States) -> Encoded:
        """What the scores need, from the model's states."""
        inside = states.words
        n = len(self.index)
        df = self.index.piece_frequency[states.pieces[inside]]
        # The inverse document frequency of BM25, over word pieces (Robertson and Zaragoza 2009, section 3.3).
        weight = np.log1p((n - df + 0.5) / (df + 0.5)).astype(np.float32)
        return Encoded(
            text=text,
            vector=states.pooled(),
            tokens=self.index.token_code.project(states.vectors[inside]),
            importance=weight / max(float(weight.sum()), 1e-9),
            offsets=states.offsets[inside],
            terms=tuple(self.index.lexicon.corrected(term) for term in terms(text)),
        )

    def rank(
        self,
        query: Encoded,
        *,
        whole: bool = False,
        rows: Sequence[int] | None = None,
        also: Collection[int] | None = None,
    ) -> Ranking:
        """Candidates by falling score.

        `whole` considers, and finely, up to 3,000 papers instead of some hundred, for lists; `rows` only these.
        `also` are candidates wherever they come in, the best of them finely; they change nobody else's score.
        """
        lexical = self.index.lexicon.scores(query.terms)
        vector = self._vector(query)
        if rows is None:
            candidates = self._candidates(vector, lexical, SCAN if whole else CANDIDATES)
        else:
            candidates = np.array(sorted(set(rows)), np.int64)
        own = len(candidates)
        added = np.array(sorted(also or ()), np.int64)
        candidates = np.concatenate([candidates, np.setdiff1d(added, candidates)])
        lexical = lexical[candidates]
        sentence, _ = pooled(self._sentences, self.index.sentence_starts, candidates, query.vector)
        passage, document = pooled(self._near, self.index.passage_starts, candidates, vector)
        share = self._lexical_share(query)
        trust = UNREAD if query.unread and self.index.external is None else 1.0
        coarse = self._coarse(vector, candidates, own, (passage, document, sentence, lexical), share, trust)
        order = np.argsort(-coarse[:own], kind="stable")
        fine = order if whole or rows is not None else order[:FINE]
        score, tokens, cover = self._fine(query, candidates, coarse, fine, np.isin(candidates, added))
        if self._reranker is not None and rows is None and not whole:
            score = self._reranked(self._reranker, query.text, candidates, score)
        if self.index.external is not None:
            passage, document = pooled(self._passages, self.index.passage_starts, candidates, query.vector)
        found = Ranking(candidates, score, passage, document, sentence, tokens, lexical, cover)
        return found.take(np.argsort(-score, kind="stable"))

    def _lexical_share(self, query: Encoded) -> float:
        """BM25's share of the score, by how much of the question's rare words the best papers have."""
        found = min(1.0, max(0.0, (self.coverage(query.terms) - 0.2) / 0.5))
        return LEXICAL_LEAST + (LEXICAL_MOST - LEXICAL_LEAST) * found

    def _coarse(
        self,
        vector: Floats,
        candidates: Rows,
        own: int,
        scores: tuple[Floats, Floats, Floats, Floats],
        share: float,
        trust: float,
    ) -> Floats:
        """The sum of the standardised scores (passage, document, sentence, lexical) and the feedback of the best."""
        dense = WEIGHTS.passage, WEIGHTS.document, WEIGHTS.sentence
        weights = (*(trust * weight for weight in dense), share)
        a, b, c, d = (weight * standardise(score, own) for weight, score in zip(weights, scores, strict=True))
        coarse: Floats = a + b + c + d
        best = candidates[np.argsort(-coarse[:own], kind="stable")[:FEEDBACK_PAPERS]]
        _, feedback = pooled(self._near, self.index.passage_starts, candidates, self._feedback(vector, best))
        coarse += trust * WEIGHTS.feedback * standardise(feedback, own)
        return coarse

    def _fine(
        self, query: Encoded, candidates: Rows, coarse: Floats, first: Rows, added: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Floats]:
        """The scores with late interaction, its mean and its cosines, of the candidates at `first` and of the best that
        were `added`."""
        others = np.flatnonzero(added)
        others = others[np.argsort(-coarse[others], kind="stable")][: max(FINE, len(first))]
        fine = np.concatenate([first, np.setdiff1d(others, first)])
        cover = np.full((len(candidates), len(query.tokens)), np.nan, np.float32)
        cover[fine] = self.tokens.cover(query, candidates[fine])
        tokens = cover @ query.importance
        score = coarse.copy()
        score[fine] += (UNREAD if query.unread else 1.0) * WEIGHTS.tokens * standardise(tokens[fine], len(first))
        rest = np.setdiff1d(np.arange(len(candidates)), fine)
        if len(rest):
            # Nobody overtakes a finely ranked paper for want of a score of his own.
            score[rest] += min(0.0, float(score[first].min() - score[rest].max()))
        return score, tokens, cover

    def _reranked(self, reranker: Reranker, question: str, candidates: Rows, score: Floats) -> Floats:
        """The scores, those of the best papers given out in the cross-encoder's order: how sure an answer is, hangs on
        how scores lie, and not on the cross-encoder's scale."""
        best = np.argsort(-score, kind="stable")[:READ]
        papers = [self.index.papers[int(row)] for row in candidates[best]]
        order = np.argsort(-reranker.scores(question, [f"{p.title}. {p.abstract}" for p in papers]), kind="stable")
        found = score.copy()
        found[best[order]] = score[best]
        return found

    def _vector(self, query: Encoded) -> Floats:
        """The question's vector by the model that ranks passages."""
        if self.index.external is None:
            return query.vector
        # As far as the built-in model reads: other models cut elsewhere, or refuse what is too long for them.
        end = int(query.offsets[:, 1].max(initial=0))
        return self.index.external.query(query.text[:end] or query.text)

    def _candidates(self, vector: Floats, lexical: Floats, limit: int) -> Rows:
        store = self.index.store if self.index.external is None else self.index.external.store
        ids, _ = store.nearest(vector, min(2 * limit, 4000))
        rows = self.index.rows
        # A store elsewhere may be ahead of this generation, or not yet rid of the one before.
        near = {rows[paper] for i in ids if (paper := i.rpartition("#")[0]) in rows}
        if not near and self.index.passage_starts[-1]:
            raise StoreError("The store gave no vector of this collection: rag ingest writes them anew.")
        best = np.argpartition(-lexical, limit)[:limit] if len(self.index) > limit else np.arange(len(self.index))
        return np.array(sorted({*near, *best[lexical[best] > 0].tolist()}), np.int64)

    def _feedback(self, vector: Floats, best: Rows) -> Floats:
        starts = self.index.passage_starts
        means = [floats(self._near[starts[r] : starts[r + 1]]).mean(axis=0) for r in best]
        return unit(vector + FEEDBACK_SHARE * np.mean([unit(m) for m in means], axis=0))
