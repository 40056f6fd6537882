"""`rag eval new` and `rag eval from-feedback`: where reference questions come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console
from rag.cli.session import BaseUrl, Collection, Home, Model, build, opened, within
from rag.core.config import Config
from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.evaluation.items import Item
    from rag.papers import Paper

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="JSONL; what it holds is kept, and drafts are added.")
]


def new(
    output: Output,
    n: Annotated[
        int,
        typer.Option(
            *("--number", "-n"),
            metavar="N",
            help="Drafts wanted; fewer where there is less.",
            callback=within("--number", 1, 10_000),
        ),
    ] = 60,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other questions.")] = 0,
    model: Model = None,
    base_url: BaseUrl = None,
    templates: Annotated[
        bool, typer.Option("--templates", help="Templates only, though a model is configured.")
    ] = False,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """Draft reference questions for a collection, from templates or, where one is configured, by a model.

    Every draft has its gold paper and exact spans, and passes rag eval check; what a model writes is held against the
    abstracts first. All are marked as drafts, and rag eval run leaves them out until a reader has reviewed them and
    set "draft" to false.

    \b
    Examples:
      rag eval new -o mine.jsonl
      rag eval new -c biology -n 200 -o biology.jsonl --model qwen3 --base-url http://127.0.0.1:11434/v1
    """
    config = Config.load(
        llm="none" if templates else None, model=model, base_url=base_url, collection=collection, home=home
    )
    from rag.evaluation.drafting import as_in, by_hash, draft
    from rag.llm.models import client

    there = _there(output)
    with opened(replace(config, llm="none")) as rag, console.Progress() as progress:
        drafts = draft(
            rag.papers(),
            n,
            seed=seed,
            split=as_in(there) if there else by_hash,
            client=client(config),
            supported=_supported(rag.papers()),
            progress=lambda done, total: progress("Drafting", done, total),
        )
    for warning in drafts.warnings:
        console.note(f"Warning: {warning}")
    for reason, count in drafts.dropped.items():
        console.note(f"Dropped {count}: {reason}")
    _add(output, there, drafts.items)


def from_feedback(output: Output, collection: Collection = None, home: Home = None) -> None:
    """Draft reference questions from the answers that readers of the chat page disliked.

    What is right is for a reviewer to say: a draft holds the question, and what the disliked answer cited.

    \b
    Example:
      rag eval from-feedback -o drafts.jsonl
    """
    config = Config.load(collection=collection, home=home, llm="none")
    from rag.evaluation.drafting import as_in, by_hash
    from rag.evaluation.drafting import from_feedback as drafted
    from rag.home import feedback

    ratings, bad = feedback.read(config.home / feedback.FILE)
    for line in bad:
        console.note(f"Warning: {line}")
    there = _there(output)
    with build(config) as rag:
        own = [r for r in ratings if r.collection == config.collection]
        _add(output, there, drafted(own, rag.papers(), as_in(there) if there else by_hash))


def add_to(app: typer.Typer) -> None:
    """Make these commands part of `rag eval`."""
    app.command()(new)
    app.command("from-feedback")(from_feedback)


def _there(output: Path) -> list[Item]:
    from rag.evaluation.items import read

    if output.is_dir():
        raise UsageError(f"--output {output} is a folder; name a file.")
    return read(output) if output.exists() and output.stat().st_size else []


def _add(output: Path, there: Sequence[Item], drafts: Sequence[Item]) -> None:
    from rag.evaluation.items import write

    ids = {item.id for item in there}
    added = [item for item in drafts if item.id not in ids]
    if added:
        output.parent.mkdir(parents=True, exist_ok=True)
        write(output, [*there, *added])
    rest = len(drafts) - len(added)
    known = f", {rest} {'is' if rest == 1 else 'are'} there already" if rest else ""
    made = "1 draft" if len(added) == 1 else f"{len(added)} drafts"
    review = " Review each, and set draft to false where it holds." if added else ""
    console.say(f"{made} added to {output}{known}.{review}")


def _supported(papers: Sequence[Paper]) -> Callable[[str, str], bool]:
    """Whether a paper bears out a claim, by our own check."""
    from rag.evaluation.entailment import Entailment

    check, abstracts = Entailment(papers), {p.id: p.abstract for p in papers}
    return lambda claim, id: check.supported(claim, [abstracts[id]], [id])
