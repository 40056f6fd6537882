"""Formats of tagged lines: RIS, MEDLINE (.nbib), Web of Science, EndNote's .enw, RefWorks and Cochrane's text.

A line begins with a tag and its value; a line without one goes on with the value before it. What stands between records
is no fault: databases number them, and write how many there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import fields
from .boilerplate import is_nothing
from .fields import Tags
from .names import initials_first
from .record import Fault, Record
from .source import Source

_MOST_VALUES = 20_000  # of a record: the longest list of authors has some 5,000


@dataclass(frozen=True, slots=True)
class Format:
    """One such format. `line` finds tag and value; `begins` and `ends` are tags, `lists` those with a value a line."""

    name: str
    signs: re.Pattern[str]
    line: re.Pattern[str]
    tags: Tags
    begins: tuple[str, ...]
    ends: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


RIS = Format(
    "RIS",
    re.compile(r"^[ \t]*TY {0,2}-", re.MULTILINE),
    re.compile(r"[ \t]*([A-Z][A-Z0-9]) {0,2}\t?-(?:[ \t](.*)|$)"),
    fields.RIS,
    ("TY",),
    ("ER",),
    ("KW",),
)
MEDLINE = Format(
    "MEDLINE",
    re.compile(r"^PMID ?- ?\d", re.MULTILINE),
    re.compile(r"([A-Z]{2,4}) {0,2}-(?: (.*)|$)"),
    fields.MEDLINE,
    ("PMID",),
)
WOS = Format(
    "Web of Science's text",
    re.compile(r"^PT [A-Z][ \t]*$", re.MULTILINE),
    re.compile(r"([A-Z][A-Z0-9])(?: (.*)|$)"),
    fields.WOS,
    ("PT",),
    ("ER",),
    ("AU", "AF"),
)
REFER = Format(
    "EndNote's .enw",
    re.compile(r"^%0 |^%[AT] [^\n]*\n(?:%[A-Z0-9@] |$)", re.MULTILINE),
    re.compile(r"%([0-9A-Z!@&()*+<>?\[\]^~$=\\|])(?: (.*)|$)"),
    fields.REFER,
    ("0",),
    (),
    ("K",),
)
REFWORKS = Format(
    "RefWorks' text",
    re.compile(r"^RT [A-Z][^\n]*\n(?:[A-Z][A-Z0-9] [^\n]*\n){0,40}?(?:T1|A1) ", re.MULTILINE),
    re.compile(r"([A-Z][A-Z0-9])(?: (.*)|$)"),
    fields.REFWORKS,
    ("RT",),
)
COCHRANE = Format(
    "Cochrane's text",
    re.compile(r"^Record #\d+ of \d+[ \t]*\n(?:[A-Z]{2,3}: [^\n]*\n)+", re.MULTILINE),
    re.compile(r"([A-Z]{2,3}):(?: (.*)|$)"),
    fields.COCHRANE,
    ("ID",),
)
FORMATS = (MEDLINE, RIS, WOS, REFER, REFWORKS, COCHRANE)


def read(source: Source, kind: Format) -> Iterator[Record | Fault]:
    """The records of a file of that format."""
    found = False
    for record in _records(source.lines(), kind):
        found = True
        yield record
    if not found:
        yield Fault(None, f"holds no record of {kind.name}")


def _records(lines: Iterable[str], kind: Format) -> Iterator[Record]:
    known = {tag for tags in kind.tags.values() for tag in tags}
    values: dict[str, list[str]] = {}
    start, last, count, blank = 0, "", 0, True
    for number, line in enumerate(lines, 1):
        found = kind.line.match(line) if line.strip() else None
        tag = found[1] if found else None
        # In files that refer made, no tag begins a record: a blank line is before it.
        begins = tag in kind.begins or (kind is REFER and tag is not None and blank and "0" not in values)
        blank = not line.strip()
        if begins or tag in kind.ends:
            if values:
                yield Record(start, _fields(values, kind))
            values, last, count = {}, "", 0
            start = number if begins else 0
        if blank or not start:
            continue
        if found is not None and tag is not None:
            last = tag
            if count < _MOST_VALUES and (tag in known or tag in kind.begins):
                values.setdefault(tag, []).append((found[2] or "").strip())
                count += 1
        elif last in values and count < _MOST_VALUES:
            count += 1
            values[last].append(("" if last in kind.lists else "\0") + line.strip())
    if values:
        yield Record(start, _fields(values, kind))


def _fields(values: dict[str, list[str]], kind: Format) -> dict[str, object]:
    """The fields of a paper, by our names; of several tags for one, the first that has a value."""
    joined = {tag: [v for v in "\n".join(parts).replace("\n\0", " ").split("\n") if v] for tag, parts in values.items()}
    found: dict[str, object] = {}
    for name, tags in kind.tags.items():
        given = next((joined[tag] for tag in tags if joined.get(tag)), None)
        if given:
            found[name] = given
    people = found.get("authors")
    if isinstance(people, list):
        found["authors"] = [name if "," in name else initials_first(name) for name in people]
    if isinstance(people, list) and len(people) == 1 and re.search(r";|\band\b|,[^,]*,[^,]*,", people[0]):
        found["authors"] = people[0]  # all names on one line
    found["abstract"] = _abstract([joined[tag] for tag in kind.tags["abstract"] if joined.get(tag)])
    if kind is RIS:
        found["year"] = [text for tag in kind.tags["year"] for text in joined.get(tag, ())]
        addresses = [text for text in joined.get("UR", ()) if "doi.org/" in text]
        found["doi"] = [text for tag in kind.tags["doi"] for text in joined.get(tag, ()) if "10." in text] + addresses
    if kind is MEDLINE:
        doi = [text.partition(" ")[0] for tag in ("LID", "AID") for text in joined.get(tag, ()) if "[doi]" in text]
        found["doi"] = doi or joined.get("SO", [])
        found["url"] = (
            [f"https://pubmed.ncbi.nlm.nih.gov/{number}/" for number in joined.get("PMID", ())[:1]] if not doi else []
        )
    if kind is WOS:
        found["keywords"] = "; ".join(joined.get("DE", ()) or joined.get("ID", ()))
    return {name: value for name, value in found.items() if value}


def _abstract(given: list[list[str]]) -> object:
    """The texts of each tag for an abstract, a paragraph a value; `building` takes the first that says something."""
    texts = (" ".join(dict.fromkeys(paragraphs)) for paragraphs in given)
    return next((text for text in texts if not is_nothing(text)), "")
