"""The figures of runs as tables: what was run, metrics, kinds, abstention, where answers were lost, and speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rag.evaluation.items import KINDS
from rag.evaluation.outcome import OUTCOMES, WORDS, Outcome, outcome
from rag.evaluation.runs import Run
from rag.evaluation.table import UNDEFINED, Cell, Row, Table, count, estimate, flat, labels

FACTS: Mapping[str, tuple[str, ...]] = {
    "system": ("system",),
    "model": ("model",),
    "judge": ("judge.model",),
    "split": ("split",),
    "kinds": ("kinds",),
    "questions": ("questions",),
    "hash of the questions": ("set",),
    "collection": ("collection",),
    "papers": ("papers",),
    "index": ("index",),
    "distractors for each paper": ("distractors.ratio",),
    "code": ("code",),
    "revision": ("revision.git",),
    "uncommitted changes": ("revision.dirty",),
    "version": ("versions.paper-rag",),
    "machine": ("machine.processor",),
    "cores": ("machine.cores",),
    "Python": ("machine.python",),
    "began": ("created",),
}
"""What readers want to know first, and where it stands in a manifest."""
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
"""What is shown by kind."""
REMARK = (
    "All questions together weigh each kind by how many of it were asked: figures of another mix of kinds (--kind, "
    "--limit, another split) are to be compared kind by kind. n: the questions where it is defined. 95% intervals: "
    "percentiles of 10,000 bootstrap resamples, widened for few clusters. A cluster, which is drawn whole, is the "
    "questions with the same set of gold papers; lists and comparisons share papers with other clusters, which makes "
    "intervals somewhat too narrow. Where all k clusters agree, the end is the exact bound: of other clusters up to "
    "1 − .05^(1/k), or about 3/k, may be unlike them."
)
LOST = (
    "Not retrieved: a gold paper is neither among the first ten nor cited, so retrieval lost it; what stands to the "
    "left of it was lost in answering. Each question counts once, under the first that went wrong."
)


def sentence(run: Run) -> str:
    """How many questions came out right, and what became of the others, most of them first."""
    found = Counter(outcome(s) for s in run.scored)
    right, n = found["right"], len(run.scored)
    others = sorted(((found[o], WORDS[o]) for o in OUTCOMES[1:] if found[o]), key=lambda pair: -pair[0])
    share = f" ({right / n:.0%})" if n else ""
    rest = f" The others: {'; '.join(f'{k:,} {words}' for k, words in others)}." if others else ""
    return f"{right:,} of {n:,} question{'' if n == 1 else 's'} right{share}.{rest}"


def manifests(runs: Sequence[Run]) -> Table:
    """What readers want to know first; facts that no run states are left out."""
    values = [flat(r.manifest) for r in runs]
    facts = {fact: [next((v[k] for k in keys if k in v), "") for v in values] for fact, keys in FACTS.items()}
    rows = tuple(
        Row(f, tuple(Cell(_short(f, v) or UNDEFINED) for v in found)) for f, found in facts.items() if any(found)
    )
    return Table(("", *labels(runs)), rows, words=True)


def everything(runs: Sequence[Run], part: str = "") -> Table:
    """All that the manifests say, or what they say of one `part`, under dotted names."""
    values = [flat(r.manifest) for r in runs]
    keys = [k for k in dict.fromkeys(k for v in values for k in v) if not part or k.split(".")[0] == part]
    rows = tuple(Row(k.removeprefix(f"{part}."), tuple(Cell(v.get(k, UNDEFINED)) for v in values)) for k in keys)
    return Table(("", *labels(runs)), rows, words=True)


def value(run: Run, group: str, metric: str) -> Cell:
    """A metric of a group of a run; where it is undefined, why."""
    why = run.undefined.get(group, {}).get(metric) or "not measured in this run"
    return estimate(run.summary.get(group, {}).get(metric), why)


def results(runs: Sequence[Run]) -> Table:
    """Every metric over all questions, a run a column."""
    named = {m for names in SECTIONS.values() for m in names}
    there = {m for r in runs for m in r.summary.get("all", {})}
    rows: list[Row] = []
    for section, metrics in {**SECTIONS, "Others": tuple(sorted(there - named))}.items():
        shown = [m for m in metrics if m in there]
        rows += [Row(section)] if shown else []
        rows += [Row(m, (Cell(_n(runs, m)), *(value(r, "all", m) for r in runs))) for m in shown]
    return Table(("metric", "n", *labels(runs)), tuple(rows), REMARK)


def kinds(runs: Sequence[Run]) -> tuple[str, ...]:
    """The kinds of question that were asked, in the order of tables."""
    asked = {s.item.kind for r in runs for s in r.scored}
    return tuple(k for k in KINDS if k in asked)


def by_kind(runs: Sequence[Run]) -> Table:
    """The main metrics of each kind; with several runs, a row for each."""
    rows: list[Row] = []
    for kind in ("all", *kinds(runs)):
        rows += [Row(kind)] if len(runs) > 1 else []
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
        rows += [Row(kind)] if len(runs) > 1 else []
        for label, found in every.items():
            counts = found.get(kind, Counter())
            cells = (Cell(count(counts.total())), *(Cell(count(counts[o]) if counts[o] else "·") for o in there))
            rows.append(Row(label if len(runs) > 1 else kind, cells))
    return Table(("kind", "n", *(WORDS[o] for o in there)), tuple(rows), LOST)


def speed(runs: Sequence[Run]) -> Table:
    """Latency, tokens and cost of each run, as it was recorded."""
    rows = []
    for run, label in zip(runs, labels(runs), strict=True):
        times, cost = [_number(run.speed.get(k)) for k in ("p50_ms", "p95_ms")], _number(run.speed.get("cost"))
        cells = [UNDEFINED if t is None else f"{t:,.1f}" if t < 100 else f"{t:,.0f}" for t in times]
        cells += [count(_number(run.speed.get(k))) for k in ("prompt_tokens", "completion_tokens")]
        cells += [UNDEFINED if cost is None else f"{cost:,.4f}".rstrip("0").rstrip(".")]
        rows.append(Row(label, tuple(map(Cell, cells))))
    return Table(("run", "p50, ms", "p95, ms", "prompt tokens", "completion tokens", "cost"), tuple(rows))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _n(runs: Sequence[Run], metric: str) -> str:
    """Over how many questions a metric is taken, over the runs."""
    found = {e.n for r in runs if (e := r.summary.get("all", {}).get(metric)) is not None} or {0}
    return "–".join(dict.fromkeys((count(min(found)), count(max(found)))))


def _short(fact: str, value: str) -> str:
    """Hashes by their first twelve digits, as people compare them; the whole stands in the manifest."""
    return value[:12] if fact in ("hash of the questions", "index", "revision") and len(value) >= 32 else value
