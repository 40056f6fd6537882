"""A comparison of two runs for people: tables for a terminal and for pages, and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rag.evaluation.comparing import Change, Comparison, Difference, Finding
from rag.evaluation.outcome import WORDS
from rag.evaluation.report.document import plain
from rag.evaluation.report.table import UNDEFINED, Cell, Row, figure
from rag.evaluation.report.table import Table as Figures
from rag.evaluation.significance import McNemar
from rag.evaluation.verdict import details, headline

if TYPE_CHECKING:
    from rich.table import Table

FINDINGS: dict[Finding, str] = {
    "better": "B is better",
    "worse": "B is worse",
    "unadjusted": "not after adjustment",
    "unclear": "may be chance",
    "borderline": "borderline, may be chance",
    "same": "same here",
    "too few": "too few to decide",
    "neutral": "has no direction",
}
"""What readers are told."""
HEAD = ("metric", "n", "clusters", "A", "B", "B − A", "95% interval", "p", "Holm p", "McNemar", "finding")
STYLES: dict[Finding, str] = {"better": "green", "worse": "red", "too few": "dim", "neutral": "dim", "same": "dim"}
LEGEND = (
    "Metrics with * are primary, and decide; the others are exploratory. Intervals and p: 10,000 paired bootstrap "
    "resamples of whole clusters of questions about the same papers, percentiles widened for few clusters, not yet "
    "adjusted for there being several metrics. Holm p is: over the {primary}, and by itself over the {exploratory}."
)
ALL_ALIKE, NONE_DIFFER = "all differ alike", "none differ"
ALIKE = "All differ alike: every cluster has the same difference, and so has every resample; p says how sure it is."
NONE = "None differ: every cluster has the same value in both, though others might not."
MCNEMAR = "McNemar: yes in A only : in B only, and the exact two-sided p, which takes questions as independent"


def table(comparison: Comparison) -> Table:
    """Every metric in both runs, as a table for a terminal."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    names = f"A  {escape(comparison.a)}\nB  {escape(comparison.b)}\n"
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), title=names, caption=f"\n{_legend(comparison)}")
    shown.title_justify = shown.caption_justify = "left"
    for n, column in enumerate(("metric", "n", "A", "B", "B − A", "95% interval", "Holm p")):
        shown.add_column(column, justify="right" if n else "left", no_wrap=True)
    shown.add_column("finding")
    for d in _ordered(comparison):
        metric, asked, _, first, second, difference, interval, _, adjusted = _row(d)
        finding = Text(FINDINGS[d.finding], style=STYLES.get(d.finding, ""))
        if d.mcnemar:
            finding.append(f" (McNemar {_mcnemar(d.mcnemar)})", style="dim")
        if shown.row_count and shown.row_count == sum(d.primary for d in comparison.differences):
            shown.add_section()
        shown.add_row(*(Text(cell) for cell in (metric, asked, first, second, difference, interval, adjusted)), finding)
    return shown


def changes(comparison: Comparison) -> Table:
    """The questions that got better, worse, or wrong in another way, as a table for a terminal."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    shown = Table("", "id", "question", escape(comparison.a), escape(comparison.b), box=None, pad_edge=False)
    for sign, style, found in _changed(comparison):
        for c in found:
            cells = (c.item.id, _short(c.item.question), WORDS[c.before], WORDS[c.after])
            shown.add_row(Text(sign, style=style), *(Text(cell) for cell in cells))
    return shown


def settings(comparison: Comparison) -> Table:
    """What was not the same when the runs were made, as a table for a terminal."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    shown = Table("", escape(comparison.a), escape(comparison.b), box=None, pad_edge=False)
    for s in comparison.settings:
        shown.add_row(Text(s.name), Text(s.a or UNDEFINED), Text(s.b or UNDEFINED))
    return shown


def figures(c: Comparison) -> Figures:
    """Every metric in both runs, as a table for a page: the primary ones, and those that explain."""
    rows: list[Row] = []
    for heading, primary in (("Primary", True), ("Exploratory", False)):
        found = [d for d in c.differences if d.primary == primary]
        rows += [Row(heading)] if found else []
        for d in found:
            name, *cells = _row(d)
            shown = [*cells, _mcnemar(d.mcnemar), FINDINGS[d.finding]]
            rows.append(Row(name, tuple(Cell(cell) for cell in shown)))
    notes = [f"{d.name}: {d.note}." for d in c.differences if d.note]
    notes += [f"{name} is not compared: {why}." for name, why in c.left_out.items()]
    return Figures(HEAD, tuple(rows), " ".join([_legend(c), *notes]))


def conditions(c: Comparison) -> Figures:
    """What was not the same when the runs were made, as a table for a page."""
    rows = tuple(Row(s.name, (Cell(s.a or UNDEFINED), Cell(s.b or UNDEFINED))) for s in c.settings)
    return Figures(("", c.a, c.b), rows, words=True)


