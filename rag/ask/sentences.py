"""Which sentences of a paper answer a question.

Each sentence gets a probability from what it shares with the question (word pieces, rare words, meaning), from whether
a figure is asked for, and from its place in the abstract: background, aim, method or finding. None of it knows a field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import terms
from rag.index.scores import Encoded, TokenScores, standardise
from rag.papers.sentences import Span

FEATURES = ("tokens", "words", "aim", "finding_figure", "place", "after_aim")
"""
tokens: late interaction without the words that the title has, standardised within the abstract; words: share of the
question's rare words; aim: it says what the paper does; finding_figure: it gives a finding with a figure; place: 0 for
the first sentence, 1 for the last; after_aim: how soon it follows the aim. Nine more were tried (meaning, a figure or
reason asked for, background, …): without them as many key facts are quoted, on each of three collections.
"""

WEIGHTS, BIAS = np.array([0.77, 0.38, 0.72, 0.55, 1.95, 0.72], np.float32), -2.85
"""Logistic regression on the sentences of 639 questions over three collections (systems, medicine, society)."""
LINK = 0.1
"""A sentence that only says where code or data are keeps this share of its probability, unless that is asked for."""

TITLE_COSINE, TITLE_SHARE = 0.8, 0.1
"""A word piece of the question that is this close to one of the title weighs this share of its importance: it tells the
paper from others, and no sentence of it from another."""
FLOOR = 0.2
"""Of the best sentence's probability: a sentence below it is left out, whatever room there is."""
MOST_SENTENCES = 5

