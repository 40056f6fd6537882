"""Which sentences of a paper answer a question.

Each sentence gets a score from what it shares with the question (meaning, word pieces, rare words), from what kind of
answer is asked (a figure, a name of hardware) and from what abstracts use to announce what they did and found. The
weights are a logistic regression; see WEIGHTS.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import terms
from rag.index.scores import Encoded, TokenScores, standardise
from rag.papers.passages import Span

FEATURES = (
    "tokens",
    "words",
    "figure",
    "reason",
    "does",
    "finds",
    "opens",
    "place",
    "link",
    "anchor",
    "after",
    "result",
)
"""
tokens: late interaction without the words that only name the paper, standardised within the abstract; words: share of
the question's rare words; figure, reason: the sentence has what is asked for; does, finds, opens, place, link: what the
sentence is in the abstract; anchor: the first that says what the paper does; after: how soon it follows that one (1,
2/3, 1/3, 0); result: a finding with a figure. Six more were tried (the cosine of the sentence, words and tokens of the
sentence before, trouble and names asked for, the paper's own name): they made cross-validated answers worse.
"""

WEIGHTS = {
    "figure": ([1.1, 2.7, 0.66, 1.66, -0.51, -0.38, -1.82, 2.31, -0.21, 0.85, 0.99, 1.37], -5.43),
    "named": ([0.63, 2.46, -0.27, 1.6, 0.01, -0.81, -1.74, 2.04, -1.0, 0.77, 0.79, 1.02], -3.35),
    "described": ([0.29, 0.27, 0.05, 1.84, 0.05, -0.65, -2.37, 3.03, 0.37, 2.44, 2.48, 0.87], -3.21),
}
"""Logistic regressions on the sentences of 328 development questions: those that ask for a figure, that name a paper or
share its rare words, and that describe one in other words; each is drawn towards one for all. Cross-validated by
paper, 135 words of quotes hold all key facts of 1.00 of number, .90 of fact and .83 of idea questions."""

_QUANTITY = (
    r"(?:percent\w*|share|fraction|speed-?ups?|acceleration|accuracy|accuracies|error|rate|number|factor|gains?|sizes?|throughput|reduction|"
    r"improvements?|amount|latency|time|cost|precision|efficiency|t?flops|savings?|figures?|ratio|bits?|bit\s*widths?|scores?|perplexity|increase|decrease)"
)
_FIGURE_ASKED = re.compile(
    r"\bhow\s+(?:much|many|fast|faster|long|large|big|often|far|high|few|small|close|quick\w*|accurate|well|great|deep|wide|near|heavy|expensive|cheap)\b"
    rf"|\b(?:what|which)(?:'s)?\s+(?:[\w-]+\s+){{0,4}}?{_QUANTITY}\b"
    r"|\bby\s+(?:how\s+much|what|which)\b|\bto\s+(?:what|which)\s+extent\b|\bpercent|%|\bhow\s+\w+\s+(?:faster|slower|smaller|larger|less|more)\b"
    rf"|^(?!\W*(?:why|how|what|which|where|who|is|are|does|do|did|can)\b).*\b{_QUANTITY}(?:\s+(?:\w+\s*){{0,4}})?[?.]*$",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_DOES = re.compile(
    r"\b(?:we|this\s+(?:paper|work|article|study|research)|our\s+(?:method|approach|work|system|framework|key|core|main))\s+(?:\w+\s+){0,2}?"
    r"(?:propos|present|introduc|develop|design|describ|explor|investigat|stud|devis|build|evaluat|benchmark|analy|formulat|leverag|employ|address|show\s+how|idea|insight)"
    r"|\b(?:is|are)\s+(?:introduced|proposed|presented|developed)\b|\bkey\s+(?:idea|insight)\b|\bthis\s+(?:paper|work|study)\b",
    re.IGNORECASE,
)
_FINDS = re.compile(
    r"\b(?:results?|experiments?|evaluations?|empirical\w*|demonstrat\w*|achiev\w*|outperform\w*|reduc\w+\s+\w+\s+by|improv\w+\s+\w+\s+by|speed-?up|faster|up\s+to|state-of-the-art|surpass\w*|we\s+(?:show|find|observe))\b",
    re.IGNORECASE,
)
_REASON_ASKED = re.compile(r"\b(?:why|reasons?|how\s+come|causes?|because|explain)\b", re.IGNORECASE)
_REASON = re.compile(
    r"\b(?:because|due\s+to|since|as\s+(?:a\s+result|they|it|the)|thus|therefore|leads?\s+to|owing|caus\w+|stem\w*\s+from|results?\s+in|hence)\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"https?://|\b(?:code|implementation|project\s+page|models?)\b.{0,70}\b(?:available|released?|open[- ]?sourced?)\b|\bopen[- ]source\s+(?:project|implementation)|\bcode\s+is\b|\bwe\s+release\b",
    re.IGNORECASE,
)
_LINK_ASKED = re.compile(
    r"\b(?:code|github|url|link|website|download|open[- ]?sourced?|released?|available|repository|implementation)\b",
    re.IGNORECASE,
)


NAMED, NAMED_SHARE = 0.8, 0.1
"""A word piece of the question that is this close to one of the title weighs this much of its importance."""


def _surface(question: str, text: str, number: int, count: int) -> list[float]:
    return [
        float(bool(_FIGURE_ASKED.search(question) and _FIGURE.search(text))),
        float(bool(_REASON_ASKED.search(question) and _REASON.search(text))),
        float(bool(_DOES.search(text))),
        float(bool(_FINDS.search(text))),
        # An abstract that opens with what it does has no background to skip.
        float(number == 0 and not _DOES.search(text)),
        number / max(1, count - 1),
        float(bool(_LINK.search(text)) and not _LINK_ASKED.search(question)),
    ]


def _roles(texts: Sequence[str]) -> list[list[float]]:
    """What each sentence is to its abstract: anchor, after, result."""
    anchor = next((n for n, text in enumerate(texts) if _DOES.search(text)), len(texts))
    roles = []
    for n, text in enumerate(texts):
        after = max(0, 4 - (n - anchor)) / 3 if n > anchor else 0.0
        roles.append([float(n == anchor), after, float(bool(_FINDS.search(text) and _FIGURE.search(text)))])
    return roles


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that was found to answer: `index.papers[row].abstract[span.start:span.end]`, with its score in [0, 1].

    `cover` is, for each word piece of the question, the best cosine in the sentence, shape (t,); `words` is its length.
    """

    row: int
    number: int
    span: Span
    score: float
    cover: Floats
    words: int


class SentenceScorer:
    """Scores the sentences of papers for a question."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tokens = TokenScores(index)

    def features(self, query: Encoded, row: int) -> tuple[list[Span], Floats, Floats]:
        """The sentences of a paper, their features (s, len(FEATURES)), and their cover (s, t)."""
        index = self._index
        spans = index.sentences(row)
        if not spans:
            return [], np.zeros((0, len(FEATURES)), np.float32), np.zeros((0, len(query.tokens)), np.float32)
        abstract = index.papers[row].abstract
        first, last = (int(i) for i in index.token_starts[row : row + 2])
        similarity = self._tokens.similarities(query, slice(first, last))
        owners = np.asarray(index.token_owners[first:last])
        cover = np.zeros((len(spans), len(query.tokens)), np.float32)
        for s in range(len(spans)):
            mine = similarity[owners == s]
            if len(mine):
                cover[s] = mine.max(axis=0)
        # What the title says already tells no sentence of this paper from another.
        title = similarity[owners == -1]
        named = title.max(axis=0) if len(title) else np.zeros(len(query.tokens), np.float32)
        weight = query.importance * np.where(named > NAMED, NAMED_SHARE, 1.0)
        tokens = standardise(cover @ (weight / max(float(weight.sum()), 1e-9)))
        texts = [abstract[s.start : s.end] for s in spans]
        shared = self._shared(query, index.papers[row].title, texts)
        rest = [_surface(query.text, text, n, len(texts)) for n, text in enumerate(texts)]
        role = _roles(texts)
        columns = [tokens, shared, np.array(rest), np.array(role)]
        return spans, np.column_stack(columns).astype(np.float32), cover

    def _listed(self, query: Encoded, row: int, spans: Sequence[Span], features: Floats, cover: Floats) -> Floats:
        """For a list the subject itself is what to quote, though the title has it too: meaning and words, and a little
        for the sentence that says what the paper does. Not fitted."""
        abstract = self._index.papers[row].abstract
        weight = {term: self._index.lexicon.idf(term) for term in set(query.terms)}
        total = max(sum(weight.values()), 1e-9)
        found = [set(terms(abstract[s.start : s.end])) for s in spans]
        shared = np.array([sum(w for t, w in weight.items() if t in f) / total for f in found], np.float32)
        column = {name: features[:, i] for i, name in enumerate(FEATURES)}
        scores: Floats = cover @ query.importance + 0.4 * shared + 0.15 * column["anchor"] - 0.15 * column["opens"]
        return np.clip(scores, 0.0, 1.5) / 1.5

    def fit(self, query: Encoded, row: int) -> float:
        """How well the paper's best sentence fits, by meaning and by words together, to choose among a few papers."""
        spans, features, cover = self.features(query, row)
        if not spans:
            return 0.0
        return float((cover @ query.importance + 0.5 * features[:, FEATURES.index("words")]).max())

    def _shared(self, query: Encoded, title: str, texts: Sequence[str]) -> Floats:
        """The share of the question's words that each text has, each word weighted by how rare it is in the collection
        and in this abstract, those of the title at a fifth."""
        found = [set(terms(text)) for text in texts]
        head = set(terms(title))
        weights = {}
        for term in set(query.terms):
            n = sum(term in f for f in found)
            inside = math.log1p((len(found) - n + 0.5) / (n + 0.5))
            weights[term] = self._index.lexicon.idf(term) * inside * (NAMED_SHARE if term in head else 1.0)
        total = max(sum(weights.values()), 1e-9)
        return np.array([sum(w for t, w in weights.items() if t in f) / total for f in found], np.float32)

    def score(self, query: Encoded, row: int, *, manner: str) -> list[Evidence]:
        """All sentences of a paper, in the order of the abstract.

        `manner` is "asked" for a question of a paper, "described" for one that describes it, "listed" for the subject
        of a list.
        """
        spans, features, cover = self.features(query, row)
        if manner == "listed":
            scores = self._listed(query, row, spans, features, cover)
        else:
            weights, bias = WEIGHTS[("figure" if asks_figure(query.text) else "named") if manner == "asked" else manner]
            scores = 1 / (1 + np.exp(-(features @ np.array(weights, np.float32) + bias)))
        # Where the code is tells nothing, unless it is asked for.
        scores = np.where(features[:, FEATURES.index("link")] > 0, 0.01 * scores, scores)
        abstract = self._index.papers[row].abstract
        lengths = [len(abstract[s.start : s.end].split()) for s in spans]
        return [Evidence(row, n, s, float(scores[n]), cover[n], lengths[n]) for n, s in enumerate(spans)]


def asks_figure(question: str) -> bool:
    """Whether the answer is a figure: "how much", "by what factor", "which accuracy"."""
    return bool(_FIGURE_ASKED.search(question))


FLOOR = 0.2
"""Of the best sentence's score. With .1 answers are a tenth longer for no more key facts, with .25 shorter for fewer."""
MAX_SENTENCES = 5


def select(evidence: Sequence[Evidence], query: Encoded, budget: int) -> list[Evidence]:
    """The sentences that together say most within `budget` words, in the order of the abstract: at least one, at most
    five.

    Greedy: each next sentence is the best by its score plus what it covers of the question that the chosen ones don't
    (maximal marginal coverage, Lin and Bilmes 2011). A sentence below a fifth of the best score is left out.
    """
    chosen: list[Evidence] = []
    covered = np.zeros_like(query.importance)
    pool = list(evidence)
    best = max((e.score for e in pool), default=0.0)
    left = budget
    while pool and len(chosen) < MAX_SENTENCES:

        def gain(e: Evidence, covered: Floats = covered) -> float:
            return e.score + float(np.maximum(e.cover - covered, 0) @ query.importance)

        pick = max(pool, key=gain)
        pool.remove(pick)
        if chosen and (pick.score < FLOOR * best or pick.words > left):
            continue
        chosen.append(pick)
        left -= pick.words
        covered = np.maximum(covered, pick.cover)
    return sorted(chosen, key=lambda e: e.span.start)
