"""Plots as SVG that belongs to its page: its font and its colours, by classes, since its policy allows no styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from rag.evaluation.intervals import Estimate

SIGNS = "●■◆▲▼✚"
"""The marker of each run, in their order; its colour is that of the class s0, s1, …; further runs begin anew."""
WIDTH = 330
"""Pixels: as wide as a small phone shows."""
WIDE = 400
TICKS = ((0.0, "0"), (0.25, ".25"), (0.5, ".50"), (0.75, ".75"), (1.0, "1"))

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot for a page: its caption, and the SVG, which says what it shows to who does not see it."""

    caption: str
    svg: str


def intervals(caption: str, said: str, groups: Sequence[str], series: Sequence[Sequence[Estimate | None]]) -> Plot:
    """Shares with their intervals: a line for each group, in it a marker for each run."""
    height, left = max(19, 9 * len(series) + 6), 92
    bottom = height * len(groups) + 4
    across = WIDTH - left - 14
    parts = [_line(left + across * x, 0, left + across * x, bottom, "grid") for x, _ in TICKS]
    parts += [_text(left + across * x, bottom + 13, name, "middle") for x, name in TICKS]
    for row, group in enumerate(groups):
        middle = height * (row + 0.5)
        parts.append(_text(left - 6, middle + 4, group, "end"))
        for number, values in enumerate(series):
            if (value := values[row]) is not None:
                y = middle + (number - (len(series) - 1) / 2) * height * 0.7 / len(series)
                low, high = (left + across * min(1.0, max(0.0, end)) for end in (value.low, value.high))
                parts.append(_line(low, y, high, y, f"s{number % len(SIGNS)}"))
                parts.append(_marker(left + across * value.value, y, number))
    return Plot(caption, _svg(WIDTH, bottom + 18, said, parts))


def bars(caption: str, said: str, rows: Sequence[tuple[str, Sequence[tuple[int, int]]]]) -> Plot:
    """What became of the questions of each kind: (number of the outcome, how many) as shares of a bar."""
    left, height, parts = 122, 24, list[str]()
    for row, (name, counts) in enumerate(rows):
        at, whole = float(left), max(1, sum(n for _, n in counts))
        parts.append(_text(left - 6, height * row + 16, f"{name} ({sum(n for _, n in counts):,})", "end"))
        for outcome, n in counts:
            wide = (WIDE - left) * n / whole
            box = f'x="{at:.1f}" y="{height * row + 3}" width="{wide:.1f}" height="18"'
            parts.append(f'<rect class="o{outcome}" {box}></rect>')
            if wide > 14:
                parts.append(_text(at + wide / 2, height * row + 16, str(n), "middle"))
            at += wide
    return Plot(caption, _svg(WIDE, height * len(rows), said, parts))


def curves(
    caption: str,
    said: str,
    axes: tuple[str, str],
    lines: Sequence[Sequence[Point]],
    ends: Sequence[Sequence[tuple[float, float]]] = (),
    diagonal: bool = False,
    first: int = 0,
) -> Plot:
    """Lines through points between 0 and 1, one a run from the `first` on; with `ends`, points with intervals."""
    left, bottom, width, height = 34, 186, WIDTH - 44, 180

    def place(point: Point) -> Point:
        return left + width * point[0], bottom - height * min(1.0, max(0.0, point[1]))

    parts = [_line(*place((x, 0)), *place((x, 1)), "grid") for x, _ in TICKS]
    parts += [_line(*place((0, y)), *place((1, y)), "grid") for y, _ in TICKS]
    parts += [_text(place((x, 0))[0], bottom + 14, name, "middle") for x, name in TICKS]
    parts += [_text(left - 5, place((0, y))[1] + 4, name, "end") for y, name in TICKS]
    parts += [_text(left + width / 2, bottom + 29, axes[0], "middle"), _text(left, 0, axes[1], "start")]
    if diagonal:
        parts.append(_line(*place((0, 0)), *place((1, 1)), "dashed"))
    for number, points in enumerate(lines, first):
        if not ends:
            joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, points))
            parts.append(f'<polyline class="s{number % len(SIGNS)}" points="{joined}"></polyline>')
        for point, (low, high) in zip(points, ends[number - first] if ends else (), strict=False):
            parts.append(_line(*place((point[0], low)), *place((point[0], high)), f"s{number % len(SIGNS)}"))
            parts.append(_marker(*place(point), number))
    return Plot(caption, _svg(WIDTH, bottom + 34, said, parts, top=-14))


def _svg(width: float, height: float, said: str, parts: Sequence[str], top: float = 0) -> str:
    box = f'viewBox="0 {top:g} {width:g} {height - top:g}"'
    return f'<svg class="plot" {box} role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"></line>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _marker(x: float, y: float, number: int) -> str:
    kind = number % len(SIGNS)
    return f'<text class="marker s{kind}" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{SIGNS[kind]}</text>'
