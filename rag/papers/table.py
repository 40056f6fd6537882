"""CSV and TSV: a header that names the columns, then one paper a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from .record import FIELDS, Fault, Record

_DELIMITERS = ",\t;|"
_MOST_RESTARTS = 100


def fits(text: str) -> bool:
    """Whether the first line is a header with a title and an abstract."""
    return _delimiter(text) is not None


def read(text: str) -> Iterator[Record | Fault]:
    """A record for each row. Quoting is as in RFC 4180; a row has as many fields as the header."""
    start = len(text) - len(text.lstrip())
    line = text.count("\n", 0, start) + 1
    lines = text.split("\n")
    delimiter = _delimiter(text)
    if delimiter is None:
        yield Fault(line, f"its header has no title and abstract: {lines[line - 1][:80]!r}")
        return
    header: list[str] | None = None
    restarts = 0
    limit = csv.field_size_limit(max(len(text), 131_072))  # big fields are refused later
    try:
        while line <= len(lines):
            for first, row, error in _rows("\n".join(lines[line - 1 :]), delimiter, line):
                if error:
                    yield Fault(first, error)
                    if "end of data" in error and restarts < _MOST_RESTARTS:
                        # An open quotation mark swallowed the rest: read on behind the line that opened it.
                        line, restarts = first + 1, restarts + 1
                        break
                elif header is None:
                    header = _names(row)
                elif not any(field.strip() for field in row):
                    continue
                elif len(row) != len(header):
                    yield Fault(first, f"has {len(row)} fields where the header has {len(header)}")
                else:
                    yield Record(first, dict(zip(header, row, strict=True)))
            else:
                return
    finally:
        csv.field_size_limit(limit)


def _rows(text: str, delimiter: str, line: int) -> Iterator[tuple[int, list[str], str]]:
    """Each row with the line where it begins, and what is wrong with it or ""."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        first = line + rows.line_num
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, [], f"is no row of CSV: {error}"
        else:
            if row:
                yield first, row, ""


def _names(row: list[str]) -> list[str]:
    return [name.strip().lower() for name in row]


def _delimiter(text: str) -> str | None:
    first = text.lstrip().split("\n", 1)[0][:10_000]
    for delimiter in _DELIMITERS:
        try:
            names = _names(next(csv.reader([first], delimiter=delimiter, strict=True)))
        except (csv.Error, StopIteration):
            continue
        if any(name in names for name in FIELDS["title"]) and any(name in names for name in FIELDS["abstract"]):
            return delimiter
    return None
