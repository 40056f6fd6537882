"""What a question asks, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag.ask.names import Mention

MAX_SIDES = 4
"""Sides of one comparison; what is named beyond that is left out."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: how the question calls it, and the rows of the papers that own the name, if it is one.

    `named` tells a name that no paper of the collection owns (no rows) from a description; `outside` says that papers
    own it, and that none of them is among those that the question is restricted to.
    """

    text: str
    rows: tuple[int, ...] = ()
    named: bool = False
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the rest of the pipeline needs it.

    `topic` is what to search for; `sides` are those of a comparison; `rows` restricts the answer to these papers and
    `exclude` bars some, both from the history; `size` asks how many papers there are at all; `negated` asks for papers
    that lack something; `otherwise` is the question read by itself, where it may be no follow-up at all; `mentions` are
    the papers that the question names; `outside` are the names of those that it is about, and that are not among the
    papers that it is restricted to.
    """

    question: str
    standalone: str
    kind: Literal["single", "comparison", "list"]
    topic: str
    sides: tuple[Side, ...] = ()
    rows: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    mentions: tuple[Mention, ...] = ()
    count: bool = False
    size: bool = False
    negated: bool = False
    otherwise: Query | None = None
    chat: bool = False
    outside: tuple[str, ...] = ()
