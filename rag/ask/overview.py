"""A view of a subject or of the whole collection: its groups, and for each paper the sentence that says what it
does."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from rag.ask.sentences import Sentence, aim_of, evidence_spans
from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.scores import means
from rag.index.topics import names

GROUPS = 8
"""Groups of a view at most; a collection has about one for every ten papers."""
FEW = 3
"""Groups of a collection of a dozen papers."""
TYPICAL, SHOWN = 2, 9
"""Papers that are shown of each group: those nearest to its middle; more of few groups, up to SHOWN of all."""
SAMPLE, NAMED = 2_000, 1_000
"""Papers that are grouped, and that name the groups; of a larger collection every n-th of them, and the others join the
nearest group. A view of 10,000 papers took 9.4 s of the processor with 5,000 grouped and all of them naming."""


@dataclass(frozen=True, slots=True)
class Group:
    """Papers about the same: two or three terms that they write, their rows, and those that are typical of them."""

    terms: tuple[str, ...]
    rows: tuple[int, ...]
    typical: tuple[int, ...]


def purpose(index: Index, row: int) -> tuple[Sentence, ...]:
    """The sentence of a paper that says what it does; its first one where none does, none without an abstract."""
    abstract = index.papers[row].abstract
    spans, _ = evidence_spans(abstract, index.sentences(row))
    if not spans:
        return ()
    number = aim_of([abstract[s.start : s.end] for s in spans])
    number = number if number < len(spans) else 0
    span = spans[number]
    words = len(abstract[span.start : span.end].split())
    return (Sentence(row, number, span, 1.0, np.zeros(0, np.float32), words),)


_kept: WeakKeyDictionary[Index, list[Group]] = WeakKeyDictionary()
"""The groups of whole collections: an open index does not change."""


def groups_of(index: Index, among: Collection[int] | None) -> list[Group]:
    """The groups of the collection, or of the papers `among`, the largest first; the same from run to run."""
    if among is not None:
        return _grouped(index, among)
    if index not in _kept:
        _kept[index] = _grouped(index, range(len(index)))
    return _kept[index]


def _grouped(index: Index, among: Collection[int]) -> list[Group]:
    rows = np.array(sorted(among), np.int64)
    vectors = means(index.passage_vectors, index.passage_starts, rows)
    count = max(1, min(GROUPS, len(rows) // 10), min(FEW, len(rows) // 4))
    middles = _middles(vectors[:: 1 + len(rows) // SAMPLE], count)
    centre = vectors.mean(axis=0)
    nearness = (vectors - centre) @ (middles - centre).T - 0.5 * ((middles - centre) ** 2).sum(axis=1)
    labels = nearness.argmax(axis=1)
    members = [np.flatnonzero(labels == n) for n in range(count)]
    members = sorted((m for m in members if len(m)), key=len, reverse=True)
    told_by = np.arange(0, len(rows), 1 + len(rows) // NAMED)
    inside_it = [np.flatnonzero(labels[told_by] == labels[m[0]]).tolist() for m in members]
    terms = names([index.papers[int(row)] for row in rows[told_by]], inside_it)
    most = max(TYPICAL, SHOWN // len(members))
    groups = []
    for inside, told in zip(members, terms, strict=True):
        label = int(labels[inside[0]])
        order = inside[np.argsort(-nearness[inside, label], kind="stable")]
        typical = [int(rows[i]) for i in order if index.papers[int(rows[i])].abstract][:most]
        groups.append(Group(told, tuple(int(rows[i]) for i in order), tuple(typical)))
    return groups


def _middles(vectors: Floats, count: int) -> Floats:
    """The unit-length middles of k-means over the vectors, (count, d)."""
    from sklearn.cluster import KMeans  # type: ignore[import-untyped]

    # What all papers of a collection share tells no group from another.
    centred = vectors - vectors.mean(axis=0)
    fitted = KMeans(count, n_init=10, random_state=0).fit(centred)
    found = np.stack([vectors[fitted.labels_ == n].mean(axis=0) for n in range(count)])
    scaled: Floats = (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return scaled
