"""What the commands have in common: their options, and the `Rag` behind them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli.console import Progress
from rag.core.config import Config
from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.service import Rag

Home = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="Folder of your collections [RAG_HOME].", show_default=False),
]
Collection = Annotated[
    str | None,
    typer.Option("--collection", "-c", metavar="NAME", help="Collection to use [RAG_COLLECTION].", show_default=False),
]
Llm = Annotated[
    str | None,
    typer.Option("--llm", metavar="WHICH", help="auto, openai (a model writes) or none (quotes only) [RAG_LLM]."),
]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="Model that writes [RAG_MODEL].")]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Its OpenAI-compatible endpoint [OPENAI_BASE_URL]."),
]
Caution = Annotated[
    str | None,
    typer.Option(
        "--caution",
        metavar="HOW",
        help="How sure an answer has to be: careful, usual, bold, or from which probability on [RAG_CAUTION].",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Leave out what no abstract supports [RAG_STRICT].")]
Judge = Annotated[bool, typer.Option("--judge", help="Have the model judge its claims, too [RAG_JUDGE].")]
NoFallback = Annotated[
    bool, typer.Option("--no-fallback", help="When the model fails, fail; don't quote [RAG_FALLBACK=no].")
]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of every command that asks: which collection, and which model writes. None and False: not given."""

    llm: Llm = None
    model: Model = None
    base_url: BaseUrl = None
    caution: Caution = None
    strict: Strict = False
    judge: Judge = False
    no_fallback: NoFallback = False
    collection: Collection = None
    home: Home = None

    def config(self, **others: Any) -> Config:
        """The settings with these options, and `others`, over those of the environment."""
        return Config.load(
            llm=self.llm,
            model=self.model,
            base_url=self.base_url,
            caution=self.caution,
            strict=self.strict or None,
            judge=self.judge or None,
            fallback=False if self.no_fallback else None,
            collection=self.collection,
            home=self.home,
            **others,
        )


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with an option for each field of its argument `options`, a class such as `Options`, made of them."""
    own = inspect.signature(command, eval_str=True).parameters
    made = own["options"].annotation
    shared = inspect.signature(made, eval_str=True).parameters

    @functools.wraps(command)
    def call(**given: Any) -> None:
        options = made(**{name: given.pop(name) for name in shared})
        command(**given, options=options)

    parameters = [p for name, p in own.items() if name != "options"] + list(shared.values())
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    return call


def within(option: str, low: int, high: int | None = None) -> Callable[[int], int]:
    """A callback for an option: the whole number, or `UsageError` that says which may be given."""

    def checked(given: int) -> int:
        if low <= given <= (given if high is None else high):
            return given
        raise UsageError(f"{option} {given}: give {f'{low} or more' if high is None else f'{low} to {high:,}'}.")

    return checked


def build(config: Config) -> Rag:
    """The service for `config`. Imported here, late, because its libraries take seconds."""
    from rag.service import build as build_rag

    return build_rag(config)


@contextmanager
def opened(config: Config, *, filled: bool = True) -> Iterator[Rag]:
    """A `Rag` for the settings of a command; if `filled`, an empty collection is filled from the seeds first."""
    rag = build(config)
    try:
        if filled and not rag.papers():
            with Progress() as progress:
                rag.ingest(progress=progress)
        yield rag
    finally:
        rag.close()
