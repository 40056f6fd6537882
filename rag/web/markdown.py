"""Markdown of an answer to HTML that is safe to show.

Nothing of the text survives as markup except what Markdown itself means, and <br>, without which a cell of a table
has one line: other HTML is escaped, images become their description, links their text. Only the marker of a citation
becomes a link, and it leads to a place on this page. The mark of a claim that is not supported becomes a chip as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from rag.core.answer import NO_SOURCE, PARTLY, UNSUPPORTED, Claim, Level
from rag.core.paper import fold
from rag.web.markup import one_line

_MARKER = re.compile(r"\[(\d{1,4})\]")
_MARKS: dict[str, Level] = {PARTLY: "partly", NO_SOURCE: "partly", UNSUPPORTED: "unsupported"}
"""The verdict that a mark in the text stands for."""
_SIGNS = {"partly supported": "◐", "no source": "○", "unsupported": "✕", "left out": "–"}
"""What the page shows before the words for a doubtful claim, see `Answer.label`."""
_DOUBT = re.compile("|".join(map(re.escape, _MARKS)))
_BREAK = re.compile(r"<br ?/?>")


def to_html(
    markdown: str, links: Mapping[int, tuple[str, str]], turn: int, doubtful: Sequence[Claim] | None = None
) -> str:
    """The HTML of `markdown`, on one line.

    `doubtful` are the claims that are marked in the text, in its order, for their reasons; None where they are not
    known yet. `links` gives for a marker the id of its source on the page and the title to show; a marker without one
    becomes a chip that leads nowhere. A marker or mark with its bracket escaped, as in a quoted "[1]", is text. `turn`
    numbers the answer in its conversation.
    """
    tokens = _PARSER.parse(markdown, {"links": links, "reasons": _reasons(markdown, doubtful or ())})
    for token in tokens:
        if token.type == "inline" and token.children is not None:
            token.children = list(_without_links(token.children))
    # A marker stays on the line of what it belongs to; text can't hold such a tag, its "<" is escaped.
    html = str(_PARSER.renderer.render(tokens, _PARSER.options, {}))
    html = re.sub(r' (?=<(?:a|span) class="(?:chip|doubt)\b)', "&nbsp;", html)
    html = html.replace("<table>", f'<div class="table" title="Table in answer {turn}"><table>')
    return one_line(html.replace("</table>", "</table></div>"))


def chip(marker: int, link: tuple[str, str] | None) -> str:
    """A citation marker as a small button; `link` as in `to_html`."""
    if link is None:
        return f'<span class="chip">{marker}</span>'
    target, label = (shown(part) for part in link)
    return f'<a class="chip" href="#{target}" aria-label="Source {marker}: {label}">{marker}</a>'


def doubt(label: str, level: Level, reason: str) -> str:
    """A chip that says, in words and by its sign and shape, that a claim is not, or not wholly, supported."""
    why = shown(reason)
    spoken = f'<span class="spoken">: {why}</span>' if why else ""
    title = f' title="{why}"' if why else ""
    return f'<span class="doubt {level}"{title}>{_SIGNS[label]} {label}{spoken}</span>'


def counted(number: int, noun: str) -> str:
    """ "1 paper", "1,200 papers"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """`text` as HTML that shows it, each character for one; line ends become spaces, see `one_line`."""
    return escape(plain(text))


def plain(text: str) -> str:
    """`text` with spaces for its line ends."""
    return re.sub(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", " ", text)


def _marker(state: StateInline, silent: bool) -> bool:
    """The rule that reads a marker; as a rule and not a search in the text, it leaves escaped brackets alone."""
    if not (match := _MARKER.match(state.src, state.pos)):
        return False
    if not silent:
        marker = int(match[1])
        state.push("html_inline", "", 0).content = chip(marker, state.env["links"].get(marker))
    state.pos = match.end()
    return True


def _doubt(state: StateInline, silent: bool) -> bool:
    if not (match := _DOUBT.match(state.src, state.pos)):
        return False
    if not silent:
        level = _MARKS[match[0]]
        reason = next(state.env["reasons"][level], "")
        state.push("html_inline", "", 0).content = doubt(match[0].strip("[]"), level, reason)
    state.pos = match.end()
    return True


def _reasons(markdown: str, doubtful: Sequence[Claim]) -> dict[Level, Iterator[str]]:
    """The reasons of each level in the order of its marks; "" for a mark that is no claim's, as in a quote.

    Where there are other claims than marks, for some were left out of the text, a mark is of the next claim whose words
    stand before it.
    """
    marks = list(re.finditer(rf"(?<!\\)(?:{_DOUBT.pattern})", markdown))
    found: dict[Level, Iterator[str]] = {}
    for level in ("partly", "unsupported"):
        claims = [c for c in doubtful if c.verdict == level]
        own = [mark for mark in marks if _MARKS[mark[0]] == level]
        found[level] = iter([c.reason for c in claims] if len(claims) == len(own) else _by_words(own, claims))
    return found


def _by_words(marks: Sequence[re.Match[str]], claims: list[Claim]) -> list[str]:
    """For each mark the reason of the claim that stands before it, and after the mark before; "" where none does."""
    found, start = [], 0
    for mark in marks:
        said = fold(_MARKER.sub("", mark.string[start : mark.start()]))
        claim = next((c for c in claims if fold(_MARKER.sub("", c.text)) in said), None)
        found.append(claim.reason if claim else "")
        claims = [c for c in claims if c is not claim]
        start = mark.end()
    return found


def _line_break(state: StateInline, silent: bool) -> bool:
    if not (match := _BREAK.match(state.src, state.pos)):
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = match.end()
    return True


def _without_links(children: Iterable[Token]) -> Iterable[Token]:
    for child in children:
        if child.type == "image":
            text = Token("text", "", 0)
            text.content = child.content
            yield text
        elif child.type not in ("link_open", "link_close"):
            yield child


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    # `reference` is off so that a quote such as "[a]: https://…" does not vanish from the answer.
    parser.disable(["reference", "html_block", "html_inline"])
    parser.inline.ruler.before("link", "marker", _marker)
    parser.inline.ruler.before("link", "doubt", _doubt)
    parser.inline.ruler.before("link", "line_break", _line_break)
    return parser


_PARSER = _parser()
