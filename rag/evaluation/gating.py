"""Thresholds that a run has to reach, as a check before a change is taken in."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rag.core.errors import EvaluationError
from rag.evaluation.intervals import DECISIVE, Estimate
from rag.evaluation.items import KINDS
from rag.evaluation.judging.grades import NAMES as JUDGED
from rag.evaluation.report.table import Cell, Row, Table
from rag.evaluation.runs import Run

Bound = Literal["min", "max", "min_low", "max_high"]
BOUNDS: tuple[Bound, ...] = get_args(Bound)
"""`min` and `max` hold the value; `min_low` and `max_high` the end of its 95% interval that is worse."""
PLAIN: tuple[Bound, ...] = ("min", "max")
"""Those of figures that have no interval."""
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
    bound: Bound
    limit: float

    def __str__(self) -> str:
        of = {"min": "", "max": "", "min_low": "the interval's low end ", "max_high": "the interval's high end "}
        return f"{of[self.bound]}{'≥' if self.bound in ('min', 'min_low') else '≤'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Check:
    """A threshold held against a run. `value` is what was compared, None where it is undefined; `why` it is not met."""

    group: str
    metric: str
    value: float | None
    bound: Threshold
    met: bool
    why: str = ""

    def __str__(self) -> str:
        return f"{self.group} {self.metric}: {self.why}" if self.why else f"{self.group} {self.metric} is met"


def read_thresholds(path: Path, metrics: Collection[str] | None = None) -> tuple[Threshold, ...]:
    """The thresholds of a TOML file, in its order: a table a group, in it `metric = { bound = number }`.

    `metrics` are the names that there are (None: those of the product and of its judge). Raises `EvaluationError`,
    which names the file, the key and what is allowed there.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as e:
        raise EvaluationError(f"{path}: {e.strerror}. --thresholds names a TOML file.") from e
    except UnicodeDecodeError as e:
        raise EvaluationError(f"{path} is not UTF-8 (byte {e.start + 1}).") from e
    except tomllib.TOMLDecodeError as e:
        raise EvaluationError(f"{path} is not TOML: {e}.") from e
    if metrics is None:
        from rag.evaluation.metrics import METRICS

        metrics = (*(m.name for m in METRICS), *JUDGED)
    allowed = dict.fromkeys(("all", *KINDS), tuple(metrics)) | {"speed": SPEED, "run": RUN}
    found = []
    for group, table in data.items():
        _known(path, "group", group, group, allowed)
        for metric, bounds in _table(path, f"[{group}]", table, "metrics").items():
            key = f"[{group}] {metric}"
            _known(path, "metric", key, metric, allowed[group])
            for name, limit in _table(path, key, bounds, "bounds such as { min = 0.9 }").items():
                here = PLAIN if group in ("speed", "run") else BOUNDS
                _known(path, "bound", f"{key}.{name}", name, here)
                bound = next(b for b in here if b == name)
                found.append(Threshold(group, metric, bound, _number(path, f"{key}.{name}", limit)))
    if not found:
        raise EvaluationError(f"{path} holds no threshold: a gate without one lets everything through.")
    return tuple(found)


def gate(run: Run, thresholds: Sequence[Threshold]) -> list[Check]:
    """Each threshold held against a run, in their order. What is undefined never meets a threshold.

    Raises `EvaluationError` for a metric of a judge whose agreement with people, as kappa in the run's manifest, is
    unknown or no better than chance: what nobody has held against labels decides nothing.
    """
    for threshold in thresholds:
        if threshold.metric in JUDGED:
            _trusted(run, threshold.metric)
    return [_check(run, t) for t in thresholds]


def table(checks: Sequence[Check]) -> Table:
    """The checks as a table."""
    rows = []
    for c in checks:
        told = ("met", "") if c.met else ("not met", c.why)
        rows.append(Row(c.group, (Cell(c.metric), Cell(_figure(c.value)), Cell(str(c.bound)), Cell(told[0], told[1]))))
    return Table(("group", "metric", "value", "wanted", ""), tuple(rows))


def _known(path: Path, what: str, key: str, name: str, allowed: Collection[str]) -> None:
    if name not in allowed:
        raise EvaluationError(f"{path}: {key}: there is no {what} {name!r}; there are {', '.join(allowed)}.")


def _table(path: Path, key: str, value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise EvaluationError(f"{path}: {key} is {'empty' if value == {} else repr(value)}; it holds {what}.")
    return value


def _number(path: Path, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise EvaluationError(f"{path}: {key} is {value!r}; it is a finite number.")
    return float(value)


def _trusted(run: Run, metric: str) -> None:
    judge = run.manifest.get("judge")
    agreement = judge.get("agreement") if isinstance(judge, Mapping) else None
    of_metric = agreement.get(metric) if isinstance(agreement, Mapping) else None
    kappa = of_metric.get("kappa") if isinstance(of_metric, Mapping) else None
    if isinstance(kappa, bool) or not isinstance(kappa, int | float) or not math.isfinite(kappa):
        found = "has no known agreement with labels"
    elif kappa <= 0:
        found = f"agrees with labels no better than chance (kappa {kappa:.2f})"
    else:
        return
    raise EvaluationError(
        f"The run {run.name} can't be gated on {metric}: the judge that graded it {found}. Measure it with labels "
        f"(eval/labels.jsonl), or take {metric} out of the thresholds."
    )


def _check(run: Run, threshold: Threshold) -> Check:
    value, why = _value(run, threshold)
    if value is None:
        return Check(threshold.group, threshold.metric, None, threshold, False, why)
    if threshold.bound in ("min", "min_low"):
        met = value >= threshold.limit - TOLERANCE
    else:
        met = value <= threshold.limit + TOLERANCE
    why = "" if met else f"it is {_figure(value)}, and {threshold} is wanted"
    return Check(threshold.group, threshold.metric, value, threshold, met, why)


def _value(run: Run, threshold: Threshold) -> tuple[float | None, str]:
    """The figure that a threshold is about, and why there is none."""
    group, metric = threshold.group, threshold.metric
    if group == "run":
        return float(sum(s.failed for s in run.scored) if metric == "failed" else len(run.scored)), ""
    if group == "speed":
        taken = run.speed.get(metric)
        if isinstance(taken, int | float) and not isinstance(taken, bool) and math.isfinite(taken):
            return float(taken), ""
        return None, f"the run has no {metric}"
    if group != "all" and not any(s.item.kind == group for s in run.scored):
        return None, f"no question of the kind {group} was asked"
    estimate = run.summary.get(group, {}).get(metric)
    if estimate is None:
        return None, run.undefined.get(group, {}).get(metric) or "no question has a value"
    return _end(estimate, threshold.bound)


def _end(estimate: Estimate, bound: Bound) -> tuple[float | None, str]:
    found = {"min": estimate.value, "max": estimate.value, "min_low": estimate.low, "max_high": estimate.high}[bound]
    if bound not in PLAIN and estimate.clusters < DECISIVE:
        return None, f"too few clusters for an interval ({estimate.clusters}, of {DECISIVE} at least)"
    return (found, "") if math.isfinite(found) else (None, "it is not a number")


def _figure(value: float | None) -> str:
    if value is None:
        return "undefined"
    # A value just below its limit must not be shown as the limit.
    return f"{value:,.4f}".rstrip("0").rstrip(".")
