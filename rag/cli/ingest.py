"""`rag ingest`: files of papers into a collection."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console, watching
from rag.cli.session import Collection, Home, opened
from rag.core.config import Config
from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.index.collection import Ingested
    from rag.papers.sources import Sources

_NAMED = 10  # records of one kind that the terminal names; the report has all


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
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first record that can't be read or has no abstract.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a line for each record that was merged, refused or lacks something.",
            dir_okay=False,
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and read again what changes.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", hidden=True)] = False,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """Read papers into a collection, and index what has changed.

    The collection becomes exactly what SOURCES hold, unless --add. Files are exports of reference managers and
    databases: RIS, BibTeX, PubMed, Web of Science, EndNote, CSL-JSON, CSV, Excel, JSON, also packed; the format is
    told by the content. What can be read is read, and the rest is counted by reason. Without SOURCES an empty
    collection is filled with the papers that come with the program, and any other only has its index brought up to
    date.

    zotero: is the Zotero program on this machine, zotero:user/ID and zotero:group/ID are libraries of zotero.org
    (RAG_ZOTERO_KEY); /collection/KEY behind them is one collection. Only what has changed there is fetched.

    \b
    Examples:
      rag ingest
      rag ingest library.bib
      rag ingest --add new.ris more.csv
      rag ingest --collection biology exports/ --report left-out.tsv
      rag ingest --watch "exports/*.bib" zotero:group/5551212
      curl -s https://example.org/export.bib | rag ingest -
    """
    # `skip_bad` was the way to read on behind a bad record, which is what happens now.
    if strict and skip_bad:
        raise UsageError("--strict stops at what --skip-bad skips: give one of them.")
    # Papers are read without a language model, whatever is configured.
    config = Config.load(home=home, collection=collection, llm="none")
    sources = _sources(paths or (), config)
    with opened(config, filled=False) as rag:

        def read() -> None:
            with sources.files(sys.stdin.buffer) as files, console.Progress() as progress:
                done = rag.ingest(files, add=add, strict=strict, progress=progress)
            if report is not None:
                _write(done, report)
            _tell(done, rag.config.collection, report)

        if watch:
            watching.watch(sources, read)
        else:
            read()


def _sources(named: Sequence[str], config: Config) -> Sources:
    from rag.papers.sources import Sources

    folder = config.home / "collections" / config.collection / "sources"
    return Sources(tuple(named), folder, config.zotero_key, config.zotero_base_url)


def _tell(done: Ingested, collection: str, report: Path | None) -> None:
    console.say(
        f"{done.papers} paper{'' if done.papers == 1 else 's'} in {collection}: "
        f"{done.added} added, {done.changed} changed, {done.removed} removed, "
        f"{done.unchanged} unchanged ({done.seconds:.1f} s)."
    )
    if done.merged or done.refused or done.remarks:
        console.say(f"Read: {done.read}.")
    for kind, lines in _lines(done).items():
        shown = lines if len(lines) <= _NAMED else lines[: _NAMED - 1]
        for place, words in shown:
            console.say(f"{kind}: {place}{words}")
        if len(shown) < len(lines):
            where = f"see {report}" if report else "--report FILE lists all"
            console.say(f"{kind}: {len(lines) - len(shown):,} more; {where}.")


def _lines(done: Ingested) -> dict[str, list[tuple[str, str]]]:
    """Place and words of everything to report, by kind."""
    remarks = [
        (_place(r.file, r.line), f": {r.reason}" + (f", found by its title only (“{r.about}”)" if r.about else ""))
        for r in done.remarks
    ]
    return {
        "Merged": [(_place(m.file, m.line), f" is the same paper as “{m.kept.title}”.") for m in done.merged],
        "Noted": remarks,
        "Refused": [(_place(r.file, r.line), f": {r.reason}") for r in done.refused],
    }


def _place(file: str, line: int | None) -> str:
    return file if line is None else f"{file}, line {line}"


def _write(done: Ingested, report: Path) -> None:
    """A table of what became of the records that aren't simply papers now: kind, file, line, reason or title."""
    rows = [("merged", m.file, m.line, f"is the same paper as “{m.kept.title}”") for m in done.merged]
    rows += [("noted", r.file, r.line, f"{r.reason}{f' (“{r.about}”)' if r.about else ''}") for r in done.remarks]
    rows += [("refused", r.file, r.line, r.reason) for r in done.refused]
    lines = ["\t".join(" ".join(str("" if cell is None else cell).split()) for cell in row) for row in rows]
    try:
        report.write_text("\n".join(["kind\tfile\tline\treason", *lines, ""]), encoding="utf-8")
    except OSError as e:
        raise UsageError(f"--report {report} can't be written: {e.strerror}.") from e
