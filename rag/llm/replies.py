"""A cache of replies on disk: the same request gets the recorded answer. Off unless a folder is named."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.llm.prompts import Message
from rag.llm.source import Source

# Settings that don't change what a model answers, or that nobody should find in a file.
_NO_MATTER = re.compile(
    r"key|secret|password|header|auth|_token$|^token$|callback|timeout|seconds|retries|prox", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A whole reply: its text without thinking, and what was said of it. `estimated`: the counts are no endpoint's."""

    text: str
    model: str
    finish: Literal["stop", "length", "filter"] | None
    prompt_tokens: int
    completion_tokens: int
    estimated: bool


class Replies:
    """Replies in a folder, one JSON file each, named by its key. Processes may share it.

    The folder is made when the first reply is put. What is damaged or can't be read counts as absent; a reply that
    can't be written is not kept. Whole replies only: whoever puts one has to see to that.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Recorded | None:
        """The reply recorded under a key."""
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            recorded = Recorded(**json.loads(self._file(key).read_text(encoding="utf-8")))
            counts = (recorded.prompt_tokens, recorded.completion_tokens)
            if isinstance(recorded.text, str) and recorded.text and all(isinstance(n, int) for n in counts):
                return recorded
        return None

    def put(self, key: str, reply: Recorded) -> None:
        """Record a reply, replacing what was there."""
        text = json.dumps(dataclasses.asdict(reply), ensure_ascii=False, indent=1)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            # Renaming is atomic, so that nobody reads half a reply.
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self._file(key))

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def key_of(source: Source, messages: Sequence[Message], options: Mapping[str, Any]) -> str:
    """The SHA-256, in hex, of all that decides a reply: the model and its settings, the messages, and the options.

    A base URL is one of the settings; API keys, headers and deadlines are none.
    """
    request = {
        "settings": {k: v for k, v in source.settings.items() if not _NO_MATTER.search(k)},
        "messages": [[m.role, m.content] for m in messages],
        "options": options,
    }
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
