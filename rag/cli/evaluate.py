"""`rag eval`: reference questions, runs, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli import console
from rag.cli.session import BaseUrl, Collection, Home, Model, Strict, opened, with_options
from rag.config import Config
from rag.errors import EvaluationError, GateFailed, UsageError

if TYPE_CHECKING:
    from rag.evaluation.runs import Run
    from rag.evaluation.session import Plan

Questions = Annotated[
    Path | None,
    typer.Option("--questions", metavar="FILE", help="Reference questions; default: those that come with the program."),
]


class Split(StrEnum):
    """Which part of a set is asked."""

    dev = "dev"
    test = "test"
    all = "all"


class Mode(StrEnum):
    """How our own system answers."""

    auto = "auto"
    quoting = "quoting"
    generating = "generating"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The options of the commands that ask: which collection, and which model."""

    mode: Annotated[
        Mode, typer.Option("--mode", help="How our system answers; auto: as rag ask would.", case_sensitive=False)
    ] = Mode.auto
    model: Model = None
    base_url: BaseUrl = None
    strict: Strict = False
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask the model again what it was asked before.")] = False
    collection: Collection = None
    home: Home = None

    def config(self, mode: Mode | None = None) -> Config:
        """The settings. A model that fails fails the question, instead of being replaced by quotes."""
        llm = {Mode.auto: None, Mode.quoting: "none", Mode.generating: "openai"}[mode or self.mode]
        found = Config.load(
            llm=llm,
            model=self.model,
            base_url=self.base_url,
            strict=self.strict or None,
            collection=self.collection,
            home=self.home,
            fallback=False,
        )
        cache = found.cache or str(found.home / "evaluations" / ".replies")
        return replace(found, cache="" if self.no_cache else cache)


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
    unreviewed = f", {drafts} of them drafts to be reviewed" if drafts else ""
    console.say(f"{len(items)} questions hold ({splits}{unreviewed}).")


@app.command()
@with_options
def run(
    split: Annotated[Split, typer.Option("--split", help="Which part of the set.")] = Split.dev,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help="Only this; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="At most N of each kind.")] = 0,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the run; default: from what is asked.")
    ] = "",
    system: Annotated[str, typer.Option("--system", metavar="NAME", help="ours, a baseline or a peer.")] = "ours",
    questions: Questions = None,
    drafts: Annotated[bool, typer.Option("--drafts", help="Ask drafts as well.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a run of this name.")] = False,
    retry: Annotated[bool, typer.Option("--retry-failed", help="Ask again what failed.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", min=0, max=64, metavar="N", help="Questions at once.")] = 0,
    distractors: Annotated[
        Path | None, typer.Option("--distractors", metavar="FILE", help="Papers to mix in, in any format we read.")
    ] = None,
    ratio: Annotated[
        list[float] | None,
        typer.Option("--ratio", metavar="R", help="Distractors for each paper; may be repeated, a run each."),
    ] = None,
    judge: Annotated[bool, typer.Option("--judge", help="Have a model grade the answers, too.")] = False,
    judge_model: Annotated[
        str | None,
        typer.Option("--judge-model", metavar="NAME", help="Model that grades; default: the writer."),
    ] = None,
    judge_url: Annotated[
        str | None, typer.Option("--judge-base-url", metavar="URL", help="Its endpoint; default: the writer's.")
    ] = None,
    prices: Annotated[
        str,
        typer.Option("--prices", metavar="IN,OUT", help="Price of a million tokens, read and written."),
    ] = "",
    *,
    options: Evaluated,
) -> None:
    """Ask the reference questions and score the answers; a run that was broken off is gone on with.

    The same command finds its run again, by its name or by what it asks. A question that fails is kept with its error
    and scored as one; the run goes on. Runs lie in the folder evaluations/ of the home.

    Systems: ours; baselines that show what the metrics reward (oracle, paste, abstain, cite-all, echo); peers
    (vector-index, citation-engine, paperqa), which need a model, the last one the extra "peers".

    \b
    Examples:
      rag eval run --mode quoting
      rag eval run --split test --limit 10 --model qwen3 --base-url http://127.0.0.1:11434/v1
      rag eval run --mode quoting --distractors arxiv.tsv --ratio 0 --ratio 1 --ratio 10
    """
    from rag.evaluation.session import Plan, reference_set

    config = options.config(Mode.quoting if system not in ("ours", *_peers()) else None)
    plan = Plan(
        config=config,
        questions=questions or reference_set(),
        split=split.value,
        kinds=tuple(_kinds(kind or ())),
        limit=limit,
        drafts=drafts,
        system=system,
        name=_name(name),
        fresh=fresh,
        retry=retry,
        jobs=jobs,
        prices=_prices(prices),
        judge=_judge(config, judge, judge_model, judge_url),
    )
    runs = [carried_out(p) for p in _at_ratios(plan, distractors, ratio or ())]
    for found in runs:
        show(found)


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
      rag eval report noise0 noise1 noise10 -o slope
    """
    from rag.evaluation.report import save

    found = [_load(name, home) for name in run]
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

    Paired bootstrap clustered by gold paper, McNemar's test for yes/no metrics, Holm's correction over the metrics.

    \b
    Example:
      rag eval compare before after
    """
    from rag.evaluation import comparing

    found = comparing.compare(_load(a, home), _load(b, home))
    console.say(comparing.markdown(found)) if as_markdown else _print(comparing.rendered(found))


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
    from rag import resources
    from rag.evaluation import gating

    wanted = gating.read_thresholds(thresholds or resources.evaluation() / "thresholds.toml")
    checks = gating.gate(_load(run, home), wanted)
    _print(gating.table(checks))
    unmet = [c for c in checks if not c.met]
    if unmet:
        raise GateFailed(f"{len(unmet)} of {len(checks)} thresholds are not met: {gating.named(unmet)}.")
    console.say(f"All {len(checks)} thresholds are met.")


