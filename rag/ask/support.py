"""Whether a sentence that a language model wrote is borne out by a paper's abstract, and by which of its sentences.

No model is asked. A figure or a name that the paper doesn't have decides alone; for the rest a logistic regression
weighs how much of the claim no sentence covers, and the signs that it says something else. eval/support.py measures
the agreement with labelled pairs, and fits the weights anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from rag.ask.alignment import Alignment, align, in_order, repeated
from rag.ask.conflicts import (
    Bond,
    beside,
    bonds,
    missing_figures,
    negations,
    opposite_words,
    turned,
    unfounded_comparison,
    unknown_names,
)
from rag.ask.excerpt import excerpt
from rag.ask.figures import Figure
from rag.ask.grounding import Abstract, Grounding, Grounds, Reading
from rag.ask.polarity import widened
from rag.ask.wording import Item, plain
from rag.core.threads import one_thread
from rag.index.embedding import BuiltinEmbedding
from rag.index.index import Index
from rag.papers.passages import Span

Level = Literal["supported", "partly", "unsupported"]

WEIGHTS: dict[str, float] = {
    "missing": -1.87,
    "moved": -2.53,
    "names": -1.57,
    "elsewhere": -1.71,
    "affirmed": -0.562,
    "compares": -4.22,
    "opposite": -1.3,
    "turned": -3.41,
    "scope": -0.244,
    "uncovered": -3.01,
    "holes": -0.0077,
    "least": -0.286,
    "second": -0.396,
    "distance": -1.05,
    "near_moves": -2.91,
    "jumps": -1.31,
    "unlaid": -0.724,
    "negated_copied": -5.38,
    "affirmed_copied": -0.907,
    "opposite_copied": -4.75,
    "least_copied": -3.65,
    "loose_copied": -0.292,
    "scope_copied": -5.17,
    "moved_copied": -21.7,
}
BIAS = 2.63
"""Fitted by `python -m eval.support --fit` on 555 written pairs, 300 sentences that a 1.5B model wrote and 1,328 edited
sentences."""
SUPPORTED, PARTLY = 0.65, 0.3
"""Probabilities. Cross-validated by paper on those 300 sentences, .65 passes 196 of 226 that are right, 16 of 28 that
are right in part, and 4 of 46 that are wrong."""
AFFIRMED, TORN_FROM = 0.3, 0.9
"""From how much on a claim says without a "no" what the abstract says with one, and a word next to a figure is in no
sentence that has the figure. The labelled sentences have too few of either for the regression to learn from; these
rules cost 2 of the 196."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the abstract of the paper in `row` says to a claim.

    `spans` are the one to three sentences that it rests on, in the order of the abstract, none where there are none;
    `score` is the probability that it is supported; `reason` says in short words why not, "" when supported.
    """

    level: Level
    row: int
    spans: tuple[Span, ...]
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim beside one paper: what each feature says against it, and the signs found."""

    features: dict[str, float]
    spans: tuple[Span, ...]
    missing: tuple[Figure, ...]
    names: tuple[str, ...]
    bonds: tuple[Bond, ...]
    opposite: tuple[tuple[Item, Item], ...]
    negated: float
    turned: float
    scope: tuple[str, ...]
    hole: str
    given: tuple[Figure, ...]
    checkable: bool


