"""`rag ingest`: files of papers into a collection."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console, watching
from rag.cli.session import Collection, Home, opened
from rag.core.config import Config

if TYPE_CHECKING:
    from rag.index.collection import Ingested
    from rag.papers.sources import Sources


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCES",
            help="Files, folders, quoted patterns, - (standard input), zotero: libraries.",
            show_default=False,
        ),
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep the papers that are already there.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Read on after a bad record, and report it.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and read again what changes.")] = False,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """Read papers into a collection, and index what has changed.

    The collection becomes exactly what SOURCES hold, unless --add. Formats: JSONL, CSV, BibTeX, RIS, and pages of
    titles and abstracts in turn. Without SOURCES an empty collection is filled with the papers that come with the
    program, and any other only has its index brought up to date.

    zotero: is the Zotero program on this machine, zotero:user/ID and zotero:group/ID are libraries of zotero.org
    (RAG_ZOTERO_KEY); /collection/KEY behind them is one collection. Only what has changed there is fetched.

    \b
    Examples:
      rag ingest
      rag ingest library.bib
      rag ingest --add new.ris more.csv
      rag ingest --collection biology --skip-bad exports/
      rag ingest --watch "exports/*.bib" zotero:group/5551212
      curl -s https://example.org/export.bib | rag ingest -
    """
    # Papers are read without a language model, whatever is configured.
    config = Config.load(home=home, collection=collection, llm="none")
    sources = _sources(paths or (), config)
    with opened(config, filled=False) as rag:

        def read() -> None:
            with sources.files(sys.stdin.buffer) as files, console.Progress() as progress:
                done = rag.ingest(files, add=add, skip_bad=skip_bad, progress=progress)
            _report(done, rag.config.collection)

        if watch:
            watching.watch(sources, read)
        else:
            read()


def _sources(named: Sequence[str], config: Config) -> Sources:
    from rag.papers.sources import Sources

    folder = config.home / "collections" / config.collection / "sources"
    return Sources(tuple(named), folder, config.zotero_key, config.zotero_base_url)


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
