"""CSV and TSV: a header that names the columns, one paper a row; lines of a program's own may stand before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from .fields import FIELDS, MEDLINE, WOS
from .record import Fault, Record
from .rows import Row, rows
from .source import Source

_DELIMITERS = ",\t;|"
_MOST_COLUMNS = 5_000
_DEEPEST_HEADER = 40  # lines
_LONGEST_HEADER = 200_000  # characters

_TITLES, _ABSTRACTS = frozenset(FIELDS["title"]), frozenset(FIELDS["abstract"])
_OTHERS = frozenset(name for field in ("authors", "year", "doi", "venue", "key") for name in FIELDS[field])


def fits(text: str) -> bool:
    """Whether one of the first lines is a header with a title and an abstract, or names both in turn down a column."""
    return _header(text) is not None or _is_upright(text)


def read(source: Source) -> Iterator[Record | Fault]:
    """A record for each row. One with fewer fields than the header lacks the last of them."""
    if _is_upright(source.head):
        yield from _upright(source)
        return
    found = _header(source.head)
    if found is None:
        yield Fault(_first_line(source.head), missing(source.head))
        return
    skipped, delimiter = found
    lines = source.lines()
    for _ in range(skipped):
        next(lines)
    header = next(rows(lines, delimiter, None))[1]
    numbered = ((skipped + 1 + line, fields, error) for line, fields, error in rows(lines, delimiter, len(header)))
    yield from records(header, numbered)


def records(header: Sequence[str], found: Iterable[Row]) -> Iterator[Record | Fault]:
    """The records of rows below that header."""
    names = [name.strip().strip("\ufeff").lower() for name in header]
    if len(names) > _MOST_COLUMNS:
        yield Fault(
            None, f"has {len(names):,} columns, more than the {_MOST_COLUMNS:,} allowed: it is no table of papers"
        )
        return
    wos = "pt" in names and "ti" in names
    for line, given, error in found:
        fields = given
        if error:
            yield Fault(line, error)
            continue
        if not any(field.strip() for field in fields):
            continue
        while len(fields) > len(names) and not fields[-1].strip():
            fields = fields[:-1]
        if len(fields) > len(names) or (len(fields) == 1 and len(names) > 1):
            yield Fault(line, f"has {len(fields)} fields where the header has {len(names)}")
            continue
        values: dict[str, object] = {}
        for name, value in zip(names, fields, strict=False):
            if value.strip() and value.strip().lower() not in ("nan", "null", "none") and name not in values:
                values[name] = value
        yield Record(line, _by_tags(values) if wos else values)


def _by_tags(values: dict[str, object]) -> dict[str, object]:
    """The fields of a row of Web of Science, whose tab-delimited files name their columns by two letters."""
    found = {n: next((values[t.lower()] for t in tags if t.lower() in values), None) for n, tags in WOS.items()}
    return {name: value for name, value in found.items() if value is not None}


def missing(text: str) -> str:
    """What to say of a table whose header has no title or no abstract."""
    start = text.lstrip().split("\n", 1)[0][:2000]
    names = {name.strip(' "\ufeff').lower() for name in start.replace("\t", ",").replace(";", ",").split(",")}
    if "pmid" in names and "title" in names:
        return "PubMed's CSV has no abstracts: save the same list in the format PubMed (.nbib)"
    if names & _TITLES:
        return "its header has a title and no abstract: export it again with the abstracts, or as RIS"
    return f"its header has no title and abstract: {start[:80]!r}"


def without_abstracts(text: str) -> bool:
    """Whether one of the first lines is a header of papers that has no column for abstracts."""
    for line in text[:_LONGEST_HEADER].split("\n")[:5]:
        for delimiter in _DELIMITERS:
            names = _names(line, delimiter)
            if names & _TITLES and len(names & _OTHERS) > 1 and not names & _ABSTRACTS:
                return True
    return False


def _header(text: str) -> tuple[int, str] | None:
    """How many lines stand before the header, and the sign between its columns; None where there is no header."""
    for number, line in enumerate(text[:_LONGEST_HEADER].split("\n")[:_DEEPEST_HEADER]):
        for delimiter in _DELIMITERS:
            names = _names(line, delimiter)
            if (names & _TITLES and names & _ABSTRACTS) or {"ti", "ab", "pt"} <= names:
                return number, delimiter
    return None


def _names(line: str, delimiter: str) -> frozenset[str]:
    if delimiter not in line:
        return frozenset()
    first = next(rows([line], delimiter, None), None)
    return frozenset(name.strip().strip("\ufeff").lower() for name in first[1]) if first else frozenset()


def _first_line(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n") + 1


# -- a record as a column: Embase writes a field a line, its name first, and records below each other ---------------


def _is_upright(text: str) -> bool:
    found = {name for line in text[:_LONGEST_HEADER].split("\n")[:400] if (name := _label(line))}
    return {"title", "abstract"} <= found and "title,abstract" not in text[:200].lower()


def _label(line: str) -> str:
    """The name of a field in capitals that begins a line of such a file, in lower case."""
    name = line[:80].partition(",")[0].strip(' "')
    return name.lower() if name.isupper() and "," in line and name.lower() in _UPRIGHT else ""


_UPRIGHT = frozenset(chain(*FIELDS.values())) - frozenset(tag.lower() for tags in MEDLINE.values() for tag in tags)


def _upright(source: Source) -> Iterator[Record]:
    values: dict[str, object] = {}
    start = 1
    for line, fields, _ in rows(source.lines(), ",", None):
        name = fields[0].strip().lower() if fields else ""
        if set(name) == {"-"} or (name == "title" and "title" in values):
            if "title" in values:
                yield Record(start, values)
            values = {}
        if name not in _UPRIGHT or len(fields) < 2:
            continue
        start = line if not values else start
        given = [field for field in fields[1:] if field.strip()]
        if name in FIELDS["authors"] or name in FIELDS["keywords"]:
            values.setdefault(name, "; ".join(given))
        else:
            values.setdefault(name, ",".join(fields[1:]).strip(", "))
    if "title" in values:
        yield Record(start, values)
