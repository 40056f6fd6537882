"""The measures of the sets' own fields, each with a 95% bootstrap interval over its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ir_measures
import numpy as np

from rag.evaluation.intervals import SEED, Estimate, mean

RESAMPLES = 2_000


def ranked(
    rankings: Sequence[Sequence[str]], relevant: Sequence[Mapping[str, int]], measures: Sequence[str]
) -> dict[str, Estimate]:
    """The means of measures as ir_measures names them; `relevant` has the grade of each relevant document."""
    qrels = [ir_measures.Qrel(str(q), d, g) for q, own in enumerate(relevant) for d, g in own.items()]
    run = [
        ir_measures.ScoredDoc(str(q), d, float(len(order) - place))
        for q, order in enumerate(rankings)
        for place, d in enumerate(dict.fromkeys(order))
    ]
    values: dict[str, dict[str, float]] = {
        name: dict.fromkeys(map(str, range(len(rankings))), 0.0) for name in measures
    }
    for found in ir_measures.iter_calc([ir_measures.parse_measure(m) for m in measures], qrels, run):
        values[str(found.measure)][found.query_id] = float(found.value)
    return {name: share([*of.values()]) for name, of in values.items()}


def share(values: Sequence[float]) -> Estimate:
    """The mean of values between 0 and 1, one a question."""
    return mean(values, [str(n) for n in range(len(values))], bounded=True)


def macro_f1(truth: Sequence[str], told: Sequence[str], labels: Sequence[str]) -> Estimate:
    """The mean over `labels` of F1, over the records; a label that is never told nor true in a resample has 0."""
    place = {label: n for n, label in enumerate(labels)}
    cells = np.array([place[a] * len(labels) + place[b] for a, b in zip(truth, told, strict=True)])

    def f1(of: np.ndarray) -> float:
        table = np.bincount(of, minlength=len(labels) ** 2).reshape(len(labels), len(labels))
        both = table.sum(axis=0) + table.sum(axis=1)
        return float(np.mean(np.divide(2 * np.diag(table), both, out=np.zeros(len(labels)), where=both > 0)))

    random = np.random.default_rng(SEED)
    drawn = [f1(cells[random.integers(0, len(cells), len(cells))]) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(f1(cells), float(low), float(high), len(cells), len(cells))
