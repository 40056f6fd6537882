"""What the page keeps for a session, between two events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rag.core.answer import Answer
from rag.core.options import Caution, Options

Mode = Literal["", "quoting", "generating"]
MOST = (1, 10)
"""Papers that may be quoted for a question that names none."""


@dataclass(frozen=True, slots=True)
class ConversationState:
    """A conversation: its id on the server ("" before the first question), its collection, its finished answers.

    `unanswered` is the last question where its answer was stopped or failed; `editing` says that the next question
    takes the place of the last.
    """

    id: str = ""
    collection: str = ""
    answers: tuple[Answer, ...] = ()
    unanswered: str = ""
    editing: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What a reader chose under Settings; empty, None and 0 mean as the operator configured it."""

    mode: Mode = ""
    strict: bool | None = None
    most: int = 0
    model: str = ""
    caution: Caution | None = None

    @classmethod
    def of(cls, stored: Any) -> Settings:
        """The settings that a browser kept; what is none, or of another version, counts as not chosen."""
        values = stored if isinstance(stored, dict) else {}
        return cls(**{name: values[name] for name, good in _GOOD.items() if name in values and good(values[name])})

    def options(self, chosen: tuple[str, ...] = (), models: tuple[str, ...] = ()) -> Options:
        """What a question is asked with, restricted to the papers of `chosen` where there are any.

        A model that the operator no longer allows counts as not chosen.
        """
        return Options(
            papers=frozenset(chosen) or None,
            most=self.most,
            mode=(self.mode or None) if models else None,
            strict=self.strict if models else None,
            model=self.model if self.model in models else None,
            caution=self.caution,
        )


_GOOD: dict[str, Callable[[Any], bool]] = {
    "mode": lambda value: value in get_args(Mode),
    "strict": lambda value: isinstance(value, bool),
    "most": lambda value: isinstance(value, int) and not isinstance(value, bool) and MOST[0] <= value <= MOST[1],
    "model": lambda value: isinstance(value, str) and len(value) <= 300,
    "caution": lambda value: value in get_args(Caution),
}
"""What a setting may be; what is none is not chosen."""
