"""The structured values of the tools for assistants."""

from __future__ import annotations

from pydantic import BaseModel


class Cited(BaseModel):
    """A quote behind a marker."""

    marker: int
    paper_id: str
    title: str
    quote: str


class Told(BaseModel):
    """An answer; `state` is answers, partly (`missing` is not there), nearest (nothing says it for sure) or nothing."""

    state: str
    answer: str
    missing: list[str]
    citations: list[Cited]
    warnings: list[str]


class Found(BaseModel):
    """A paper that was found; `quote` is the sentence of its abstract that is nearest to the query."""

    id: str
    title: str
    authors: list[str]
    year: int | None
    quote: str = ""


class FoundList(BaseModel):
    """Papers that were found, best first; `found` is how many there are in all."""

    found: int
    papers: list[Found]


class Cell(BaseModel):
    """What an abstract says of an aspect; no quote where no sentence clearly says it."""

    aspect: str
    quotes: list[str]


class Compared(BaseModel):
    """A paper of a table."""

    paper_id: str
    title: str
    cells: list[Cell]


class Table(BaseModel):
    """Papers by aspects."""

    rows: list[Compared]


class Held(BaseModel):
    """A collection."""

    name: str
    papers: int


class HeldList(BaseModel):
    """The collections; `usual` is asked where none is named."""

    usual: str
    collections: list[Held]
