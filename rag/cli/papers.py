"""`rag papers`: what the collection holds."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console
from rag.cli.choosing import Author, Venue, Years, among
from rag.cli.session import Collection, Home, opened
from rag.core.config import Config

if TYPE_CHECKING:
    from rag.core.paper import Paper


def papers(
    words: Annotated[
        str | None, typer.Argument(metavar="WORDS", help="Only papers whose title, authors or id hold all of these.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list with abstracts.")] = False,
    years: Years = None,
    author: Author = None,
    venue: Venue = None,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """List the papers of the collection.

    Prints id and title of each, or all that is known with --json: authors, year, venue, DOI, address, key, keywords,
    sources. The `abstract` of the JSON is the text that quotes and their offsets refer to; `raw_abstract` is as it was
    read.

    \b
    Examples:
      rag papers
      rag papers quantization
      rag papers --author Odgers --years 2018-2020
      rag papers --json | jq -r '.[].title'
    """
    with opened(Config.load(home=home, collection=collection, llm="none")) as rag:
        found = [p for p in among(rag.papers(), years, author, venue) if words is None or _matches(p, words)]
    if as_json:
        console.say_json([dataclasses.asdict(p) for p in found])
        return
    for p in found:
        console.say(f"{p.id}\t{p.title}" + (f" ({p.year})" if p.year else ""))
    if sys.stdout.isatty():
        console.note(f"{len(found)} papers.")


def _matches(paper: Paper, words: str) -> bool:
    from rag.core.paper import fold

    text = fold(" ".join((paper.title, *paper.authors, paper.id)))
    return all(word in text for word in fold(words).split())
