"""JSONL: one object a line; also JSON objects over several lines, and arrays of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from .record import FIELDS, Fault, Record

_NEXT = re.compile(r"\n(?=[ \t]*\{)")
_SPACE = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s,]*")


def fits(text: str) -> bool:
    """Whether the text is JSON: objects, or an array of them; one of the first lines being so is enough."""
    start = text.lstrip()
    return bool(re.match(r'\[\s*[\[{\]"]|\{\s*["}]', start)) or any(
        re.match(r'\s*\{\s*"[^"]*"\s*:', line) for line in start[:20_000].split("\n")[:20]
    )


def read(text: str) -> Iterator[Record | Fault]:
    """A record for each object. After a broken one, reading goes on at the next line that begins with one."""
    decoder = json.JSONDecoder()
    position, counted, line = 0, 0, 1
    array = text.lstrip().startswith("[")
    if array:
        position = _SPACE.match(text).end() + 1  # type: ignore[union-attr]
    while True:
        position = (_BETWEEN if array else _SPACE).match(text, position).end()  # type: ignore[union-attr]
        if position >= len(text):
            if array:
                yield Fault(line, "the JSON array is not closed by ]")
            return
        line, counted = line + text.count("\n", counted, position), position
        if array and text[position] == "]":
            array = False
            position += 1
            continue
        try:
            value, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError, ValueError) as error:
            reason = f"is not JSON: {error.msg}" if isinstance(error, json.JSONDecodeError) else "is not JSON we read"
            if isinstance(error, json.JSONDecodeError):
                place = error.pos - text.rfind("\n", 0, error.pos)
                at = "" if error.lineno == line else f"line {error.lineno}, "
                reason += f" ({at}column {place})"
            yield Fault(line, reason)
            following = _NEXT.search(text, position)
            if following is None:
                return
            position = following.end()
            continue
        yield _record(line, value)
        position = end


def _record(line: int, value: object) -> Record | Fault:
    if not isinstance(value, Mapping):
        return Fault(line, "is no JSON object with a title and an abstract")
    fields = {str(name).strip().lower(): content for name, content in value.items()}
    if not any(name in fields for name in (*FIELDS["title"], *FIELDS["abstract"])):
        return Fault(line, f"has neither title nor abstract; its fields are {', '.join(sorted(fields)[:8]) or 'none'}")
    return Record(line, fields)
