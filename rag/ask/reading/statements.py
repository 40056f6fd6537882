"""The text of an answer, cut into statements: sentences, list items and cells of tables, with what they cite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rag.ask.reading.brackets import OPENING, Cited, citation_at
from rag.ask.reading.stream import Header
from rag.papers.sentences import Span, split_sentences

Pairs = tuple[tuple[int, int], ...]

MIN_WORDS = 4
"""Fewer words, without a figure, make no claim: "In summary", "GPipe and Holmes"."""

_PREFIX = re.compile(r"\s*(?:[-*+•]\s+|\d{1,2}[.)]\s+|>\s*)*")
_HEADING = re.compile(r"\s*#{1,6}\s|\s*(?:-{3,}|\*{3,})\s*$|\s*\*\*[^*]{1,80}\*\*:?\s*$")
_RULE = re.compile(r"(?=[\s:|]*-)[\s:|-]*\Z")
_ENDING = re.compile(r"(?<![.!?;:,…。！？])[.!?;:,…。！？]+[\"'”’)*_]*\s*\Z")
_PLACE = re.compile("[\ue000-\uf8ff]")
_MARK = re.compile(r"(?<!\s)\s*\[(?:unsupported|partly supported|no source)\]", re.IGNORECASE)
"""Our own marks, which a model must not set."""

_SOURCE = r"(?:abstracts?|sources?|papers?|excerpts?|collection|texts?|sentences?|stud(?:y|ies)|works?|them|these)"
_ABOUT = re.compile(
    rf"\b(?:no|not|none|neither|nothing|only|few|without|any|cannot|silent|unclear|unspecified|both|all|each|every|"
    rf"most|several|\d+|one|two|three|four|five|six|seven|eight|nine|ten)\b[^.]{{0,60}}?\b{_SOURCE}\b"
    rf"|\b{_SOURCE}\b[^.]{{0,60}}?(?:\b(?:no|not|none|neither|nor|nothing|never|only|silent|lacks?|cannot|without|"
    rf"unclear|unspecified)\b|n['’]t\b)|^\s*(?:no|none|nothing)\b"
    r"|\b(?:figures|numbers|results|claims|measures)\b[^.]{0,80}?\b(?:differ\w*|rank\w*|compar\w*)\b",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"(?:\b(?:not|never|neither|nor|no|none|nothing)\b|n['’]t\b)[^.;]{0,80}?\b(?:say|says|said|stat|mention|specif|report|giv"
    r"|provid|discuss|describ|address|compar|nam|disclos|cover|detail|answer|evaluat|information|figure|claim)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """Text up to a citation, and what is cited there; nothing after the last one."""

    text: str
    pairs: Pairs = ()


@dataclass(slots=True)
class Statement:
    """One sentence, list item or cell of a table.

    `row` numbers the line of a table that it is a cell of; `column` is what the head of the cell's column cites, and
    `label` says that the cell is the first of its row. `block` numbers the paragraph or list item.
    """

    segments: list[Segment]
    ending: str = ""
    block: int = 0
    row: int | None = None
    column: Pairs = ()
    label: bool = False

    @property
    def text(self) -> str:
        """What it says, without citations and Markdown."""
        return plain("".join(s.text for s in self.segments) + self.ending)

    @property
    def pairs(self) -> Pairs:
        """All that it cites."""
        return tuple(dict.fromkeys(p for s in self.segments for p in s.pairs))

    @property
    def is_claim(self) -> bool:
        """Whether it says something of the sources' subject that can be true or false."""
        text = self.text
        if self.row is not None:
            # The first cell only says what its row is about.
            return bool(self.pairs or (not self.label and re.search(r"\d|\w{3}", text))) and not _ABSENT.search(text)
        if text.endswith(":") or (not self.pairs and self.is_about_sources):
            return False
        words = re.findall(r"[^\W_]+", text)
        return len(words) >= MIN_WORDS or (len(words) > 1 and bool(self.pairs or re.search(r"\d", text)))

    @property
    def is_about_sources(self) -> bool:
        """Whether it speaks of the sources themselves: "only two of these papers", "the abstract does not say"."""
        return bool(_ABOUT.search(self.text) or self.is_absence)

    @property
    def is_absence(self) -> bool:
        """Whether it says that something is not said."""
        return bool(_ABSENT.search(self.text))


@dataclass(slots=True)
class Parsed:
    """An answer as a sequence of literal texts and statements, in order."""

    parts: list[str | Statement] = field(default_factory=list)

    @property
    def statements(self) -> Iterator[Statement]:
        """The statements in their order."""
        return (p for p in self.parts if isinstance(p, Statement))


def plain(text: str) -> str:
    """`text` on one line, without the Markdown of emphasis and code."""
    text = re.sub(r"\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", "", _PLACE.sub("", text))
    return " ".join(text.split()).strip(" |")


