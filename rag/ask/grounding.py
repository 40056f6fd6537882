"""A claim and an abstract side by side: how far each word of the claim is in each sentence, and which bear it out.

A content word of the claim matches a word of the abstract fully where their stems agree, and else as far as their
contextual token vectors do (late interaction, Khattab and Zaharia 2020, arXiv:2004.12832). The evidence is the one to
three sentences that together cover most of the claim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.ask.figures import Figure, figures, same
from rag.ask.polarity import opposites
from rag.ask.wording import LIGHT, Item, items
from rag.index import embedding
from rag.index.embedding import Floats, States, TokenProjection, unit
from rag.index.index import Index
from rag.index.lexical import stem, words
from rag.papers.passages import Span

Ints = NDArray[np.int64]

TITLE = -1
"""The number of the title among the sentences of a paper."""
TITLE_SHARE = 0.4
"""A word of the paper's own title weighs this much: it says what is spoken of, and not what is said of it."""
LOW, HIGH = 0.35, 0.85
"""Cosines that count as nothing and as the same word."""
SOFT = 0.9
"""What two different words can match at most; opposites, whose vectors are near too, half of it."""
EXACT = 0.9
"""A match above this is of the same stem or the same figure."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A claim taken apart: `weights` (n,) of its `items`, `tokens` (t, 192) with `offsets` (t, 2), `vector` (384,)."""

    text: str
    items: tuple[Item, ...]
    weights: Floats
    tokens: Floats
    offsets: NDArray[np.int32]
    vector: Floats
    stems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Abstract:
    """A paper taken apart, its title first.

    `text` is title and abstract, whose last `length` characters are the abstract. `items` lie in the sentences `owners`
    (m,), and their word pieces from `starts` (m,) on in `pieces`, rows of `vectors` (t, 192); `sentences` (s, 384) are
    unit vectors. `stems` are all words of the title and of each sentence, `names` the stems of the paper's own name.
    """

    text: str
    length: int
    spans: tuple[Span, ...]
    items: tuple[Item, ...]
    owners: Ints
    starts: Ints
    pieces: Ints
    vectors: Floats
    sentences: Floats
    stems: tuple[tuple[str, ...], ...]
    figures: tuple[Figure, ...]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Grounds:
    """How a claim lies in an abstract.

    `match` (n, m) of the claim's items and those of the abstract without the title; `title` (n,) with the title;
    `chosen` are the sentences of evidence, in order; `best` (n,) is the match there or in the title, `exact` (n,)
    whether it is one of stems; `cosine` is the claim's with its nearest sentence.
    """

    match: Floats
    title: Floats
    items: tuple[Item, ...]
    owners: Ints
    chosen: tuple[int, ...]
    best: Floats
    exact: NDArray[np.bool_]
    cosine: float


class Grounding:
    """Reads claims and abstracts of an index, and lays the one beside the other."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._projection = TokenProjection()
        self._tokenizer: Any = None
        self.abstract = lru_cache(maxsize=256)(self._abstract)

    def read(self, text: str, states: States) -> Reading:
        """The reading of a claim, from the model's states of the same text."""
        inside = states.words
        found = items(text)
        return Reading(
            text=text,
            items=tuple(found),
            weights=np.array([self._weight(item) for item in found], np.float32),
            tokens=self._projection.project(states.vectors[inside]),
            offsets=states.offsets[inside],
            vector=unit(states.pooled()),
            stems=tuple(stem(w) for w in words(text)),
        )

    def _weight(self, item: Item) -> float:
        """Rare words weigh more; the constants were set by hand."""
        if item.figure is not None:
            return 0.7 if item.figure.word else 1.2
        if item.generic:
            return 0.15
        if item.stem in LIGHT:
            return 0.3
        return 0.35 + 0.65 * min(self._index.lexicon.idf(item.stem), 4.5) / 4.5

    def _abstract(self, row: int) -> Abstract:
        index, paper = self._index, self._index.papers[row]
        spans = index.sentences(row)
        texts = [paper.title, *(paper.abstract[s.start : s.end] for s in spans)]
        first, last = (int(i) for i in index.token_starts[row : row + 2])
        tokens = np.asarray(index.token_owners[first:last])
        found: list[Item] = []
        owners: list[int] = []
        starts: list[int] = []
        pieces: list[int] = []
        for number, text in enumerate(texts, TITLE):
            at, clause = (found[-1].at + 10, found[-1].clause + 2) if found else (0, 0)
            rows = np.flatnonzero(tokens == number)
            offsets = np.array(self._offsets(text), np.int64).reshape(-1, 2)[: len(rows)]
            for item in items(text, at, clause):
                mine = np.flatnonzero((offsets[:, 0] < item.end) & (offsets[:, 1] > item.start))
                if len(mine):
                    found.append(item)
                    owners.append(number)
                    starts.append(len(pieces))
                    pieces += rows[mine].tolist()
        vectors = np.asarray(index.token_vectors[first:last]).astype(np.float32)
        lengths = np.asarray(index.token_lengths[first:last])
        a, b = index.sentence_starts[row : row + 2]
        whole = f"{paper.title}. {paper.abstract}"
        return Abstract(
            text=whole,
            length=len(paper.abstract),
            spans=tuple(spans),
            items=tuple(found),
            owners=np.array(owners, np.int64),
            starts=np.array(starts, np.int64),
            pieces=np.array(pieces, np.int64),
            vectors=vectors / np.maximum(lengths, 1e-9)[:, None],
            sentences=unit(index.sentence_vectors[a:b].astype(np.float32)),
            stems=tuple(tuple(stem(w) for w in words(text)) for text in texts),
            figures=tuple(figures(whole)),
            names=own_names(paper.title, paper.abstract),
        )

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        if self._tokenizer is None:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(Path(embedding.__file__).with_name("tokenizer.json")))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            self._tokenizer = tokenizer
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def find(self, reading: Reading, paper: Abstract) -> Grounds:
        """The grounds of a claim in a paper."""
        matrix = match(reading, paper)
        inside = paper.owners != TITLE
        n = len(reading.items)
        title = matrix[:, ~inside].max(axis=1, initial=0.0)
        by_sentence = np.zeros((len(paper.spans), n), np.float32)
        for s in range(len(paper.spans)):
            by_sentence[s] = matrix[:, paper.owners == s].max(axis=1, initial=0.0)
        cosines = paper.sentences @ reading.vector
        weights = reading.weights * np.where(title >= EXACT, TITLE_SHARE, 1.0)
        chosen = choose(by_sentence, weights, cosines)
        best = np.maximum(by_sentence[chosen].max(axis=0, initial=0.0), title)
        return Grounds(
            match=matrix[:, inside],
            title=title,
            items=tuple(i for i, keep in zip(paper.items, inside, strict=True) if keep),
            owners=paper.owners[inside],
            chosen=tuple(sorted(chosen)),
            best=best,
            exact=np.asarray(best >= 0.99),
            cosine=float(cosines.max(initial=0.0)),
        )


