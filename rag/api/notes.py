"""The text of an answer for programs that show nothing but text: its sources follow as numbered notes."""

from __future__ import annotations

import re

from rag.core.answer import Answer
from rag.core.markdown import as_it_is

_OPEN_QUOTE = re.compile(r"(?:\n>[ \n]*)+$")
_DIVIDER = "\n\n---\n\n**Sources**\n\n"


def with_notes(answer: Answer) -> str:
    """The Markdown of an answer, its warnings, and a note with title and quote for each marker in it."""
    text = _OPEN_QUOTE.sub("", answer.answer.rstrip())
    text += "".join(f"\n\n*Warning: {as_it_is(warning)}*" for warning in answer.warnings)
    notes = [f"[{c.marker}] **{as_it_is(c.title)}**: “{as_it_is(c.quote)}”" for c in answer.citations]
    return f"{text}{_DIVIDER}" + "\n\n".join(notes) if notes else text


def without_notes(text: str) -> str:
    """What an answer was before `with_notes`, when a program sends it back as a turn of the conversation."""
    return text.partition(_DIVIDER)[0]
