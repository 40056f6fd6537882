"""The last gate before a browser: only the elements and attributes that our own fragments use get through.

Every fragment escapes what it is given; this holds should one of them forget to. Gradio's own sanitizer is off, because
it drops what screen readers need (aria-label) and lets through what nobody needs (img, form, style).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import nh3

SITE = "paper-rag/"
"""The path, relative to the page, of what this server gives apart from Gradio: scripts and downloads."""
LINE_END = "\u2424"
"""Stands for the end of a line in what a button copies, or a field holds: a fragment is on one line."""

_TAGS = """a article b blockquote br button caption cite code dd del details div dl dt em fieldset figcaption figure
    footer h1 h2 h3 h4 header hr i img label legend li main mark meter nav ol p pre progress q s section small span
    strong sub summary sup table tbody td th thead time tr ul wbr svg g circle ellipse line path polygon polyline rect
    text title tspan"""
_SHAPES = """cx cy r rx ry x y x1 x2 y1 y2 dx dy d points transform width height viewBox preserveAspectRatio fill
    stroke stroke-width text-anchor dominant-baseline focusable"""
_ATTRIBUTES = {
    "*": {"class", "id", "title", "role", "tabindex", "hidden", "lang", "dir"},
    "a": {"href", "download", "target"},
    "button": {"type", "disabled"},
    "details": {"open", "name"},
    "img": {"src", "alt", "width", "height"},
    "meter": {"value", "min", "max"},
    "ol": {"start"},
    "progress": {"value", "max"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
    **{tag: set(_SHAPES.split()) for tag in "svg g circle ellipse line path polygon polyline rect text tspan".split()},
}
_LINK = re.compile(rf"#|{SITE}(?!.*\.\.)|logout$|https?://", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:svg\+xml|png);base64,[A-Za-z0-9+/=]*")


def clean(html: str) -> str:
    """`html` on one line, without anything that could run, load or lead to another site unasked.

    A link leads to a place on this page, to a download of this server, or, in a tab of its own, to a paper's address.
    Pictures are those that we drew, as data.
    """
    return one_line(_CLEANER.clean(html))


def address(file: str, fields: Sequence[tuple[str, str]]) -> str:
    """The address, relative to the page, of a file of this server that depends on `fields`."""
    # The sanitizer lets no ".." through, wherever it stands.
    return f"{SITE}{file}?{urlencode(fields).replace('..', '%2E%2E')}"


def one_line(html: str) -> str:
    """`html` without line ends: Gradio reads HTML as Markdown, in which a blank line would end it."""
    parts = re.split(r"(<pre.*?</pre>)", html, flags=re.DOTALL)
    return "".join(re.sub(r"\s*[\r\n]\s*", " ", p) if not p.startswith("<pre") else _kept(p) for p in parts)


def _kept(html: str) -> str:
    return html.replace("\r", "").replace("\n", "&#10;")


def _allowed(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "href":
        return value if _LINK.match(value) else None
    if attribute == "src":
        return value if _PICTURE.fullmatch(value) else None
    if attribute == "target":
        return "_blank"
    return value


_CLEANER = nh3.Cleaner(
    tags=set(_TAGS.split()),
    attributes=_ATTRIBUTES,
    attribute_filter=_allowed,
    generic_attribute_prefixes={"aria-", "data-"},
    url_schemes={"http", "https", "data"},
    link_rel="noopener noreferrer",
)
