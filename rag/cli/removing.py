"""`rag collections` and `rag remove`: which collections there are, and taking papers or all of one away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console
from rag.cli.choosing import ids_of
from rag.cli.session import Collection, Home, opened
from rag.core.config import Config
from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.core.paper import Paper

_SHOWN = 10


def collections(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    home: Home = None,
) -> None:
    """List the collections: name, papers, size on disk with the index, and when the papers last changed.

    \b
    Examples:
      rag collections
      rag collections --json | jq -r '.[].name'
    """
    from rag.index.holdings import holdings

    config = Config.load(home=home, llm="none")
    found = holdings(config.home)
    if as_json:
        console.say_json(
            [
                {
                    "name": h.name,
                    "papers": h.papers,
                    "bytes": h.bytes,
                    "changed": h.changed.isoformat(timespec="seconds"),
                }
                for h in found
            ]
        )
        return
    for h in found:
        changed = h.changed.astimezone().strftime("%Y-%m-%d %H:%M")
        console.say(f"{h.name}\t{_count(h.papers)}\t{h.bytes / 1e6:,.1f} MB\t{changed}")
    if not found:
        console.note(f"There is no collection in {config.home} yet: rag ingest FILES makes one.")


def remove(
    papers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PAPERS", help="Ids, citation keys or titles; a title may be cut short.", show_default=False
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="Delete the collection that --collection names.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """Take papers out of a collection, or delete a collection.

    Asks first, unless --yes. Papers come back with rag ingest --add; the files that they were read from are left alone.

    \b
    Examples:
      rag remove Odgers2018 "Night lighting and moth"
      rag remove --collection biology --all
    """
    if whole == bool(papers):
        raise UsageError("Give papers to remove, or --collection NAME --all to delete a collection.")
    config = Config.load(home=home, collection=collection, llm="none")
    if whole:
        if collection is None:
            raise UsageError("--all deletes a collection, and needs its name: --collection NAME.")
        _delete(config, yes)
        return
    with opened(config, filled=False) as rag:
        held = {paper.id: paper for paper in rag.papers()}
        chosen = [held[id] for id in ids_of(papers or (), list(held.values()))]
        _agreed(f"Remove {_named(chosen)} from {config.collection}?", yes)
        with console.Progress() as progress:
            left = rag.remove([paper.id for paper in chosen], progress=progress)
    console.say(f"{_count(len(chosen))} removed from {config.collection}, which has {left} left.")


def _delete(config: Config, yes: bool) -> None:
    from rag.index.holdings import delete, holdings

    held = next((h for h in holdings(config.home) if h.name == config.collection), None)
    if held is not None:
        _agreed(f"Delete the collection {held.name} with {_count(held.papers)}?", yes)
    console.say(f"{config.collection} deleted: {_count(delete(config.home, config.collection))}.")


def _agreed(question: str, yes: bool) -> None:
    """Return where the user agrees; UsageError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked here: give --yes.")
    if not typer.confirm(console.safe(question), err=True):
        console.note("Nothing was removed.")
        raise typer.Exit(1)


def _named(papers: list[Paper]) -> str:
    titles = "; ".join(f"“{paper.title}”" for paper in papers[:_SHOWN])
    return titles + (f" and {len(papers) - _SHOWN} more" if len(papers) > _SHOWN else "")


def _count(papers: int) -> str:
    return f"{papers:,} paper{'' if papers == 1 else 's'}"
