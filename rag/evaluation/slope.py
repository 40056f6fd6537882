"""What other papers, mixed into the collection, cost: the slope of a metric over how many there are.

Noise robustness, after RGB (Chen et al. 2024, "Benchmarking Large Language Models in Retrieval-Augmented Generation",
AAAI): the same questions with more and more papers that don't answer them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.evaluation.intervals import Estimate, tails
from rag.evaluation.items import digest
from rag.evaluation.runs import Run, Scored
from rag.evaluation.significance import drawn_values


@dataclass(frozen=True, slots=True)
class Slope:
    """A metric at each ratio of distractors, the lowest first, and what it changes by with each doubling.

    `per_doubling` is the slope over log₂(1 + ratio): of going from no distractors to as many as there are own papers
    (ratio 1), from there to three times as many, and so on. `ratios` and `values` have one for each run.
    """

    metric: str
    ratios: tuple[float, ...]
    values: tuple[float, ...]
    per_doubling: Estimate


def ratio(run: Run) -> float:
    """How many distractors there were for each own paper, as the manifest says; 0 where it names none."""
    distractors = run.manifest.get("distractors")
    found = distractors.get("ratio") if isinstance(distractors, Mapping) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else 0.0


def slope(runs: Sequence[Run], metric: str) -> Slope:
    """The least-squares slope of a metric over log₂(1 + ratio), with its 95% interval.

    With x the logarithms less their mean and y the metric's value in each run, it is Σxy / Σx². Each draw of clusters
    is the same for all runs, as it is their questions that are drawn; only questions that all were asked count. The
    interval is that of `significance.paired`.

    Raises `ValueError`, which says why, where it is undefined: with fewer than two ratios, no common question, or a run
    where the metric has no value.
    """
    runs = sorted(runs, key=ratio)
    ratios = tuple(ratio(r) for r in runs)
    if len(set(ratios)) < 2:
        raise ValueError("a slope takes runs with two ratios of distractors or more")
    common = _common(runs)
    if not common:
        raise ValueError("no question is common to all runs")
    kept = [row for row in common if any(s.scores.get(metric) for s in row)]
    if not kept:
        raise ValueError(f"no question has a value for {metric} in any run")
    labels, members = np.unique(np.asarray([row[0].item.cluster for row in kept], np.str_), return_inverse=True)
    values, drawn = [], []
    for n, run in enumerate(runs):
        shares = np.array([row[n].scores.get(metric) or (0.0, 0.0) for row in kept])
        sums = np.array([np.bincount(members, column) for column in shares.T])
        drawn.append(drawn_values(sums, run.name))
        values.append(float(sums[0].sum() / sums[1].sum()))
    x = np.array([math.log2(1 + r) for r in ratios])
    x = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    slopes = x @ np.array(drawn)
    low, high = np.quantile(slopes[~np.isnan(slopes)], tails(len(labels)))
    estimate = Estimate(float(x @ np.array(values)), float(low), float(high), len(kept), len(labels))
    return Slope(metric, ratios, tuple(values), estimate)


def _common(runs: Sequence[Run]) -> list[tuple[Scored, ...]]:
    """The questions that all runs were asked with the same contents: for each, its place in every run."""
    by_id = [{s.item.id: s for s in run.scored} for run in runs]
    rows = [tuple(found[id] for found in by_id) for id in by_id[0] if all(id in found for found in by_id)]
    return [row for row in rows if len({digest([s.item]) for s in row}) == 1]
