"""What the page says of papers that readers add: how far it has come, and what became of each record."""

from __future__ import annotations

from rag.api.adding import Report
from rag.api.collections import title
from rag.papers.loading import NO_ABSTRACT
from rag.web.drawing import macro
from rag.web.markdown import counted

_TOLD = 500  # records of one kind that a report names; of more, how many
FORMATS = "RIS, BibTeX, PubMed, Web of Science, EndNote, CSL-JSON, CSV, Excel, JSON, JSONL; zip, gzip, bzip2 and xz too"
_PDF = "is a PDF"  # how the reason for refusing one begins

progress, _report = macro("uploads", "progress"), macro("uploads", "report")


def report(value: Report) -> str:
    """Import report."""
    counts = {
        "changed": len(value.changed),
        "already there": len(value.known),
        "duplicates merged": len(value.merged),
        "refused": len(value.refused),
        "without abstract, found by title only": sum(r.reason == NO_ABSTRACT for r in value.remarks),
    }
    lists = {
        "Refused": [f"{_place(r.file, r.line)}: {r.reason}" for r in value.refused],
        "Changed: a file says something else, or more": [p.title for p in value.changed],
        "Duplicates, merged": [f"{_place(m.file, m.line)} is the same paper as “{m.kept.title}”" for m in value.merged],
        "Good to know": [
            f"{_place(r.file, r.line)} {r.reason}{f': {r.about}' if r.about else ''}" for r in value.remarks
        ],
        "Already there": [p.title for p in value.known],
    }
    told = [f"{counted(value.added, 'paper')} added", *(f"{n:,} {words}" for words, n in counts.items() if n)]
    pdf = any(_PDF in r.reason for r in value.refused)
    return _report(value, title(value.collection), told, lists, pdf, _TOLD)


def _place(file: str, line: int | None) -> str:
    return file if line is None else f"{file}, line {line:,}"
