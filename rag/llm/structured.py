"""JSON from a language model: constrained where the endpoint can, read leniently, asked for again when it is bad."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rag.core.errors import ModelServerError
from rag.llm.client import Client, Reply
from rag.llm.prompts import Message

T = TypeVar("T", bound=BaseModel)

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
AGAIN = "That was not the JSON object that is wanted. Write it again, and nothing else."
TOKENS = 300
"""Of a reply; the longest that is wanted, a list of thirty numbers, has some 100."""


def ask_json(
    client: Client,
    messages: Sequence[Message],
    shape: type[T],
    *,
    stop: threading.Event | None,
    count: Callable[[Reply], None],
    max_tokens: int = TOKENS,
    **options: Any,
) -> T | None:
    """What the model says, as `shape`; None where two replies were no such JSON.

    `count` is called with each reply; `options` go to the model's call. Raises `ModelError` where the model can't be
    used at all.
    """
    schema = {"name": shape.__name__.lower(), "strict": True, "schema": _strict(shape.model_json_schema())}
    asked = list(messages)
    for _ in range(2):
        reply = client.stream(
            asked,
            stop=stop,
            max_tokens=max_tokens,
            response_format={"type": "json_schema", "json_schema": schema},
            **options,
        )
        try:
            text = "".join(reply)
        except ModelServerError:
            count(reply)
            raise
        count(reply)
        found = parsed(text, shape)
        if found is not None:
            return found
        asked = [
            *messages,
            Message("assistant", text[:1000] or "?"),
            Message("user", AGAIN),
        ]
    return None


def parsed(text: str, shape: type[T]) -> T | None:
    """The object in `text`, in a code fence or between other words as well; None where there is none that fits."""
    match = _OBJECT.search(text)
    if match is None:
        return None
    try:
        return shape.model_validate_json(match.group())
    except (ValidationError, RecursionError):
        return None


def _strict(schema: Any) -> Any:
    """A JSON schema as OpenAI's strict mode wants it: no more properties than named, all of them required."""
    if isinstance(schema, dict):
        schema = {k: _strict(v) for k, v in schema.items() if k not in ("title", "default")}
        if schema.get("type") == "object":
            schema |= {"additionalProperties": False, "required": list(schema.get("properties", {}))}
        return schema
    return [_strict(v) for v in schema] if isinstance(schema, list) else schema
