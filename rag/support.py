"""Whether a sentence that a language model wrote is borne out by a paper's abstract, and by which of its sentences.

No model is called. Figures and names that the paper doesn't have decide alone; for the rest a logistic regression
weighs how far the claim's words are covered, and the signs of a contradiction. eval/support.py measures its agreement
with labelled pairs, and refits it.
"""

# ruff: noqa: E501  patterns and word lists read worse when broken
from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rag import polarity
from rag.embedding import BuiltinEmbedding, TokenProjection
from rag.figures import Figure, figures, same
from rag.grounding import Ground, Grounds, Reading, plain, read
from rag.index import Index
from rag.lexical import STOPWORDS, stem, words
from rag.passages import Span
from rag.threads import one_thread

Level = Literal["supported", "partly", "unsupported"]

FEATURES = (
    "cover", "exact", "least", "second", "holes", "beyond", "cosine", "figures", "moved", "names", "negation",
    "opposite", "scope", "length",
)  # fmt: skip
WEIGHTS = ([2.0, 3.0, 1.5, 1.0, -0.5, -1.0, 1.0, -4.0, -2.0, -3.0, -1.5, -1.5, -1.0, 0.0], -3.0)
SUPPORTED, PARTLY = 0.5, 0.25


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the abstract of the paper in `row` says to a claim.

    `spans` are the one to three sentences that it rests on, in the order of the abstract, none where the abstract has
    none; `score` is the probability that it is supported; `reason` says in short words why not, "" when supported.
    """

    level: Level
    row: int
    spans: tuple[Span, ...]
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A claim against one paper: its features (len(FEATURES),), the telltales found, the sentences it rests on."""

    features: list[float]
    missing: tuple[Figure, ...]
    given: tuple[Figure, ...]
    names: tuple[str, ...]
    opposite: tuple[tuple[str, str], ...]
    scope: tuple[str, ...]
    spans: tuple[Span, ...]
    hole: str


class SupportChecker:
    """Checks claims against the papers of an index. Safe to use from several threads."""

    def __init__(self, index: Index, embedding: BuiltinEmbedding) -> None:
        self._index = index
        self._embedding = embedding
        self._projection = TokenProjection()
        self._ground = Ground(index)

    def check(self, claim: str, rows: Sequence[int]) -> list[Verdict]:
        """One verdict a row, in the order of `rows`. The claim, plain text without markers, is encoded once."""
        if not rows:
            return []
        reading = self.read(claim)
        with one_thread():
            return [self._verdict(row, self.evaluate(reading, row)) for row in rows]

    def read(self, claim: str) -> Reading:
        """The claim as `evaluate` needs it."""
        text = plain(claim)
        return read(text, self._embedding.encode([text])[0], self._index, self._projection)

    def evaluate(self, reading: Reading, row: int) -> Evaluated:
        """The features of a claim for one paper, and what they rest on."""
        spans = self._index.sentences(row)
        paper = self._index.papers[row]
        grounds = self._ground.find(reading, row, spans)
        chosen = tuple(spans[n] for n in grounds.sentences)
        evidence = " ".join(paper.abstract[s.start : s.end] for s in chosen)
        given = figures(f"{paper.title}. {paper.abstract}")
        mine = [f for f in figures(reading.text) if not f.named]
        near = figures(evidence)
        missing = [f for f in mine if not any(same(f, g) for g in given)]
        moved = [f for f in mine if f not in missing and not any(same(f, g) for g in near)]
        names = unknown_names(reading.text, f"{paper.title} {paper.abstract}")
        stems = {stem(w) for w in words(f"{evidence} {paper.title}")}
        opposite = polarity.reversed_words((stem(w) for w in words(reading.text)), stems)
        wide = polarity.scope(reading.text, evidence)
        features = _numbers(reading, grounds)
        features += [
            float(sum(1.0 if not f.word else 0.4 for f in missing)),
            float(len(moved)),
            float(len(names)),
            float(polarity.negations(reading.text) > 0 and not polarity.negations(evidence)),
            float(len(opposite)),
            float(len(wide)),
            math.log(1 + len(reading.words)),
        ]
        return Evaluated(
            features,
            tuple(missing),
            tuple(given),
            tuple(names),
            tuple(opposite),
            tuple(wide),
            chosen,
            _hole(reading, grounds),
        )

    def _verdict(self, row: int, found: Evaluated) -> Verdict:
        weights, bias = WEIGHTS
        logit = float(np.dot(weights, found.features)) + bias
        score = 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
        level: Level = "supported" if score >= SUPPORTED else "partly" if score >= PARTLY else "unsupported"
        if any(not f.word for f in found.missing):
            level, score = "unsupported", min(score, 0.1)
        elif found.names and level == "supported":
            level, score = "partly", min(score, SUPPORTED - 0.01)
        return Verdict(level, row, found.spans, score, "" if level == "supported" else _reason(found))


