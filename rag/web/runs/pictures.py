"""Plots of a report as pictures: in light and dark, of which the page's style sheet shows one."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from rag.web.markdown import shown

if TYPE_CHECKING:
    from rag.evaluation.report.drawing import Plot

SCHEMES = ("light", "dark")


def figure(plot: Plot) -> str:
    """A plot with its caption. What it shows is told as text to who does not see it."""
    root = ElementTree.fromstring(plot.svg)
    said, (_, _, width, height) = root.get("aria-label", ""), root.get("viewBox", "0 0 0 0").split()
    size = f'width="{round(float(width))}" height="{round(float(height))}"'
    pictures = "".join(
        f'<img class="plot on-{scheme}" src="{_data(plot, scheme, size)}" alt="{shown(said)}" {size}>'
        for scheme in SCHEMES
    )
    return f"<figure><figcaption>{shown(plot.caption)}</figcaption>{pictures}</figure>"


def swatch(variable: str) -> str:
    """A square in one of the report's colours, "--outcome-0" or the like, for a legend."""
    drawn = ""
    for scheme in SCHEMES:
        colour = re.search(rf"{variable}: (#[0-9a-f]+);", colours()[scheme])
        if colour:
            square = f'<rect width="10" height="10" fill="{colour[1]}"></rect>'
            drawn += f'<svg class="swatch on-{scheme}" viewBox="0 0 10 10" aria-hidden="true">{square}</svg>'
    return drawn


def _data(plot: Plot, scheme: str, size: str) -> str:
    """The plot as a document of its own: the page's variables and fonts don't reach into a picture."""
    style = f"svg {{ {colours()[scheme]} color: var(--text); font-family: system-ui, sans-serif; }} "
    style += " ".join(sorted(plot.rules))
    svg = plot.svg.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" {size} ', 1)
    svg = re.sub(r"(<svg [^>]*>)", lambda m: f"{m[1]}<style>{style}</style>", svg, count=1)
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


@lru_cache(maxsize=1)
def colours() -> dict[str, str]:
    """The declarations of the report's colours, by scheme; its style sheet has the light ones first."""
    from rag.evaluation import report

    sheet = (Path(report.__file__).parent / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    return {s: " ".join(re.findall(r"--[\w-]+: [^;]+;", b)) for s, b in zip(SCHEMES, blocks, strict=True)}
