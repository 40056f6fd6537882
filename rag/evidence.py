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

from rag.embedding import Floats
from rag.index import Index
from rag.lexical import terms
from rag.passages import Span
from rag.retrieval import Encoded, TokenScores, standardise

FEATURES = (
    "dense", "tokens", "words", "before", "figure", "reason", "trouble", "thing", "does", "finds", "opens", "place", "link",
    "anchor", "after", "own", "result",
)  # fmt: skip
"""
dense, tokens: cosine of the sentence, and late interaction without the words that only name the paper, both
standardised within the abstract; words: share of the question's rare words; before: words of the sentence before;
figure, reason, trouble, thing: the sentence has the kind of thing that is asked for; does, finds, opens, place, link:
what the sentence is in the abstract; anchor: the first that says what the paper does; after: how soon it follows that
one (1, 2/3, 1/3, 0); own: it begins with the paper's own name or "We", "It", "Specifically"; result: a finding with a
figure.
"""

WEIGHTS = {
    "figure": (
        [-0.27, 1.04, 3.65, -3.94, 0.5, 1.78, -0.28, 0.43, -0.18, -0.24, -0.55, 2.43, 0.53, 1.35, 1.23, -0.03, 1.19],
        -5.09,
    ),
    "named": (
        [-0.23, 0.94, 2.97, -0.65, -0.35, 1.68, 0.17, 0.4, 0.06, -0.71, -0.67, 1.99, -0.84, 0.88, 1.22, -0.28, 0.37],
        -3.59,
    ),
    "described": (
        [-0.3, 0.53, 1.52, -2.08, -0.51, 1.54, -1.04, -0.56, 0.23, -0.31, -0.57, 2.81, 0.77, 2.66, 2.66, 0.32, 0.49],
        -3.22,
    ),
}
"""Logistic regressions on the sentences of 195 development questions: those that ask for a figure, that name a paper or
share its rare words, and that describe one in other words; each is drawn towards one for all. Cross-validated by
paper, four sentences hold all key facts of .96 of number, .87 of fact and .87 of idea questions. Weights on meaning and
words alone, without the last four features: .93, .66 and .51."""

