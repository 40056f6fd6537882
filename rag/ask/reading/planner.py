"""A model reads a question in its conversation, where the words alone may not say what is meant."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from rag.ask.reading.receipt import Receipt
from rag.core.answer import Turn
from rag.core.config import MAX_QUESTION
from rag.llm.client import Client
from rag.llm.prompts import data, prompt
from rag.llm.structured import ask_json

TURNS, TURN_CHARACTERS = 6, 1_200
"""Of the conversation, that the model reads: what a question refers to is seldom further back."""
LONG = 220
"""Characters from which on a question is read by the model although it stands alone."""
TOKENS = 500


class ModelPlan(BaseModel):
    """What a model takes a question to ask for: the reply to the prompt `plan`."""

    question: str = Field(max_length=2_000)
    kind: Literal["single", "comparison", "list", "overview", "chat"]
    searches: list[str] = Field(default_factory=list, max_length=8)
    sides: list[str] = Field(default_factory=list, max_length=8)
    authors: list[str] = Field(default_factory=list, max_length=10)
    since: int | None = None
    until: int | None = None
    count: bool = False


def needs_model(question: str, history: Sequence[Turn]) -> bool:
    """Whether a question is worth a call to understand it: it has a conversation, or several sentences."""
    sentences = re.findall(r"[.!?。？]+(?:\s|$)", question.strip())
    return bool(history) or len(question) > LONG or len(sentences) > 1


def plan_with_model(
    question: str, history: Sequence[Turn], client: Client, receipt: Receipt, stop: threading.Event | None
) -> ModelPlan | None:
    """What a model takes a question to ask for; None where it gives nothing that can be used.

    Raises `ModelError` where the model can't be asked.
    """
    used = prompt("plan")
    turns = "\n".join(f"{t.role}: {data(_short(t.content))}" for t in history[-TURNS:]) or "(none)"
    found = ask_json(
        client,
        used.fill(history=turns, question=data(question)),
        ModelPlan,
        stop=stop,
        count=lambda reply: receipt.count(reply, used),
        max_tokens=TOKENS,
    )
    if found is None or not found.question.strip() or len(found.question) > MAX_QUESTION:
        return None
    searches = [s.strip() for s in found.searches if s.strip()] or [found.question]
    sides = [s.strip() for s in found.sides if s.strip()]
    # One side alone is no comparison.
    kind = "single" if found.kind == "comparison" and len(sides) < 2 else found.kind
    return found.model_copy(update={"searches": searches[:4], "sides": sides[:4], "kind": kind})


def _short(text: str) -> str:
    return text if len(text) <= TURN_CHARACTERS else text[:TURN_CHARACTERS] + " …"