_AIM = re.compile(
    r"\b(?:we|this\s+(?:paper|work|article|study|research|survey|review)|the\s+(?:aim|purpose|objective|goal)|our\s+(?:aim|goal|method|approach|work|objective))\s+(?:\w+\s+){0,3}?"
    r"(?:propos|present|introduc|develop|design|describ|explor|investigat|stud|devis|build|evaluat|analy[sz]|examin|assess|compar|determin|address|aim|was|is|were|report|review|test|survey)"
    r"|\b(?:is|are)\s+(?:introduced|proposed|presented)\b|^\W*to\s+(?:assess|determine|evaluate|examine|compare|investigate|describe|explore|identify|analy[sz]e|test)\b",
    re.IGNORECASE,
)
_FINDING = re.compile(
    r"\b(?:results?|experiments?|findings?|demonstrat\w*|achiev\w*|outperform\w*|show(?:s|ed|n)?|found|find|observed?|reveal\w*|"
    r"significant\w*|associated|correlat\w*|higher|lower|increas\w*|decreas\w*|reduc\w*|improv\w*|faster|up\s+to|conclu\w*|suggest\w*)\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"https?://|\b(?:code|data|implementation|project\s+page|models?)\b.{0,70}"
    r"\b(?:available|released?|open[- ]?sourced?)"
    r"|\b(?:we|will)\s+(?:release|open[- ]source)\b",
    re.IGNORECASE,
)
_LINK_ASKED = re.compile(r"\b(?:code|github|url|link|website|download|repository|available|data)\b", re.IGNORECASE)
_LABEL = re.compile(
    r"\s*(?P<label>[A-Z][A-Z&/,() -]{2,60}|[A-Z][a-z]+(?: (?:and|of|&) [A-Za-z]+| [A-Z][a-z]+)?)\s*:\s+(?=\S)"
)
"""A heading of a structured abstract in front of a sentence: "METHODS: ", "Results and discussion: "."""
_LABEL_WORDS = re.compile(
    r"background|objective|aim|purpose|introduction|context|method|design|setting|participants|patients|subjects|measure|result|"
    r"finding|conclusion|discussion|interpretation|material|importance|question|implication|intervention|outcome|significance|"
    r"limitation|originality|value|rationale|summary|hypothes",
    re.IGNORECASE,
)
_FINDING_LABEL = re.compile(r"result|finding|conclusion|discussion|interpretation", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the paper in `row`: `index.papers[row].abstract[span.start:span.end]`, without a heading before it.

    `number` counts from 0; `score` is the probability in [0, 1] that it answers; `cover` (t,) has for each word piece
    of the question the best cosine in the sentence; `words` is its length.
    """

    row: int
    number: int
    span: Span
    score: float
    cover: Floats
    words: int


def evidence_spans(abstract: str, spans: Sequence[Span]) -> tuple[list[Span], list[str]]:
    """The sentences without the headings of a structured abstract, and for each the heading that it stands under."""
    found, labels = [], []
    label = ""
    for span in spans:
        match = _LABEL.match(abstract, span.start, span.end)
        if match and _LABEL_WORDS.search(match["label"]):
            label = match["label"]
            span = Span(match.end(), span.end)
        found.append(span)
        labels.append(label)
    return found, labels


class SentenceScorer:
    """Scores the sentences of the papers of one index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tokens = TokenScores(index)

    def score(self, query: Encoded, row: int) -> list[Sentence]:
        """All sentences of a paper, in the order of its abstract."""
        spans, features, cover = self.features(query, row)
        scores = 1 / (1 + np.exp(-(features @ WEIGHTS + BIAS)))
        abstract = self._index.papers[row].abstract
        if not _LINK_ASKED.search(query.text):
            links = [bool(_LINK.search(abstract, s.start, s.end)) for s in spans]
            scores = np.where(links, LINK * scores, scores)
        lengths = [len(abstract[s.start : s.end].split()) for s in spans]
        return [Sentence(row, n, s, float(scores[n]), cover[n], lengths[n]) for n, s in enumerate(spans)]

    def features(self, query: Encoded, row: int) -> tuple[list[Span], Floats, Floats]:
        """The sentences of a paper, their features (s, len(FEATURES)), and their cover (s, t)."""
        index, abstract = self._index, self._index.papers[row].abstract
        spans, labels = evidence_spans(abstract, index.sentences(row))
        if not spans:
            return [], np.zeros((0, len(FEATURES)), np.float32), np.zeros((0, len(query.tokens)), np.float32)
        cover, title = self._cover(query, row, len(spans))
        weight = query.importance * np.where(title > TITLE_COSINE, TITLE_SHARE, 1.0)
        tokens = standardise(cover @ (weight / max(float(weight.sum()), 1e-9)))
        texts = [abstract[s.start : s.end] for s in spans]
        shared = self._shared(query, row, texts)
        tokens = standardise(shared) if query.unread else tokens
        features = np.column_stack([tokens, shared, _roles(texts, labels)])
        return spans, features.astype(np.float32), cover

    def _cover(self, query: Encoded, row: int, count: int) -> tuple[Floats, Floats]:
        """The best cosine of each word piece of the question in each sentence, (s, t), and in the title, (t,)."""
        index = self._index
        first, last = (int(i) for i in index.token_starts[row : row + 2])
        similarity = self._tokens.similarities(query, slice(first, last))
        owners = np.asarray(index.token_owners[first:last])
        cover = np.zeros((count, len(query.tokens)), np.float32)
        for s in range(count):
            mine = similarity[owners == s]
            if len(mine):
                cover[s] = mine.max(axis=0)
        title = similarity[owners == -1]
        return cover, title.max(axis=0) if len(title) else np.zeros(len(query.tokens), np.float32)

    def _shared(self, query: Encoded, row: int, texts: Sequence[str]) -> Floats:
        """The share of the question's words that each text has, each weighted by how rare it is in the collection and
        in this abstract, those of the title at a tenth."""
        found = [set(terms(text)) for text in texts]
        head = set(terms(self._index.papers[row].title))
        weights = {}
        for term in set(query.terms):
            n = sum(term in f for f in found)
            inside = math.log1p((len(found) - n + 0.5) / (n + 0.5))
            weights[term] = self._index.lexicon.idf(term) * inside * (TITLE_SHARE if term in head else 1.0)
        total = max(sum(weights.values()), 1e-9)
        return np.array([sum(w for t, w in weights.items() if t in f) / total for f in found], np.float32)


def aim_of(texts: Sequence[str]) -> int:
    """The place of the first sentence that says what the paper does; as many as there are where none does."""
    return next((n for n, text in enumerate(texts) if _AIM.search(text)), len(texts))


def _roles(texts: Sequence[str], labels: Sequence[str]) -> Floats:
    """The features that are read off a sentence and its place, (s, 4)."""
    anchor = aim_of(texts)
    rows = []
    for n, (text, label) in enumerate(zip(texts, labels, strict=True)):
        finding = bool(_FINDING_LABEL.search(label)) if label else bool(_FINDING.search(text))
        figure = finding and any(c.isdigit() for c in text)
        after = max(0, 4 - (n - anchor)) / 3 if n > anchor else 0.0
        rows.append([float(n == anchor), float(figure), n / max(1, len(texts) - 1), after])
    return np.array(rows, np.float32)


def select(sentences: Sequence[Sentence], query: Encoded, budget: int, first: Collection[int] = ()) -> list[Sentence]:
    """The sentences that together say most within `budget` words, in the order of the abstract: one to five. Those
    with the numbers `first` are among them, and one at least beside these.

    Greedy: each next sentence is the best by its score plus what it covers of the question that the chosen ones don't
    (maximal marginal coverage, Lin and Bilmes 2011).
    """
    chosen = [s for s in sentences if s.number in first]
    covered = np.max([np.zeros_like(query.importance), *(s.cover for s in chosen)], axis=0)
    pool = [s for s in sentences if s.number not in first]
    best = max((s.score for s in sentences), default=0.0)
    left = budget - sum(s.words for s in chosen)
    while pool and len(chosen) < MOST_SENTENCES:
        gains = [s.score + float(np.maximum(s.cover - covered, 0) @ query.importance) for s in pool]
        pick = pool.pop(int(np.argmax(gains)))
        if chosen and (pick.score < FLOOR * best or pick.words > left):
            continue
        chosen.append(pick)
        left -= pick.words
        covered = np.maximum(covered, pick.cover)
    return sorted(chosen, key=lambda s: s.span.start)
