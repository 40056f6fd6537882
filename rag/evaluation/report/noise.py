"""What other papers mixed into the collection cost: the main metrics of a system at each ratio, and their slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.evaluation.report.table import Cell, Row, Table, estimate, figure
from rag.evaluation.report.tables import MAIN, value
from rag.evaluation.runs import Run
from rag.evaluation.slope import ratio, slope

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


def series(runs: Sequence[Run]) -> tuple[Series, ...]:
    """The systems that were run with at least two ratios, on one set of questions."""
    systems: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        systems.setdefault(tuple(str(run.manifest.get(k) or "") for k in ("system", "model", "set")), []).append(run)
    found = []
    for (system, model, _), members in systems.items():
        ordered = tuple(sorted(members, key=ratio))
        ratios = tuple(ratio(r) for r in ordered)
        if len(set(ratios)) > 1:
            found.append(Series(" ".join(filter(None, (system, model))) or ordered[0].name, ratios, ordered))
    return tuple(found)


def slopes(one: Series) -> Table:
    """The main metrics at each ratio, and how they change as the collection doubles."""
    measured = [m for m in MAIN if any(r.summary.get("all", {}).get(m) is not None for r in one.runs)]
    rows = tuple(Row(m, (*(value(r, "all", m) for r in one.runs), _slope(one, m))) for m in measured)
    heads = tuple(f"ratio {r:.0f}" if r == int(r) else f"ratio {figure(r)}" for r in one.ratios)
    return Table(("metric", *heads, "slope"), rows, REMARK)


def _slope(one: Series, metric: str) -> Cell:
    try:
        return estimate(slope(one.runs, metric).per_doubling, "")
    except ValueError as e:
        return estimate(None, str(e))
