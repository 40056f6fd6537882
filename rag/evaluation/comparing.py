"""Two runs held against each other, on the questions that both were asked: one table, and one sentence.

The metrics are tested in two families, each with Holm's adjustment of its own. The primary ones were chosen before any
two runs were compared, and a difference in one of them is a finding. All others are exploratory: they say why a run is
better. The chance of a false finding is below 5% in each family, not in both together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.core.errors import EvaluationError
from rag.evaluation.intervals import DECISIVE
from rag.evaluation.items import Item, digest
from rag.evaluation.judging.grades import NAMES as JUDGED
from rag.evaluation.metrics.metric import Metric
from rag.evaluation.outcome import WORDS, Outcome, outcome
from rag.evaluation.runs import Run, Scored
from rag.evaluation.significance import ALPHA, Paired, holm, mcnemar, paired
from rag.evaluation.table import UNDEFINED, Cell, Row, Table, figure, flat, labels

PRIMARY = ("gold_citation_precision", "citation_recall", "vital_recall", "accuracy")
"""What decides whether a system got better, chosen before any two were compared; the others are exploratory."""
PASSING = ("created", "finished", "sessions", "judge.agreement")
"""What of two manifests always differs, or is a result: no reason why the runs differ."""
LEGEND = (
    "A is {a}, B is {b}. Metrics with * are primary, and decide; the others are exploratory; with ↓ lower is better. "
    "Intervals: 10,000 paired bootstrap resamples of whole clusters of questions about the same papers. Holm p is over "
    "the {primary} primary, and by itself over the {exploratory} exploratory. McNemar: yes in A only : in B only, and "
    "its exact p, which takes questions as independent."
)

Finding = Literal["better", "worse", "unadjusted", "unclear", "same", "too few", "neutral"]
FINDINGS: Mapping[Finding, str] = {
    "better": "B is better",
    "worse": "B is worse",
    "unadjusted": "not after adjustment",
    "unclear": "may be chance",
    "same": "same here",
    "too few": "too few to decide",
    "neutral": "has no direction",
}
"""What readers are told. "unclear" is a difference that chance may have made, not none; "unadjusted" would be more than
chance had it been tested alone; of "same" no draw of the questions makes a difference."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in both runs. `adjusted` is p after Holm's adjustment; None where the metric was not tested, as it has
    no direction or too few clusters. `mcnemar` is for yes/no metrics; `note` is what a reader has to know besides."""

    name: str
    better: Literal["higher", "lower"] | None
    paired: Paired
    adjusted: float | None = None
    mcnemar: tuple[int, int, float] | None = None
    note: str = ""

    @property
    def primary(self) -> bool:
        """Whether it is one of those that decide."""
        return self.name in PRIMARY

    @property
    def gain(self) -> float:
        """How much better the second run is; below 0 where it is worse."""
        return -self.paired.difference.value if self.better == "lower" else self.paired.difference.value

    @property
    def finding(self) -> Finding:
        """What can be said of the second run."""
        if self.paired.moved == 0 or self.paired.error == 0 == self.gain:
            return "same"
        if not self.paired.decidable:
            return "too few"
        if self.adjusted is None:
            return "neutral"
        if self.adjusted < ALPHA and self.gain:
            return "better" if self.gain > 0 else "worse"
        return "unadjusted" if self.paired.p < ALPHA and self.gain else "unclear"


@dataclass(frozen=True, slots=True)
class Change:
    """A question of which something else became in the second run."""

    item: Item
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs, `a` and `b`, have on their `n` common questions in `clusters` clusters of the same papers.

    `left_out` has why metrics could not be compared; `settings` what differs between the manifests, by its name;
    `apart` which questions are not compared, by the reason; `unlike` counts the answers with another text or other
    quotes, `failed` the errors of each run.
    """

    a: str
    b: str
    n: int
    clusters: int
    differences: tuple[Difference, ...]
    left_out: Mapping[str, str]
    changes: tuple[Change, ...]
    settings: Mapping[str, tuple[str, str]]
    apart: Mapping[str, tuple[str, ...]]
    unlike: int
    failed: tuple[int, int]

    def found(self, finding: Finding, *, primary: bool) -> list[Difference]:
        """The metrics of a family of which this was found, those that are surest first."""
        of = [d for d in self.differences if d.finding == finding and d.primary == primary]
        return sorted(of, key=lambda d: d.paired.p)

    @property
    def tested(self) -> tuple[Difference, ...]:
        """The differences that have a p after adjustment."""
        return tuple(d for d in self.differences if d.adjusted is not None)

    @property
    def identical(self) -> bool:
        """Whether every question has the same scores in both, in all that was compared."""
        return bool(self.differences) and all(d.paired.moved == 0 for d in self.differences)


