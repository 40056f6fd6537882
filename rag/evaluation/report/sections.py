"""The parts of a report, in their order: each has a table, plots, or both, whoever shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.core.errors import EvaluationError
from rag.evaluation import comparing
from rag.evaluation.intervals import Estimate
from rag.evaluation.outcome import OUTCOMES, WORDS
from rag.evaluation.report import figures
from rag.evaluation.report.meanings import MEANINGS
from rag.evaluation.risk import AT, Calibration, Risk, calibration, of_run
from rag.evaluation.runs import Run
from rag.evaluation.table import UNDEFINED, Cell, Row, Table, estimate, figure, labels

CALIBRATION = (
    "The confidence of an answer is the estimated probability that the collection answers the question; on the dashed "
    "line it is what it says. Intervals are Wilson's."
)
RISK = (
    "Of the answers that are surest, the share that is not right, over how many are given. An answer counts as right "
    "or wrong by what it shows, whatever its state; the area under the curve is better lower."
)
CURVE = (
    "Best order: the area where the same answers stand in the best order. Told apart: the probability that an "
    "answerable question has a higher confidence than an unanswerable one. Risk at: of that share of the questions."
)


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot that a template draws: its kind, its caption, and what it says to who does not see it.

    Of "intervals" `groups` are the lines, and `series` has the values of each run; of "bars" `rows` are the kinds, with
    (number of the outcome, how many); of "curves" `lines` are points between 0 and 1, one a run from the `first` on,
    and `ends` the intervals of the points of the one line.
    """

    kind: Literal["intervals", "bars", "curves"]
    caption: str
    said: str
    groups: Sequence[str] = ()
    series: Sequence[Sequence[Estimate | None]] = ()
    rows: Sequence[tuple[str, Sequence[tuple[int, int]]]] = ()
    axes: tuple[str, str] = ("", "")
    lines: Sequence[Sequence[Point]] = ()
    ends: Sequence[Point] = ()
    first: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report: what is said above, plots, a table, and what its `terms` are.

    A `folded` table is opened on demand. `keys` are the outcomes whose colours the plots have.
    """

    anchor: str
    title: str
    table: Table | None = None
    plots: tuple[Plot, ...] = ()
    said: str = ""
    folded: str = ""
    keys: tuple[tuple[int, str], ...] = ()
    terms: tuple[tuple[str, str], ...] = ()


def sections(runs: Sequence[Run]) -> Iterator[Section]:
    """The parts of the report of some runs; of two, it begins with how they differ."""
    if len(runs) == 2:
        yield from compared(runs[0], runs[1])
    yield Section("run", "What was run", figures.manifests(runs))
    there = {m for r in runs for m in r.summary.get("all", {})}
    terms = tuple((name, meaning) for name, meaning in MEANINGS.items() if name in there)
    yield Section("results", "Results", figures.results(runs), terms=terms)
    judge = figures.everything(runs, "judge")
    if judge.rows:
        yield Section("judge", "The judge", judge)
    yield Section("kinds", "By kind", figures.by_kind(runs), tuple(_by_kind(runs)), folded="The figures by kind")
    keys = tuple((n, WORDS[o]) for n, o in enumerate(OUTCOMES) if any(figures.outcomes(r)["all"][o] for r in runs))
    lost = figures.lost(runs)
    yield Section("lost", "Where it was lost", lost, tuple(_lost(runs)), folded="The counts by kind", keys=keys)
    yield Section("abstention", "Abstention", figures.abstention(runs))
    yield _calibration(runs)
    yield _risk(runs)
    yield Section("speed", "Speed", figures.speed(runs))
    yield Section("manifest", "Settings", figures.everything(runs), folded="All that the manifests say")


def compared(a: Run, b: Run) -> Iterator[Section]:
    """How `b` differs from `a`; nothing where they have no question in common."""
    try:
        found = comparing.compare(a, b)
    except EvaluationError:
        return
    said = comparing.verdict(found)
    for n, (title, table) in enumerate(comparing.tables(found).items(), 1):
        yield Section(f"compared-{n}", title, table, said=said if n == 1 else "", folded="" if n == 1 else "Show them")


def _by_kind(runs: Sequence[Run]) -> Iterator[Plot]:
    """Each main metric over the kinds for which it is defined."""
    for metric in figures.MAIN:
        groups = [g for g in ("all", *figures.kinds(runs)) if any(r.summary.get(g, {}).get(metric) for r in runs)]
        series = [[r.summary.get(g, {}).get(metric) for g in groups] for r in runs]
        said = "; ".join(
            f"{label}: " + ", ".join(f"{g} {figure(e.value)}" for g, e in zip(groups, one, strict=True) if e)
            for label, one in zip(labels(runs), series, strict=True)
        )
        if groups:
            yield Plot("intervals", metric, f"{metric} by kind. {said}.", groups, series)


def _lost(runs: Sequence[Run]) -> Iterator[Plot]:
    for run, label in zip(runs, labels(runs), strict=True):
        found = figures.outcomes(run)
        rows = [(kind, [(n, c[o]) for n, o in enumerate(OUTCOMES) if c[o]]) for kind, c in found.items()]
        said = "; ".join(f"{k}: " + ", ".join(f"{n} {WORDS[OUTCOMES[o]]}" for o, n in of) for k, of in rows)
        yield Plot("bars", label, f"Outcomes of {label}. {said}.", rows=rows)


def _calibration(runs: Sequence[Run]) -> Section:
    found = [(label, c) for label, run in zip(labels(runs), runs, strict=True) if (c := calibration(run)) is not None]
    rows = tuple(Row(n, (Cell(f"{c.n:,}"), Cell(figure(c.brier)), Cell(figure(c.error)))) for n, c in found)
    table = Table(("run", "answers", "Brier score", "calibration error"), rows)
    plots = tuple(_reliability(label, c, labels(runs).index(label)) for label, c in found)
    none = [label for label, run in zip(labels(runs), runs, strict=True) if calibration(run) is None]
    said = f"{CALIBRATION} No answer of {', '.join(none)} has a confidence." if none else CALIBRATION
    return Section("calibration", "Calibration of abstention", table if rows else None, plots, said)


def _reliability(label: str, found: Calibration, number: int) -> Plot:
    said = "; ".join(f"{b.n} of confidence {figure(b.confidence)}: {figure(b.share)} answerable" for b in found.bins)
    points = [[(b.confidence, b.share) for b in found.bins]]
    return Plot(
        *("curves", label, f"Reliability diagram of {label}. {said}."),
        axes=("confidence of the answer", "share answerable"),
        lines=points,
        ends=[(b.low, b.high) for b in found.bins],
        first=number,
    )


def _risk(runs: Sequence[Run]) -> Section:
    found = [(label, r) for label, run in zip(labels(runs), runs, strict=True) if (r := of_run(run)) is not None]
    if not found:
        return Section("risk", "Risk and coverage", said=RISK)
    heads = ("run", "answers", "area", "best order", "told apart", *(f"risk at {figure(c)}" for c in AT))
    rows = tuple(Row(label, _risk_cells(r)) for label, r in found)
    said = "; ".join(f"{label}: area {figure(r.area.value)}" for label, r in found)
    lines = [list(zip(r.coverage.tolist(), r.risk.tolist(), strict=True)) for _, r in found]
    names = ", ".join(n for n, _ in found)
    plot = Plot("curves", names, f"Risk and coverage. {said}.", axes=("coverage", "risk"), lines=lines)
    return Section("risk", "Risk and coverage", Table(heads, rows, CURVE), (plot,), RISK)


def _risk_cells(found: Risk) -> tuple[Cell, ...]:
    told = estimate(found.auroc, "") if found.auroc else Cell(UNDEFINED, note="all questions are answerable, or none")
    at = (Cell(figure(found.at(c))) for c in AT)
    return (Cell(f"{len(found.risk):,}"), estimate(found.area, ""), Cell(figure(found.best)), told, *at)
