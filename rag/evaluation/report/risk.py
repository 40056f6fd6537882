"""The risk–coverage curve of a run, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.evaluation.report.drawing import LINE, SERIES, Plot, draw
from rag.evaluation.report.table import figure
from rag.evaluation.risk import Risk

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(number: int, found: Risk, label: str) -> Plot:
    """Risk over coverage, with the risk of all answers as a dashed line."""

    def paint(page: Figure) -> None:
        axes = page.subplots()
        axes.axhline(float(found.risk[-1]), color=LINE, linewidth=1.2, linestyle="--")
        axes.plot(found.coverage, found.risk, color=SERIES[number % len(SERIES)])
        axes.set_xlim(0, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"])
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"])
        axes.set_xlabel("coverage")
        axes.set_ylabel("risk")

    at = {share: found.risk[max(0, round(share * len(found.risk)) - 1)] for share in (0.25, 0.5, 0.75, 1.0)}
    said = "; ".join(f"at coverage {figure(c)} risk {figure(float(r))}" for c, r in at.items())
    caption = f"{label}: {summary(found)}"
    return draw(f"risk-{number}", caption, f"Risk and coverage of {label}. {said}.", (330, 220), paint)


def summary(found: Risk) -> str:
    """The areas in words: "area .12 (.09 to .15), best order .05; answerable told from not .88 (.85 to .91)"."""
    area = f"area {figure(found.area.value)} ({figure(found.area.low)} to {figure(found.area.high)})"
    told = found.auroc
    apart = f"; AUC of answerable {figure(told.value)} ({figure(told.low)} to {figure(told.high)})" if told else ""
    return f"{area}, of the best order {figure(found.best)}{apart}"
