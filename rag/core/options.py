"""What one question may be asked with, apart from the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from rag.core.errors import UsageError

MAX_MOST = 10
"""Papers that an answer to a description may quote at most; who wants more wants a list."""

Mode = Literal["quoting", "generating"]
Caution = Literal["careful", "usual", "bold"]
"""How sure it has to be that sentences answer, before they are not called the nearest any more: most with "careful"."""


def caution(value: str) -> str:
    """A `Caution`, or the probability from which on papers answer, between 0 and 1. ValueError for anything else."""
    if value in get_args(Caution):
        return value
    try:
        if 0 < float(value) < 1:
            return value
    except ValueError:
        pass
    raise ValueError(f"give {', '.join(get_args(Caution))}, or a probability between 0 and 1.")


@dataclass(frozen=True, slots=True)
class Options:
    """What one question is asked with; what is None or 0 is as configured, or all.

    `papers` are the ids of those that the question is restricted to. `years` are the first and the last year of the
    papers that are asked, None where open; `authors` and `venues` are names, of which a paper has one each.
    `most` is how many papers one answer may quote, 1
    to 10, where the question only describes what it wants; lists are always complete. `mode` "quoting" asks no model,
    "generating" one; `strict` is `Config.strict` for this question; `model` is one of `Rag.models`;
    `caution` is `Config.caution` for this question.

    Values are checked when the object is made: `UsageError` names the one at fault. Whether the collection has the
    papers, and the operator allows the model, only asking tells.
    """

    papers: frozenset[str] | None = None
    most: int = 0
    mode: Mode | None = None
    strict: bool | None = None
    model: str | None = None
    caution: str | None = None
    years: tuple[int | None, int | None] | None = None
    authors: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.papers is not None:
            if isinstance(self.papers, str) or not all(isinstance(i, str) for i in self.papers):
                raise UsageError("The papers of a question are given as a set of their ids.")
            object.__setattr__(self, "papers", frozenset(self.papers))
            if not self.papers:
                raise UsageError("No paper is chosen: choose at least one, or ask all of them.")
        if isinstance(self.most, bool) or not isinstance(self.most, int) or not 0 <= self.most <= MAX_MOST:
            raise UsageError(f"{self.most!r} papers for an answer: give 1 to {MAX_MOST}, or 0 for as many as usual.")
        if self.mode not in (None, "quoting", "generating"):
            raise UsageError(f"The mode {self.mode!r} is unknown: give quoting or generating.")
        try:
            caution(str(self.caution or "usual"))
        except ValueError as e:
            raise UsageError(f"The caution {self.caution!r} is unknown: {e}") from e
        object.__setattr__(self, "years", _years(self.years))
        for name in ("authors", "venues"):
            object.__setattr__(self, name, _names(getattr(self, name), name))


def _years(given: object) -> tuple[int | None, int | None] | None:
    if given is None:
        return None
    years = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(years) != 2 or not all(y is None or (isinstance(y, int) and not isinstance(y, bool)) for y in years):
        raise UsageError(f"The years {given!r}: give the first and the last, such as (2018, 2020) or (2018, None).")
    first, last = years
    if first is not None and last is not None and first > last:
        raise UsageError(f"The years {first} to {last}: the first is after the last.")
    return None if first is last is None else (first, last)


def _names(given: object, what: str) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, (tuple, list, set, frozenset)):
        raise UsageError(f"The {what} of a question are given as a tuple of names.")
    if not all(isinstance(name, str) and any(c.isalnum() for c in name) for name in given):
        raise UsageError(f"One of the {what} of a question is empty or no text: {given!r}.")
    return tuple(" ".join(name.split()) for name in given)
