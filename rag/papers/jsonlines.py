"""JSON: one object a line, objects over several lines, arrays of them, and answers of services that hold these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from .fields import FIELDS
from .record import Fault, Record
from .source import Source

_NEXT = re.compile(r"\n(?=[ \t]*\{)")
_SPACE = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s,]*")
_DEEPEST = 4  # objects in objects around the papers
_KNOWN = frozenset((*FIELDS["title"], *FIELDS["abstract"]))
_ABSTRACTS = frozenset(FIELDS["abstract"])
# Where services keep the fields of a paper: Zotero, DOAJ, OpenReview, DataCite, INSPIRE, Elasticsearch, S2ORC,
# Semantic Scholar's citations.
_INSIDE = ("data", "bibjson", "content", "attributes", "metadata", "_source", "paper", "work", "message",
           "citingpaper", "citedpaper")  # fmt: skip
_NO_PAPERS = frozenset(("attachment", "note", "annotation"))  # what else a library of Zotero holds


def fits(text: str) -> bool:
    """Whether the text is JSON: objects, or an array of them; one of the first lines being so is enough."""
    start = text.lstrip()
    return bool(re.match(r'\[\s*[\[{\]"]|\{\s*["}]', start)) or any(
        re.match(r'\s*\{\s*"[^"]*"\s*:', line[:2000]) for line in start[:20_000].split("\n")[:20]
    )


def read(source: Source) -> Iterator[Record | Fault]:
    """A record for each object. After a broken one, reading goes on at the next line that begins with one."""
    if _is_lines(source.head):
        yield from _lines(source)
        return
    for line, value in _values(source.read()):
        if isinstance(value, Fault):
            yield value
        else:
            yield from _papers(line, value)


def _is_lines(text: str) -> bool:
    """Whether one of the first lines is an object of its own, and not one of an array."""
    return not text.lstrip().startswith("[") and any(
        line.lstrip().startswith("{") and isinstance(_parsed(line), dict) for line in text.split("\n", 20)[:20]
    )


def _parsed(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _lines(source: Source) -> Iterator[Record | Fault]:
    for number, line in enumerate(source.lines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            yield Fault(number, f"is not JSON: {error.msg} (column {error.pos + 1})")
        except (ValueError, RecursionError):
            yield Fault(number, "is not JSON we read: it is nested too deeply, or has a number too long")
        else:
            yield from _papers(number, value)


def _values(text: str) -> Iterator[tuple[int, object]]:
    """Each value of a text with the line where it begins; a Fault for one that is broken."""
    decoder = json.JSONDecoder()
    position, counted, line = 0, 0, 1
    array = text.lstrip().startswith("[")
    if array:
        position = _SPACE.match(text).end() + 1  # type: ignore[union-attr]
    while True:
        position = (_BETWEEN if array else _SPACE).match(text, position).end()  # type: ignore[union-attr]
        if position >= len(text):
            if array:
                yield line, Fault(line, "the JSON array is not closed by ]")
            return
        line, counted = line + text.count("\n", counted, position), position
        if array and text[position] == "]":
            array = False
            position += 1
            continue
        try:
            value, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError, ValueError) as error:
            yield line, Fault(line, _reason(error, text, line))
            following = _NEXT.search(text, position)
            if following is None:
                return
            position = following.end()
            continue
        yield line, value
        position = end


def _reason(error: Exception, text: str, line: int) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "is not JSON we read: it is nested too deeply, or has a number too long"
    at = "" if error.lineno == line else f"line {error.lineno}, "
    return f"is not JSON: {error.msg} ({at}column {error.pos - text.rfind(chr(10), 0, error.pos)})"


def _papers(line: int, value: object) -> Iterator[Record | Fault]:
    """The record of an object, or those of the list of papers that it holds."""
    if not isinstance(value, Mapping):
        yield Fault(line, "is no JSON object with a title and an abstract")
        return
    fields = _fields(value)
    if str(fields.get("itemtype", "")).lower() in _NO_PAPERS:
        return
    if not _KNOWN.isdisjoint(fields) and not (_ABSTRACTS.isdisjoint(fields) and _list(value, 0)):
        yield Record(line, fields)
        return
    found = _list(value, 0)
    for one in found or ():
        inner = _fields(one)
        if str(inner.get("itemtype", "")).lower() not in _NO_PAPERS:
            yield Record(line, inner)
    if not found:
        names = ", ".join(sorted(name[:40] for name in fields)[:8]) or "none"
        yield Fault(line, f"has neither title nor abstract; its fields are {names}")


def _fields(value: Mapping[str, object]) -> dict[str, object]:
    """The fields of a paper: those of the object, and of the one in it that holds its title."""
    fields = {str(name).strip().lower(): content for name, content in value.items()}
    for _ in range(_DEEPEST):
        inner = next((i for name in _INSIDE if isinstance(i := fields.get(name), Mapping) and _titled(i)), None)
        if inner is None or ("title" in fields and not _ABSTRACTS.isdisjoint(fields)):
            break
        outer = {name: content for name, content in fields.items() if content is not inner}
        fields = outer | {str(name).strip().lower(): content for name, content in inner.items()}
    return _unwrapped(fields)


def _titled(value: Mapping[str, object]) -> bool:
    names = {str(name).strip().lower() for name in value}
    return bool(names & {*FIELDS["title"]}) or any(isinstance(value.get(name), Mapping) for name in _INSIDE)


def _unwrapped(fields: dict[str, object]) -> dict[str, object]:
    """`fields` with OpenReview's {"value": …} undone, and without a `content` that is no text of a paper."""
    return {n: v["value"] if isinstance(v, Mapping) and set(v) == {"value"} else v for n, v in fields.items()}


def _list(value: Mapping[str, object], depth: int) -> list[Mapping[str, object]]:
    """The first list of papers in an object, nearest the outside; also papers by their names, as {"id1": {…}, …}."""
    inside: list[Mapping[str, object]] = []
    for content in value.values():
        if isinstance(content, list):
            papers = [one for one in content if isinstance(one, Mapping)]
            if any(_paperlike(one) for one in papers[:50]):
                return papers
        elif isinstance(content, Mapping):
            inside.append(content)
    named = [one for one in inside if _paperlike(one)]
    if len(named) > 1 and len(named) * 2 > len(value):
        return [{"key": name} | dict(one) for name, one in value.items() if isinstance(one, Mapping)]
    if depth < _DEEPEST:
        for one in inside[:50]:
            if found := _list(one, depth + 1):
                return found
    return []


def _paperlike(value: Mapping[str, object]) -> bool:
    fields = _fields(value)
    return not {*FIELDS["title"]}.isdisjoint(fields)
