"""What the page says of papers that readers add: how far it has come, and what became of each record."""

from __future__ import annotations

from collections.abc import Sequence

from rag.api.adding import Report, Step
from rag.api.collections import title
from rag.papers.loading import NO_ABSTRACT
from rag.web.bridge import button
from rag.web.markdown import counted, shown

_TOLD = 500  # records of one kind that a report names; of more, how many
FORMATS = "RIS, BibTeX, PubMed, Web of Science, EndNote, CSL-JSON, CSV, Excel, JSON, JSONL; zip, gzip, bzip2 and xz too"
_PDF = "is a PDF"  # how the reason for refusing one begins
PDF = (
    "Of a PDF, give its record instead: drop the file into Zotero, or find the paper at PubMed, arXiv or its "
    "publisher, and export it with its abstract as RIS or BibTeX (often under “Cite”). That file can be added here."
)


def progress(step: Step) -> str:
    """How far it has come."""
    if step.total <= 1:
        bar, words = f'<progress aria-label="{shown(step.stage)}"></progress>', f"{step.stage} …"
    else:
        words = f"{step.stage}: {step.done:,} of {step.total:,}"
        bar = f'<progress value="{step.done}" max="{step.total}" aria-label="{shown(step.stage)}"></progress>'
    return f'<div class="progress">{bar}<p>{shown(words)}</p></div>'


def report(value: Report) -> str:
    """What became of the files."""
    name = shown(title(value.collection))
    counts = [f"{counted(value.added, 'paper')} added", f"{len(value.changed):,} changed" if value.changed else ""]
    counts += [f"{len(value.known):,} there before" if value.known else ""]
    counts += [f"{len(value.merged):,} repeated and merged" if value.merged else ""]
    counts += [f"{len(value.refused):,} refused" if value.refused else ""]
    bare = sum(r.reason == NO_ABSTRACT for r in value.remarks)
    counts += [f"{bare:,} without abstract, found by title only" if bare else ""]
    merged = [f"{_place(m.file, m.line)} is the same paper as “{m.kept.title}”" for m in value.merged]
    refused = [f"{_place(r.file, r.line)}: {r.reason}" for r in value.refused]
    now = f"{name} has {counted(value.papers, 'paper')} now." if value.papers else f"There is no collection {name} yet."
    undo = ""
    if value.new:
        undo = button("undo-upload", "", f"Undo: take {'it' if value.added == 1 else 'them'} out again", style="link")
    parts = [
        f"<h2>What became of the files {button('close-report', '', 'Close', style='link')}</h2>"
        f'<p role="status"><b>{", ".join(t for t in counts if t)}.</b> {now} {undo}</p>',
        f"<p>{PDF}</p>" if any(_PDF in r.reason for r in value.refused) else "",
        _listed("Refused", refused, open=True),
        _listed("Changed: a file says something else, or more", [p.title for p in value.changed]),
        _listed("Repeated and merged", merged),
        _listed(
            "To know",
            [f"{_place(r.file, r.line)} {r.reason}{f': {r.about}' if r.about else ''}" for r in value.remarks],
        ),
        _listed("There before", [p.title for p in value.known]),
    ]
    style = "report" if value.added or value.changed or value.known else "report none"
    return f'<section class="{style}" aria-label="What became of the files">{"".join(parts)}</section>'


def _listed(name: str, lines: Sequence[str], *, open: bool = False) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{shown(line)}</li>" for line in lines[:_TOLD])
    more = f"<li>… and {len(lines) - _TOLD:,} more</li>" if len(lines) > _TOLD else ""
    return (
        f"<details{' open' if open else ''}><summary>{name}: {len(lines):,}</summary><ul>{items}{more}</ul></details>"
    )


def _place(file: str, line: int | None) -> str:
    return file if line is None else f"{file}, line {line:,}"
