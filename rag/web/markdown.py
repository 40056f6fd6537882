"""Markdown of an answer to HTML that is safe to show.

Nothing of the text survives as markup except what Markdown itself means: raw HTML is escaped, images become their
description, links their text. Only a marker of a citation becomes a link, and it leads to a place on this page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

# `reference` is off so that a quote such as "[1]: https://…" can't turn the markers of an answer into links.
_PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": False}).enable("table")
_PARSER.disable(["reference", "html_block", "html_inline"])
_MARKER = re.compile(r"\[(\d{1,4})\]")


def to_html(markdown: str, links: Mapping[int, tuple[str, str]], turn: int) -> str:
    """The HTML of `markdown`, on one line.

    `links` gives for a marker the id of its source on the page and a description for screen readers; a marker without
    one is shown as a chip that leads nowhere. `turn` numbers the answer in its conversation.
    """
    tokens = _PARSER.parse(markdown)
    for token in tokens:
        if token.type == "inline" and token.children is not None:
            token.children = list(_with_markers(_plain_links(token.children), links))
    html = str(_PARSER.renderer.render(tokens, _PARSER.options, {}))
    label = f"Table in answer {turn}"
    html = html.replace("<table>", f'<div class="table" role="region" tabindex="0" aria-label="{label}"><table>')
    return one_line(html.replace("</table>", "</table></div>"))


def one_line(html: str) -> str:
    """`html` without line ends: Gradio reads HTML as Markdown, in which a blank line would end it."""
    parts = re.split(r"(<pre.*?</pre>)", html, flags=re.DOTALL)
    return "".join(p.replace("\n", "&#10;" if p.startswith("<pre") else " ") for p in parts)


def _plain_links(children: Iterable[Token]) -> Iterable[Token]:
    for child in children:
        if child.type == "image":
            text = Token("text", "", 0)
            text.content = child.content
            yield text
        elif child.type not in ("link_open", "link_close"):
            yield child


def _with_markers(children: Iterable[Token], links: Mapping[int, tuple[str, str]]) -> Iterable[Token]:
    for child in children:
        if child.type != "text":
            yield child
            continue
        for index, piece in enumerate(_MARKER.split(child.content)):
            # `split` puts the captured numbers at the odd places.
            token = Token("html_inline" if index % 2 else "text", "", 0)
            token.content = chip(int(piece), links.get(int(piece))) if index % 2 else piece
            yield token


def chip(marker: int, link: tuple[str, str] | None) -> str:
    """A citation marker as a small button; `link` as in `to_html`."""
    if link is None:
        return f'<span class="chip">{marker}</span>'
    target, label = (escape(part) for part in link)
    # Gradio's sanitizer drops aria-label, so what a screen reader says has to be text.
    return f'<a class="chip" href="#{target}" title="{label}"><span class="spoken">source </span>{marker}</a>'
