"""How well the words of a claim are borne out by the sentences of an abstract.

Each content word of the claim gets, for each sentence, 1 where the sentence has its stem and else the cosine of its
contextual token vectors with the sentence's nearest (late interaction, Khattab and Zaharia 2020, arXiv:2004.12832).
Evidence is the one to three sentences that together cover most.
"""

# ruff: noqa: E501  patterns and word lists read worse when broken
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.embedding import Floats, States, TokenProjection, unit
from rag.index import Index
from rag.lexical import STOPWORDS, stem, words
from rag.passages import Span
from rag.retrieval import Encoded, TokenScores

_FRAMING = re.compile(
    r"^\W*(?:(?:according\s+to|as\s+(?:stated|noted|described|reported|mentioned)\s+in|in)\s+(?:the|this|its|their)\s+"
    r"(?:abstract|paper|authors?|study|work|article|text|source|evaluation)s?\s*,?\s*)"
    r"|^\W*(?:the|this|its|their)\s+(?:abstract|paper|authors?|study|work|article|text|researchers?|source)s?\s+"
    r"(?:also\s+|further\s+|even\s+|then\s+)?(?:(?:say|state|report|claim|note|mention|find|show|argue|explain|observe|conclude|describe|demonstrate|point\s+out|"
    r"indicate|suggest|write|introduce|present|propose)(?:s|ed|d)?|found|shown|wrote)\s*(?:that\b|,)?"
    r"|,?\s*(?:(?:the|its)\s+)?(?:authors?|abstract|paper)\s+(?:says?|reports?|states?|notes?|finds?|claims?)\s*(?=[.!]?\s*$)"
    r"|,?\s*according\s+to\s+(?:the|this)\s+(?:abstract|paper|authors?)(?=[.,!]?\s*$)",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|`")
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][a-z]+)?|[^\W_]+")
_GENERIC = frozenset(
    """approach approaches method methods technique techniques system systems framework frameworks called named new
    novel propose proposed proposes present presents presented introduce introduces introduced describe describes
    authors author paper abstract report reports reported show shows shown demonstrate demonstrates demonstrated
    achieve achieves achieved provide provides provided able make makes made making take takes need needs needed help
    helps according respectively compared additionally furthermore moreover thereby thus therefore result results one
    two first second allow allows enable enables offer offers work several various many different e.g i.e et al
    namely specifically notably overall without within upon whose among toward towards still even far per well""".split()
)
"""Words that any summary of any paper may use without saying anything."""
GENERIC_SHARE = 0.15
TITLE_SHARE = 0.3
"""A word of the paper's own title weighs this much: it says what is spoken of, and not what is said of it."""
LOW, HIGH = 0.3, 0.8
"""Cosines that count as nothing and as the same word: unrelated words of an abstract have about .3."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a claim at `text[start:end]`, with its stem, its weight, and the rows of its word pieces."""

    text: str
    stem: str
    start: int
    end: int
    weight: float
    pieces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A claim as the checks need it: without Markdown, its content words, and its vectors as a query's."""

    text: str
    words: tuple[Word, ...]
    encoded: Encoded


@dataclass(frozen=True, slots=True)
class Grounds:
    """The best sentences for a claim: `sentences` are their numbers in the order of the abstract; `matched` (words,) is
    how far each word of the claim is in one of them or in the title, `anywhere` (words,) in any sentence; `cosine` is
    the claim's with the best one."""

    sentences: tuple[int, ...]
    matched: Floats
    exact: NDArray[np.bool_]
    anywhere: Floats
    cosine: float


def plain(claim: str) -> str:
    """`claim` without Markdown's marks and without "According to the abstract" and the like."""
    text = " ".join(_MARKDOWN.sub("", claim).split())
    found = _FRAMING.sub(" ", text).strip(" ,")
    return found if len(found.split()) > 2 else text


def read(text: str, states: States, index: Index, projection: TokenProjection) -> Reading:
    """The reading of a claim from the model's states for the same text."""
    inside = states.words
    offsets = states.offsets[inside]
    encoded = Encoded(
        text=text,
        vector=states.pooled(),
        tokens=projection.project(states.vectors[inside]),
        importance=np.full(len(offsets), 1 / max(1, len(offsets)), np.float32),
        offsets=offsets,
        terms=(),
    )
    found = []
    for match in _WORD.finditer(text):
        folded = "".join(words(match.group()))
        if not folded or folded in STOPWORDS or len(folded) == 1:
            continue
        root = stem(folded)
        pieces = np.flatnonzero((offsets[:, 0] < match.end()) & (offsets[:, 1] > match.start()))
        weight = index.lexicon.idf(root) * (GENERIC_SHARE if folded in _GENERIC else 1.0)
        found.append(Word(match.group(), root, match.start(), match.end(), weight, tuple(int(p) for p in pieces)))
    return Reading(text, tuple(found), encoded)


class Ground:
    """Finds the grounds of claims in the abstracts of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tokens = TokenScores(index)

    def find(self, reading: Reading, row: int, spans: Sequence[Span]) -> Grounds:
        """The grounds of a claim in the paper of `row`, whose sentences are `spans`."""
        exact, matched = self._matches(reading, row, spans)
        title, matched = matched[-1], matched[:-1]
        first, last = self._index.sentence_starts[row : row + 2]
        cosines = unit(self._index.sentence_vectors[first:last].astype(np.float32)) @ unit(reading.encoded.vector)
        weights = np.array([w.weight for w in reading.words], np.float32)
        weights = weights * np.where(exact[-1], TITLE_SHARE, 1.0)
        chosen = choose(matched, weights, cosines)
        best = np.maximum(matched[chosen].max(axis=0), title) if chosen else title
        return Grounds(
            sentences=tuple(sorted(chosen)),
            matched=best,
            exact=np.asarray(exact[[*chosen, len(spans)]].any(axis=0)),
            anywhere=np.maximum(matched.max(axis=0), title) if len(matched) else title,
            cosine=float(cosines.max()) if len(cosines) else 0.0,
        )

    def _matches(self, reading: Reading, row: int, spans: Sequence[Span]) -> tuple[NDArray[np.bool_], Floats]:
        """Which words each sentence, and last the title, has, and how far; both (sentences + 1, words)."""
        index = self._index
        paper = index.papers[row]
        texts = [*(paper.abstract[s.start : s.end] for s in spans), paper.title]
        stems = [{stem(w) for w in words(text)} for text in texts]
        exact = np.array([[w.stem in found for w in reading.words] for found in stems], bool)
        exact = exact.reshape(len(texts), len(reading.words))
        first, last = (int(i) for i in index.token_starts[row : row + 2])
        similarity = self._tokens.similarities(reading.encoded, slice(first, last))
        owners = np.asarray(index.token_owners[first:last])
        cover = np.zeros((len(texts), len(reading.encoded.tokens)), np.float32)
        for n, owner in enumerate([*range(len(spans)), -1]):
            mine = similarity[owners == owner]
            if len(mine):
                cover[n] = mine.max(axis=0)
        soft = np.zeros(exact.shape, np.float32)
        for i, word in enumerate(reading.words):
            if word.pieces:
                soft[:, i] = cover[:, list(word.pieces)].mean(axis=1)
        soft = np.clip((soft - LOW) / (HIGH - LOW), 0.0, 1.0)
        return exact, np.where(exact, 1.0, 0.9 * soft).astype(np.float32)


MOST, GAIN = 3, 0.08
"""Sentences of evidence at most, and the share of the claim's words that a further one must add."""


def choose(matched: Floats, weights: Floats, cosines: Floats) -> list[int]:
    """The sentences that together cover the claim, the best first: greedily by the weight that each adds."""
    if not len(matched):
        return []
    total = max(float(weights.sum()), 1e-9)
    chosen: list[int] = []
    covered = np.zeros_like(weights)
    while len(chosen) < MOST:
        gains = np.maximum(matched - covered, 0) @ weights / total + (0.3 * cosines if not chosen else 0)
        best = int(np.argmax(gains))
        if best in chosen or (chosen and gains[best] < GAIN):
            break
        chosen.append(best)
        covered = np.maximum(covered, matched[best])
    return chosen
