"""The figures of runs as tables: metrics, kinds, abstention, where answers were lost, and speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rag.evaluation.items import KINDS
from rag.evaluation.outcome import OUTCOMES, WORDS, Outcome, outcome
from rag.evaluation.report.about import flat, labels
from rag.evaluation.report.meanings import MEANINGS
from rag.evaluation.report.table import UNDEFINED, Cell, Row, Table, count, estimate
from rag.evaluation.runs import Run

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Retrieval": ("recall@5", "recall@10", "mrr", "ndcg@10"),
    "Citations against gold": ("gold_citation_recall", "gold_citation_precision", "span_recall", "span_precision"),
    "Citations against claims": ("citation_recall", "citation_precision", "quote_exactness"),
    "Content": ("vital_recall", "nugget_recall", "all_vital", "number_exactness"),
    "Lists": ("list_precision", "list_recall", "list_f1", "count_exact"),
    "Comparisons": ("missing_named", "balance"),
    "Overviews": ("overview_recall",),
    "Abstention": ("accuracy", "answer_precision", "coverage", "hedged", "lost", "refusal_precision", "refusal_recall"),
    "Length": ("words",),
    "By a model": ("faithfulness", "correctness", "helpfulness"),
}
"""The metrics in the order of tables; others come last."""
MAIN = ("recall@10", "gold_citation_recall", "gold_citation_precision", "all_vital", "list_f1", "accuracy")
"""What is shown by kind, and over the ratio of distractors."""
UNMEASURED = "not measured in this run"
INTERVALS = (
    "95% intervals: percentiles of 10,000 bootstrap resamples, widened for few clusters. A cluster, which is drawn "
    "whole, is the questions with the same set of gold papers; lists and comparisons share papers with other clusters, "
    "which makes intervals somewhat too narrow. Where all k clusters agree, the end is the exact bound: of other "
    "clusters up to 1 − .05^(1/k), or about 3/k, may be unlike them."
)
MIX = (
    "All questions together weigh each kind by how many of it were asked: figures of another mix of kinds (--kind, "
    "--limit, another split) are to be compared kind by kind."
)


def value(run: Run, group: str, metric: str) -> Cell:
    """A metric of a group of a run; where it is undefined, why."""
    why = run.undefined.get(group, {}).get(metric) or UNMEASURED
    return estimate(run.summary.get(group, {}).get(metric), why)


def results(runs: Sequence[Run]) -> Table:
    """Every metric over all questions, a run a column."""
    named = {m for names in SECTIONS.values() for m in names}
    there = {m for r in runs for m in r.summary.get("all", {})}
    rows: list[Row] = []
    for section, metrics in {**SECTIONS, "Others": tuple(sorted(there - named))}.items():
        shown = [m for m in metrics if m in there]
        if shown:
            rows.append(Row(section))
            rows += [Row(m, (Cell(_n(runs, m)), *(value(r, "all", m) for r in runs))) for m in shown]
    return Table(
        ("metric", "n", *labels(runs)), tuple(rows), f"{MIX} n: the questions where it is defined. {INTERVALS}"
    )


def meanings(runs: Sequence[Run]) -> tuple[tuple[str, str], ...]:
    """Each metric that a run has, and what it is, in the order of tables."""
    there = {m for r in runs for m in r.summary.get("all", {})}
    return tuple((name, meaning) for name, meaning in MEANINGS.items() if name in there)


def kinds(runs: Sequence[Run]) -> tuple[str, ...]:
    """The kinds of question that were asked, in the order of tables."""
    asked = {s.item.kind for r in runs for s in r.scored}
    return tuple(k for k in KINDS if k in asked)


def by_kind(runs: Sequence[Run]) -> Table:
    """The main metrics of each kind; with several runs, a row for each."""
    rows: list[Row] = []
    for kind in ("all", *kinds(runs)):
        if len(runs) > 1:
            rows.append(Row(kind))
        for run, label in zip(runs, labels(runs), strict=True):
            n = len(run.scored) if kind == "all" else sum(s.item.kind == kind for s in run.scored)
            cells = (Cell(count(n)), *(value(run, kind, m) for m in MAIN))
            rows.append(Row(label if len(runs) > 1 else kind, cells))
    return Table(("kind", "n", *MAIN), tuple(rows))


def abstention(runs: Sequence[Run]) -> Table:
    """Answered and refused, of what can be answered and of what can't, and the metrics that follow from it."""
    rows = []
    for run, label in zip(runs, labels(runs), strict=True):
        found = Counter((s.item.answerable, s.answer.abstained) for s in run.scored if not s.failed)
        pairs = ((True, False), (True, True), (False, True), (False, False))
        cells = (*(Cell(count(found[pair])) for pair in pairs), *(value(run, "all", m) for m in SECTIONS["Abstention"]))
        rows.append(Row(label, cells))
    heads = ("answerable, answered", "answerable, refused", "unanswerable, refused", "unanswerable, answered")
    remark = "Read them together: whoever refuses everything has perfect refusal recall, and no coverage."
    return Table(("run", *heads, *SECTIONS["Abstention"]), tuple(rows), remark)


