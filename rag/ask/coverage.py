"""Whether one abstract says anything of one aspect, and in which sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.ask.details import missing_kind
from rag.ask.evidence import SentenceScorer
from rag.ask.facets import FACETS, Facet
from rag.index.index import Index
from rag.index.lexical import stem, terms
from rag.index.retrieval import PaperRanker
from rag.index.scores import Encoded
from rag.papers.passages import Span

SENTENCES = 2
"""Quotes for one paper and one aspect."""
MAX_QUESTION = 500
"""Characters of a question that may ask for nothing but some aspects."""

_OWN = re.compile(
    r"\b(?:we|this\s+(?:paper|work|article|study|research|survey)|our\s+(?:method|approach|work|system|framework|key|main|study))\s+(?:\w+\s+){0,3}?"
    r"(?:propos|present|introduc|develop|design|describ|explor|investigat|stud|devis|build|evaluat|benchmark|analy[sz]|formulat|leverag|employ|address|show|idea|insight|aim|focus|enabl|challeng|deriv|provid|demonstrat|survey|examin|revisit|apply|conduct)"
    r"|\b(?:is|are)\s+(?:introduced|proposed|presented|developed)\b|\bkey\s+(?:idea|insight)\b",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\W*(?:existing|previous|prior|current|recent|traditional|conventional|most|common|commonly|many|these\s+(?:methods|approaches|systems))\b",
    re.IGNORECASE,
)
_FILLER = frozenset(
    stem(word)
    for word in """used uses report reports reported evaluate evaluated evaluation say said kind kinds type types
    number amount named names name figures figure details results result achieved achieve proposed fit
    claims claimed tested trained run runs ran needed experiments experimental obtained available
    statement compared reduction reductions savings saving gain gains improvement improvements overall
    usage requirements required mentioned considered approach system systems s t vs versus two three
    four please regard respect terms side sides""".split()
)
"""What adds nothing to an aspect."""


@dataclass(frozen=True, slots=True)
class Aspect:
    """An aspect as it was asked for: the facets that it names, and the stems of what else it says.

    Of several facets a sentence needs all, or with `either` ("speed and memory") one.
    """

    text: str
    facets: tuple[Facet, ...] = ()
    rest: tuple[str, ...] = ()
    either: bool = False

    @property
    def in_order(self) -> bool:
        """Whether what comes first says most: an abstract announces its method before it goes into it."""
        return any(facet.name in ("method", "task") for facet in self.facets)


SURE = frozenset({*"speedup hardware datasets models memory accuracy code parameters".split(), "training time"})
"""The facets that a question names on purpose: whoever asks for the "approach" or the "task" asks for anything."""


def read_aspect(text: str) -> Aspect:
    """The aspect in a word, a phrase or a question."""
    taken = _named(text)
    left = "".join(" " if any(a <= i < b for a, b, _ in taken) else c for i, c in enumerate(text))
    rest = tuple(t for t in terms(left) if t not in _FILLER)
    facets = tuple(dict.fromkeys(facet for _, _, facet in taken))
    return Aspect(text, facets, rest, bool(re.search(r"\b(?:and|or)\b|[,/&+]", left)))


def asked_aspects(question: str, least: int = 2) -> tuple[Aspect, ...]:
    """The aspects that a question names, without the names of papers, where it surely asks for these and nothing else;
    none where it names fewer than `least`."""
    if len(question) > MAX_QUESTION:
        return ()
    asked = read_aspect(question)
    if asked.rest or len(asked.facets) < least or not all(facet.name in SURE for facet in asked.facets):
        return ()
    return tuple(Aspect(facet.name, (facet,)) for facet in asked.facets)


def _named(text: str) -> list[tuple[int, int, Facet]]:
    """The facets in a text, in its order, and where they stand."""
    found = [(m.start(), m.end(), facet) for facet in FACETS for m in facet.asked.finditer(text)]
    taken: list[tuple[int, int, Facet]] = []
    # "Model size" is one facet, not two: the longest that fits wins.
    for start, end, facet in sorted(found, key=lambda f: f[0] - f[1]):
        if all(end <= a or b <= start for a, b, _ in taken):
            taken.append((start, end, facet))
    return sorted(taken, key=lambda f: f[0])


@dataclass(frozen=True, slots=True)
class Said:
    """What an abstract says of an aspect: at most two of its sentences, in its order, none where it says nothing.

    `confidence` is the estimated probability that it does; None where a pattern decided.
    """

    spans: tuple[Span, ...] = ()
    confidence: float | None = None


class Coverage:
    """Finds what the abstracts of one index say of aspects."""

    def __init__(self, index: Index, ranker: PaperRanker) -> None:
        self._index = index
        self._ranker = ranker
        self._scorer = SentenceScorer(index)

    def encode(self, aspect: Aspect) -> Encoded:
        """What `said` needs of an aspect, once for all papers."""
        return self._ranker.encode(aspect.text)

    def said(self, aspect: Aspect, encoded: Encoded, row: int, most: int = SENTENCES) -> Said:
        """What the abstract in `row` says of an aspect, in at most `most` sentences."""
        abstract = self._index.papers[row].abstract
        spans = self._index.sentences(row)
        texts = [abstract[s.start : s.end] for s in spans]
        if aspect.facets:
            found, confidence = self._known(aspect, encoded, row, texts), None
        else:
            found, confidence = self._free(aspect, encoded, row, texts)
        return Said(tuple(spans[n] for n in sorted(found[:most])), confidence)

    def _known(self, aspect: Aspect, encoded: Encoded, row: int, texts: Sequence[str]) -> list[int]:
        """By the patterns: the sentences that say it most surely."""
        title = set(terms(self._index.papers[row].title))
        combine = max if aspect.either else min
        strength = {}
        before = all(facet.before for facet in aspect.facets)
        for n in background(texts) if before else own(texts):
            held = combine(facet.strength(texts[n]) for facet in aspect.facets)
            if held and title.union(terms(texts[n])).issuperset(aspect.rest):
                strength[n] = held
        best = max(strength.values(), default=0)
        fit = [n for n, held in strength.items() if held == best]
        if len(fit) > 1 and not aspect.in_order:
            scored = self._scorer.score(encoded, row, manner="described")
            fit.sort(key=lambda n: -scored[n].score)
        return fit

    def _free(self, aspect: Aspect, encoded: Encoded, row: int, texts: Sequence[str]) -> tuple[list[int], float]:
        """By words and meaning, where no pattern knows the aspect."""
        weight = {term: self._index.lexicon.idf(term) for term in aspect.rest}
        total = sum(weight.values())
        if not total or missing_kind(aspect.text, self._index.papers[row].abstract):
            return [], 0.0
        _, _, cover = self._scorer.features(encoded, row)
        alike = cover @ encoded.importance
        chance = {}
        for n in own(texts):
            shared = sum(weight[term] for term in weight.keys() & set(terms(texts[n]))) / total
            chance[n] = 1 / (1 + math.exp(-(SHARED * shared + ALIKE * float(alike[n]) + BIAS)))
        fit = sorted((n for n, p in chance.items() if p >= THRESHOLD), key=lambda n: -chance[n])
        return fit, round(max(chance.values(), default=0.0), 4)


SHARED, ALIKE, BIAS, THRESHOLD = 0.43, 11.98, -7.16, 0.5
"""A logistic regression of whether a sentence says an aspect on the share of the aspect's rare words that it has and on
late interaction, and the probability from which on it is quoted; on 16 aspects of 44 development papers, of which the
patterns know most. Cross-validated by paper, .92 of the cells it fills are right and it finds .52 of those it should:
a wrong quote costs more than a missing one."""


def own(texts: Sequence[str]) -> list[int]:
    """The numbers of the sentences in which an abstract speaks of its own work."""
    return [n for n in range(len(background(texts)), len(texts)) if not _OTHERS.match(texts[n])]


def background(texts: Sequence[str]) -> list[int]:
    """The numbers of the sentences that stand before the first in which an abstract speaks of its own work."""
    return list(range(next((n for n, text in enumerate(texts) if _OWN.search(text)), 0)))
