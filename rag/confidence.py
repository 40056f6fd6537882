"""Whether the collection answers: calibrated, so that silence is as deliberate as an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedding import Floats
from rag.evidence import NAMED, Evidence, asks_figure
from rag.index import Index
from rag.lexical import STOPWORDS, stem, terms, words
from rag.question import Query
from rag.retrieval import Encoded, Ranking, TokenScores

FEATURES = (
    "coverage", "rest", "unknown", "together", "pairs", "tokens", "tokens_rest", "worst", "sentence", "document", "evidence",
    "lead", "score", "named", "described", "no_figure", "least", "least_two", "focus", "focus_words", "kind_missing",
    "peak_tokens", "peak_document", "peak_sentence", "length", "foreign", "pieces",
)  # fmt: skip

MAX_LENGTH = 12
"""Words beyond this many make no question more of a description."""

_WORD = re.compile(r"[^\W_][\w.+-]*[^\W_]|[^\W_]")
_NAME = re.compile(r"[a-z]\w*[A-Z]|[A-Z]\w*[A-Z]|[A-Za-z]\d|-[A-Z]")

_FOCUS = re.compile(
    r"\b(?:how\s+many|how\s+much|(?:at|on|in|with|by|under|for|from)?\s*(?:what|which)(?:'s)?(?:\s+(?:is|are|was|were)\s+(?:the|its|their))?|whose)\s+"
    r"(?P<np>(?:[\w-]+\s+){0,3}[\w-]+)",
    re.IGNORECASE,
)
_KINDS = [
    (re.compile(asked, re.IGNORECASE), re.compile(held, re.IGNORECASE))
    for asked, held in (
        (r"\bhow\s+long\b|\b(?:hours|days|minutes|weeks|time)\b.*\b(?:take|took|need|last)\w*|\btraining\s+time\b|\bgpu[- ](?:hours|days)\b", r"\d[\w.]*\s*(?:-\s*)?(?:gpu[- ])?(?:hours?|days?|minutes?|mins?|seconds?|weeks?|ms|h|s)\b|\b(?:a|one|few|single)\s+(?:day|week|hour|minute|second)s?\b"),
        (r"\b(?:which|what|on\s+what)\s+(?:\w+\s+){0,2}?(?:gpus?|hardware|cards?|accelerators?|machines?|devices?|chips?|testbed)\b", r"\b(?:[AVHPTB]\d{2,3}0?\w*|RTX|TPU|MI\d+\w*|Jetson|GeForce|NVIDIA|Nvidia|AMD|Hopper|Ampere|Frontier|Orin\w*|CPU|Xeon)\b"),
        (r"\b(?:who|whom|whose|authors?|affiliat\w*|universit\w*|institut\w*|lab|compan\w*|e-?mail|written\s+by|founded)\b", r"\b(?:universit|institute|laborator)"),
        (r"\b(?:venue|conference|journal|workshop|published|publication|proceedings|citations?|cited|arxiv|doi|award|reviewers?|year)\b", r"\b(?:conference|journal|workshop|proceedings)\b|\b20\d\d\b"),
        (r"\b(?:dollars?|usd|\$|price|euros?|cost\s+in|how\s+much\s+(?:money|did\s+it\s+cost|does\s+it\s+cost)|budget|salary|paid)\b", r"\$\s*\d|\bdollars?\b|\bcosts?\b"),
        (r"\blicen[cs]e", r"\blicen[cs]e"),
        (r"\b(?:learning\s+rate|lr)\b", r"\blearning\s+rate"),
        (r"\bbatch\s*-?\s*size", r"\bbatch(?:\s*-?\s*size)?s?\b"),
        (r"\bepochs?\b", r"\bepochs?\b"),
        (r"\b(?:optimi[sz]er|weight\s+decay|dropout|momentum\s+value|warm-?up|random\s+seeds?|seeds?)\b", r"\b(?:optimi[sz]er|adamw?|sgd|weight\s+decay|dropout|warm-?up|seeds?|lamb)\b"),
        (r"\b(?:programming\s+language|written\s+in|implemented\s+in)\b", r"\b(?:C\+\+|CUDA|Triton|Python|PyTorch|Rust|JAX|TensorFlow)\b"),
        (r"\b(?:how\s+many|number\s+of)\s+(?:\w+\s+)?(?:gpus?|cards?|nodes?|machines?|accelerators?)\b", r"\b(?:\d[\d,]*|single|one|two|four|eight|sixteen)\s+(?:[\w-]+\s+){0,3}?(?:GPUs?|cards?|nodes?|accelerators?|Core|A100s?|V100s?|H100s?|TPUs?)"),
        (r"\bhow\s+much\s+(?:\w+\s+)?(?:memory|ram|vram|dram)\b|\b(?:memory|ram|dram)\s+in\s+gb\b", r"\d\s*(?:GB|MB|TB|GiB)\b|\bmemory\b"),
        (r"\b(?:annotators?|participants?|volunteers?|humans?|users?|subjects?)\b", r"\b(?:annotat|participant|volunteer|human|user|subject)"),
        (r"\b(?:rank|layers?|heads?|hidden\s+size|dimension\w*|width|depth|kernel\s+size|context\s+length|vocabulary)\b.*\?|\bhow\s+many\s+(?:layers|heads|parameters|tokens|images|samples|examples)", r"\d"),
    )
]
"""Kinds of detail, as a question asks for them and as an abstract that has them writes them."""


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
        features = self.features(query, encoded, ranking, evidence)
        return Doubt(True, 1.0, features)

    def features(
        self, query: Query, encoded: Encoded, ranking: Ranking, evidence: Sequence[Evidence]
    ) -> dict[str, float]:
        row = evidence[0].row
        at = int(np.flatnonzero(ranking.rows == row)[0])
        lexical = self._lexical(encoded, row)
        cover, rest = self._cover(encoded, row)
        words_found = self._words(encoded, row, cover, rest)
        low = sorted(words_found.values()) or [1.0]
        own = encoded.offsets[:, 0] >= 0
        cover, rest, weights = cover[own], rest[own], encoded.importance[own] / max(float(encoded.importance[own].sum()), 1e-9)
        order = np.argsort(cover)
        worst = order[: max(1, len(order) // 3)]
        others = np.delete(ranking.score, at)
        named = any(row in m.rows for m in query.mentions) or bool(query.rows)
        values = [
            *lexical,
            float(cover @ weights),
            _mean(cover[rest], weights[rest]),
            _mean(cover[worst], weights[worst]),
            float(ranking.sentence[at]),
            float(ranking.document[at]),
            max(e.score for e in evidence),
            float(ranking.score[at] - others.max()) if len(others) else 3.0,
            float(ranking.score[at]),
            float(named),
            float(encoded.described),
            float(asks_figure(query.standalone) and not any(c.isdigit() for e in evidence for c in self._text(e))),
            low[0],
            float(np.mean(low[:2])),
            *self._focus(encoded, row, words_found),
            self._kind_missing(query.standalone, row),
            _peak(ranking.tokens, at),
            _peak(ranking.document, at),
            _peak(ranking.sentence, at),
            float(np.log1p(min(len(set(encoded.terms)), MAX_LENGTH))),
            *self._foreign(query, encoded),
        ]
        return dict(zip(FEATURES, values, strict=True))

    def _text(self, e: Evidence) -> str:
        return self._index.papers[e.row].abstract[e.span.start : e.span.end]

    def _lexical(self, encoded: Encoded, row: int) -> list[float]:
        """Shares of the question's rare words: in the paper; those beside its title in the abstract; in no paper at all;
        in one sentence; and of neighbouring pairs of words in one sentence."""
        paper = self._index.papers[row]
        title, abstract = set(terms(paper.title)), set(terms(paper.abstract))
        sentences = [set(terms(paper.abstract[s.start : s.end])) for s in self._index.sentences(row)]
        asked = terms(encoded.text)
        weight = {t: self._index.lexicon.idf(t) for t in asked}
        total = sum(weight.values()) or 1.0
        rest = {t: w for t, w in weight.items() if t not in title}
        rest_total = sum(rest.values())
        pairs = [(a, b) for a, b in zip(asked, asked[1:], strict=False) if a != b and not (a in title and b in title)]
        return [
            sum(w for t, w in weight.items() if t in title | abstract) / total,
            sum(w for t, w in rest.items() if t in abstract) / rest_total if rest_total else 1.0,
            sum(w for t, w in weight.items() if t not in self._index.lexicon) / total,
            max((sum(w for t, w in rest.items() if t in s) for s in sentences), default=0.0) / rest_total
            if rest_total
            else 1.0,
            float(np.mean([any(a in s and b in s for s in sentences) for a, b in pairs])) if pairs else 0.5,
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
            inside = (encoded.offsets[:, 0] >= match.start()) & (encoded.offsets[:, 1] <= match.end()) & (encoded.offsets[:, 0] >= 0)
            if not inside.any() or not rest[inside].any():
                continue
            found[word] = 1.0 if stemmed in abstract else float(cover[inside].mean())
        return found

    def _focus(self, encoded: Encoded, row: int, found: dict[str, float]) -> tuple[float, float]:
        """How well the abstract has what is asked for ("which optimizer"): the least of its words, and the share of
        them in one sentence. 1 where nothing of the kind is asked."""
        match = _FOCUS.search(encoded.text)
        if not match:
            return 1.0, 1.0
        asked = []
        for word in words(match.group("np")):
            if word in STOPWORDS:
                break
            asked.append(word)
        known = [w for w in asked if w in found]
        if not known:
            return 1.0, 1.0
        paper = self._index.papers[row]
        sentences = [set(terms(paper.abstract[s.start : s.end])) for s in self._index.sentences(row)]
        share = max((sum(stem(w) in s for w in known) for s in sentences), default=0) / len(known)
        return min(found[w] for w in known), share

    def _foreign(self, query: Query, encoded: Encoded) -> tuple[float, float]:
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
        return foreign, float(max(0, pieces))

    def _kind_missing(self, question: str, row: int) -> float:
        """1 where a kind of detail is asked for that nothing in the abstract looks like."""
        abstract = self._index.papers[row].abstract
        return float(any(asked.search(question) and not held.search(abstract) for asked, held in _KINDS))

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


def _peak(scores: Floats, at: int) -> float:
    """By how many standard deviations a paper stands out from the other candidates; long questions have lower cosines
    with all of them."""
    others = np.delete(scores, at)
    others = others[np.isfinite(others)]
    if not len(others) or not np.isfinite(scores[at]):
        return 3.0
    return float((scores[at] - others.mean()) / max(float(others.std()), 1e-3))


def _mean(values: NDArray[Any], weights: NDArray[Any]) -> float:
    total = float(weights.sum())
    return float(values @ weights) / total if total > 1e-9 else 1.0