def compare(a: Run, b: Run, metrics: Sequence[Metric] | None = None) -> Comparison:
    """How `b` differs from `a`, on the questions that both were asked with the same contents.

    `metrics` says how to read the scores, and in which order (None: those of the product); scores that it does not have
    are a judge's, or have no direction. Raises `EvaluationError` where no question is common.
    """
    name_a, name_b = labels([a, b])
    in_a, in_b = ({s.item.id: s for s in run.scored} for run in (a, b))
    shared = [id for id in in_a if id in in_b]
    same = [id for id in shared if digest([in_a[id].item]) == digest([in_b[id].item])]
    altered = tuple(id for id in shared if id not in set(same))
    if not same:
        raise EvaluationError(
            f"The runs {name_a} and {name_b} have 0 questions in common (of {len(in_a)} and {len(in_b)}; "
            f"{len(altered)} have the same id and other contents): run both over the same --questions and --split."
        )
    pairs = [(in_a[id], in_b[id]) for id in same]
    differences, left_out = _differences(pairs, metrics, _judge(a) == _judge(b))
    changes = [Change(s.item, outcome(s), outcome(t)) for s, t in pairs]
    apart = {f"only in {name_a}": (*(id for id in in_a if id not in in_b),)}
    apart |= {f"only in {name_b}": (*(id for id in in_b if id not in in_a),), "with other contents": altered}
    return Comparison(
        a=name_a,
        b=name_b,
        n=len(pairs),
        clusters=len({s.item.cluster for s, _ in pairs}),
        differences=differences,
        left_out=left_out,
        changes=tuple(c for c in changes if c.before != c.after),
        settings=_settings(a.manifest, b.manifest),
        apart={why: ids for why, ids in apart.items() if ids},
        unlike=sum(_said(s) != _said(t) for s, t in pairs),
        failed=(sum(s.failed for s, _ in pairs), sum(t.failed for _, t in pairs)),
    )


def verdict(c: Comparison) -> str:
    """One sentence, which claims no more than the tests do: what is not significant is never called none."""
    over = f"on {c.n:,} questions in {c.clusters:,} clusters"
    better, worse = (_list(c.found(f, primary=True)) for f in ("better", "worse"))
    others = [f"{f} in {_names(c.found(f, primary=False))}" for f in ("better", "worse") if c.found(f, primary=False)]
    rest = f"; exploratory: {', '.join(others)}" if others else ""
    if not c.differences:
        return f"Nothing can be said: {c.a} and {c.b} have no metric in common."
    if c.identical:
        return f"No difference was shown: every score is the same {over}, and {c.unlike:,} answers differ."
    if not any(d.better for d in c.differences):
        return "Nothing was tested: no metric that both have has a better and a worse."
    if not c.tested:
        return f"Too few questions to decide: at least {DECISIVE} clusters are needed {over}."
    if better and worse:
        return f"Mixed: {c.b} is better than {c.a} in {better}, and worse in {worse}{rest}, {over}."
    if better or worse:
        return f"{c.b} is {'better' if better else 'worse'} than {c.a} in {better or worse}{rest}, {over}."
    seen = [d for d in c.tested if d.paired.error > 0]
    least = min([d for d in seen if d.primary] or seen, key=lambda d: d.paired.visible, default=None)
    missed = f"; one below about ±{figure(least.paired.visible)} in {_name(least)} would be missed" if least else ""
    return (
        f"No difference was shown in the primary metrics{rest}, {over}, which is not to say that there is none{missed}."
    )


def tables(c: Comparison) -> dict[str, Table]:
    """By their titles: every metric in both, the settings that differ, and the questions of which something else
    became; those without a row are left out."""
    settings = tuple(Row(n, tuple(Cell(v or UNDEFINED) for v in pair)) for n, pair in c.settings.items())
    said = f"{c.unlike:,} of {c.n:,} answers differ in their text or their quotes."
    found = {
        "Differences": _figures(c),
        "What was changed": Table(("", c.a, c.b), settings, words=True),
        "Questions that changed": Table(("id", "question", c.a, c.b), tuple(_changed(c.changes)), said, words=True),
    }
    return {title: table for title, table in found.items() if table.rows}


def _figures(c: Comparison) -> Table:
    rows = tuple(_row(d) for d in sorted(c.differences, key=lambda d: not d.primary))
    tested = sum(d.primary for d in c.tested)
    notes = [LEGEND.format(a=c.a, b=c.b, primary=tested, exploratory=len(c.tested) - tested)]
    notes += [f"{d.name}: {d.note}." for d in c.differences if d.note]
    notes += [f"{name} is not compared: {why}." for name, why in c.left_out.items()]
    notes += [f"Not compared, {why} ({len(ids)}): {', '.join(ids)}." for why, ids in c.apart.items()]
    if any(c.failed):
        notes.append(f"A failed on {c.failed[0]} of the questions and B on {c.failed[1]}: errors count as bad answers.")
    head = ("metric", "n", "A", "B", "B − A", "95% interval", "Holm p", "McNemar", "finding")
    return Table(head, rows, " ".join(notes))