def match(reading: Reading, paper: Abstract) -> Floats:
    """How far each item of the claim is each item of the paper, from 0 to 1, shape (n, m)."""
    n, m = len(reading.items), len(paper.items)
    found = np.zeros((n, m), np.float32)
    if not n or not m:
        return found
    cosines = reading.tokens @ paper.vectors[paper.pieces].T
    nearest = np.maximum.reduceat(cosines, paper.starts, axis=1)
    at: dict[str, list[int]] = {}
    for j, item in enumerate(paper.items):
        at.setdefault(item.stem, []).append(j)
    numbers = [j for j, item in enumerate(paper.items) if item.figure is not None]
    against = opposites()
    for i, item in enumerate(reading.items):
        if item.figure is not None:
            found[i, [j for j in numbers if same(item.figure, _figure(paper.items[j]))]] = 1.0
            continue
        mine = (reading.offsets[:, 0] < item.end) & (reading.offsets[:, 1] > item.start)
        if mine.any():
            soft = SOFT * np.clip((nearest[mine].mean(axis=0) - LOW) / (HIGH - LOW), 0.0, 1.0)
            soft[numbers] = 0.0
            soft[[j for other in against.get(item.stem, ()) for j in at.get(other, ())]] *= 0.5
            found[i] = soft
        found[i, at.get(item.stem, [])] = 1.0
    return found


def _figure(item: Item) -> Figure:
    assert item.figure is not None
    return item.figure


MOST, GAIN, NEARNESS = 3, 0.08, 0.3
"""Sentences of evidence at most; the share of the claim that a further one must add; what the cosine adds to the
first."""


def choose(matched: Floats, weights: Floats, cosines: Floats) -> list[int]:
    """The sentences that together cover the claim, the best first: greedily by the weight that each adds."""
    total = max(float(weights.sum()), 1e-9)
    chosen: list[int] = []
    covered = np.zeros_like(weights)
    while len(matched) and len(chosen) < MOST:
        gains = np.maximum(matched - covered, 0) @ weights / total + (0 if chosen else NEARNESS * cosines)
        best = int(np.argmax(gains))
        if best in chosen or (chosen and gains[best] < GAIN):
            break
        chosen.append(best)
        covered = np.maximum(covered, matched[best])
    return chosen


_NAME_IN_TITLE = re.compile(r"[A-Za-z][\w+^]*(?:[-.][\w+^]+)*")
_INTRODUCED = re.compile(
    r"\b(?:propos|introduc|present|call|nam|dubb|term|develop|design)\w*,?\s+(?:\w+\s+){0,3}?([A-Za-z]+[A-Z][\w-]*)"
)
_ACRONYM = re.compile(r"\(([A-Z][\w-]*[A-Z][\w-]*)\)")


def own_names(title: str, abstract: str) -> frozenset[str]:
    """The stems of what the paper calls its own work: the head of its title, names in the title, an acronym that
    the title spells, and a name that the abstract introduces."""
    head, colon, _ = title.partition(":")
    texts: Sequence[str] = [head] if colon and len(head.split()) <= 4 else []
    heads = "".join(w[0] for w in words(title))
    acronyms = [m.group(1) for m in _ACRONYM.finditer(abstract) if "".join(words(m.group(1))) in heads]
    named = [m.group() for m in _NAME_IN_TITLE.finditer(title) if re.search(r"[a-z][A-Z]|[A-Z]{2}", m.group())]
    introduced = [m.group(1) for m in _INTRODUCED.finditer(abstract)]
    return frozenset(stem(w) for text in [*texts, *acronyms, *named, *introduced] for w in words(text))
