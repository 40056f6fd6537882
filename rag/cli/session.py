"""What the commands have in common: their two options, and the `Rag` behind them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.console import Progress
from rag.config import Config

if TYPE_CHECKING:
    from rag.pipeline import Rag

Home = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="Folder of your collections [RAG_HOME].", show_default=False),
]
Collection = Annotated[
    str | None,
    typer.Option("--collection", "-c", metavar="NAME", help="Collection to use [RAG_COLLECTION].", show_default=False),
]


def build(config: Config) -> Rag:
    """The service for `config`. Imported here, late, because its libraries take seconds."""
    from rag.pipeline import build as build_rag

    return build_rag(config)


@contextmanager
def opened(home: Path | None, collection: str | None, *, filled: bool = True) -> Iterator[Rag]:
    """A `Rag` for the options of a command; if `filled`, an empty collection is filled from the seeds first."""
    rag = build(Config.load(home=home, collection=collection))
    try:
        if filled and not rag.papers():
            with Progress() as progress:
                rag.ingest(progress=progress)
        yield rag
    finally:
        rag.close()