def _row(d: Difference) -> Row:
    e, p = d.paired.difference, d.mcnemar
    interval = "all alike" if e.unanimous else f"{_signed(e.low)} to {_signed(e.high)}"
    cells = [f"{e.n:,}", figure(d.paired.first), figure(d.paired.second), _signed(e.value), interval]
    cells += [UNDEFINED if d.adjusted is None else _p(d.adjusted), f"{p[0]}:{p[1]}, {_p(p[2])}" if p else ""]
    name = f"{d.name}{' *' if d.primary else ''}{' ↓' if d.better == 'lower' else ''}"
    return Row(name, tuple(Cell(cell) for cell in (*cells, FINDINGS[d.finding])))


def _changed(changes: Sequence[Change]) -> Iterator[Row]:
    won, lost = [c for c in changes if c.after == "right"], [c for c in changes if c.before == "right"]
    shifted = [c for c in changes if "right" not in (c.before, c.after)]
    for title, some in (("Won", won), ("Lost", lost), ("Wrong in another way", shifted)):
        if some:
            yield Row(f"{title} ({len(some):,})")
        for c in some:
            yield Row(c.item.id, (Cell(c.item.question), Cell(WORDS[c.before]), Cell(WORDS[c.after])))


def _differences(
    pairs: Sequence[tuple[Scored, Scored]], metrics: Sequence[Metric] | None, same_judge: bool
) -> tuple[tuple[Difference, ...], dict[str, str]]:
    """The metrics that can be compared, with Holm's adjustment, and why the others can't be."""
    from rag.evaluation.metrics import METRICS

    known = {m.name: m for m in METRICS if metrics is None} | {m.name: m for m in metrics or ()}
    there = dict.fromkeys(n for pair in pairs for s in pair for n in s.scores)
    clusters = [s.item.cluster for s, _ in pairs]
    found: list[Difference] = []
    left_out: dict[str, str] = {}
    for name in [*(n for n in known if n in there), *(n for n in there if n not in known)]:
        first, second = ([s.scores.get(name) for s in side] for side in zip(*pairs, strict=True))
        metric, n = known.get(name), sum((x is None) != (y is None) for x, y in zip(first, second, strict=True))
        better = metric.better if metric else "higher" if name in JUDGED else None
        if name in JUDGED and not same_judge:
            left_out[name] = "graded by another judge, or with other prompts"
            continue
        try:
            result = paired(first, second, clusters)
        except ValueError as e:
            left_out[name] = str(e)
            continue
        # Where an answer decides whether a question counts, the questions that count in both are not the metric's.
        tested = mcnemar(first, second) if metric and metric.yes_no and not n else None
        note = f"{n} question{'' if n == 1 else 's'} with a value in one run only" if n else ""
        found.append(Difference(name, better, result, mcnemar=tested, note=note))
    return _adjusted(found), left_out


def _adjusted(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """With p adjusted in each family over those that have a direction and enough clusters, whatever p they have."""
    adjusted: dict[str, float] = {}
    for primary in (True, False):
        family = [d for d in found if d.better is not None and d.paired.decidable and d.primary == primary]
        adjusted |= zip((d.name for d in family), holm([d.paired.p for d in family]), strict=True)
    return tuple(replace(d, adjusted=adjusted.get(d.name)) for d in found)


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What differs between two manifests, but for times and results."""
    flat_a, flat_b = flat(a), flat(b)
    names = [n for n in dict.fromkeys([*flat_a, *flat_b]) if not any(f"{n}.".startswith(f"{p}.") for p in PASSING)]
    pairs = {n: (flat_a.get(n, ""), flat_b.get(n, "")) for n in names}
    return {n: pair for n, pair in pairs.items() if pair[0] != pair[1]}


def _judge(run: Run) -> Any:
    """What grades depend on: those of two judges have no common scale."""
    judge = run.manifest.get("judge")
    return [judge.get("model"), judge.get("prompts")] if isinstance(judge, Mapping) else None


def _said(scored: Scored) -> tuple[object, ...]:
    answer = scored.answer
    return (answer.answer, answer.abstained, [(c.paper_id, c.start, c.end) for c in answer.citations], scored.error)


def _list(found: Sequence[Difference]) -> str:
    """Metrics with how large, between what, and how likely by chance: as sizes, so that worse by .06 is .06."""
    return "; ".join(f"{_name(d)} by {_size(d)} (Holm p {_p(d.adjusted or 0.0)})" for d in found)


def _size(d: Difference) -> str:
    e = d.paired.difference
    low, high = (e.low, e.high) if e.value >= 0 else (-e.high, -e.low)
    return figure(abs(e.value)) + (" in every cluster alike" if e.unanimous else f" [{figure(low)}, {figure(high)}]")


def _names(found: Sequence[Difference]) -> str:
    return ", ".join(map(_name, found)) if len(found) < 3 else f"{len(found)} metrics"


def _name(d: Difference) -> str:
    return d.name.replace("_", " ") + (" (lower is better)" if d.better == "lower" else "")


def _signed(value: float) -> str:
    return f"+{figure(value)}" if value > 0 else figure(value)


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{figure(value)}"
