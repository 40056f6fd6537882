"""The report as Markdown, for a terminal, a pull request or a mail: the same parts as the page, without its plots."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rag.evaluation.outcome import OUTCOMES, WORDS, outcome
from rag.evaluation.report.figures import sentence
from rag.evaluation.report.sections import sections
from rag.evaluation.report.table import Cell, Table, labels
from rag.evaluation.runs import Run

# Inside a word an underscore is no markup, and names of metrics and ids are read more often than rendered.
_MARKUP = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w))")


def markdown(runs: Sequence[Run]) -> str:
    """What was run, how good it was, where it lost, and the ids of what is not right."""
    return "\n".join(_lines(runs)).rstrip() + "\n"


def table(found: Table) -> Iterator[str]:
    """A table as lines, with its remark and the reasons of what has no value below it."""
    yield _line(map(plain, found.columns))
    yield _line("---" if found.words or not n else "---:" for n, _ in enumerate(found.columns))
    for row in found.rows:
        cells = [_cell(found, c) for c in row.cells] or [""] * (len(found.columns) - 1)
        yield _line([plain(row.name) if row.cells else f"**{plain(row.name)}**", *cells])
    yield ""
    if found.remark:
        yield f"{plain(found.remark)}\n"
    if found.notes:
        yield from (f"- ({n}) {plain(note)}" for n, note in enumerate(found.notes, 1))
        yield ""


def plain(text: str) -> str:
    """`text` on one line, as Markdown that shows it."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _lines(runs: Sequence[Run]) -> Iterator[str]:
    yield "# Evaluation report\n"
    for run, label in zip(runs, labels(runs), strict=True):
        yield f"**{plain(label)}**: {sentence(run)}\n"
    terms: dict[str, str] = {}
    for section in sections(runs):
        terms |= section.terms
        if section.table is not None and section.anchor != "manifest":
            yield f"## {plain(section.title)}\n"
            yield from ([f"{plain(section.said)}\n"] if section.said else [])
            yield from table(section.table)
    yield "## What is not right\n"
    for run, label in zip(runs, labels(runs), strict=True):
        yield from _failures(run, label)
    yield "## What the metrics are\n"
    yield from (f"- {plain(name)}: {plain(meaning)}" for name, meaning in terms.items())


def _failures(run: Run, label: str) -> Iterator[str]:
    yield f"### {plain(label)}\n"
    found = [(outcome(s), s.item.id) for s in run.scored]
    for one in reversed(OUTCOMES[1:]):
        ids = [plain(id) for o, id in found if o == one]
        if ids:
            yield f"- {WORDS[one]} ({len(ids):,}): {', '.join(ids)}"
    if all(o == "right" for o, _ in found):
        yield "Nothing."
    yield ""


def _cell(of: Table, cell: Cell) -> str:
    mark = f" ({of.notes.index(cell.note) + 1})" if cell.note else ""
    detail = f" ({cell.detail})" if cell.detail else ""
    return f"{plain(cell.text)}{detail}{mark}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