class SupportChecker:
    """Checks claims against the papers of an index. Safe to use from several threads."""

    def __init__(self, index: Index, embedding: BuiltinEmbedding) -> None:
        self.index = index
        self._embedding = embedding
        self._grounding = Grounding(index)
        self._excerpt = lru_cache(maxsize=256)(self._of_spans)

    def check(self, claim: str, rows: Sequence[int]) -> list[Verdict]:
        """One verdict a row, in the order of `rows`. The claim, plain text without markers, is encoded once."""
        if not rows:
            return []
        with one_thread():
            reading = self.read(claim)
            return [verdict(row, self.compare(reading, row)) for row in rows]

    def read(self, claim: str) -> Reading:
        """The claim as `compare` needs it."""
        text = plain(claim)
        return self._grounding.read(text, self._embedding.encode([text])[0])

    def bears(self, reading: Reading, row: int, within: Sequence[Span]) -> bool:
        """Whether the paper's title and the spans `within` of its abstract, alone, support a claim."""
        paper = self._excerpt(row, tuple(within))
        # Either decides alone, and is found ten times sooner than the rest.
        if unknown_names(reading.text, paper.text) or any(not f.word for f in missing_figures(reading, paper)):
            return False
        return verdict(row, self.compare(reading, row, within)).level == "supported"

    def compare(self, reading: Reading, row: int, within: Sequence[Span] | None = None) -> Comparison:
        """A claim beside the paper in `row`, or beside what is quoted of it: its title and the spans `within`."""
        paper = self._grounding.abstract(row) if within is None else self._excerpt(row, tuple(within))
        grounds = self._grounding.find(reading, paper)
        aligned = align(reading, grounds, paper.names)
        spans = tuple(paper.spans[s] for s in grounds.chosen)
        evidence = _text(paper, spans)
        missing = missing_figures(reading, paper)
        names = unknown_names(reading.text, paper.text)
        bound = bonds(reading, grounds)
        opposite = opposite_words(reading, grounds, aligned)
        negated = negations(reading, grounds, aligned)
        round_ = turned(reading, grounds, paper)
        scope = widened(reading.text, evidence)
        gap, gap_least = beside(reading, grounds)
        features = {
            "missing": float(sum(0.4 if f.word else 1.0 for f in missing)),
            "moved": max((max(0.0, b.other - b.own) for b in bound), default=0.0),
            "loose": max((max(0.0, 0.4 - b.own) for b in bound), default=0.0),
            "names": float(len(names)),
            "elsewhere": float(len(_elsewhere(reading, paper, evidence)) - len(names)),
            "negated": min(2.0, negated[0]),
            "affirmed": min(2.0, negated[1]),
            "affirmed_bare": min(2.0, negated[1]) * (not any(i.negated for i in reading.items)),
            "gap": gap,
            "gap_least": gap_least,
            "compares": float(unfounded_comparison(reading, evidence)),
            "opposite": float(len(opposite)),
            "turned": round_,
            "scope": float(len(scope)),
            **_coverage(reading, grounds),
            **_order(reading, grounds, aligned, paper),
        }
        return Comparison(
            features=_crossed(features),
            spans=spans,
            missing=tuple(missing),
            names=tuple(names),
            bonds=tuple(bound),
            opposite=tuple(opposite),
            negated=max(negated),
            turned=round_,
            scope=tuple(scope),
            hole=_hole(reading, grounds),
            given=paper.figures,
            checkable=any(not item.generic for item in reading.items),
        )

    def _of_spans(self, row: int, within: tuple[Span, ...]) -> Abstract:
        return excerpt(self._grounding.abstract(row), within)


def _elsewhere(reading: Reading, paper: Abstract, evidence: str) -> list[str]:
    """The names that neither title nor evidence have."""
    title = paper.text[: len(paper.text) - paper.length]
    return unknown_names(reading.text, f"{title} {evidence}")


def _text(paper: Abstract, spans: Sequence[Span]) -> str:
    abstract = paper.text[len(paper.text) - paper.length :]
    return " ".join(abstract[s.start : s.end] for s in spans)


def _coverage(reading: Reading, grounds: Grounds) -> dict[str, float]:
    """What of the claim no sentence of the evidence has."""
    if not reading.items:
        return dict.fromkeys(("uncovered", "holes", "least", "second"), 0.0) | {"distance": 1.0 - grounds.cosine}
    telling = np.where(reading.weights > 0.3, grounds.best, 1.0)
    order = np.sort(telling)
    weights = reading.weights * np.where(grounds.title >= 0.99, 0.4, 1.0)
    return {
        "uncovered": 1.0 - float(grounds.best @ weights) / max(float(weights.sum()), 1e-9),
        "holes": float((telling < 0.45).sum()),
        "least": 1.0 - float(order[0]),
        "second": 1.0 - float(order[min(1, len(order) - 1)]),
        "distance": 1.0 - grounds.cosine,
    }


