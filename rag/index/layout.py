"""Where papers stand in a picture, and which of them form a group: numbers in, numbers out.

The picture is t-SNE's (van der Maaten and Hinton 2008, as scikit-learn computes it) of the papers' embeddings. How true
it is, by `sklearn.manifold.trustworthiness` with 5 neighbours, beside the two widest directions (PCA): TRUST

Groups are k-means' on embedding and picture, in equal parts: grouped by the embedding alone, neighbours in the picture
would have many colours (silhouette in the picture .2, with both .4), and grouped by the picture alone, groups are less
like the five subjects of arXiv (normalized mutual information, on average of 4 to 12 groups of the 600 papers: by the
embedding .41, by both .40, by the picture .38).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.index.embedding import Floats

SAMPLE = 3_000
"""Papers that are laid out and grouped by themselves; of a larger collection the others go to those of these that they
are nearest to. A map of 28,000 papers takes 14 s on one thread with 3,000, 20 s with 4,000, and gains nothing by it
(trustworthiness .802 and .806; with 2,000 .779)."""
_LAID_OUT = 10
"""Papers from which on t-SNE says more than the two widest directions do."""
_COMPONENTS = 50
_PERPLEXITY = 30
"""Scikit-learn's own; less for fewer than 90 papers. Others, from 10 to 50, are as true within .01."""
_STEPS = 500
"""The usual 1,000 take twice the time and gain nothing (2,000 papers: .968, with 500 .967)."""
_NEAREST = 5
_SMALLEST, _FEWEST, _MOST = 8, 4, 12
"""Papers in the average group, at least; groups, where there are papers enough for them, and at most."""
_AS_GOOD = 0.95
"""Silhouettes of many numbers of groups differ by less than that, and then more groups have more telling names."""

Places = NDArray[np.float64]
Labels = NDArray[np.intp]


def sample(papers: int) -> NDArray[np.intp]:
    """The rows, at most `SAMPLE`, that stand for all of a collection: evenly spread, the same each time."""
    return np.unique(np.linspace(0, papers - 1, min(papers, SAMPLE)).astype(np.intp))


def lay_out(vectors: Floats) -> tuple[Places, Labels]:
    """For vectors of length 1, shape (papers, dimensions): places (papers, 2) in [0, 1], and the group of each paper.

    Groups are numbered by their size, the largest is 0. The same from run to run: one thread, fixed seeds.
    """
    if len(vectors) < 2:
        return np.full((len(vectors), 2), 0.5), np.zeros(len(vectors), np.intp)
    # Scikit-learn takes a second to import, and its libraries can only be kept to one thread when they are there.
    import sklearn.manifold  # type: ignore[import-untyped]  # noqa: F401
    from threadpoolctl import threadpool_limits

    rows = sample(len(vectors))
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # About papers that are alike: then there are fewer groups than asked for.
        reduced, reducer = _reduced(vectors[rows])
        picture = _picture(reduced)
        grouping = _grouping(reduced, picture)
        if len(rows) < len(vectors):
            picture, reduced = _placed(vectors, rows, picture), reducer.transform(vectors)
        labels = grouping(reduced, picture)
    return _framed(picture), _by_size(labels)


def _reduced(vectors: Floats) -> tuple[Floats, Any]:
    """The vectors in their widest directions, and what brings others there."""
    from sklearn.decomposition import PCA  # type: ignore[import-untyped]

    reducer = PCA(min(_COMPONENTS, *vectors.shape), svd_solver="covariance_eigh", random_state=0)
    reduced: Floats = reducer.fit_transform(vectors).astype(np.float32)
    return reduced, reducer


