"""Lines of a table to rows: quoting as in RFC 4180, and what programs write that do not keep to it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

_MOST_LINES = 2_000  # of one row
_LONGEST_ROW = 4 << 20  # characters

Row = tuple[int, list[str], str]
"""The line where a row begins, its fields, and what is wrong with it or ""."""


def rows(lines: Iterable[str], delimiter: str, columns: int | None) -> Iterator[Row]:
    """The rows of a table with that many columns; blank lines are left out.

    A quotation mark inside a field that should have been doubled is kept. One that nothing closes is a fault of its own
    line, and the lines behind it are read.
    """
    ahead: list[str] = []
    reader = iter(lines)
    number = 0
    while True:
        line = ahead.pop() if ahead else next(reader, None)
        if line is None:
            return
        number += 1
        if not line.strip():
            continue
        fields = _strictly(line, delimiter)
        if fields is None and '\\"' in line:  # as R and MySQL write a quotation mark in a field
            fields = _strictly(line.replace('\\"', '""'), delimiter)
            fields = fields if _fits(fields, columns) else None
        if fields is None and line.count('"') % 2 == 0:
            fields = _else(line, delimiter, columns)
        if fields is not None:
            yield number, fields, ""
            continue
        more = [line, *_until_closed(line, ahead, reader)]
        fields = _strictly("\n".join(more), delimiter)
        if not _fits(fields, columns):
            fields = _else("\n".join(more), delimiter, columns)
        if fields is not None and _fits(fields, columns):
            yield number, fields, ""
            number += len(more) - 1
            continue
        reason = "is no row of CSV: a quotation mark is not closed" if len(more) > 1 or line.count('"') % 2 else ""
        yield number, [], reason or "is no row of CSV: a quotation mark stands inside of a field"
        ahead.extend(reversed(more[1:]))


def _until_closed(line: str, ahead: list[str], reader: Iterator[str]) -> list[str]:
    """The lines behind `line` up to the one that closes its quotation, or as many as a row may have."""
    more: list[str] = []
    size, quotes = len(line), line.count('"')
    while quotes % 2 and len(more) < _MOST_LINES and size < _LONGEST_ROW:
        following = ahead.pop() if ahead else next(reader, None)
        if following is None:
            break
        more.append(following)
        size += len(following)
        quotes += following.count('"')
    return more


def _fits(fields: list[str] | None, columns: int | None) -> bool:
    return fields is not None and (columns is None or len(fields) == columns)


def _strictly(text: str, delimiter: str) -> list[str] | None:
    """The fields of one row as the standard has it; None where it is none."""
    if '"' not in text:
        return text.split(delimiter)
    limit = csv.field_size_limit(max(len(text), 131_072))
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None
    finally:
        csv.field_size_limit(limit)


def _else(text: str, delimiter: str, columns: int | None) -> list[str] | None:
    """The fields of a row that isn't written by the standard, if they are as many as there are columns."""
    fields = _leniently(text, delimiter)
    if fields is None or not _fits(fields, columns):
        fields = text.split(delimiter) if delimiter == "\t" else None
    return fields if _fits(fields, columns) else None


def _leniently(text: str, delimiter: str) -> list[str] | None:
    """The fields of one row, where a quotation mark only closes a field before a delimiter or at the end."""
    fields: list[str] = []
    place = 0
    while place <= len(text):
        if text.startswith('"', place):
            end = text.find(f'"{delimiter}', place + 1)
            if end < 0:
                end = len(text) - 1
                if end <= place or text[end] != '"':
                    return None
            fields.append(text[place + 1 : end].replace('""', '"'))
            place = end + 2
            if end >= len(text) - 1:
                break
        else:
            end = text.find(delimiter, place)
            end = len(text) if end < 0 else end
            fields.append(text[place:end])
            place = end + 1
    return fields
