"""The answer and its citations: the values that every front end gets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["single", "comparison", "list", "overview", "none"]
State = Literal["answers", "partly", "nearest", "nothing"]
Role = Literal["user", "assistant"]
Level = Literal["supported", "partly", "unsupported"]

LEVELS: tuple[Level, ...] = ("supported", "partly", "unsupported")
"""Best first."""
UNSUPPORTED, NO_SOURCE = "[unsupported]", "[no source]"
"""What stands in the text of an answer behind a claim that is not in its source, or that has none."""
PARTLY = "[partly supported]"
"""What stood behind a claim that was not wholly supported, in the answers of earlier versions, which may be kept."""
TIMINGS = ("understand", "retrieve", "answer", "total")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation so far."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """What a marker stands for: an exact span of one abstract.

    `quote == paper.abstract[start:end]`, in characters. `supported` is the verdict of the check of the claim that
    carries the marker; in quoting mode the claim is the quote, so it always holds.
    """

    marker: int
    paper_id: str
    title: str
    quote: str
    start: int
    end: int
    supported: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of an answer that a model wrote, and the verdict on it.

    `markers` are those of the sentences that it rests on; `reason` says in a few words what is wrong with it, and is
    empty for one that is supported. One that was left out of the text has no markers.
    """

    text: str
    verdict: Level
    reason: str = ""
    markers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Aspect:
    """One of several things that a comparison asks of each side; `markers` are those of the quotes that say it."""

    name: str
    markers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A paper that was looked at, with its score (higher is better, comparable within one answer)."""

    paper_id: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as the chat page, the command line, the JSON output and the evaluation get it.

    `state` says how far it answers: it does; it lacks what `missing` names; it shows the nearest sentences, which
    nothing says to be the answer; or nothing is near. `abstained` is true for the last two. `headline` is one line
    that says the answer, None where none is sure. `confidence` is the estimated probability that the collection
    answers the question, None where none was estimated. `aspects` are the columns of a comparison in the
    answers of earlier versions, and empty now; `claims` are those of a generating answer, in order; `prompts` has
    eight hexadecimal digits of the hash of each prompt that was used; `replayed` says that a reply of the model came
    from the cache, so that the times mean nothing; `calls` counts the requests to the model, and `cost` is what their
    tokens cost, in the currency of the configured prices, None where there are none; `timings_ms` has "first_token"
    too, where a model wrote.
    """

    question: str
    standalone_question: str
    kind: Kind
    answer: str
    abstained: bool = False
    state: State = "answers"
    headline: str | None = None
    mode: Literal["quoting", "generating"] = "quoting"
    model: str | None = None
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()
    aspects: tuple[Aspect, ...] = ()
    retrieved: tuple[Retrieved, ...] = ()
    searched: int = 0
    confidence: float | None = None
    warnings: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 0
    cost: float | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    replayed: bool = False
    timings_ms: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TIMINGS, 0.0))
    id: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answer:
        """The answer that `to_json` wrote; fields that are not of the contract are passed over.

        Raises `KeyError` or `TypeError` for what is no answer.
        """
        usage = data.get("usage", {})
        return cls(
            question=data["question"],
            standalone_question=data["standalone_question"],
            kind=data["kind"],
            answer=data["answer"],
            abstained=data["abstained"],
            state=data.get("state", "nothing" if data["abstained"] else "answers"),
            headline=data.get("headline"),
            mode=data["mode"],
            model=data["model"],
            citations=tuple(Citation(**c) for c in data["citations"]),
            claims=tuple(Claim(**{**c, "markers": tuple(c["markers"])}) for c in data.get("claims", ())),
            missing=tuple(data["missing"]),
            aspects=tuple(Aspect(a["name"], tuple(a["markers"])) for a in data.get("aspects", ())),
            retrieved=tuple(Retrieved(**r) for r in data["retrieved"]),
            searched=data["searched"],
            confidence=data.get("confidence"),
            warnings=tuple(data["warnings"]),
            prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", 0),
            calls=usage.get("calls", 0),
            cost=usage.get("cost"),
            prompts=dict(data.get("prompts", {})),
            replayed=data.get("replayed", False),
            timings_ms=dict(data["timings_ms"]),
            id=data["id"],
        )

    @property
    def doubtful(self) -> tuple[Claim, ...]:
        """The claims that are not, or not wholly, supported."""
        return tuple(c for c in self.claims if c.verdict != "supported")

    @property
    def marked(self) -> bool:
        """Whether the doubtful claims are marked in the text; in strict mode they are left out of it."""
        marks = "|".join(map(re.escape, (UNSUPPORTED, NO_SOURCE, PARTLY)))
        return re.search(rf"(?<!\\)(?:{marks})", self.answer) is not None

    def label(self, claim: Claim) -> str:
        """What is said of a doubtful claim: the words of its mark in the text, or that it was left out."""
        if not self.marked:
            return "left out"
        if claim.verdict == "unsupported":
            return "unsupported"
        return "partly supported" if PARTLY in self.answer else "no source"

    def verdict(self, marker: int) -> Level | None:
        """The best verdict on a claim that carries this marker; None where only a quote does."""
        found = {c.verdict for c in self.claims if marker in c.markers}
        return next((level for level in LEVELS if level in found), None)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from rag.core.notebook import of_answer

        return of_answer(self)

    def to_json(self) -> dict[str, Any]:
        """The answer under the field names of the JSON contract, ready for `json.dumps`."""
        return {
            "id": self.id,
            "question": self.question,
            "standalone_question": self.standalone_question,
            "kind": self.kind,
            "answer": self.answer,
            "abstained": self.abstained,
            "state": self.state,
            "headline": self.headline,
            "mode": self.mode,
            "model": self.model,
            "citations": [dataclasses.asdict(c) for c in self.citations],
            "missing": list(self.missing),
            "retrieved": [dataclasses.asdict(r) for r in self.retrieved],
            "searched": self.searched,
            "warnings": list(self.warnings),
            "usage": {
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens,
                "calls": self.calls,
                "cost": self.cost,
            },
            "timings_ms": self.timings_ms,
            "claims": [{**dataclasses.asdict(c), "markers": list(c.markers)} for c in self.claims],
            "prompts": self.prompts,
            "confidence": self.confidence,
            "replayed": self.replayed,
            "aspects": [{"name": a.name, "markers": list(a.markers)} for a in self.aspects],
        }


def failed(question: str, reason: str, id: str | None = None) -> Answer:
    """The answer that stands for a question that could not be answered at all; `reason` goes into its warnings."""
    return Answer(
        question=question,
        standalone_question=question,
        kind="none",
        answer=f"This question could not be answered: {reason}",
        abstained=True,
        state="nothing",
        warnings=(reason,),
        id=id,
    )


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of a streamed answer has begun; `detail` is for the reader."""

    stage: Literal["understand", "retrieve", "answer"]
    detail: str


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the Markdown of a streamed answer."""

    text: str


Event = Step | Text | Answer
