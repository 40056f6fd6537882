"""What the page keeps for a session, between two events."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
        settings = cls()
        if values.get("mode") in get_args(Mode):
            settings = replace(settings, mode=values["mode"])
        if isinstance(values.get("strict"), bool):
            settings = replace(settings, strict=values["strict"])
        most = values.get("most")
        if isinstance(most, int) and not isinstance(most, bool) and MOST[0] <= most <= MOST[1]:
            settings = replace(settings, most=most)
        if isinstance(values.get("model"), str) and len(values["model"]) <= 300:
            settings = replace(settings, model=values["model"])
        if values.get("caution") in get_args(Caution):
            settings = replace(settings, caution=values["caution"])
        return settings

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
