"""The page: text saved from a site of papers. Titles and abstracts in turn, among the furniture of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .record import Fault, Record
from .source import Source

_LONG = 40  # words: no title has as many, every abstract worth the name has more
_LARGEST = 4 << 20  # characters
_FEWEST = 2  # titles with their abstracts: one heading before one paragraph is in every text
_FURNITURE = re.compile(
    r"©|copyright|cookie|privacy|terms of|all rights reserved|sign (?:in|up)|log ?in|subscribe|newsletter|inbox"
    r"|^(?:by|submitted by|published|posted|new|next|previous|load more|view|get)\b|^\W*\d+\W*$|^https?://\S+$"
    r"|^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d+",
    re.IGNORECASE,
)
# Headings, lists, quotations and code of Markdown and programs.
_MARKUP = re.compile(
    r"^(?:#{1,6}\s|[-*+>|]\s|\d+[.)]\s|```|~~~|<|\||\$ |def |class |import |from \w+ import|//|/\*|=====|-----)"
)


def read(source: Source) -> Iterator[Record | Fault]:
    """A record for each title that an abstract follows, where most of the text has this shape.

    What stands before the first title is furniture, and so is what looks like it further on. An abstract without a
    title, or a title without an abstract, is a fault.
    """
    text = "".join(_beginning(source))
    found = list(_in(text)) if len(text) <= _LARGEST else []
    papers = [one for one in found if isinstance(one, Record)]
    if len(papers) < _FEWEST or len(papers) < 0.6 * len(found) or any(_marked(paper) for paper in papers):
        yield Fault(None, _NO_PAPERS)
    else:
        yield from found


def _beginning(source: Source) -> Iterator[str]:
    """The text, or so much of it that it is no page."""
    size = 0
    for chunk in source.chunks():
        yield chunk
        size += len(chunk)
        if size > _LARGEST:
            return


_NO_PAPERS = (
    "no papers found: it is no file of a reference manager or database that we know (RIS, BibTeX, PubMed, Web of "
    "Science, EndNote, CSV, JSON, …), and no page of titles and abstracts in turn"
)


def _marked(paper: Record) -> bool:
    return any(_MARKUP.match(str(text)) for text in paper.fields.values())


def _in(text: str) -> Iterator[Record | Fault]:
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
