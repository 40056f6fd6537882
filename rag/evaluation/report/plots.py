"""The plots of the page. Runs differ by colour and marker; the page has the legend, and the figures as tables."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from rag.evaluation.intervals import Estimate
from rag.evaluation.outcome import OUTCOMES, WORDS
from rag.evaluation.report.about import labels
from rag.evaluation.report.drawing import LINE, SERIES, Plot, draw, tint
from rag.evaluation.report.noise import Series
from rag.evaluation.report.table import figure
from rag.evaluation.report.tables import MAIN, kinds, milliseconds, outcomes
from rag.evaluation.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vP"
WIDTH = 330
WIDE = 400
"""Pixels; the first is as wide as a small phone shows."""


def by_kind(runs: Sequence[Run]) -> tuple[Plot, ...]:
    """Each main metric over the kinds for which it is defined, with intervals."""
    return tuple(plot for metric in MAIN if (plot := _metric(runs, metric)) is not None)


def _metric(runs: Sequence[Run], metric: str) -> Plot | None:
    def of(run: Run, group: str) -> Estimate | None:
        return run.summary.get(group, {}).get(metric)

    groups = [g for g in ("all", *kinds(runs)) if any(of(r, g) is not None for r in runs)]
    if not groups:
        return None

    def paint(page: Figure) -> None:
        axes = page.subplots()
        for number, run in enumerate(runs):
            offset = (number - (len(runs) - 1) / 2) * 0.7 / len(runs)
            for place, group in enumerate(groups):
                if (estimate := of(run, group)) is not None:
                    _interval(axes, number, estimate, y=place + offset)
        axes.set_yticks(range(len(groups)), groups)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.grid(visible=False, axis="y")
        _shares(axes, "x")
        if groups[0] == "all" and len(groups) > 1:
            axes.axhline(0.5, color=LINE, linewidth=1)

    said = "; ".join(
        f"{label}: " + ", ".join(f"{g} {figure(e.value)}" for g in groups if (e := of(run, g)) is not None)
        for run, label in zip(runs, labels(runs), strict=True)
    )
    height = 46 + len(groups) * max(19, 9 * len(runs))
    return draw(f"kinds-{MAIN.index(metric)}", metric, f"{metric} by kind. {said}.", (WIDTH, height), paint)


def lost(runs: Sequence[Run]) -> tuple[Plot, ...]:
    """What became of the questions of each kind, as shares of a bar, a plot a run."""
    return tuple(_bars(n, run, label) for n, (run, label) in enumerate(zip(runs, labels(runs), strict=True)))


def _bars(number: int, run: Run, label: str) -> Plot:
    found = outcomes(run)

    def paint(page: Figure) -> None:
        axes = page.subplots()
        for place, counts in enumerate(found.values()):
            left, whole = 0.0, max(1, counts.total())
            for n, one in enumerate(OUTCOMES):
                share = counts[one] / whole
                if share:
                    axes.barh(place, share, left=left, height=0.72, color=tint(n), linewidth=0)
                if share >= 0.045:
                    axes.text(left + share / 2, place, str(counts[one]), ha="center", va="center")
                left += share
        axes.set_yticks(range(len(found)), [f"{k} ({c.total()})" for k, c in found.items()])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.set_xticks([])

    said = "; ".join(
        f"{kind}: " + ", ".join(f"{counts[o]} {WORDS[o]}" for o in OUTCOMES if counts[o])
        for kind, counts in found.items()
    )
    return draw(f"lost-{number}", label, f"Outcomes of {label}. {said}.", (WIDE, 24 + 24 * len(found)), paint)


_ROUND = tuple(lead * 10.0**power for power in range(-3, 8) for lead in (1, 2, 5))


def latency(runs: Sequence[Run]) -> Plot | None:
    """The share of answers that took at most so long; None where no run has times."""
    times = [milliseconds(r) for r in runs]
    if not any(times):
        return None
    longest, shortest = max(max(t) for t in times if t), min(min(t) for t in times if t)

    def paint(page: Figure) -> None:
        axes = page.subplots()
        for number, found in enumerate(times):
            if found:
                shares = np.arange(1, len(found) + 1) / len(found)
                axes.step([found[0], *found], [0, *shares], where="post", color=SERIES[number % len(SERIES)])
                for share in (0.5, 0.95):
                    at = float(np.quantile(found, share))
                    axes.plot(
                        at, share, MARKERS[number % len(MARKERS)], color=SERIES[number % len(SERIES)], markersize=5
                    )
        for share in (0.5, 0.95):
            axes.axhline(share, color=LINE, linewidth=1)
        if longest > 10 * shortest:
            axes.set_xscale("log")
            ticks = [t for t in _ROUND if shortest <= t <= longest]
            axes.set_xticks(ticks, [f"{t:,g}" for t in ticks])
            axes.set_xticks([], minor=True)
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 0.95], ["0", "25%", "50%", "75%", "95%"])
        axes.set_xlabel("milliseconds")

    said = "; ".join(
        f"{label}: half within {np.quantile(t, 0.5):,.0f} ms, 95% within {np.quantile(t, 0.95):,.0f} ms"
        for label, t in zip(labels(runs), times, strict=True)
        if t
    )
    return draw("latency", "Share of answers within a time", f"Latency. {said}.", (WIDE, 230), paint)


def slope(number: int, one: Series, metric: str) -> Plot:
    """A metric over the size of the collection with its distractors, as doublings, with intervals."""
    found = [(x, run.summary.get("all", {}).get(metric)) for x, run in zip(one.ratios, one.runs, strict=True)]
    points = [(x, e) for x, e in found if e is not None]

    def paint(page: Figure) -> None:
        axes = page.subplots()
        axes.plot([log2(1 + x) for x, _ in points], [e.value for _, e in points], color=SERIES[number % len(SERIES)])
        for x, estimate in points:
            _interval(axes, number, estimate, x=log2(1 + x))
        axes.set_ylim(-0.02, 1.02)
        ratios = sorted(set(one.ratios))
        axes.set_xticks([log2(1 + x) for x in ratios], [f"{x:g}" for x in ratios])
        axes.set_xlabel("distractors for each own paper")
        _shares(axes, "y")

    said = ", ".join(f"{figure(e.value)} at ratio {x:g}" for x, e in points)
    name = f"slope-{number}-{MAIN.index(metric)}"
    return draw(name, metric, f"{metric} of {one.system} over distractors: {said}.", (WIDTH, 190), paint)


def _interval(axes: Axes, number: int, estimate: Estimate, *, x: float | None = None, y: float = 0.0) -> None:
    """A point and its interval: upright at `x` where that is given, else across at `y`."""
    colour, marker = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
    ends, here = [estimate.low, estimate.high], [estimate.value]
    axes.plot(*(([x, x], ends) if x is not None else (ends, [y, y])), color=colour)
    axes.plot(*(([x], here) if x is not None else (here, [y])), marker, color=colour, markersize=5)


def _shares(axes: Axes, axis: str) -> None:
    ticks, names = [0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"]
    (axes.set_xticks if axis == "x" else axes.set_yticks)(ticks, names)
