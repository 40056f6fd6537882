"""What a question is understood to ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["single", "comparison", "list", "overview", "chat"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question is read: what to search for, and in which form to answer.

    `standalone` is the question without what it leaves to the conversation; `searches` are what to search for, the main
    one first; `sides` are what a comparison compares, in its words; `rows` restrict it to papers; `count`: how many?
    """

    question: str
    standalone: str
    kind: Kind
    searches: tuple[str, ...]
    sides: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    count: bool = False
    filters: Any = None
