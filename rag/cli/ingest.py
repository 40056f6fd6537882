"""`rag ingest`: files of papers into a collection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console
from rag.cli.session import Collection, Home, opened
from rag.core.config import Config

if TYPE_CHECKING:
    from rag.index.collection import Ingested


def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATHS", exists=True, help="Files or folders of papers.", show_default=False),
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep the papers that are already there.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Read on after a bad record, and report it.")] = False,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """Read papers into a collection, and index what has changed.

    The collection becomes exactly what PATHS hold, unless --add. Formats: JSONL, CSV, BibTeX, RIS, and pages of
    titles and abstracts in turn. Without PATHS an empty collection is filled with the papers that come with the
    program, and any other only has its index brought up to date.

    \b
    Examples:
      rag ingest
      rag ingest library.bib
      rag ingest --add new.ris more.csv
      rag ingest --collection biology --skip-bad exports/
    """
    # Papers are read without a language model, whatever is configured.
    with opened(Config.load(home=home, collection=collection, llm="none"), filled=False) as rag:
        with console.Progress() as progress:
            done = rag.ingest(paths or (), add=add, skip_bad=skip_bad, progress=progress)
        _report(done, rag.config.collection)


def _report(done: Ingested, collection: str) -> None:
    console.say(
        f"{done.papers} papers in {collection}: {done.added} added, {done.changed} changed, {done.removed} removed, "
        f"{done.unchanged} unchanged ({done.seconds:.1f} s)."
    )
    for merged in done.merged:
        place = merged.file if merged.line is None else f"{merged.file}, line {merged.line}"
        console.say(f"Merged: {place} is the same paper as “{merged.kept.title}”.")
    for refused in done.refused:
        console.say(f"Refused: {refused}")
