"""Two runs held against each other, on the questions that both were asked.

The metrics are tested in two families, each with Holm's adjustment of its own. The primary ones come first: they were
chosen before any two runs were compared, and a difference in one of them is a finding. All others are exploratory: they
hang together closely (recall at 5 and at 10, precision and F1 of the same lists), and say why a run is better. In
one family, some twenty of them would hide what the primary ones show. The price is that the chance of a false finding
is held below 5% in each family, not in both together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.core.errors import EvaluationError
from rag.evaluation.items import Item, digest
from rag.evaluation.judging.grades import NAMES as JUDGED
from rag.evaluation.metrics.metric import Metric, Share
from rag.evaluation.outcome import Outcome, outcome
from rag.evaluation.report.about import flat, labels
from rag.evaluation.runs import Run, Scored
from rag.evaluation.significance import ALPHA, UNDEFINED, McNemar, Paired, holm, mcnemar, paired

PRIMARY = ("gold_citation_precision", "citation_recall", "vital_recall", "accuracy")
"""What decides whether a system got better, chosen before any two were compared; the others are exploratory."""
PASSING = ("created", "finished", "sessions", "judge.agreement")
"""What of two manifests always differs, or is a result: no reason why the runs differ."""

Finding = Literal["better", "worse", "unadjusted", "unclear", "borderline", "same", "too few", "neutral"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in both runs.

    `adjusted` is p after Holm's adjustment over the metrics of its family, the primary ones or the exploratory ones;
    None where the metric was not tested, as it has no direction or too few clusters. `mcnemar` is for yes/no metrics.
    `note` is what a reader has to know besides.
    """

    name: str
    better: Literal["higher", "lower"] | None
    paired: Paired
    adjusted: float | None = None
    mcnemar: McNemar | None = None
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
        """What can be said of the second run: "unclear" is a difference that chance may have made, not none.

        "unadjusted" is one that would be more than chance had it been tested alone, and "borderline" one whose interval
        leaves out 0 while p, which heeds how few clusters differ, is not below 5%. "same" means that no draw of the
        questions makes a difference, "neutral" that no value is better than another.
        """
        if self.paired.moved == 0 or self.paired.error == 0 == self.gain:
            return "same"
        if not self.paired.decidable:
            return "too few"
        if self.adjusted is None:
            return "neutral"
        if self.adjusted < ALPHA and self.gain:
            return "better" if self.gain > 0 else "worse"
        if self.paired.p < ALPHA and self.gain:
            return "unadjusted"
        return "borderline" if self.paired.difference.decided else "unclear"


