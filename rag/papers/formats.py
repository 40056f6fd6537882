"""Which format a file has, told by its content, by its name only where that says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from . import bibtex, jsonlines, page, table, tagged, xmlfile
from .record import Fault, Record
from .source import Source

Reader = Callable[[Source], Iterator[Record | Fault]]

_BY_NAME: dict[str, Reader] = {
    ".jsonl": jsonlines.read, ".ndjson": jsonlines.read, ".json": jsonlines.read, ".csv": table.read,
    ".tsv": table.read, ".tab": table.read, ".bib": bibtex.read, ".bibtex": bibtex.read,
    ".ris": partial(tagged.read, kind=tagged.RIS), ".nbib": partial(tagged.read, kind=tagged.MEDLINE),
    ".enw": partial(tagged.read, kind=tagged.REFER), ".xml": xmlfile.read,
}  # fmt: skip
# What is known and isn't read, with what to do instead.
_REFUSED: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"^(?:references|items):[ \t]*\n[ \t]*-|^-[ \t]+\w+:.*\n[ \t]+\w+:", re.MULTILINE),
        "is YAML, which is not read: export it as CSL-JSON or BibTeX",
    ),
    (
        re.compile(r"^PMID: \d+", re.MULTILINE),
        "is PubMed's text of abstracts: save the same list in the format PubMed (.nbib)",
    ),
    (re.compile(r"^\{\\rtf", re.MULTILINE), "is RTF: export the papers as RIS or BibTeX"),
    (
        re.compile(r"^version https://git-lfs", re.MULTILINE),
        "is a pointer of Git LFS and not the file itself: git lfs pull",
    ),
)
_SHORT = 20_000  # characters in which a format shows


def reader(source: Source, name: str) -> Reader:
    """The reader for a text; `name` is that of its file, without the suffix of packing."""
    head = source.head
    if xmlfile.fits(head):
        return xmlfile.read
    if jsonlines.fits(head):
        return jsonlines.read
    # RIS before BibTeX and tables, whose signs may stand in a text of another format.
    for kind in tagged.FORMATS:
        if kind.signs.search(head):
            return partial(tagged.read, kind=kind)
    if bibtex.fits(head):
        return bibtex.read
    if table.fits(head):
        return table.read
    for signs, reason in _REFUSED:
        if signs.search(head[:_SHORT]):
            return partial(_refused, reason=reason)
    if table.without_abstracts(head):
        return partial(_refused, reason=table.missing(head))
    return _BY_NAME.get(Path(name).suffix.lower(), page.read)


def _refused(_: Source, reason: str) -> Iterator[Record | Fault]:
    yield Fault(None, reason)