def parse(raw: str, header: Header) -> Parsed:
    """The statements of a model's text, with its own brackets. Lines of a header that stand in it go to `header`."""
    found = Parsed()
    text, cited = _with_places(_MARK.sub("", _PLACE.sub("", raw)))
    lines = text.split("\n")
    columns: list[Pairs] = []
    for number, line in enumerate(lines):
        if re.match(r"\W*(?:STATE|MISSING|SEARCH|WANTS|HEADLINE)\W*:", line, re.IGNORECASE) and header.take(line):
            continue
        if found.parts:
            found.parts.append("\n")
        if line.count("|") >= 2 and line.strip().startswith("|"):
            following = lines[number + 1] if number + 1 < len(lines) else ""
            if _RULE.match(following) and "-" in following:
                columns = [_pairs(cell, cited) for cell in _cells(line)]
                found.parts.append(_bare(line))
            elif _RULE.match(line):
                found.parts.append(line)
            else:
                _table_row(line, number, columns, cited, found)
        elif not line.strip() or _HEADING.match(line):
            found.parts.append(_bare(line))
        else:
            _sentences(line, number, cited, found)
    return found


def _with_places(text: str) -> tuple[str, dict[str, Pairs]]:
    """The text with one character of the private-use area for each citation."""
    cited: dict[str, Pairs] = {}
    out: list[str] = []
    at = 0
    while (opened := OPENING.search(text, at)) is not None:
        start = opened.start()
        found = citation_at(text[start : start + 400], final=True)
        if not isinstance(found, Cited) or len(cited) >= 6_000:
            out.append(text[at : opened.end()])
            at = opened.end()
            continue
        place = chr(0xE000 + len(cited))
        cited[place] = found.pairs
        out.append(text[at:start].rstrip(" \t") if text[at:start].strip() else text[at:start])
        out.append(place)
        at = start + found.length
    out.append(text[at:])
    return "".join(out), cited


def _sentences(line: str, block: int, cited: dict[str, Pairs], found: Parsed) -> None:
    prefix = _PREFIX.match(line)
    assert prefix is not None
    found.parts.append(prefix.group())
    body = line[prefix.end() :]
    if not re.search(r"\w", _PLACE.sub("", body)):
        # Citations on a line of their own belong to what stands before.
        last = next((p for p in reversed(found.parts) if isinstance(p, Statement)), None)
        if last is not None and (pairs := _pairs(body, cited)):
            last.segments.append(Segment("", pairs))
        return
    at = 0
    early: Pairs = ()
    leading = re.match(rf"(?:{_PLACE.pattern}|\s)+", body)
    if leading:
        early, at = _pairs(leading.group(), cited), leading.end()
    for span in _whole(split_sentences(body[at:]), body[at:]):
        found.parts.append(body[at:][: span.start][-1:] if span.start else "")
        statement = _statement(body[at + span.start : at + span.end], cited, block)
        if early and not statement.pairs:
            statement.segments.append(Segment("", early))
        early = ()
        found.parts.append(statement)


def _whole(spans: list[Span], text: str) -> list[Span]:
    """The sentences, but for bold text, which is kept whole: titles may have a question mark in the middle."""
    found: list[Span] = []
    for span in spans:
        if found and text[found[-1].start : found[-1].end].count("**") % 2:
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return found


def _statement(text: str, cited: dict[str, Pairs], block: int) -> Statement:
    pieces = re.split(rf"({_PLACE.pattern}+)", text)
    segments = [
        Segment(pieces[i], _pairs(pieces[i + 1], cited) if i + 1 < len(pieces) else ())
        for i in range(0, len(pieces), 2)
    ]
    last = segments[-1]
    ending = _ENDING.search(last.text)
    if last.pairs or ending is None:
        return Statement([s for s in segments if s.text or s.pairs], "", block)
    rest = last.text[: ending.start()]
    return Statement([*segments[:-1], *([Segment(rest)] if rest else [])], ending.group(), block)


def _table_row(line: str, number: int, columns: list[Pairs], cited: dict[str, Pairs], found: Parsed) -> None:
    cells = _cells(line)
    found.parts.append("|")
    for i, cell in enumerate(cells):
        stripped = cell.strip()
        if not re.search(r"\w", _PLACE.sub("", stripped)) and not _pairs(stripped, cited):
            found.parts.append(f" {stripped} |" if stripped else " |")
            continue
        statement = _statement(stripped, cited, number)
        statement.label = i == 0
        statement.row, statement.column = number, columns[i] if i < len(columns) else ()
        found.parts += [" ", statement, " |"]


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return re.split(r"(?<!\\)\|", inner)


def _pairs(text: str, cited: dict[str, Pairs]) -> Pairs:
    return tuple(dict.fromkeys(p for c in text if c in cited for p in cited[c]))


def _bare(text: str) -> str:
    return _PLACE.sub("", text)