def _order(reading: Reading, grounds: Grounds, aligned: Alignment, paper: Abstract) -> dict[str, float]:
    """What of the claim the evidence has elsewhere than the claim."""
    exact, ordered = in_order(reading, grounds, paper.names)
    longest = repeated(reading, paper, grounds.chosen)
    sure = [(i, k) for i, k in aligned.torn if min(_match(grounds, aligned, i), _match(grounds, aligned, k)) >= 0.8]
    weights = reading.weights
    laid = sum(float(weights[i]) * float(grounds.match[i, j]) for i, j in enumerate(aligned.path) if j >= 0)
    kept = sum(float(w) for i, w in enumerate(weights) if aligned.path[i] >= 0 or grounds.best[i] < 0.35)
    # A phrase that stands elsewhere as a whole, "in a multi-GPU setup", tears nothing apart.
    moved = max(0.0, exact - ordered) if aligned.torn else 0.0
    return {
        "copied": min(1.0, max(0.0, (longest - 0.5) / 0.45)),
        "moves": moved,
        "near_moves": moved * (exact > 0.85),
        "torn": float(len(aligned.torn)),
        "near_torn": float(len(sure)) * (exact > 0.8),
        "jumps": aligned.jumps / aligned.steps,
        "backs": min(0.2, aligned.backs / aligned.steps),
        "unlaid": 1.0 - laid / max(kept, 1e-9),
    }


def _match(grounds: Grounds, aligned: Alignment, i: int) -> float:
    return float(grounds.match[i, aligned.path[i]])


CROSSED = tuple("negated affirmed opposite holes least torn backs jumps loose moves scope moved".split())
"""In a claim that otherwise repeats a sentence, one word that differs says more than in a paraphrase: the features that
are also taken times the share of the claim that is copied."""


def _crossed(features: dict[str, float]) -> dict[str, float]:
    copied = features.pop("copied")
    return features | {f"{name}_copied": features[name] * copied for name in CROSSED}


def probability(features: dict[str, float]) -> float:
    """The probability that a claim with these features is supported."""
    logit = BIAS + sum(weight * features[name] for name, weight in WEIGHTS.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


def verdict(row: int, found: Comparison) -> Verdict:
    """The verdict on a comparison."""
    score = probability(found.features)
    level: Level = "supported" if score >= SUPPORTED else "partly" if score >= PARTLY else "unsupported"
    if not found.checkable:
        return Verdict("unsupported", row, found.spans, min(score, PARTLY / 2), "it says nothing that can be checked")
    if any(not f.word for f in found.missing) or found.features["affirmed_bare"] >= AFFIRMED:
        level, score = "unsupported", min(score, PARTLY / 2)
    elif level == "supported" and (found.names or found.features["gap_least"] >= TORN_FROM):
        level, score = "partly", min(score, (SUPPORTED + PARTLY) / 2)
    return Verdict(level, row, found.spans, score, "" if level == "supported" else reason(found))


def _hole(reading: Reading, grounds: Grounds) -> str:
    """The word of the claim that is the least borne out."""
    if not reading.items:
        return ""
    n = int(np.argmin(np.where(reading.weights > 0.3, grounds.best, 1.0) - 0.01 * reading.weights))
    return reading.items[n].text if grounds.best[n] < 0.75 else ""


def reason(found: Comparison) -> str:
    """The most telling sign against a claim, in words for a reader."""
    missing = [f for f in found.missing if not f.word] or list(found.missing)
    if missing:
        return _other_figure(missing[0], found.given)
    if found.names:
        return f'not in the abstract: "{found.names[0]}"'
    moved = max(found.bonds, key=lambda b: b.other - b.own, default=None)
    if moved is not None and moved.other > moved.own + 0.05:
        return f"the abstract gives {moved.item.text} of something else"
    if found.opposite:
        return f'the abstract says "{found.opposite[0][1].text}", not "{found.opposite[0][0].text}"'
    if found.turned > 0.5:
        return "the abstract has the comparison the other way round"
    if found.negated > 0.5 or found.features["affirmed_bare"] >= AFFIRMED:
        return "the abstract says the opposite"
    if found.features["gap_least"] >= TORN_FROM:
        return "the abstract gives the figure of something else"
    if found.scope:
        return f'the abstract does not say "{found.scope[0].lower()}"'
    if found.hole:
        return f'not stated: "{found.hole}"'
    return "the abstract does not say it so"


def _other_figure(figure: Figure, given: Sequence[Figure]) -> str:
    text = figure.text.strip()
    others = [g for g in given if g.unit == figure.unit and g.unit and not g.named and not g.word]
    if not others:
        return f"the abstract has no figure {text}"
    near = min(others, key=lambda g: abs(math.log((g.value + 1e-9) / (figure.value + 1e-9))))
    return f"the abstract gives {near.text.strip()}, not {text}"