_FIGURE_ASKED = re.compile(
    r"\bhow\s+(?:much|many|fast|faster|long|large|big|often|far|high|few|small|close|quick\w*|accurate|well|great|deep|wide|near)\b"
    r"|\bwhat\s+(?:\w+\s+){0,3}?(?:percent\w*|share|fraction|speed-?ups?|accuracy|error|rate|number|factor|gain|size|throughput|reduction|"
    r"improvement|amount|latency|time|cost|precision|efficiency|tflops|flops|saving|figure|ratio|bits?)\b"
    r"|\bby\s+(?:how\s+much|what)\b|\bto\s+what\s+extent\b|\bspeed-?up\b|\bpercent|%|\bhow\s+\w+\s+(?:faster|slower|smaller|larger|less|more)\b|\bby\s+which\s+factor\b"
    r"|\bwhich\s+(?:\w+\s+){0,2}?(?:accuracy|error|speed-?up|throughput|percentage|figure|factor|gain|number|bit\s*width)\b",
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
_REASON = re.compile(r"\b(?:because|due\s+to|since|as\s+(?:a\s+result|they|it|the)|thus|therefore|leads?\s+to|owing|caus\w+|stem\w*\s+from|results?\s+in|hence)\b", re.IGNORECASE)
_TROUBLE_ASKED = re.compile(
    r"\b(?:why|wrong|problems?|issues?|limit\w*|drawbacks?|weak\w*|challenges?|difficult\w*|bottlenecks?|obstacles?|fails?|shortcomings?|hard|can't|cannot|blamed?|poor\w*|trouble|motivat\w*|hurts?)\b",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"\b(?:however|but|although|while|despite|unfortunately|nevertheless|suffers?|lacks?|limit\w*|fails?|cannot|unable|bottleneck|issues?|problems?|challeng\w*|difficult\w*|expensive|prohibitive|inefficien\w*|underperform\w*|degrad\w*|overhead|hinder\w*|not)\b",
    re.IGNORECASE,
)
_THING_ASKED = re.compile(
    r"\b(?:which|what|whose|on\s+what|name)\s+(?:\w+\s+){0,3}?(?:datasets?|data|benchmarks?|gpus?|hardware|cards?|machines?|models?|chips?|devices?|languages?|baselines?|systems?|librar\w+|frameworks?|methods?|competitors?|networks?|architectures?|libraries|tools?|tasks?)\b"
    r"|\b(?:tested|evaluated|measured|trained|compared?|beats?|outperforms?|against)\b",
    re.IGNORECASE,
)
_THING = re.compile(r"\b(?:[A-Z]{2,}[-\d]*\d\w*|[A-Z]\w*[a-z]\w*[A-Z]\w*|[A-Z]{3,}\w*|(?<=[a-z] )[A-Z][a-z]+)\b")
_OWN = re.compile(
    r"(?:we|our|it|its|this|specifically|by|to\s+(?:this|these|address|tackle|solve|overcome|do)|based\s+on|upon|first\w*|second\w*|third\w*|in\s+(?:particular|this)|\(\d\)|at\s+its\s+core|the\s+key|key)\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"https?://|\b(?:code|implementation|project\s+page|models?)\b.{0,70}\b(?:available|released?|open[- ]?sourced?)\b|\bopen[- ]source\s+(?:project|implementation)|\bcode\s+is\b|\bwe\s+release\b",
    re.IGNORECASE,
)
_LINK_ASKED = re.compile(r"\b(?:code|github|url|link|website|download|open[- ]?sourced?|released?|available|repository|implementation)\b", re.IGNORECASE)


NAMED, NAMED_SHARE = 0.8, 0.2
"""A word piece of the question that is this close to one of the title weighs this much of its importance."""


def _surface(question: str, text: str, number: int, count: int) -> list[float]:
    return [
        float(bool(_FIGURE_ASKED.search(question) and _FIGURE.search(text))),
        float(bool(_REASON_ASKED.search(question) and _REASON.search(text))),
        float(bool(_TROUBLE_ASKED.search(question) and _TROUBLE.search(text))),
        float(bool(_THING_ASKED.search(question) and _THING.search(text))),
        float(bool(_DOES.search(text))),
        float(bool(_FINDS.search(text))),
        float(number == 0),
        number / max(1, count - 1),
        float(bool(_LINK.search(text)) and not _LINK_ASKED.search(question)),
    ]


def _roles(title: str, texts: Sequence[str]) -> list[list[float]]:
    """What each sentence is to its abstract: anchor, after, own, result."""
    head = title.partition(":")[0].split()[0].lower()
    anchor = next((n for n, text in enumerate(texts) if _DOES.search(text)), len(texts))
    roles = []
    for n, text in enumerate(texts):
        after = max(0, 4 - (n - anchor)) / 3 if n > anchor else 0.0
        own = bool(_OWN.match(text)) or text.lower().startswith(head)
        roles.append([float(n == anchor), after, float(own), float(bool(_FINDS.search(text) and _FIGURE.search(text)))])
    return roles


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that was found to answer: `index.papers[row].abstract[span.start:span.end]`, with its score in [0, 1].

    `cover` is, for each word piece of the question, the best cosine in the sentence, shape (t,).
    """

    row: int
    number: int
    span: Span
    score: float
    cover: Floats


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
        lo, hi = index.sentence_starts[row : row + 2]
        dense = index.sentence_vectors[lo:hi].astype(np.float32) @ query.vector
        # What the title says already tells no sentence of this paper from another.
        title = similarity[owners == -1]
        named = title.max(axis=0) if len(title) else np.zeros(len(query.tokens), np.float32)
        weight = query.importance * np.where(named > NAMED, NAMED_SHARE, 1.0)
        tokens = cover @ (weight / max(float(weight.sum()), 1e-9))
        texts = [abstract[s.start : s.end] for s in spans]
        shared = self._shared(query, index.papers[row].title, texts)
        before = np.concatenate([[0.0], shared[:-1]])
        rest = [_surface(query.text, text, n, len(texts)) for n, text in enumerate(texts)]
        role = _roles(index.papers[row].title, texts)
        columns = [standardise(dense), standardise(tokens), shared, before, np.array(rest), np.array(role)]
        return spans, np.column_stack(columns).astype(np.float32), cover

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

    def score(self, query: Encoded, row: int, *, described: bool) -> list[Evidence]:
        """All sentences of a paper, in the order of the abstract; `described` as in `Encoded`."""
        spans, features, cover = self.features(query, row)
        weights, bias = WEIGHTS["figure" if asks_figure(query.text) else "described" if described else "named"]
        scores = 1 / (1 + np.exp(-(features @ np.array(weights, np.float32) + bias)))
        return [Evidence(row, n, span, float(scores[n]), cover[n]) for n, span in enumerate(spans)]


def asks_figure(question: str) -> bool:
    """Whether the answer is a figure: "how much", "by what factor", "which accuracy"."""
    return bool(_FIGURE_ASKED.search(question))


FLOOR = 0.2
"""Of the best sentence's score; with .1 answers are a fifth longer for .01 to .02 more key facts."""


def select(evidence: Sequence[Evidence], query: Encoded, limit: int, floor: float = FLOOR) -> list[Evidence]:
    """At most `limit` sentences that together say most, in the order of the abstract.

    Greedy: each next sentence is the best by its score plus what it covers of the question that the chosen ones don't
    (maximal marginal coverage, Lin and Bilmes 2011). A sentence below `floor` of the best score is left out.
    """
    if not evidence:
        return []
    chosen: list[Evidence] = []
    covered = np.zeros_like(query.importance)
    pool = list(evidence)
    best = max(e.score for e in pool)
    while pool and len(chosen) < limit:
        def gain(e: Evidence, covered: Floats = covered) -> float:
            return e.score + float(np.maximum(e.cover - covered, 0) @ query.importance)

        pick = max(pool, key=gain)
        pool.remove(pick)
        if chosen and pick.score < floor * best:
            continue
        chosen.append(pick)
        covered = np.maximum(covered, pick.cover)
    return sorted(chosen, key=lambda e: e.span.start)
