"""What requests to the REST interface hold, and what its answers look like."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.api import narrowing
from rag.api.papers import by_name
from rag.ask.matrix import MAX_ASPECTS, MAX_PAPERS
from rag.core.answer import Aspect, Citation, Claim, Kind, Retrieved, State
from rag.core.config import MAX_QUESTION, MAX_TURN
from rag.core.options import MAX_MOST, Caution, Mode, Options
from rag.service import Rag

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION, examples=["What does QLoRA save?"])]
Names = Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=1_000)]
Years = Annotated[str, Field(max_length=20, description="Such as 2018-2020, 2020-, -2015 or 2021; empty for all.")]
Collection = Annotated[str, Field(max_length=64, description="The collection; empty for the usual one.")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TurnForm(_Request):
    """One message of the conversation before a question."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=MAX_TURN)]


class AskForm(_Request):
    """A question, the conversation before it, and which papers are asked how."""

    question: Question
    history: Annotated[list[TurnForm], Field(max_length=1_000)] = []
    collection: Collection = ""
    papers: Annotated[Names, Field(description="Ids or titles of the papers to look at; empty for all.")] = []
    years: Years = ""
    authors: Names = []
    venues: Names = []
    mode: Annotated[Mode | None, Field(description="quoting asks no model, generating one.")] = None
    model: Annotated[str | None, Field(max_length=300, description="One of RAG_MODEL and RAG_MODELS.")] = None
    caution: Caution | None = None
    strict: bool | None = None
    most: Annotated[int, Field(ge=0, le=MAX_MOST, description="Papers that are quoted at most; 0 as usual.")] = 0

    def options(self, rag: Rag) -> Options:
        """What the question is asked with. UsageError for what can't be."""
        papers = by_name(rag.papers(), self.papers) if self.papers else None
        found = narrowing.options(self.years, self.authors, self.venues, papers)
        return Options(
            papers=found.papers,
            years=found.years,
            authors=found.authors,
            venues=found.venues,
            mode=self.mode,
            model=self.model,
            caution=self.caution,
            strict=self.strict,
            most=self.most,
        )


class CompareForm(_Request):
    """Papers, and the aspects to compare them by."""

    papers: Annotated[Names, Field(min_length=1, max_length=MAX_PAPERS, examples=[["QLoRA", "GPipe"]])]
    aspects: Annotated[Names, Field(min_length=1, max_length=MAX_ASPECTS, examples=[["memory", "speedup"]])]
    collection: Collection = ""


class Usage(BaseModel):
    """Tokens of the language model."""

    prompt_tokens: int
    completion_tokens: int


class AnswerBody(BaseModel):
    """An answer; `state` says how far it answers, and each marker in `answer` stands for one of `citations`."""

    id: str | None
    question: str
    standalone_question: str
    kind: Kind
    answer: Annotated[str, Field(description="Markdown with markers such as [1].")]
    abstained: bool
    state: State
    headline: str | None
    mode: Mode
    model: str | None
    citations: list[Citation]
    missing: list[str]
    retrieved: list[Retrieved]
    searched: int
    warnings: list[str]
    usage: Usage
    timings_ms: dict[str, float]
    claims: list[Claim]
    prompts: dict[str, str]
    confidence: float | None
    replayed: bool
    aspects: list[Aspect]


class PaperBody(BaseModel):
    """A paper of a collection."""

    id: str
    title: str
    authors: list[str]
    year: int | None
    venue: str | None
    doi: str | None
    url: str | None
    abstract: str
    sources: Annotated[list[str], Field(description="The files or databases that it came from.")]


class PapersBody(BaseModel):
    """Papers that have the words of a query: how many, and some of them."""

    found: int
    papers: list[PaperBody]


class HitBody(BaseModel):
    """A paper that is near to a text, and the sentence of its abstract that is nearest: `abstract[start:end]`."""

    paper: PaperBody
    quote: str
    start: int
    end: int


class CollectionBody(BaseModel):
    """A collection of the home: its papers, its bytes on disk, when its papers last changed."""

    name: str
    papers: int
    bytes: int
    changed: datetime


class RecordBody(BaseModel):
    """What became of a record of a file."""

    file: str
    line: int | None
    reason: str


class IngestBody(BaseModel):
    """What became of files: ids of new papers, how many were there before, what was merged, refused or remarked."""

    collection: str
    papers: int
    added: list[str]
    known: int
    merged: int
    refused: list[RecordBody]
    remarks: list[RecordBody]


class Problem(BaseModel):
    """What went wrong (RFC 9457); `errors` names the fields of the request that don't fit."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] = []
