"""Figures of matplotlib as SVG that belongs to its page: its colours, its font, and no styles on elements.

A Content-Security-Policy that allows styles by their hash alone refuses the `style` attributes that matplotlib writes,
and a colour that is written out is wrong in the dark. So styles become classes, whose rules go into the page's own
style sheet, and colours there are the page's variables.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, LINE = "#fe0100", "#fe0101"
SERIES = tuple(f"#fe02{n:02x}" for n in range(6))
"""A colour a run; further runs begin anew, with another marker."""
COLOURS = {INK: "currentColor", LINE: "var(--line)", **{c: f"var(--series-{n})" for n, c in enumerate(SERIES)}}
"""What stands for the colours of the page while a figure is drawn; outcomes have theirs in `tint`."""
SIZE = 11
"""Of text, in pixels of the figure."""

_SVG = "{http://www.w3.org/2000/svg}"
_LINKS = "{http://www.w3.org/1999/xlink}href"
_SETTINGS: dict[Any, object] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": SIZE,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "lines.linewidth": 1.6,
    "figure.dpi": 72,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure for a page: its caption, the SVG, and the rules that its classes need."""

    caption: str
    svg: str
    rules: frozenset[str]


def tint(number: int) -> str:
    """The colour that stands for the page's variable of an outcome."""
    return f"#fe03{number:02x}"


def draw(name: str, caption: str, said: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> Plot:
    """A figure of `size` pixels. `said` is for screen readers; `name` keeps its ids apart from those of others."""
    import matplotlib
    from matplotlib.figure import Figure

    file = io.StringIO()
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": name}), warnings.catch_warnings():
        # Names may have signs that matplotlib's font lacks; the page's fonts draw them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained")
        paint(figure)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return _own(name, caption, said, file.getvalue())


def _own(name: str, caption: str, said: str, text: str) -> Plot:
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}metadata" or child.tag == f"{_SVG}style":
                parent.remove(child)
    rules = frozenset(rule for element in root.iter() for rule in _adopt(element, name))
    kept = {"viewBox": root.get("viewBox", ""), "role": "img", "aria-label": said, "class": "plot"}
    root.attrib.clear()
    root.attrib.update(kept)
    ElementTree.register_namespace("", _SVG.strip("{}"))
    svg = ElementTree.tostring(root, encoding="unicode").replace(f' xmlns="{_SVG.strip("{}")}"', "", 1)
    return Plot(caption, re.sub(r">\s+<", "><", svg), rules)


def _adopt(element: ElementTree.Element, name: str) -> Iterable[str]:
    """Make an element the page's own; gives the rule that it needs."""
    element.tag = element.tag.removeprefix(_SVG)
    if link := element.attrib.pop(_LINKS, ""):
        element.set("href", f"#{name}-{link.lstrip('#')}")
    for attribute, value in list(element.attrib.items()):
        if attribute == "id":
            element.set("id", f"{name}-{value}")
        else:
            element.set(attribute, re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", value))
    if style := _style(element.attrib.pop("style", "")):
        known = f"p{hashlib.sha256(style.encode()).hexdigest()[:8]}"
        element.set("class", known)
        yield f".{known} {{ {style} }}"


def _style(style: str) -> str:
    """The declarations of a style, in the page's font and colours."""
    kept = []
    for declaration in filter(None, (d.strip() for d in style.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font" and (size := re.search(r"([\d.]+)px", value)):
            key, value = "font-size", f"{size[1]}px"
        if key not in ("font", "font-family"):
            kept.append(f"{key}: {re.sub('#fe0[0-9a-f]{3}', _colour, value)}")
    return "; ".join(kept)


def _colour(match: re.Match[str]) -> str:
    return COLOURS.get(match[0]) or f"var(--outcome-{int(match[0][-2:], 16)})"