def _numbers(reading: Reading, grounds: Grounds) -> list[float]:
    if not reading.words:
        return [0.0] * 6 + [grounds.cosine]
    weights = np.array([w.weight for w in reading.words])
    total = max(float(weights.sum()), 1e-9)
    heavy = np.where(weights > 0.3 * weights.max(), grounds.matched, 1.0)
    order = np.sort(heavy)
    return [
        float(grounds.matched @ weights / total),
        float(grounds.exact @ weights / total),
        float(order[0]),
        float(order[1]) if len(order) > 1 else float(order[0]),
        float((heavy < 0.4).sum()),
        float((grounds.anywhere - grounds.matched) @ weights / total),
        grounds.cosine,
    ]


def _hole(reading: Reading, grounds: Grounds) -> str:
    """The word of the claim that is the least borne out."""
    if not reading.words:
        return ""
    n = int(np.argmin(grounds.matched - 0.02 * np.array([w.weight for w in reading.words])))
    return reading.words[n].text if grounds.matched[n] < 0.75 else ""


_NAME = re.compile(r"[A-Za-z][\w+^]*(?:[-.][\w+]+)*")
_NAMEY = re.compile(r"[a-z][A-Z]|[A-Z][\w-]*[A-Z]|[A-Z][\w-]*\d|[A-Za-z]+-?\d|\w-[A-Z]")


def unknown_names(claim: str, text: str) -> list[str]:
    """The names in `claim` that `text` doesn't have: written with capitals inside, digits, or a capital in mid-sentence."""
    letters = "".join(words(text))
    have = set(words(text))
    stems = {stem(w) for w in have}
    found = []
    for match in _NAME.finditer(claim):
        name = match.group()
        opens = match.start() == 0 or claim[: match.start()].rstrip()[-1:] in ".:!?"
        if not (_NAMEY.search(name) or (name[0].isupper() and not opens)):
            continue
        parts = words(name)
        if "".join(parts) in letters or all(p in have or stem(p) in stems or p in STOPWORDS for p in parts):
            continue
        if name.lower().endswith("s") and "".join(words(name[:-1])) in letters:
            continue
        if name.isupper() and _spelled(name, text):
            continue
        found.append(name)
    return found


def _spelled(acronym: str, text: str) -> bool:
    heads = "".join(w[0] for w in words(text))
    return len(acronym) > 1 and acronym.lower().rstrip("s") in heads


def _reason(found: Evaluated) -> str:
    """The most telling sign, in words for a reader."""
    missing = [f for f in found.missing if not f.word] or list(found.missing)
    if missing:
        others = [g for g in found.given if g.unit == missing[0].unit and not g.named and not g.word and g.unit]
        if others:
            near = min(others, key=lambda g: abs(math.log((g.value + 1e-9) / (missing[0].value + 1e-9))))
            return f"the abstract gives {near.text.strip()}, not {missing[0].text.strip()}"
        return f"the abstract has no figure {missing[0].text.strip()}"
    if found.names:
        return f'not in the abstract: "{found.names[0]}"'
    if found.opposite:
        return f'the abstract says "{found.opposite[0][1]}", not "{found.opposite[0][0]}"'
    if found.scope:
        return f'the abstract does not say "{found.scope[0]}"'
    if found.hole:
        return f'not stated: "{found.hole}"'
    return "the abstract does not say this"
