"""Whether the confidence of an answer is what it says: how often the collection does answer such a question.

The reliability diagram of Murphy and Winkler 1977 (Reliability of subjective probability forecasts), with the Brier
score and the expected calibration error over the same bins (Guo et al. 2017, On calibration of modern neural
networks). Intervals of a bin are Wilson's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.evaluation.report.drawing import INK, LINE, SERIES, Plot, draw
from rag.evaluation.report.table import figure
from rag.evaluation.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence: how many, their mean confidence, and the share whose question can be answered."""

    n: int
    confidence: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The bins that hold answers, and two figures for all of them; both are better lower."""

    bins: tuple[Bin, ...]
    brier: float
    error: float

    @property
    def n(self) -> int:
        """How many answers had a confidence."""
        return sum(b.n for b in self.bins)


def calibration(run: Run) -> Calibration | None:
    """The calibration of the answers of one paper each; None where none has a confidence."""
    pairs = [
        (s.answer.confidence, s.item.answerable)
        for s in run.scored
        if not s.failed and s.answer.kind == "single" and s.answer.confidence is not None
    ]
    if not pairs:
        return None
    binned: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, answerable in pairs:
        binned[min(BINS - 1, max(0, int(confidence * BINS)))].append((confidence, answerable))
    bins = tuple(_bin(members) for members in binned if members)
    brier = sum((c - a) ** 2 for c, a in pairs) / len(pairs)
    error = sum(b.n * abs(b.confidence - b.share) for b in bins) / len(pairs)
    return Calibration(bins, brier, error)


def plot(number: int, found: Calibration, label: str) -> Plot:
    """The reliability diagram of a run, over how many answers are in each bin."""

    def paint(page: Figure) -> None:
        above, below = page.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        colour = SERIES[number % len(SERIES)]
        above.plot([0, 1], [0, 1], color=LINE, linewidth=1.2, linestyle="--")
        for b in found.bins:
            above.plot([b.confidence, b.confidence], [b.low, b.high], color=colour)
        above.plot([b.confidence for b in found.bins], [b.share for b in found.bins], "o", color=colour, markersize=5)
        above.set_ylim(-0.02, 1.02)
        above.set_ylabel("share answerable")
        most = max(b.n for b in found.bins)
        for b in found.bins:
            middle = (min(BINS - 1, int(b.confidence * BINS)) + 0.5) / BINS
            below.bar(middle, b.n, width=0.8 / BINS, color=colour, linewidth=0)
            below.text(middle, b.n + most * 0.08, str(b.n), ha="center", va="bottom", color=INK, fontsize=9)
        below.set_ylim(0, most * 1.9)
        below.set_yticks([])
        below.grid(visible=False)
        below.set_xlim(-0.02, 1.02)
        below.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"])
        below.set_xlabel("confidence of the answer")
        above.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".50", ".75", "1"])

    said = "; ".join(
        f"{b.n} with mean confidence {figure(b.confidence)}: {figure(b.share)} answerable" for b in found.bins
    )
    caption = (
        f"{label}: {found.n:,} answers, Brier score {figure(found.brier)}, calibration error {figure(found.error)}"
    )
    return draw(f"calibration-{number}", caption, f"Reliability diagram of {label}. {said}.", (330, 300), paint)


def _bin(members: Sequence[tuple[float, bool]]) -> Bin:
    n, share = len(members), sum(a for _, a in members) / len(members)
    low, high = _wilson(share, n)
    return Bin(n, sum(c for c, _ in members) / n, share, low, high)


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95% interval of a share (Wilson 1927), which has width at 0 and 1 too."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
