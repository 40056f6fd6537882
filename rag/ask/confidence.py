"""Whether the collection answers: calibrated, so that silence is as deliberate as an answer."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.ask.details import asks_date, foreign_names, missing_kind, rare_figures
from rag.ask.evidence import NAMED, Evidence, asks_figure
from rag.ask.question import Query
from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, terms, words
from rag.index.retrieval import Ranking
from rag.index.scores import Encoded, TokenScores

FEATURES = (
    "coverage", "rest", "together", "tokens_rest", "worst", "sentence", "document", "score", "evidence", "no_figure",
    "focus", "kind_missing", "foreign", "foreign_here", "pieces", "percentile", "percentile_low", "percentile_focus",
    "least_two", "length",
)  # fmt: skip
"""
coverage, rest, together: share of the question's rare words that the paper has, that its abstract has of those beside
the title, and that one sentence has; tokens_rest, worst: late interaction with the words beside the title, and with the
third that fits worst; sentence, document, score: cosines of the best sentence and the passages, and the fused score;
evidence: the best sentence's; no_figure: a figure is asked and none quoted; focus: how well the abstract has the word
asked for; kind_missing: it has nothing of the kind of detail asked for; foreign, foreign_here: a name that no abstract,
that this one has not; pieces: into how many an unknown word falls; percentile and its lows: the share of other papers
that fit the words worse; least_two: the two words that fit worst; length: how many words.
"""

_NAMED = {
    "tokens_rest": -1.109, "worst": 9.415, "sentence": -0.412, "evidence": 1.555, "no_figure": 0.701, "focus": 0.4,
    "kind_missing": -3.271, "foreign_here": -2.668, "pieces": -0.158, "percentile_low": 0.504,
    "percentile_focus": 1.483, "length": 0.544, "together": -1.291, "bias": -4.522,
}  # fmt: skip
_UNNAMED = {
    "coverage": -0.851, "rest": 0.693, "tokens_rest": 3.202, "worst": 1.758, "sentence": 0.433, "document": 2.795,
    "least_two": 2.973, "score": 0.049, "length": 2.959, "foreign": -0.319, "foreign_here": -0.974, "pieces": -0.593,
    "percentile": 1.339, "percentile_focus": 1.779, "together": -1.246, "bias": -13.579,
}  # fmt: skip
"""Logistic regressions of whether a question is answered, for those that name a paper and those that don't, on 631
answerable and 426 unanswerable questions of eval/questions.jsonl, most of them written to be mistaken for the other
sort."""
_LISTED = {
    "tokens_rest": 1.145, "worst": 3.221, "document": 4.002, "sentence": 3.163, "least_two": 1.892,
    "percentile_low": -0.882, "foreign_here": -1.357, "coverage": 3.544, "bias": -7.429,
}  # fmt: skip
"""The same for the subject of a list, on 29 lists and 114 subjects that the collection lacks."""
LIST_THRESHOLD = -2.7
"""Cross-validated, no list in 29 falls below it and .6 of the subjects that the collection lacks."""
RARE_FIGURE = 2.0
"""Log-odds that a figure of the question is worth which this paper has and at most two others."""
UNKNOWN, UNKNOWN_THRESHOLD = 0.4, -1.0
"""Of a subject in one to three words, the share of rare words that no abstract has, from which on the threshold is
higher: "federated learning" is not learning."""
SHORT_THRESHOLD = -2.2
"""For a subject of one or two words, of which a chance likeness of one is half."""
AMONG = 1.5
"""Log-odds by which the threshold is lower for "which of them …": that one of a few papers fits is said already."""
THRESHOLD = -0.6
"""Below this log-odds the service says that it does not know. Cross-validated, 4% of those answerable questions fall
below it, and of the unanswerable all but one that are off topic, .65 of the absent topics and .61 of the details;
eval/NOTES.md has the curve."""

TYPICAL = (0.75, 0.45, 0.75)
"""Percentiles where there are too few papers to compare with: between those of answered and of other questions."""
MAX_LENGTH = 12
"""Words beyond this many make no question more of a description."""

_WORD = re.compile(r"[^\W_][\w.+-]*[^\W_]|[^\W_]")
_NAME = re.compile(r"[a-z]\w*[A-Z]|[A-Z]\w*[A-Z]|[A-Za-z]\d|-[A-Z]")

_FOCUS = re.compile(
    r"\b(?:how\s+many|how\s+much|(?:at|on|in|with|by|under|for|from)?\s*(?:what|which)(?:'s)?(?:\s+(?:is|are|was|were)\s+(?:the|its|their))?|whose)\s+"
    r"(?P<np>(?:[\w-]+\s+){0,3}[\w-]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """The verdict, the probability behind it, and what it was made of."""

    answers: bool
    probability: float
    features: dict[str, float]


class Confidence:
    """Judges whether the best paper answers a question."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tokens = TokenScores(index)

    def assess(self, query: Query, encoded: Encoded, ranking: Ranking, evidence: Sequence[Evidence]) -> Doubt:
        """The verdict on the paper that `evidence` is from; `ranking` is that of all candidates."""
        if not evidence:  # a paper without an abstract answers nothing
            return Doubt(False, 0.0, {})
        features = self.features(query, encoded, ranking, evidence)
        named = any(evidence[0].row in m.rows for m in query.mentions) or bool(query.rows)
        weights = _LISTED if query.kind == "list" else _NAMED if named else _UNNAMED
        odds = weights["bias"] + sum(w * features[name] for name, w in weights.items() if name != "bias")
        threshold = LIST_THRESHOLD if query.kind == "list" else THRESHOLD
        if query.kind == "list" and self._unknown(encoded) >= UNKNOWN:
            threshold = UNKNOWN_THRESHOLD
        elif query.kind == "list" and len(set(encoded.terms)) < 3:
            threshold = SHORT_THRESHOLD
        among = len(query.rows) > 1 or bool(query.rows and query.outside)
        threshold -= AMONG if among else 0.0
        held = set(words(self._index.papers[evidence[0].row].abstract))
        if any(figure in held for figure in rare_figures(query.standalone, self._index.lexicon)):
            odds += RARE_FIGURE
        # Nothing of the kind in the abstract: however well the rest fits, the answer is not there.
        answers = odds >= threshold and not asks_date(query.standalone) and (among or not features["kind_missing"])
        return Doubt(answers, 1 / (1 + math.exp(-odds)), features)

    def features(
        self, query: Query, encoded: Encoded, ranking: Ranking, evidence: Sequence[Evidence]
    ) -> dict[str, float]:
        row = evidence[0].row
        at = int(np.flatnonzero(ranking.rows == row)[0])
        cover, rest = self._cover(encoded, row)
        words_found = self._words(encoded, row, cover, rest)
        low = sorted(words_found.values()) or [1.0]
        own = encoded.offsets[:, 0] >= 0
        rest_all = rest
        cover, rest, weights = (
            cover[own],
            rest[own],
            encoded.importance[own] / max(float(encoded.importance[own].sum()), 1e-9),
        )
        order = np.argsort(cover)
        worst = order[: max(1, len(order) // 3)]
        named = any(row in m.rows for m in query.mentions) or bool(query.rows)
        coverage, in_rest, together = self._lexical(encoded, row)
        percentile, percentile_low, percentile_focus = self._percentiles(encoded, ranking, at, rest_all)
        foreign, foreign_here, pieces = self._foreign(query, encoded, row)
        paper = self._index.papers[row]
        figures = any(c.isdigit() for e in evidence for c in paper.abstract[e.span.start : e.span.end])
        values = [
            coverage,
            in_rest,
            together,
            _mean(cover[rest], weights[rest]),
            _mean(cover[worst], weights[worst]),
            float(ranking.sentence[at]),
            float(ranking.document[at]),
            float(ranking.score[at]),
            max(e.score for e in evidence),
            float(asks_figure(query.standalone) and not figures),
            self._focus(encoded, words_found),
            float(named and missing_kind(query.standalone, paper.abstract)),
            foreign,
            foreign_here,
            pieces,
            percentile,
            percentile_low,
            percentile_focus,
            float(np.mean(low[:2])),
            float(np.log1p(min(len(set(encoded.terms)), MAX_LENGTH))),
        ]
        return dict(zip(FEATURES, values, strict=True))

    def _lexical(self, encoded: Encoded, row: int) -> list[float]:
        """Shares of the question's rare words: in the paper; of those beside its title, in the abstract; and of these
        in one sentence."""
        paper = self._index.papers[row]
        title, abstract = set(terms(paper.title)), set(terms(paper.abstract))
        sentences = [set(terms(paper.abstract[s.start : s.end])) for s in self._index.sentences(row)]
        asked = terms(encoded.text)
        weight = {t: self._index.lexicon.idf(t) for t in asked}
        total = sum(weight.values()) or 1.0
        rest = {t: w for t, w in weight.items() if t not in title}
        rest_total = sum(rest.values())
        return [
            sum(w for t, w in weight.items() if t in title | abstract) / total,
            sum(w for t, w in rest.items() if t in abstract) / rest_total if rest_total else 1.0,
            max((sum(w for t, w in rest.items() if t in s) for s in sentences), default=0.0) / rest_total
            if rest_total
            else 1.0,
        ]

    def _words(self, encoded: Encoded, row: int, cover: Floats, rest: NDArray[np.bool_]) -> dict[str, float]:
        """How well the abstract has each word of the question that the title has not: 1 for the word itself, else the
        mean cosine of its pieces."""
        found: dict[str, float] = {}
        abstract = set(terms(self._index.papers[row].abstract))
        title = set(terms(self._index.papers[row].title))
        for match in re.finditer(r"[^\W_]+(?:\.\d+)?", encoded.text):
            word = match.group().casefold()
            stemmed = stem(word)
            if word in STOPWORDS or stemmed in title:
                continue
            inside = (
                (encoded.offsets[:, 0] >= match.start())
                & (encoded.offsets[:, 1] <= match.end())
                & (encoded.offsets[:, 0] >= 0)
            )
            if not inside.any() or not rest[inside].any():
                continue
            found[word] = 1.0 if stemmed in abstract else float(cover[inside].mean())
        return found

    def _focus(self, encoded: Encoded, found: dict[str, float]) -> float:
        """How well the abstract has what is asked for ("which optimizer"): the least of its words; 1 where nothing of
        the kind is asked."""
        match = _FOCUS.search(encoded.text)
        asked: list[str] = []
        for word in words(match.group("np")) if match else []:
            if word in STOPWORDS:
                break
            asked.append(word)
        return min((found[w] for w in asked if w in found), default=1.0)

    def _percentiles(
        self, encoded: Encoded, ranking: Ranking, at: int, rest: NDArray[np.bool_]
    ) -> tuple[float, float, float]:
        """For the words that the title has not, the share of other papers that fit them worse: the mean, the mean of
        the two lowest, and the lowest of what is asked for. What any abstract has as well tells nothing of this one."""
        others = ranking.cover[np.isfinite(ranking.cover[:, 0])] if ranking.cover.shape[1] else ranking.cover
        if len(others) < 5 or not np.isfinite(ranking.cover[at]).all():
            return TYPICAL
        below = (others < ranking.cover[at]).mean(axis=0)
        found: dict[str, float] = {}
        weights = []
        for match in re.finditer(r"[^\W_]+(?:\.\d+)?", encoded.text):
            if match.group().casefold() in STOPWORDS:
                continue
            inside = (encoded.offsets[:, 0] >= match.start()) & (encoded.offsets[:, 1] <= match.end())
            inside &= encoded.offsets[:, 0] >= 0
            inside[: len(rest)] &= rest
            if inside.any():
                found[match.group().casefold()] = float(below[inside].mean())
                weights.append(float(encoded.importance[inside].sum()))
        if not found:
            return TYPICAL
        low = sorted(found.values())
        focus = _FOCUS.search(encoded.text)
        asked = [found[w] for w in words(focus.group("np")) if w in found] if focus else []
        mean = float(np.average(list(found.values()), weights=np.array(weights[: len(found)]) + 1e-9))
        return mean, float(np.mean(low[:2])), min(asked, default=1.0)

    def _unknown(self, encoded: Encoded) -> float:
        """The share of rare words that no paper has in a subject of up to three words; 0 for a longer one."""
        weight = {term: self._index.lexicon.idf(term) for term in terms(encoded.text)}
        if not 0 < len(weight) <= 3:
            return 0.0
        return sum(w for t, w in weight.items() if t not in self._index.lexicon) / sum(weight.values())

    def _foreign(self, query: Query, encoded: Encoded, row: int) -> tuple[float, float, float]:
        """Whether the question has a name that no abstract has, and into how many pieces (beyond two, up to four) its
        strangest unknown word falls: a word that the model itself never learnt is a name too."""
        foreign, pieces = 0.0, 0
        text = encoded.text
        for match in _WORD.finditer(text):
            word = match.group()
            if any(m.start <= match.start() < m.end for m in query.mentions) or word.casefold() in STOPWORDS:
                continue
            known = all(stem(w) in self._index.lexicon for w in words(word) if w not in STOPWORDS)
            if known:
                continue
            inside = (encoded.offsets[:, 0] >= match.start()) & (encoded.offsets[:, 1] <= match.end())
            pieces = max(pieces, min(4, int(inside.sum())) - 2)
            first = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1:] in ".?!"
            if _NAME.search(word) or (word[:1].isupper() and not first):
                foreign = 1.0
        paper = self._index.papers[row]
        spans = [(m.start, m.end) for m in query.mentions]
        here = foreign_names(text, spans, f"{paper.title} {paper.abstract}")
        return foreign, float(bool(here)), float(max(0, pieces))

    def _cover(self, encoded: Encoded, row: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The best cosine of each question token in the abstract, and which tokens the title does not have."""
        first, last = (int(i) for i in self._index.token_starts[row : row + 2])
        similarity = self._tokens.similarities(encoded, slice(first, last))
        owners = np.asarray(self._index.token_owners[first:last])
        body, title = similarity[owners >= 0], similarity[owners < 0]
        cover = body.max(axis=0) if len(body) else np.zeros(len(encoded.tokens), np.float32)
        rest = title.max(axis=0) <= NAMED if len(title) else np.ones(len(encoded.tokens), bool)
        return cover, rest

    def describes(self, encoded: Encoded, ranking: Ranking) -> bool:
        """Whether the best paper fits the description of one side of a comparison."""
        return True


def _mean(values: NDArray[Any], weights: NDArray[Any]) -> float:
    total = float(weights.sum())
    return float(values @ weights) / total if total > 1e-9 else 1.0