def outcomes(run: Run) -> dict[str, Counter[Outcome]]:
    """How often each outcome, by kind, with "all" last."""
    found: dict[str, Counter[Outcome]] = {k: Counter() for k in kinds([run])}
    for scored in run.scored:
        found[scored.item.kind][outcome(scored)] += 1
    return {**found, "all": sum(found.values(), Counter())}


def lost(runs: Sequence[Run]) -> Table:
    """What became of the questions of each kind; outcomes that no run has are left out."""
    every = {label: outcomes(run) for run, label in zip(runs, labels(runs), strict=True)}
    there = [o for o in OUTCOMES if any(found["all"][o] for found in every.values())]
    rows: list[Row] = []
    for kind in (*kinds(runs), "all"):
        if len(runs) > 1:
            rows.append(Row(kind))
        for label, found in every.items():
            counts = found.get(kind, Counter())
            cells = (Cell(count(counts.total())), *(Cell(count(counts[o]) if counts[o] else "·") for o in there))
            rows.append(Row(label if len(runs) > 1 else kind, cells))
    return Table(("kind", "n", *(WORDS[o] for o in there)), tuple(rows), _LOST)


_LOST = (
    "Not retrieved: a gold paper is neither among the first ten nor cited, so retrieval lost it; what stands to the "
    "left of it was lost in answering. Each question counts once, under the first that went wrong."
)


def milliseconds(run: Run) -> list[float]:
    """How long each answer took, in milliseconds, shortest first; without those that took their reply from a cache."""
    times = (s.answer.timings_ms.get("total", 0.0) for s in run.scored if not (s.failed or s.answer.replayed))
    return sorted(t for t in times if t > 0)


def speed(runs: Sequence[Run]) -> Table:
    """Latency, tokens and cost of each run: as it was recorded, and else from its answers."""
    rows = []
    for run, label in zip(runs, labels(runs), strict=True):
        recorded, times = _numbers(run.speed), milliseconds(run)
        prompt, completion = (
            (
                sum(t)
                for t in zip(*((s.answer.prompt_tokens, s.answer.completion_tokens) for s in run.scored), strict=True)
            )
            if run.scored
            else (0, 0)
        )
        cells = (
            Cell(_ms(recorded.get("p50", _quantile(times, 0.5)))),
            Cell(_ms(recorded.get("p95", _quantile(times, 0.95)))),
            Cell(count(recorded.get("prompt_tokens", prompt))),
            Cell(count(recorded.get("completion_tokens", completion))),
            Cell(_cost(recorded.get("cost"))),
        )
        rows.append(Row(label, cells))
    return Table(("run", "p50, ms", "p95, ms", "prompt tokens", "completion tokens", "cost"), tuple(rows))


def _numbers(speed: Mapping[str, Any]) -> dict[str, float]:
    """The figures of speed.json by what they are, however deep they stand there."""
    found: dict[str, float] = {}
    for key, text in flat(speed).items():
        for name in ("p50", "p95", "prompt_tokens", "completion_tokens", "cost"):
            if name in key and "first" not in key and name not in found:
                try:
                    found[name] = float(text)
                except ValueError:
                    continue
    return found


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(np.asarray(values), share)) if values else None


def _ms(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _cost(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def _n(runs: Iterable[Run], metric: str) -> str:
    """Over how many questions a metric is taken, over the runs."""
    found = {e.n for r in runs if (e := r.summary.get("all", {}).get(metric)) is not None}
    if not found:
        return "0"
    low, high = min(found), max(found)
    return count(low) if low == high else f"{count(low)}–{count(high)}"
