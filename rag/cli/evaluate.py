"""`rag eval`: reference questions, runs, and what they are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console
from rag.cli.session import Collection, Home, opened
from rag.core.config import Config
from rag.core.errors import EvaluationError, GateFailed

if TYPE_CHECKING:
    from rag.evaluation.runs import Run
    from rag.evaluation.table import Table

Questions = Annotated[
    Path | None,
    typer.Option("--questions", metavar="FILE", help="Reference questions; default: those that come with the program."),
]


app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Ask reference questions, score the answers, compare runs.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def check(questions: Questions = None, collection: Collection = None, home: Home = None) -> None:
    """Hold a reference set against its abstracts: ids, titles, spans, nuggets, splits.

    Prints each flaw with the id of its item, and exits with 1 where there is one.

    \b
    Examples:
      rag eval check
      rag eval check --questions mine.jsonl -c biology
    """
    from rag.evaluation import checking
    from rag.evaluation.items import parse
    from rag.evaluation.session import reference_set

    path = questions or reference_set()
    items, flaws = parse(path)
    with opened(Config.load(collection=collection, home=home, llm="none")) as rag:
        flaws += checking.check(items, rag.papers())
    for flaw in flaws:
        console.say(str(flaw))
    if flaws:
        raise EvaluationError(f"{path} has {len(flaws)} flaw{'' if len(flaws) == 1 else 's'}.")
    if not items:
        raise EvaluationError(f"{path} holds no questions.")
    drafts = sum(item.draft for item in items)
    splits = ", ".join(f"{sum(i.split == s for i in items)} {s}" for s in ("dev", "test"))
    unreviewed = f", {drafts} draft{'' if drafts == 1 else 's'} to be reviewed" if drafts else ""
    hold = "1 question holds" if len(items) == 1 else f"{len(items)} questions hold"
    console.say(f"{hold} ({splits}{unreviewed}).")


@app.command()
def runs(home: Home = None) -> None:
    """List the runs, oldest first."""
    from rag.evaluation.session import names, runs_folder

    folder = runs_folder(Config.load(home=home))
    for found in names(Config.load(home=home)):
        done = "" if (folder / found / "summary.json").is_file() else "  (not finished)"
        console.say(f"{found}{done}")


@app.command()
def report(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names of runs, or their folders.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Where it goes; default: the first run.")
    ] = None,
    home: Home = None,
) -> None:
    """Write what runs came to: report.md, and report.html with plots and every item to read.

    \b
    Examples:
      rag eval report quoting-dev
      rag eval report noise0 noise1 noise10 -o noise
    """
    from rag.evaluation.report import save

    found = [_load(name, home) for name in run]
    questions = sum(len(r.scored) for r in found)
    console.note(f"Drawing the report of {questions:,} question{'' if questions == 1 else 's'} …")
    for path in save(found, output or found[0].folder):
        console.say(str(path))


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="The run before.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The run after.")],
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    home: Home = None,
) -> None:
    """Say whether run B is better than run A, and how sure that is.

    Paired bootstrap clustered by gold papers, McNemar's test for yes/no metrics, Holm's correction over the primary
    metrics, and by itself over the others, which are exploratory.

    \b
    Example:
      rag eval compare before after
    """
    from rag.evaluation import comparing

    found = comparing.compare(_load(a, home), _load(b, home))
    if as_markdown:
        from rag.evaluation.report import compared_markdown

        console.say(compared_markdown(found))
        return
    console.say(comparing.verdict(found) + "\n")
    for one in comparing.tables(found).values():
        draw(one)
        console.say(f"{one.remark}\n")


@app.command()
def gate(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or its folder.")],
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", metavar="FILE", help="TOML; default: eval/thresholds.toml.")
    ] = None,
    home: Home = None,
) -> None:
    """Hold a run against thresholds: exits with 0 where all are met, with 1 where one is not.

    \b
    Example:
      rag eval gate quoting-dev --thresholds eval/thresholds.toml
    """
    from rag.core import resources
    from rag.evaluation import gating

    wanted = gating.read_thresholds(thresholds or resources.evaluation() / "thresholds.toml")
    checks = gating.gate(_load(run, home), wanted)
    draw(gating.table(checks))
    unmet = [c for c in checks if not c.met]
    if unmet:
        raise GateFailed(f"{len(unmet)} of {len(checks)} thresholds are not met: {'; '.join(map(str, unmet))}.")
    console.say(f"All {len(checks)} thresholds are met.")


@app.command()
def threshold(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or its folder.")],
    risk: Annotated[
        float,
        typer.Option("--risk", metavar="SHARE", help="Share of the answers that may be wrong.", min=0.01, max=0.5),
    ] = 0.1,
    papers: Annotated[
        bool, typer.Option("--papers", help="Wrong is only what does not cite the paper that answers.")
    ] = False,
    home: Home = None,
) -> None:
    """Say from which probability on to answer, so that at most a share of the answers is wrong.

    The reference questions of your collection, as a run in quoting mode answered them, decide (conformal risk control).
    An answer is wrong where a vital fact is missing, or where nothing answers. What is less probable than the threshold
    is shown as the nearest. Lists are not moved by it.

    \b
    Examples:
      rag eval run --mode quoting -c biology --questions biology.jsonl --name biology
      rag eval threshold biology --risk 0.10
    """
    from rag.evaluation import risk as risks

    found = _load(run, home)
    chosen, (answered, wrong) = risks.threshold(found, risk, papers=papers), risks.at(found, papers=papers)
    console.say(
        f"At the usual caution: {answered:,} of {chosen.n:,} questions are answered, {wrong:,} of them wrongly."
    )
    if chosen.threshold is None:
        raise EvaluationError(f"No threshold keeps the risk at {risk:g} on these {chosen.n:,} questions.")
    console.say(
        f"At most {risk:.0%} wrong: answer from probability {chosen.threshold:g} on; {chosen.answered:,} are answered, "
        f"{chosen.wrong:,} of them wrongly (95% interval {chosen.low:.1%} to {chosen.high:.1%})."
    )
    console.say(f"Set RAG_CAUTION={chosen.threshold:g}, or ask with --caution {chosen.threshold:g}.")
    collection = found.manifest.get("collection", "")
    own = f"It holds for questions like these of the collection {collection}, not for others."
    for warning in (*chosen.warnings, own):
        console.note(f"Warning: {warning}")


def show(run: Run) -> None:
    """Print the figures of a run."""
    from rag.evaluation.report import figures

    console.note(f"Run {run.name}: {run.folder}")
    draw(figures.results([run]))
    draw(figures.by_kind([run]), intervals=False)
    draw(figures.speed([run]))
    judge = figures.everything([run], "judge")
    if judge.rows:
        draw(judge)
    undefined = run.undefined.get("all", {})
    for why in sorted(set(undefined.values())):
        console.say(f"– {', '.join(name for name, reason in undefined.items() if reason == why)}: {why}")


def draw(found: Table, *, intervals: bool = True) -> None:
    """Print a table of a report."""
    import sys

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(*map(escape, found.columns))
    for row in found.rows:
        if not row.cells:
            drawn.add_section()
        cells = (f"{c.text} {c.detail}".strip() if intervals else c.text for c in row.cells)
        drawn.add_row(*(Text(cell) for cell in (row.name, *cells)))
    out = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=140)
    out.print(drawn)


def _load(name: str, home: Path | None) -> Run:
    from rag.evaluation.runs import load
    from rag.evaluation.session import find

    return load(find(Config.load(home=home), name))
