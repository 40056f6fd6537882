"""Markdown of an answer to HTML that is safe to show in a report: no markup of its own, no links and no images."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MARKER = re.compile(r"\[(\d{1,4})\]")


def to_html(markdown: str) -> str:
    """The HTML of an answer. Links are their text, images their description, markers a small figure."""
    parser = _parser()
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type == "inline" and token.children is not None:
            token.children = list(_shown(token.children))
    html = str(parser.renderer.render(tokens, parser.options, {}))
    return html.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")


def _shown(children: Iterable[Token]) -> Iterable[Token]:
    from markdown_it.token import Token

    for child in children:
        if child.type == "image":
            yield Token("text", "", 0, content=child.content)
        elif child.type == "text" and _MARKER.search(child.content):
            parts = _MARKER.split(child.content)
            html = "".join(f"<sup>{part}</sup>" if n % 2 else escape(part) for n, part in enumerate(parts))
            yield Token("html_inline", "", 0, content=html)
        elif child.type not in ("link_open", "link_close"):
            yield child


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    # `reference` is off so that a quote such as "[a]: https://…" does not vanish from the answer.
    return parser.disable(["reference", "html_block", "html_inline"])
