"""An answer taken apart into the sentences that claim something, as ALCE counts them."""

from __future__ import annotations

from dataclasses import dataclass

from rag.answer import Answer


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, without Markdown and markers, and the markers that it carries."""

    text: str
    markers: tuple[int, ...] = ()


def statements(answer: Answer) -> tuple[Statement, ...]:
    """The sentences of an answer that claim something."""
    raise NotImplementedError
