"""`rag export`: the papers of a collection for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rag.cli import console
from rag.cli.choosing import Author, Venue, Years, among
from rag.cli.session import Collection, Home, opened
from rag.core.config import Config


def export(
    format: Annotated[
        str | None, typer.Option("--format", "-f", metavar="FORMAT", help="bibtex, ris, csl (CSL-JSON) or csv.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where they go, instead of standard output.")
    ] = None,
    years: Years = None,
    author: Author = None,
    venue: Venue = None,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """Write the papers for a reference manager, a word processor or a spreadsheet.

    Without --format it is told by the name of the file (.bib, .ris, .json, .csv), else it is BibTeX. All formats have
    the abstracts, venues, DOIs and keywords, and call a paper by the same key.

    \b
    Examples:
      rag export --output library.bib
      rag export --format ris -c biology > biology.ris
      rag export --author Odgers --years 2018- --format csl
    """
    from rag.home.citing import SUFFIXES, write

    suffix = output.suffix.lower() if output else ""
    with opened(Config.load(home=home, collection=collection, llm="none")) as rag:
        found = among(rag.papers(), years, author, venue)
    text = write(found, format or SUFFIXES.get(suffix, "bibtex"))  # type: ignore[arg-type]  # it checks
    if output is None:
        sys.stdout.write(text)
        return
    output.write_text(text, encoding="utf-8", newline="")
    console.note(f"{len(found)} paper{'' if len(found) == 1 else 's'} written to {output}.")
