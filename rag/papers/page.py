"""The page: text saved from a site of papers. Titles and abstracts in turn, among the furniture of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .record import Fault, Record

_LONG = 40  # words: no title has as many, every abstract worth the name has more
_FURNITURE = re.compile(
    r"©|copyright|cookie|privacy|terms of|all rights reserved|sign (?:in|up)|log ?in|subscribe|newsletter|inbox"
    r"|^(?:by|submitted by|published|posted|new|next|previous|load more|view|get)\b|^\W*\d+\W*$|^https?://\S+$"
    r"|^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d+",
    re.IGNORECASE,
)


def read(text: str) -> Iterator[Record | Fault]:
    """A record for each title that an abstract follows.

    What stands before the first title is furniture, and so is what looks like it further on. An abstract without a
    title, or a title without an abstract, is a fault.
    """
    blocks = list(_blocks(text))
    long = any(len(words.split()) >= _LONG for _, words in blocks)
    title: tuple[int, str] | None = None
    begun = False
    for line, block in blocks:
        if not _is_abstract(block, begun or not long):
            if title and begun and _is_title(title[1]):
                yield Fault(title[0], f"a title without an abstract: {title[1][:80]!r}")
            title = line, block
        elif title:
            begun = True
            yield Record(title[0], {"title": title[1], "abstract": block})
            title = None
        else:
            begun = True
            yield Fault(line, f"an abstract without a title: {block[:80]!r}")
    if title and begun and _is_title(title[1]):
        yield Fault(title[0], f"a title without an abstract: {title[1][:80]!r}")
    if not begun:
        yield Fault(None, "no papers found: it is no page of titles and abstracts, JSONL, CSV, TSV, BibTeX or RIS")


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Runs of lines that are not blank, with the number of their first line."""
    start, lines = 0, list[str]()
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            start = start or number
            lines.append(line.strip())
        elif lines:
            yield start, " ".join(lines)
            start, lines = 0, []


def _is_abstract(block: str, short: bool) -> bool:
    """Whether a block is an abstract; `short`: one of a sentence or two counts."""
    words = len(block.split())
    return words >= _LONG or (short and words >= 5 and block.endswith("."))


def _is_title(block: str) -> bool:
    """Whether a block that no abstract follows reads like a title, and not like furniture of the page."""
    return len(block.split()) >= 4 and not _FURNITURE.search(block)
