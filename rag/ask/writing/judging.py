"""`--judge`: the model is asked about each claim as well, and the more doubtful of the two verdicts counts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from rag.ask.writing.checking import RANK, Checking, behind
from rag.ask.writing.draft import Draft
from rag.ask.writing.sources import Sources
from rag.core.answer import Claim, Level
from rag.llm.client import Client
from rag.llm.prompts import data, prompt
from rag.llm.structured import ask_json

if TYPE_CHECKING:
    from rag.ask.writing.author import Written

DOUBTS = "the model that was asked to judge doubts it"
UNJUDGED = "The model gave no verdicts on its claims; those of the built-in check stand alone."
MAX_CLAIMS = 20


class Verdicts(BaseModel):
    """The reply to the prompt `judge`."""

    verdicts: list[Literal["supported", "partly", "unsupported"]] = Field(max_length=MAX_CLAIMS)


def judge(
    checking: Checking, draft: Draft, sources: Sources, client: Client, written: Written, stop: threading.Event | None
) -> None:
    """Lower the verdicts of claims that the model doubts, in `checking` and in the text of `draft`: one or two calls.

    The text is that of the draft, whose marks change with the verdicts.
    """
    claims = checking.claims[:MAX_CLAIMS]
    if not claims:
        return
    used = prompt("judge")
    listed = "\n".join(f"{n}. {data(c.text)}" for n, c in enumerate(claims, 1))
    found = ask_json(
        client,
        used.fill(sources=sources.text, statements=listed),
        Verdicts,
        stop=stop,
        count=lambda reply: written.count(reply, used),
    )
    if found is None or len(found.verdicts) != len(claims):
        written.warnings.append(UNJUDGED)
        return
    for number, (claim, level) in enumerate(zip(claims, found.verdicts, strict=True)):
        if RANK[level] < RANK[claim.verdict]:
            checking.claims[number] = _lowered(claim, level)
            _mark(checking, draft, number)
    borne = {m for c in checking.claims if c.verdict == "supported" for m in c.markers}
    for marker in {m for c in checking.claims for m in c.markers} - borne:
        written.citations.doubt(marker)


def _lowered(claim: Claim, level: Level) -> Claim:
    return Claim(claim.text, level, DOUBTS, claim.markers)


def _mark(checking: Checking, draft: Draft, number: int) -> None:
    if number in checking.kept:  # in strict mode some are not in the text
        place = draft.added[checking.kept.index(number)]
        draft.pieces[place] = behind(checking.claims[number])
