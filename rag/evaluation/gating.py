"""Thresholds that a run has to reach, as a check before a change is taken in."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from rag.core.errors import EvaluationError
from rag.evaluation.intervals import DECISIVE
from rag.evaluation.items import KINDS, text_of
from rag.evaluation.judging.grades import NAMES as JUDGED
from rag.evaluation.runs import Run
from rag.evaluation.table import Cell, Row, Table

PLAIN = ("min", "max")
"""Bounds of the value itself; the others hold the end of its 95% interval that is worse."""
BOUNDS: Mapping[str, str] = {
    "min": "≥",
    "max": "≤",
    "min_low": "the interval's low end ≥",
    "max_high": "the interval's high end ≤",
}
"""What readers are told of each."""
SPEED = ("p50_ms", "p95_ms", "prompt_tokens", "completion_tokens", "cost")
RUN = ("failed", "questions")
"""How many questions failed, and how many were asked: a gate that asked three has shown nothing."""
TOLERANCE = 1e-9
"""What a sum of floating point numbers may be off by."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is wanted of a metric in a group: "all", a kind of question, "speed" or "run"."""

    group: str
    metric: str
    bound: str
    limit: float

    def __str__(self) -> str:
        return f"{BOUNDS[self.bound]} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Check:
    """A threshold held against a run. `value` is what was compared, None where it is undefined; `why` it is not met."""

    wanted: Threshold
    value: float | None
    why: str = ""

    @property
    def met(self) -> bool:
        """Whether the run reaches it."""
        return not self.why

    def __str__(self) -> str:
        return f"{self.wanted.group} {self.wanted.metric}{f': {self.why}' if self.why else ' is met'}"


def read_thresholds(path: Path, metrics: Collection[str] | None = None) -> tuple[Threshold, ...]:
    """The thresholds of a TOML file, in its order: a table a group, in it `metric = { bound = number }`.

    `metrics` are the names that there are (None: those of the product and of its judge). Raises `EvaluationError`,
    which names the file, the key and what is allowed there.
    """
    try:
        data = tomllib.loads(text_of(path, "--thresholds names a TOML file."))
    except tomllib.TOMLDecodeError as e:
        raise EvaluationError(f"{path} is not TOML: {e}.") from e
    if metrics is None:
        from rag.evaluation.metrics import METRICS

        metrics = (*(m.name for m in METRICS), *JUDGED)
    try:
        found = tuple(_thresholds(data, metrics))
    except ValueError as e:
        raise EvaluationError(f"{path}: {e}") from e
    if not found:
        raise EvaluationError(f"{path} holds no threshold: a gate without one lets everything through.")
    return found


def _thresholds(data: Mapping[str, Any], metrics: Collection[str]) -> Iterator[Threshold]:
    """What a file holds. Raises `ValueError` that names the first key that can't be used."""
    allowed = dict.fromkeys(("all", *KINDS), metrics) | {"speed": SPEED, "run": RUN}
    for group, table in data.items():
        _known("group", group, group, allowed)
        for metric, bounds in _held(f"[{group}]", table, "metrics"):
            key = f"[{group}] {metric}"
            _known("metric", key, metric, allowed[group])
            for bound, limit in _held(key, bounds, "bounds such as { min = 0.9 }"):
                _known("bound", f"{key}.{bound}", bound, PLAIN if group in ("speed", "run") else BOUNDS)
                if not _finite(limit):
                    raise ValueError(f"{key}.{bound} is {limit!r}; it is a finite number.")
                yield Threshold(group, metric, bound, float(limit))


def _known(what: str, key: str, name: str, allowed: Collection[str]) -> None:
    if name not in allowed:
        raise ValueError(f"{key}: there is no {what} {name!r}; there are {', '.join(allowed)}.")


def _held(key: str, value: Any, what: str) -> Collection[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{key} is {'empty' if value == {} else repr(value)}; it holds {what}.")
    return value.items()


def _finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def gate(run: Run, thresholds: Sequence[Threshold]) -> list[Check]:
    """Each threshold held against a run, in their order. What is undefined never meets a threshold.

    Raises `EvaluationError` for a metric of a judge whose agreement with people, as kappa in the run's manifest, is
    unknown or no better than chance: what nobody has held against labels decides nothing.
    """
    for metric in {t.metric for t in thresholds} & {*JUDGED}:
        _trusted(run, metric)
    return [_check(run, t) for t in thresholds]


def table(checks: Sequence[Check]) -> Table:
    """The checks as a table."""
    rows = []
    for c in checks:
        told = Cell("met") if c.met else Cell("not met", c.why)
        rows.append(Row(c.wanted.group, (Cell(c.wanted.metric), Cell(_figure(c.value)), Cell(str(c.wanted)), told)))
    return Table(("group", "metric", "value", "wanted", ""), tuple(rows))


def _trusted(run: Run, metric: str) -> None:
    kappa: Any = run.manifest
    for key in ("judge", "agreement", metric, "kappa"):
        kappa = kappa.get(key) if isinstance(kappa, Mapping) else None
    if _finite(kappa) and kappa > 0:
        return
    unknown, chance = "has no known agreement with labels", "agrees with labels no better than chance"
    found = f"{chance} (kappa {kappa:.2f})" if _finite(kappa) else unknown
    raise EvaluationError(
        f"The run {run.name} can't be gated on {metric}: the judge that graded it {found}. Measure it with labels "
        f"(eval/labels.jsonl), or take {metric} out of the thresholds."
    )


def _check(run: Run, wanted: Threshold) -> Check:
    value, why = _value(run, wanted)
    if value is None:
        return Check(wanted, None, why)
    below = value - wanted.limit if wanted.bound in ("min", "min_low") else wanted.limit - value
    return Check(wanted, value, "" if below >= -TOLERANCE else f"it is {_figure(value)}, and {wanted} is wanted")


def _value(run: Run, wanted: Threshold) -> tuple[float | None, str]:
    """The figure that a threshold is about, and why there is none."""
    group, metric = wanted.group, wanted.metric
    if group == "run":
        return float(sum(s.failed for s in run.scored) if metric == "failed" else len(run.scored)), ""
    if group == "speed":
        taken = run.speed.get(metric)
        return (float(taken), "") if _finite(taken) else (None, f"the run has no {metric}")
    if group != "all" and not any(s.item.kind == group for s in run.scored):
        return None, f"no question of the kind {group} was asked"
    estimate = run.summary.get(group, {}).get(metric)
    if estimate is None:
        return None, run.undefined.get(group, {}).get(metric) or "no question has a value"
    if wanted.bound not in PLAIN and estimate.clusters < DECISIVE:
        return None, f"too few clusters for an interval ({estimate.clusters}, of {DECISIVE} at least)"
    found = {"min_low": estimate.low, "max_high": estimate.high}.get(wanted.bound, estimate.value)
    return (found, "") if math.isfinite(found) else (None, "it is not a number")


def _figure(value: float | None) -> str:
    # A value just below its limit must not be shown as the limit.
    return "undefined" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")
