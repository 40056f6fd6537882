"""What other papers mixed into the collection cost: the slope of a metric over how many there are.

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

REMARK = (
    "The slope is what a metric changes by where the collection with its distractors doubles, over the questions that "
    "all these runs were asked."
)


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of one system with different ratios of distractors, the fewest first."""

    system: str
    ratios: tuple[float, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Slope:
    """A metric at each ratio of distractors, the lowest first, and its slope over log₂(1 + ratio)."""

    metric: str
    ratios: tuple[float, ...]
    values: tuple[float, ...]
    per_doubling: Estimate


def ratio(run: Run) -> float:
    """How many distractors there were for each own paper, as the manifest says; 0 where it names none."""
    distractors = run.manifest.get("distractors")
    found = distractors.get("ratio") if isinstance(distractors, Mapping) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else 0.0


def series(runs: Sequence[Run]) -> tuple[Series, ...]:
    """The systems that were run with at least two ratios, on one set of questions."""
    systems: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        systems.setdefault(tuple(str(run.manifest.get(k) or "") for k in ("system", "model", "set")), []).append(run)
    found = []
    for (system, model, _), members in systems.items():
        ordered = tuple(sorted(members, key=ratio))
        ratios = tuple(map(ratio, ordered))
        if len(set(ratios)) > 1:
            found.append(Series(" ".join(filter(None, (system, model))) or ordered[0].name, ratios, ordered))
    return tuple(found)


def slope(runs: Sequence[Run], metric: str) -> Slope:
    """The least-squares slope of a metric over log₂(1 + ratio), with its 95% interval, that of `significance.paired`.

    Each draw of clusters is the same for all runs; only questions that all were asked count. Raises `ValueError`, which
    says why, where it is undefined: with fewer than two ratios, no common question, or a run without a value.
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
