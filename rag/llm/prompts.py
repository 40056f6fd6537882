"""The prompt templates in `prompts/`: read, checked and filled.

A template has the parts `# system` and `# user`, each a message, with placeholders as `string.Template` has them. What
is filled in is never read as a template itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Literal, cast

from rag.core import resources
from rag.core.errors import ConfigError

PLACEHOLDERS: Mapping[str, frozenset[str]] = {
    "read": frozenset({"sources", "question", "hint"}),
    "plan": frozenset({"history", "question"}),
    "screen": frozenset({"sources", "question"}),
    "notes": frozenset({"sources", "question"}),
    "review": frozenset({"notes", "question"}),
    "verify": frozenset({"statements", "question"}),
    "suggest": frozenset({"sources", "asked"}),
    "draft": frozenset({"sources", "kind"}),
    "grade-faithfulness": frozenset({"question", "sources", "answer"}),
    "grade-correctness": frozenset({"question", "reference", "answer"}),
    "grade-helpfulness": frozenset({"question", "reference", "answer"}),
}
"""What each prompt is given, no more and no less."""

_PART = re.compile(r"^# (system|user)[ \t]*\n", re.MULTILINE)


Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a request to a model."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A checked template; `version` is eight hexadecimal digits of the SHA-256 of its file."""

    name: str
    version: str
    parts: tuple[tuple[Role, Template], ...]

    def fill(self, **values: str) -> list[Message]:
        """The messages with `values` in their places; KeyError where one is missing."""
        return [
            Message(role, re.sub(r"\n{3,}", "\n\n", template.substitute(values)).strip())
            for role, template in self.parts
        ]


@cache
def prompt(name: str) -> Prompt:
    """The prompt of that name that comes with the program."""
    return read(resources.prompts() / f"{name}.md", PLACEHOLDERS[name])


def versions() -> dict[str, str]:
    """The version of each prompt that answers are written with, by name."""
    return {name: prompt(name).version for name in PLACEHOLDERS if not name.startswith("grade-")}


def read(file: Path, wanted: frozenset[str]) -> Prompt:
    """A template from its file. Raises `ConfigError`, naming the file and what is wrong in it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"The prompt {file} can't be read ({e}); install Paper RAG again.") from e
    head, *rest = _PART.split(text)
    parts = tuple((cast(Role, role), Template(body)) for role, body in zip(rest[::2], rest[1::2], strict=True))
    if head.strip() or [role for role, _ in parts] != ["system", "user"]:
        raise ConfigError(f'The prompt {file} must consist of a part "# system" and a part "# user", in this order.')
    for _, template in parts:
        if not template.is_valid():
            raise ConfigError(f"The prompt {file} has a dollar sign before no name; write it twice to mean itself.")
    found = {name for _, template in parts for name in template.get_identifiers()}
    if unknown := sorted(found - wanted):
        raise ConfigError(f"The prompt {file} has an unknown placeholder: ${', $'.join(unknown)}.")
    if missing := sorted(wanted - found):
        raise ConfigError(f"The prompt {file} lacks a placeholder: ${', $'.join(missing)}.")
    return Prompt(file.stem, hashlib.sha256(text.encode()).hexdigest()[:8], parts)


def source(number: int, title: str, text: str) -> str:
    """One source of a prompt, as data that can't close its own tag."""
    return f'<source id="{number}" title="{data(title).replace(chr(34), "”")}">\n{data(text)}\n</source>'


_TAG = re.compile(r"<(?=\s*/?\s*(?:sources?|conversation)\b)", re.IGNORECASE)
_TURN = re.compile(
    r"<[|｜][^|｜<>]{1,40}[|｜]>|</?(?:s|bos|eos|start_of_turn|end_of_turn)>|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
)
"""What models mark the turns of a conversation with: a paper must not be able to begin one."""


def data(text: str) -> str:
    """`text` without what could end the tag it stands in, or pass for a turn of its own."""
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return _TAG.sub("‹", _TURN.sub(" ", printable))
