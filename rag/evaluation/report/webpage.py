"""The report as one HTML page that holds all it needs, and may load and send nothing."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.outcome import OUTCOMES, WORDS
from rag.evaluation.report import calibration, plots, tables
from rag.evaluation.report import risk as risk_plot
from rag.evaluation.report.about import everything, judges, labels, manifests, sentence
from rag.evaluation.report.cards import Card, cards
from rag.evaluation.report.drawing import SERIES, Plot
from rag.evaluation.report.noise import series, slopes
from rag.evaluation.report.parts import environment
from rag.evaluation.report.table import Table
from rag.evaluation.risk import of_run
from rag.evaluation.runs import Run

_FOLDER = Path(__file__).parent
_SIGNS = "●■◆▲▼✚"
"""The markers of the plots, in their order, for the legend."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: plots, a table, what is said above them, and what its `terms` are.

    A `folded` table is opened on demand.
    """

    anchor: str
    title: str
    table: Table | None = None
    plots: tuple[Plot, ...] = ()
    legend: bool = False
    said: str = ""
    folded: str = ""
    wide: bool = False
    keys: tuple[tuple[int, str], ...] = ()
    terms: tuple[tuple[str, str], ...] = ()


def page(runs: Sequence[Run]) -> str:
    """The page: what was run, the figures with their plots, and every item, what failed first."""
    sections = tuple(_sections(runs))
    shown = cards(runs)
    rules = sorted({rule for s in sections for plot in s.plots for rule in plot.rules})
    style = (_FOLDER / "report.css").read_text(encoding="utf-8") + "\n".join(rules)
    script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    names = labels(runs)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            policy=policy(style, script),
            style=style,
            script=script,
            title=f"Evaluation: {', '.join(names)}",
            legend=[(n % len(SERIES), _SIGNS[n % len(_SIGNS)], name) for n, name in enumerate(names)],
            sentences=[(name, sentence(run)) for name, run in zip(names, runs, strict=True)],
            sections=sections,
            cards=shown,
            kinds=Counter(c.item.kind for c in shown),
            outcomes=outcomes(shown),
        )
    )


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy of the page: this style sheet and this script, by their SHA-256, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _sections(runs: Sequence[Run]) -> Iterator[Section]:
    several = len(runs) > 1
    yield Section("run", "What was run", manifests(runs))
    yield Section("results", "Results", tables.results(runs), terms=tables.meanings(runs))
    if (judge := judges(runs)) is not None:
        yield Section("judge", "The judge", judge)
    by_kind = tables.by_kind(runs)
    yield Section("kinds", "By kind", by_kind, plots.by_kind(runs), several, folded="The figures by kind")
    keys = tuple((n, WORDS[o]) for n, o in enumerate(OUTCOMES) if any(tables.outcomes(r)["all"][o] for r in runs))
    counts = "The counts by kind" if several else ""
    yield Section("lost", "Where it was lost", tables.lost(runs), plots.lost(runs), wide=True, keys=keys, folded=counts)
    yield Section("abstention", "Abstention", tables.abstention(runs))
    yield _calibration(runs)
    yield _risk(runs)
    for number, one in enumerate(series(runs)):
        drawn = tuple(plots.slope(number, one, row.name) for row in slopes(one).rows)
        yield Section(f"distractors-{number + 1}", f"Distractors: {one.system}", slopes(one), drawn)
    latency = plots.latency(runs)
    drawn = (latency,) if latency else ()
    yield Section("speed", "Speed", tables.speed(runs), drawn, several and bool(latency), wide=True)
    yield Section("manifest", "Settings", everything(runs), folded="All that the manifests say")


def _calibration(runs: Sequence[Run]) -> Section:
    found = [
        (n, label, calibration.calibration(run)) for n, (label, run) in enumerate(zip(labels(runs), runs, strict=True))
    ]
    drawn = tuple(calibration.plot(n, one, label) for n, label, one in found if one is not None)
    without = [label for _, label, one in found if one is None]
    said = f"No answer of {', '.join(without)} has a confidence." if without else ""
    return Section("calibration", "Calibration of abstention", plots=drawn, said=f"{_CALIBRATION} {said}".strip())


def _risk(runs: Sequence[Run]) -> Section:
    drawn = tuple(
        risk_plot.plot(n, one, label)
        for n, (label, run) in enumerate(zip(labels(runs), runs, strict=True))
        if (one := of_run(run)) is not None
    )
    return Section("risk", "Risk and coverage", plots=drawn, said=_RISK)


_RISK = (
    "Of the answers that are surest, the share that is not right, over how many are given. An answer counts as right "
    "or wrong by what it shows, whatever its state; the area under the curve is better lower."
)
_CALIBRATION = (
    "The confidence of an answer is the estimated probability that the collection answers the question. On the dashed "
    "line it is what it says; intervals are Wilson's."
)


def outcomes(shown: Sequence[Card]) -> list[tuple[str, str, int]]:
    """Each outcome that items have, its words, and how many have it; what failed worst first."""
    found = Counter(c.outcome for c in shown)
    return [(o, WORDS[o], found[o]) for o in reversed(OUTCOMES) if found[o]]
