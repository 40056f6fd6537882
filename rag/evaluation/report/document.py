"""The report as Markdown, for a terminal, a pull request or a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.evaluation.outcome import OUTCOMES, WORDS, outcome
from rag.evaluation.report import tables
from rag.evaluation.report.about import judges, labels, manifests, sentence
from rag.evaluation.report.noise import series, slopes
from rag.evaluation.report.risk import summary
from rag.evaluation.report.table import Cell, Table
from rag.evaluation.risk import of_run
from rag.evaluation.runs import Run

# Inside a word an underscore is no markup, and names of metrics and ids are read more often than rendered.
_MARKUP = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w))")


def markdown(runs: Sequence[Run]) -> str:
    """What was run, how good it was, where it lost, and the ids of what is not right."""
    return "\n".join(_lines(runs)).rstrip() + "\n"


def _lines(runs: Sequence[Run]) -> Iterator[str]:
    yield "# Evaluation report\n"
    for run, label in zip(runs, labels(runs), strict=True):
        yield f"**{plain(label)}**: {sentence(run)}\n"
    yield from _section("What was run", manifests(runs))
    yield from _section("Results", tables.results(runs))
    if (judge := judges(runs)) is not None:
        yield from _section("The judge", judge)
    yield from _section("By kind", tables.by_kind(runs))
    yield from _section("Abstention", tables.abstention(runs))
    for run, label in zip(runs, labels(runs), strict=True):
        if (risk := of_run(run)) is not None:
            yield f"Risk and coverage of {plain(label)}: {summary(risk)}.\n"
    yield from _section("Where it was lost", tables.lost(runs))
    for one in series(runs):
        yield from _section(f"Distractors: {plain(one.system)}", slopes(one))
    yield from _section("Speed", tables.speed(runs))
    yield "## What is not right\n"
    for run, label in zip(runs, labels(runs), strict=True):
        yield from _failures(run, label)
    yield "## What the metrics are\n"
    yield from (f"- {plain(name)}: {plain(meaning)}" for name, meaning in tables.meanings(runs))


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


def _section(title: str, table: Table) -> Iterator[str]:
    yield f"## {title}\n"
    yield _line(plain(c) for c in table.columns)
    yield _line("---" if table.words or not n else "---:" for n, _ in enumerate(table.columns))
    for row in table.rows:
        if row.cells:
            yield _line([plain(row.name), *(_cell(table, c) for c in row.cells)])
        else:
            yield _line([f"**{plain(row.name)}**", *[""] * (len(table.columns) - 1)])
    yield ""
    if table.remark:
        yield f"{table.remark}\n"
    if table.notes:
        yield from (f"- {table.mark(Cell('', note=note))}: {plain(note)}" for note in table.notes)
        yield ""


def _cell(table: Table, cell: Cell) -> str:
    mark = f" ({table.mark(cell)})" if cell.note else ""
    detail = f" ({cell.detail})" if cell.detail else ""
    return f"{plain(cell.text)}{detail}{mark}"


def _line(cells: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plain(text: str) -> str:
    """`text` on one line, as Markdown that shows it, each character for one."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