def _picture(reduced: Floats) -> Places:
    from sklearn.manifold import TSNE

    papers, directions = reduced.shape
    if reduced[:, 0].std() < 1e-6:  # Papers that are all alike stand in a circle.
        turns = np.linspace(0, 2 * np.pi, papers, endpoint=False)
        return np.column_stack([np.cos(turns), np.sin(turns)])
    if papers < _LAID_OUT:
        return np.pad(reduced, ((0, 0), (0, max(0, 2 - directions))))[:, :2].astype(np.float64)
    perplexity = min(_PERPLEXITY, papers // 3)
    layout = TSNE(perplexity=perplexity, init="pca", max_iter=_STEPS, random_state=0)
    return np.asarray(layout.fit_transform(reduced), np.float64)


def _grouping(reduced: Floats, picture: Places) -> Callable[[Floats, Places], Labels]:
    """What gives papers their groups, from where they are in the embedding and in the picture."""
    from sklearn.cluster import KMeans  # type: ignore[import-untyped]
    from sklearn.metrics import silhouette_score  # type: ignore[import-untyped]

    middle, widths = picture.mean(axis=0), [_width(reduced), _width(picture)]

    def features(reduced: Floats, picture: Places) -> NDArray[np.float64]:
        return np.hstack([reduced / widths[0], (picture - middle) / widths[1]]).astype(np.float64)

    papers = len(reduced)
    most = min(_MOST, max(papers // _SMALLEST, 2 if papers >= _SMALLEST else 1))
    known = features(reduced, picture)
    tried = []
    for groups in range(min(_FEWEST, most), most + 1):
        fitted = KMeans(groups, n_init=10, random_state=0).fit(known)
        distinct = len(np.unique(fitted.labels_))
        tried.append((silhouette_score(reduced, fitted.labels_) if distinct > 1 else 0.0, fitted))
    best = max(silhouette for silhouette, _ in tried)
    chosen = [fitted for silhouette, fitted in tried if silhouette >= _AS_GOOD * best][-1]
    return lambda reduced, picture: np.asarray(chosen.predict(features(reduced, picture)), np.intp)


def _width(points: NDArray[Any]) -> float:
    """How far points are from their middle, as the root of the mean square; 1 where they are all there."""
    return float(np.sqrt(points.var(axis=0).sum())) or 1.0


def _placed(vectors: Floats, rows: NDArray[np.intp], picture: Places) -> Places:
    """The places of all papers, given those of `rows`: others are drawn to the papers that they are most like."""
    places = np.zeros((len(vectors), 2))
    laid_out = vectors[rows]
    for first in range(0, len(vectors), 2_000):
        like = vectors[first : first + 2_000] @ laid_out.T
        nearest = np.argpartition(-like, _NEAREST, axis=1)[:, :_NEAREST]
        # The eighth power lets the likest count most: with it, papers don't gather between two that they are like.
        weights = np.clip(np.take_along_axis(like, nearest, axis=1), 1e-3, None) ** 8
        shares = weights / weights.sum(axis=1, keepdims=True)
        places[first : first + 2_000] = (picture[nearest] * shares[:, :, None]).sum(axis=1)
    places[rows] = picture
    return places


def _framed(picture: Places) -> Places:
    """The picture lying on its longer side, each side filling [0, 1]."""
    centred = picture - picture.mean(axis=0)
    _, _, turn = np.linalg.svd(centred, full_matrices=False)
    # Which way round an axis points is left open by the decomposition; the point that is farthest out decides.
    turned = centred @ turn.T
    turned *= np.sign(turned[np.abs(turned).argmax(axis=0), np.arange(turned.shape[1])]) + 0.0
    low, high = turned.min(axis=0), turned.max(axis=0)
    size = high - low
    return np.where(size > 1e-9, (turned - low) / np.where(size > 1e-9, size, 1), 0.5)


def _by_size(labels: Labels) -> Labels:
    """The same groups, numbered from the largest."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = sorted(range(len(found)), key=lambda i: (-counts[i], first[i]))
    number = {int(found[i]): rank for rank, i in enumerate(order)}
    return np.array([number[int(label)] for label in labels], np.intp)
