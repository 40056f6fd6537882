"""The Markdown of an answer as plain text: its blocks, and where its markers stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_MARKER = r"\[\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]"
_MARKERS = re.compile(rf"\s*(?P<n>{_MARKER}(?:\s*(?:,|;|&|and\b)?\s*{_MARKER})*)(?!\()")
_MARKS = re.compile(r"\s*\[(?:unsupported|partly supported|no source)\]", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_RANGE = re.compile(r"(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?")
_HIDDEN = 0xE000
_EMPHASIS = re.compile(r"\*\*|__|`|(?<![\w*])[*_](?=\S)|(?<=\S)[*_](?![\w*])")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*\)")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_RULE = re.compile(r"\s*+(?:(?:\|\s*+)?:?-{2,}+:?\s*+(?:\|\s*+:?-{2,}+:?\s*+)*+\|?|[-*_](?:\s*+[-*_]){2,}+)\s*+")
_LEAD = re.compile(r"\s*+(?:>\s*+)*+(?:(?:[-+*•]|\d{1,3}[.)])\s+)?")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+")

Place = Literal["line", "heading", "header", "label", "cell"]
"""Where a block stands: a line, a heading, or the head, the first column or another cell of a table."""


@dataclass(frozen=True, slots=True)
class Block:
    """A line or a cell of a table as it was written, without what makes it one."""

    raw: str
    place: Place


def blocks(markdown: str) -> Iterator[Block]:
    """The lines and cells of a text that say something; rules, bullets, numbers and signs of quotation are left out."""
    lines = markdown.replace("\r", "").split("\n")
    for n, line in enumerate(lines):
        if _RULE.fullmatch(line) or line.lstrip().startswith(("```", "~~~")):
            continue
        if line.lstrip().startswith("|"):
            head = n + 1 < len(lines) and "-" in lines[n + 1] and bool(_RULE.fullmatch(lines[n + 1]))
            yield from _row(line, head=head)
        elif heading := _HEADING.match(line):
            yield Block(line[heading.end() :].rstrip(" #"), "heading")
        else:
            lead = _LEAD.match(line)
            rest = line[lead.end() :] if lead else line
            yield from (Block(part.strip(), "line") for part in _BREAK.split(rest) if part.strip())


def _row(line: str, *, head: bool) -> Iterator[Block]:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    for column, cell in enumerate(cells):
        place: Place = "header" if head else "cell" if column else "label"
        yield from (Block(part.strip(), place) for part in _BREAK.split(cell) if part.strip())


@dataclass(frozen=True, slots=True)
class Plain:
    """Plain text, and its markers: each where it stood, as (characters before it, the numbers)."""

    text: str
    markers: tuple[tuple[int, tuple[int, ...]], ...] = ()


def plain(raw: str) -> Plain:
    """One block without Markdown, markers and verdicts. A marker that is escaped is the paper's own text."""
    raw = _MARKS.sub("", hide(raw))
    text, last = "", 0
    markers = []
    for match in _MARKERS.finditer(raw):
        text = (text + _bare(raw[last : match.start()])).rstrip()
        markers.append((len(text), numbers(match["n"])))
        last = match.end()
    return Plain(text + _bare(raw[last:]), tuple(markers))


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of "1, 3-5 and source 7", each once, ranges of up to ten spelled out."""
    found: list[int] = []
    for first, last in _RANGE.findall(text):
        low, high = int(first), int(last or first)
        found += range(low, high + 1) if low <= high < low + 10 else [low, high]
    return tuple(dict.fromkeys(found))


def hide(raw: str) -> str:
    """`raw` with each escaped character as one that no Markdown has."""
    return _ESCAPE.sub(lambda m: chr(_HIDDEN + ord(m[1])), raw)


def _bare(raw: str) -> str:
    """Without emphasis, code and links, and with what was hidden."""
    text = _EMPHASIS.sub("", _LINK.sub(r"\1", raw))
    return re.sub(r"[\ue020-\ue07f]", lambda m: chr(ord(m[0]) - _HIDDEN), text)


def plain_text(markdown: str) -> str:
    """All that a text says, a block a line, without Markdown, markers and verdicts."""
    return "\n".join(plain(block.raw).text for block in blocks(markdown))