def markdown(comparison: Comparison) -> str:
    """The verdict, every metric, what differs between the runs' settings, and the questions that changed."""
    return "\n".join(_lines(comparison)).rstrip() + "\n"


def _lines(c: Comparison) -> Iterator[str]:
    yield f"# {plain(c.b)} against {plain(c.a)}\n"
    yield f"**{plain(headline(c))}**\n"
    yield f"{plain(details(c))}\n"
    yield "## Metrics\n"
    yield f"A is {plain(c.a)}, B is {plain(c.b)}.\n"
    yield _line(HEAD)
    yield _line("---" if n in (0, len(HEAD) - 1) else "---:" for n in range(len(HEAD)))
    yield from (_line([*_row(d), _mcnemar(d.mcnemar), FINDINGS[d.finding]]) for d in _ordered(c))
    yield f"\n{plain(_legend(c))}\n"
    notes = [f"- {plain(d.name)}: {d.note}" for d in c.differences if d.note]
    notes += [f"- {plain(name)} is not compared: {plain(why)}" for name, why in c.left_out.items()]
    yield from notes
    yield "\n## What was changed\n" if notes else "## What was changed\n"
    if c.settings:
        yield _line(["", "A", "B"])
        yield _line(["---"] * 3)
        yield from (_line([s.name, s.a or UNDEFINED, s.b or UNDEFINED]) for s in c.settings)
    else:
        yield "Nothing that the manifests tell."
    yield "\n## Questions\n"
    yield f"{c.n} questions in {c.clusters} clusters; {c.unlike} answers differ in their text or their quotes.\n"
    for _, _, found in _changed(c):
        yield from _questions(found)
    for where, ids in ((f"Only in {c.a}", c.only_a), (f"Only in {c.b}", c.only_b), ("With other contents", c.altered)):
        if ids:
            yield f"{plain(where)}, and not compared ({len(ids)}): {', '.join(plain(i) for i in ids)}\n"


def _questions(found: Sequence[Change]) -> Iterator[str]:
    if not found:
        return
    title = (
        "Got better"
        if found[0].after == "right"
        else "Got worse"
        if found[0].before == "right"
        else "Wrong in another way"
    )
    yield f"### {title} ({len(found)})\n"
    for c in found:
        yield f"- {plain(c.item.id)} ({c.item.kind}): {plain(c.item.question)} — {WORDS[c.before]} → {WORDS[c.after]}"
    yield ""


def _changed(c: Comparison) -> tuple[tuple[str, str, tuple[Change, ...]], ...]:
    return ("+", "green", c.got_better), ("−", "red", c.got_worse), ("~", "", c.shifted)


def _ordered(c: Comparison) -> list[Difference]:
    """The primary metrics first."""
    return sorted(c.differences, key=lambda d: not d.primary)


def _row(d: Difference) -> list[str]:
    e = d.paired.difference
    return [
        f"{d.name}{' *' if d.primary else ''}{' ↓' if d.better == 'lower' else ''}",
        f"{e.n:,}",
        f"{e.clusters:,}",
        figure(d.paired.first),
        figure(d.paired.second),
        signed(e.value),
        _interval(d),
        probability(d.paired.p),
        UNDEFINED if d.adjusted is None else probability(d.adjusted),
    ]


def _interval(d: Difference) -> str:
    e = d.paired.difference
    if e.unanimous:
        return ALL_ALIKE if e.value else NONE_DIFFER
    return f"{signed(e.low)} to {signed(e.high)}"


def _mcnemar(m: McNemar | None) -> str:
    return f"{m.first_only}:{m.second_only}, {probability(m.p)}{'†' if m.clustered else ''}" if m else ""


def _legend(c: Comparison) -> str:
    sizes = f"{len(c.primary)} primary", f"{len(c.exploratory)} exploratory"
    parts = [LEGEND.format(primary=sizes[0], exploratory=sizes[1])]
    alike = {_interval(d) for d in c.differences}
    parts += [text for words, text in ((ALL_ALIKE, ALIKE), (NONE_DIFFER, NONE)) if words in alike]
    if any(d.better == "lower" for d in c.differences):
        parts.append("With ↓ lower is better.")
    if any(d.mcnemar for d in c.differences):
        clustered = any(d.mcnemar and d.mcnemar.clustered for d in c.differences)
        parts.append(f"{MCNEMAR}{'; with † some share papers, and it is too small' if clustered else ''}.")
    return " ".join(parts)


def signed(value: float) -> str:
    """A difference, with its sign."""
    return f"+{figure(value)}" if value > 0 else figure(value)


def probability(p: float) -> str:
    """A p-value with three decimals."""
    return "<.001" if p < 0.001 else figure(p)


def _short(text: str, width: int = 70) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


def _line(cells: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join(c if set(c) <= set('-:') else plain(c) for c in cells)} |"
