"""RIS, by rispy (https://github.com/MrTango/rispy), one record at a time so that each has its line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .record import Fault, Record, first_name_first

_TAG = re.compile(r"[A-Z][A-Z0-9]  ?-(?: |$)")
_TITLES = ("title", "primary_title", "short_title", "translated_title")
_ABSTRACTS = ("abstract", "notes_abstract")


def fits(text: str) -> bool:
    """Whether the first line that is not blank is a tag of RIS."""
    return bool(_TAG.match(text.lstrip()))


def read(text: str) -> Iterator[Record | Fault]:
    """A record from each `TY  -` to its `ER  -`."""
    lines: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        tag = line.lstrip()[:2] if _TAG.match(line.lstrip()) else ""
        if tag == "TY" and lines:
            yield Fault(start, f"is not closed by ER before the next record begins on line {number}")
            lines = []
        if not lines and line.strip() and tag != "TY":
            yield Fault(number, f"stands outside of a record: {line.strip()[:60]!r}")
            continue
        if line.strip():
            start = start if lines else number
            lines.append(line.strip() if tag else "      " + line.strip())
        if tag == "ER":
            yield _record(start, lines)
            lines = []
    if lines:
        yield Fault(start, "is not closed by ER")


def _record(line: int, lines: list[str]) -> Record | Fault:
    import rispy

    try:
        (entry,) = rispy.loads("\n".join([*lines, ""]))
    except Exception as error:  # rispy raises ValueError, OSError and its own kinds
        return Fault(line, f"is not RIS: {error}")
    fields: dict[str, object] = {
        "title": next((entry[name] for name in _TITLES if entry.get(name)), None),
        "abstract": next((entry[name] for name in _ABSTRACTS if entry.get(name)), None),
        "authors": [first_name_first(name) for name in entry.get("authors") or entry.get("first_authors") or ()],
        "year": entry.get("year") or entry.get("publication_year") or entry.get("date"),
        "url": entry.get("urls") or entry.get("url"),
        "doi": entry.get("doi"),
        "id": entry.get("id"),
    }
    return Record(line, fields)
