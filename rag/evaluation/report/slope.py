"""What other papers mixed into the collection cost: metrics over the ratio of distractors to own papers.

After the noise robustness of RGB (Chen et al. 2024, Benchmarking Large Language Models in Retrieval-Augmented
Generation). The slope is that of a least-squares line, taken question by question, so that its interval counts
questions about the same papers as one: the slope of a mean is the mean of the slopes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.evaluation.intervals import Estimate, mean
from rag.evaluation.report.table import Row, Table, estimate, figure
from rag.evaluation.report.tables import MAIN, value
from rag.evaluation.runs import Run


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of one system with different ratios of distractors, the fewest first."""

    system: str
    ratios: tuple[float, ...]
    runs: tuple[Run, ...]

    def slope(self, metric: str) -> Estimate | None:
        """What one more distractor for each own paper adds to a metric; over questions where all runs define it."""
        shares: list[dict[str, float]] = [
            {s.item.id: part[0] / part[1] for s in run.scored if (part := s.scores.get(metric)) is not None}
            for run in self.runs
        ]
        clusters = {s.item.id: s.item.cluster for s in self.runs[0].scored}
        ids = [i for i in clusters if all(i in found for found in shares)]
        if not ids:
            return None
        x = np.asarray(self.ratios) - np.mean(self.ratios)
        y = np.asarray([[found[i] for i in ids] for found in shares])
        return mean([float(v) for v in x @ y / (x @ x)], [clusters[i] for i in ids])


def ratio(run: Run) -> float:
    """How many distractors were mixed in for each own paper; 0 where the manifest names none."""
    distractors = run.manifest.get("distractors")
    found = distractors.get("ratio") if isinstance(distractors, Mapping) else None
    return float(found) if isinstance(found, (int, float)) else 0.0


def series(runs: Sequence[Run]) -> tuple[Series, ...]:
    """The systems that were run with at least two ratios."""
    systems: dict[str, list[Run]] = {}
    for run in runs:
        about = [run.manifest.get(k) for k in ("system", "model", "mode")]
        systems.setdefault(" ".join(str(a) for a in about if a), []).append(run)
    found = []
    for system, members in systems.items():
        ordered = sorted(members, key=ratio)
        ratios = tuple(ratio(r) for r in ordered)
        if len(set(ratios)) > 1:
            found.append(Series(system or ordered[0].name, ratios, tuple(ordered)))
    return tuple(found)


def slopes(one: Series) -> Table:
    """The main metrics at each ratio, and the slope."""
    rows = tuple(
        Row(
            m, (*(value(r, "all", m) for r in one.runs), estimate(one.slope(m), "no question where all runs define it"))
        )
        for m in MAIN
        if any(r.summary.get("all", {}).get(m) is not None for r in one.runs)
    )
    heads = tuple(f"ratio {figure(r) if r % 1 else f'{r:.0f}'}" for r in one.ratios)
    remark = (
        "The slope is what one more distractor for each own paper adds, over the questions that all these runs score."
    )
    return Table(("metric", *heads, "slope"), rows, remark)
