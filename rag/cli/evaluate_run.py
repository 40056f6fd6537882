"""`rag eval run` and `rag eval peers`: the commands that ask."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console
from rag.cli.evaluate import Questions, draw, show
from rag.cli.session import BaseUrl, Collection, Home, Model, Strict, with_options, within
from rag.core.config import Config
from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.evaluation.runs import Run
    from rag.evaluation.scoring import Prices
    from rag.evaluation.session import Plan


Kinds = Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="Only this kind; may be repeated.")]
Limit = Annotated[
    int,
    typer.Option("--limit", metavar="N", help="At most N of each kind; 0: all.", callback=within("--limit", 0)),
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


@with_options
def run(
    split: Annotated[Split, typer.Option("--split", help="Which part of the set.")] = Split.dev,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help="Only this; may be repeated.")
    ] = None,
    limit: Limit = 0,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the run; default: from what is asked.")
    ] = "",
    system: Annotated[str, typer.Option("--system", metavar="NAME", help="ours, a baseline or a peer.")] = "ours",
    questions: Questions = None,
    drafts: Annotated[bool, typer.Option("--drafts", help="Ask drafts as well.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a run of this name.")] = False,
    retry: Annotated[bool, typer.Option("--retry-failed", help="Ask again what failed.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", help="Questions at once.", callback=within("--jobs", 0, 64))
    ] = 0,
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

    Systems: ours; in a checkout also baselines that show what the metrics reward (oracle, paste, abstain, cite-all,
    echo), and peers (vector-index, citation-engine, paperqa), which need a model, the last one the extra "peers".

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


@with_options
def peers(
    split: Annotated[Split, typer.Option("--split", help="Which part of the set.")] = Split.test,
    kind: Kinds = None,
    limit: Limit = 4,
    systems: Annotated[
        list[str] | None, typer.Option("--system", metavar="NAME", help="Only these; may be repeated.")
    ] = None,
    questions: Questions = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Where the report goes.")
    ] = None,
    *,
    options: Evaluated,
) -> None:
    """Ask the same questions of our two modes and of other systems, with one model, and report them side by side.

    The other systems come with a checkout: LlamaIndex's plain query engine and its CitationQueryEngine, and PaperQA2
    where the extra "peers" is installed (make peers). What was asked before isn't asked again.

    \b
    Example:
      rag eval peers --limit 4 --model qwen3 --base-url http://127.0.0.1:11434/v1 -o peers
    """
    from rag.evaluation.report import figures, save
    from rag.evaluation.session import Plan, reference_set

    found = []
    for name in systems or _installed():
        config = options.config(Mode.quoting if name == "quoting" else Mode.generating)
        plan = Plan(
            config=config,
            questions=questions or reference_set(),
            split=split.value,
            kinds=tuple(_kinds(kind or ())),
            limit=limit,
            system="ours" if name in ("quoting", "generating") else name,
        )
        console.note(f"{name}:")
        found.append(carried_out(plan))
    draw(figures.results(found))
    draw(figures.speed(found))
    for path in save(found, output or found[-1].folder):
        console.say(str(path))


def _installed() -> list[str]:
    """Our modes and the peers that can be asked here."""
    from importlib.util import find_spec

    there = [name for name in _peers() if name != "paperqa" or find_spec("paperqa")]
    if len(there) < len(_peers()):
        console.note('PaperQA2 is not installed, and left out: pip install "paper-rag[peers]".')
    return ["quoting", "generating", *there]


def carried_out(plan: Plan) -> Run:
    """A plan's run, with a bar on standard error; Ctrl-C leaves it to be gone on with."""
    from rag.evaluation.session import evaluate

    with console.Progress() as progress:
        found = evaluate(plan, progress=progress)
    assert found is not None
    return found


def _peers() -> tuple[str, ...]:
    from rag.evaluation.systems import others

    found = others()
    return found.PEERS if found is not None else ()


def _kinds(given: Sequence[str]) -> Sequence[str]:
    from rag.evaluation.items import KINDS

    if unknown := [k for k in given if k not in KINDS]:
        raise UsageError(f"There is no kind {unknown[0]!r}; there are {', '.join(KINDS)}.")
    return given


def _name(given: str) -> str:
    if given and not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,98}[A-Za-z0-9._-])?", given):
        raise UsageError(f"--name {given!r}: letters, digits, spaces, dots, dashes and underscores, at most 100.")
    return given


def _prices(given: str) -> Prices | None:
    from rag.evaluation.scoring import Prices

    if not given:
        return None
    try:
        prompt, completion = (float(part) for part in given.split(","))
        if not 0 <= min(prompt, completion) <= max(prompt, completion) < math.inf:
            raise ValueError("a price is 0 or more")
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


def add_to(app: typer.Typer) -> None:
    """Make these commands part of `rag eval`."""
    app.command()(run)
    app.command()(peers)