def carried_out(plan: Plan) -> Run:
    """A plan's run, with a bar on standard error; Ctrl-C leaves it to be gone on with."""
    from rag.evaluation.session import evaluate

    with console.Progress() as progress:
        found = evaluate(plan, progress=progress)
    assert found is not None
    return found


def show(run: Run) -> None:
    """Print the figures of a run."""
    from rich.table import Table

    from rag.evaluation.report import tables

    console.note(f"Run {run.name}: {run.folder}")
    for found in (tables.results([run]), tables.by_kind([run]), tables.speed([run])):
        drawn = Table(*found.columns)
        for row in found.rows:
            if not row.cells:
                drawn.add_section()
            drawn.add_row(row.name, *(" ".join(p for p in (c.text, c.detail, c.note) if p) for c in row.cells))
        _print(drawn)


def _print(value: Any) -> None:
    import sys

    from rich.console import Console

    out = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=140)
    out.print(value)


def _load(name: str, home: Path | None) -> Run:
    from rag.evaluation.runs import load
    from rag.evaluation.session import find

    return load(find(Config.load(home=home), name))


def _peers() -> tuple[str, ...]:
    from rag.evaluation.peers import PEERS

    return PEERS


def _kinds(given: Sequence[str]) -> Sequence[str]:
    from rag.evaluation.items import KINDS

    if unknown := [k for k in given if k not in KINDS]:
        raise UsageError(f"There is no kind {unknown[0]!r}; there are {', '.join(KINDS)}.")
    return given


def _name(given: str) -> str:
    import re

    if given and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", given):
        raise UsageError(f"--name {given!r}: letters, digits, dots, dashes and underscores, at most 100 of them.")
    return given


def _prices(given: str) -> Any:
    from rag.evaluation.scoring import Prices

    if not given:
        return None
    try:
        prompt, completion = (float(part) for part in given.split(","))
    except ValueError as e:
        raise UsageError(f"--prices {given!r}: give two figures, such as 0.40,1.60.") from e
    return Prices(prompt, completion)


def _judge(config: Config, wanted: bool, model: str | None, url: str | None) -> Config | None:
    if not wanted:
        if model or url:
            raise UsageError("--judge-model and --judge-base-url belong to --judge.")
        return None
    found = Config.load(llm="openai", model=model or config.model or None, base_url=url or config.base_url or None)
    return replace(found, home=config.home, cache=str(config.home / "evaluations" / ".grades"))


def _at_ratios(plan: Plan, file: Path | None, ratios: Sequence[float]) -> list[Plan]:
    """The plan itself, or one for each ratio of distractors."""
    from rag.evaluation.distractors import Noise

    if file is None:
        if ratios:
            raise UsageError("--ratio belongs to --distractors FILE.")
        return [plan]
    if any(not 0 <= r <= 10_000 for r in ratios):
        raise UsageError("--ratio is the number of distractors for each paper, from 0 to 10,000.")
    several = len(ratios) > 1
    return [
        replace(plan, noise=Noise(file, r), name=f"{plan.name}-{r:g}" if plan.name and several else plan.name)
        for r in ratios or (1.0,)
    ]
