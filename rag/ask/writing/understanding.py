"""Questions that a model helps to read: follow-ups that the rules are unsure of, and comparisons they don't recognise.

What the model says is one more reading, held against the question and the conversation, and never the only one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from rag.ask.names import Names
from rag.ask.question import Query, read
from rag.ask.question.query import MAX_SIDES, Side
from rag.core.answer import Turn
from rag.core.config import MAX_QUESTION
from rag.index.lexical import STOPWORDS, stem, words
from rag.llm.client import Client, Reply
from rag.llm.prompts import data, prompt
from rag.llm.structured import ask_json

TURNS, TURN_CHARACTERS = 6, 600
"""Of the conversation, that the model reads: what a question refers to is seldom further back."""


_COMPARES = re.compile(
    r"\b(?:compar(?:e|ing|ison)|contrast|versus|differ(?:s|ence|ences)?|distinguish\w*|side\s+by\s+side)\b|\bvs\b",
    re.IGNORECASE,
)
"""What a comparison most likely has, so that few questions cost a call in vain."""


CLEAR = 2
"""Content words of a side that is no name."""


class Standalone(BaseModel):
    """The reply to the prompt `rewrite`."""

    question: str = Field(max_length=600)


class Sides(BaseModel):
    """The reply to the prompt `decompose`."""

    sides: list[str] = Field(max_length=MAX_SIDES)
    aspect: str = Field(max_length=300)


class Understanding:
    """Asks one model how to read questions. `count` is called with the name of the prompt and each reply."""

    def __init__(
        self, names: Names, client: Client, count: Callable[[str, Reply], None], stop: threading.Event | None
    ) -> None:
        self._names, self._client, self._count, self._stop = names, client, count, stop

    def reading(self, query: Query, history: Sequence[Turn]) -> Query | None:
        """Another reading of a question that the rules read as `query`; None where they are sure, or the model gives
        none that can be used. Raises `ModelError` where it can't be reached."""
        if query.chat:
            return None
        if history and unsure(query):
            return self._rewritten(query, history)
        if query.kind == "single" and not query.rows and _COMPARES.search(query.question):
            return self._decomposed(query)
        return None

    def _rewritten(self, query: Query, history: Sequence[Turn]) -> Query | None:
        used = prompt("rewrite")
        turns = "\n".join(f"{t.role}: {data(_short(t.content))}" for t in history[-TURNS:])
        found = ask_json(
            self._client,
            used.fill(history=turns, question=data(query.question)),
            Standalone,
            stop=self._stop,
            count=lambda reply: self._count("rewrite", reply),
        )
        if found is None or not faithful(found.question, query.question, history):
            return None
        return read(query.question, " ".join(found.question.split()), self._names)

    def _decomposed(self, query: Query) -> Query | None:
        used = prompt("decompose")
        found = ask_json(
            self._client,
            used.fill(question=data(query.standalone)),
            Sides,
            stop=self._stop,
            count=lambda reply: self._count("decompose", reply),
        )
        if found is None:
            return None
        held = set(words(query.standalone))
        sides = [s for s in dict.fromkeys(map(str.strip, found.sides)) if words(s) and set(words(s)) <= held]
        # Any two words describe some papers; a side has to be a name, or to say a little more.
        clear = (self._names.mentions(s) or len(set(words(s)) - STOPWORDS) >= CLEAR for s in sides)
        if not 2 <= len(sides) <= MAX_SIDES or not all(clear):
            return None
        aspect = found.aspect if set(words(found.aspect)) <= held else ""
        return replace(query, kind="comparison", sides=tuple(self._side(s) for s in sides), topic=aspect)

    def _side(self, text: str) -> Side:
        mentions = self._names.mentions(text)
        return Side(text, mentions[0].rows, True) if mentions else Side(text)


def unsure(query: Query) -> bool:
    """Whether the rules may have misread a question of a conversation: they found nothing that it refers to, or two
    readings."""
    return query.otherwise is not None or not (query.rows or query.mentions or query.sides or query.kind == "list")


def faithful(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a rewritten question says what the question does, and adds only what the conversation has.

    Most of the words of the question are kept, every figure is, and no word comes from nowhere.
    """
    if not rewritten.strip() or len(rewritten) > MAX_QUESTION:
        return False
    new, old = ({stem(w) for w in words(t) if w not in STOPWORDS} for t in (rewritten, question))
    said = {stem(w) for t in history for w in words(t.content)} | {stem(w) for w in words(question)}
    figures = set(re.findall(r"\d+(?:\.\d+)?", question))
    return (
        len(old & new) >= 0.6 * len(old)
        and figures <= set(re.findall(r"\d+(?:\.\d+)?", rewritten))
        and len(new - said) <= 1
    )


def _short(text: str) -> str:
    return text if len(text) <= TURN_CHARACTERS else text[:TURN_CHARACTERS] + " …"
