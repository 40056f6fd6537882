"""What chat programs ask a model on their own account: a title for a conversation, tags, questions to ask next.

Open WebUI and LibreChat send these to the model that is chosen for the chat, as if a reader had asked. Searching the
papers for "Generate a concise title" would answer nonsense, so that they are told apart here by the form of the prompt.
"""

from __future__ import annotations

import json
import re

from rag.core.config import MAX_QUESTION
from rag.core.options import Options
from rag.home.conversation import shortened
from rag.service import Rag

_TITLE = 48  # characters
_WEBUI = re.compile(r"\s*### Task:\s")
_KEY = re.compile(r"\{\s*\"(\w{1,40})\"\s*:")
_LIBRECHAT = re.compile(r"5[- ]words?[- ]or[- ]less,? |5 words or less")
_ASKED = re.compile(r"^(?:USER|User):[ \t]*(?:\"\"\")?(?P<question>.+)$", re.MULTILINE)
_QUOTING = Options(mode="quoting")


def is_task(prompt: str) -> bool:
    """Whether a program asks, and not a reader."""
    if _for_json(prompt):
        return True
    begin = prompt[:400]
    return "title" in begin and _LIBRECHAT.search(begin) is not None and _ASKED.search(prompt) is not None


def reply(rag: Rag, prompt: str) -> str:
    """The reply to such a prompt."""
    if not _for_json(prompt):
        return _title(prompt)
    named = _KEY.search(prompt)
    key = named[1] if named else ""
    value: str | list[str] = [] if key == "queries" else ""  # no search on the web, nothing completed
    if key == "title":
        value = _title(prompt)
    elif key == "tags":
        value = ["Papers"]
    elif key == "follow_ups":
        value = _next(rag, prompt)
    return json.dumps({key: value}, ensure_ascii=False)


def _for_json(prompt: str) -> bool:
    return _WEBUI.match(prompt) is not None and ("<chat_history>" in prompt or "<text>" in prompt)


def _questions(prompt: str) -> list[str]:
    """What the reader asked in the conversation that a prompt holds."""
    return [found["question"].strip().removesuffix('"""') for found in _ASKED.finditer(prompt)]


def _title(prompt: str) -> str:
    asked = _questions(prompt)
    return shortened(asked[0], _TITLE).rstrip(" ?.") if asked else "Papers"


def _next(rag: Rag, prompt: str) -> list[str]:
    """Questions that the collection answers, to ask after the last one. No model is asked: nobody waits for them."""
    asked = _questions(prompt)
    return list(rag.suggest([rag.ask(asked[-1][:MAX_QUESTION], options=_QUOTING)], options=_QUOTING)) if asked else []