@dataclass(frozen=True, slots=True)
class Change:
    """A question of which something else became in the second run."""

    item: Item
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that was not the same when the runs were made, under its dotted name in the manifests."""

    name: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs, `a` and `b`, have on their `n` common questions in `clusters` clusters of the same papers.

    `only_a`, `only_b` and `altered` are the ids of questions that were left out: asked in one run only, or in both with
    other contents. `left_out` has why metrics could not be compared. `got_better` were wrong and are right in `b`,
    `got_worse` the reverse, `shifted` are wrong in both in another way; `unlike` counts the answers with another text
    or other quotes. `failed` counts the errors of each run.
    """

    a: str
    b: str
    n: int
    clusters: int
    differences: tuple[Difference, ...]
    left_out: Mapping[str, str]
    got_better: tuple[Change, ...]
    got_worse: tuple[Change, ...]
    shifted: tuple[Change, ...]
    unlike: int
    failed: tuple[int, int]
    settings: tuple[Setting, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()

    @property
    def tested(self) -> tuple[Difference, ...]:
        """The differences that have a p after adjustment."""
        return tuple(d for d in self.differences if d.adjusted is not None)

    @property
    def primary(self) -> tuple[Difference, ...]:
        """The family that decides: p is adjusted over these."""
        return tuple(d for d in self.tested if d.primary)

    @property
    def exploratory(self) -> tuple[Difference, ...]:
        """The family of all others that were tested: p is adjusted over these."""
        return tuple(d for d in self.tested if not d.primary)

    @property
    def identical(self) -> bool:
        """Whether every question has the same scores in both, in all that was compared."""
        return bool(self.differences) and all(d.paired.moved == 0 for d in self.differences)

    @property
    def one_sided(self) -> tuple[str, ...]:
        """The metrics that were left out though a run has them; the others have no value in either."""
        return tuple(name for name, why in self.left_out.items() if why != UNDEFINED)


def compare(a: Run, b: Run, metrics: Sequence[Metric] | None = None) -> Comparison:
    """How `b` differs from `a`, on the questions that both were asked with the same contents.

    `metrics` says how to read the scores, and in which order (None: those of the product); scores that it does not have
    are a judge's, or have no direction.

    Raises `EvaluationError` where no question is common.
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
    differences, left_out = _differences(pairs, _readings(metrics), a.manifest.get("judge"), b.manifest.get("judge"))
    changes = [Change(s.item, outcome(s), outcome(t)) for s, t in pairs]
    changes = [c for c in changes if c.before != c.after]
    return Comparison(
        a=name_a,
        b=name_b,
        n=len(pairs),
        clusters=len({s.item.cluster for s, _ in pairs}),
        differences=differences,
        left_out=left_out,
        got_better=tuple(c for c in changes if c.after == "right"),
        got_worse=tuple(c for c in changes if c.before == "right"),
        shifted=tuple(c for c in changes if "right" not in (c.before, c.after)),
        unlike=sum(_said(s) != _said(t) for s, t in pairs),
        failed=(sum(s.failed for s, _ in pairs), sum(t.failed for _, t in pairs)),
        settings=settings(a.manifest, b.manifest),
        only_a=tuple(id for id in in_a if id not in in_b),
        only_b=tuple(id for id in in_b if id not in in_a),
        altered=altered,
    )


def settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Setting, ...]:
    """What differs between two manifests, but for times and results; empty where one of them says nothing."""
    flat_a, flat_b = flat(a), flat(b)
    names = [n for n in dict.fromkeys([*flat_a, *flat_b]) if not any(f"{n}.".startswith(f"{p}.") for p in PASSING)]
    return tuple(
        Setting(n, flat_a.get(n, ""), flat_b.get(n, "")) for n in names if flat_a.get(n, "") != flat_b.get(n, "")
    )


def _readings(metrics: Sequence[Metric] | None) -> dict[str, Metric]:
    if metrics is None:
        from rag.evaluation.metrics import METRICS

        metrics = METRICS
    return {m.name: m for m in metrics}


def _differences(
    pairs: Sequence[tuple[Scored, Scored]], known: Mapping[str, Metric], judge_a: Any, judge_b: Any
) -> tuple[tuple[Difference, ...], dict[str, str]]:
    """The metrics that can be compared, with Holm's adjustment, and why the others can't be."""
    there = dict.fromkeys(n for pair in pairs for s in pair for n in s.scores)
    clusters = [s.item.cluster for s, _ in pairs]
    found: list[Difference] = []
    left_out: dict[str, str] = {}
    for name in [*(n for n in known if n in there), *(n for n in there if n not in known)]:
        first, second = ([s.scores.get(name) for s in side] for side in zip(*pairs, strict=True))
        better: Literal["higher", "lower"] | None = "higher" if name in JUDGED else None
        try:
            _same_judge(name, judge_a, judge_b)
            result = paired(first, second, clusters)
        except ValueError as e:
            left_out[name] = str(e)
            continue
        found.append(
            Difference(
                name,
                known[name].better if name in known else better,
                result,
                mcnemar=_yes_no(known.get(name), first, second, clusters),
                note=_unpaired(first, second),
            )
        )
    return _adjusted(found), left_out


def _adjusted(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """With p adjusted in each family over those that have a direction and enough clusters, whatever p they have."""
    tested = [d for d in found if d.better is not None and d.paired.decidable]
    adjusted: dict[str, float] = {}
    for family in ([d for d in tested if d.primary], [d for d in tested if not d.primary]):
        adjusted |= zip((d.name for d in family), holm([d.paired.p for d in family]), strict=True)
    return tuple(replace(d, adjusted=adjusted.get(d.name)) for d in found)


def _yes_no(
    metric: Metric | None, first: Sequence[Share | None], second: Sequence[Share | None], clusters: Sequence[str]
) -> McNemar | None:
    """McNemar's test, for a yes/no metric whose values are of the same questions in both runs.

    Where an answer decides whether a question counts, as in refusal precision, the questions that count in both are not
    what the metric is about.
    """
    if metric is None or not metric.yes_no or _unpaired(first, second):
        return None
    return mcnemar(first, second, clusters)


def _unpaired(first: Sequence[Share | None], second: Sequence[Share | None]) -> str:
    n = sum((x is None) != (y is None) for x, y in zip(first, second, strict=True))
    return f"{n} question{'' if n == 1 else 's'} with a value in one run only" if n else ""


def _same_judge(name: str, a: Any, b: Any) -> None:
    """Raise `ValueError` for a judge's metric where the judges were not the same: their scores have no common scale."""
    if name not in JUDGED:
        return
    of_a, of_b = ([j.get("model"), j.get("prompts")] if isinstance(j, Mapping) else None for j in (a, b))
    if of_a != of_b:
        raise ValueError("graded by another judge, or with other prompts")


def _said(scored: Scored) -> tuple[object, ...]:
    answer = scored.answer
    return (answer.answer, answer.abstained, [(c.paper_id, c.start, c.end) for c in answer.citations], scored.error)
