"""What programs call: `gradio_client.Client(address).predict(question, api_name="/ask")`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from rag.answer import Turn
from rag.config import MAX_HISTORY, MAX_TURN
from rag.errors import RagError, UsageError
from rag.pipeline import Rag

DESCRIPTION = (
    "Ask the collection one question. `history_json` is a JSON list of {role, content}, oldest first, so that a "
    "follow-up is understood. Returns the answer as the JSON contract of `rag ask --json`."
)
_MAX_JSON = MAX_HISTORY * MAX_TURN  # characters

_log = logging.getLogger(__name__)


def ask_function(rag: Rag) -> Callable[[str, str], dict[str, Any]]:
    """The function behind the endpoint; it raises `gr.Error` with a sentence where the question can't be answered."""

    def ask(question: str, history_json: str = "[]") -> dict[str, Any]:
        try:
            return rag.ask(question, turns(history_json)).to_json()
        except RagError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except Exception as error:
            _log.exception("A question failed")
            raise gr.Error("The server met an error of its own; its log has the details.") from error

    return ask


def turns(history_json: str | list[Any]) -> tuple[Turn, ...]:
    """The turns that a JSON list of {role, content} holds; `UsageError` for anything else."""
    if isinstance(history_json, list):  # as Python programs hold it
        return tuple(_turn(item) for item in history_json)
    if len(history_json) > _MAX_JSON:
        raise UsageError(f"history_json has {len(history_json):,} characters; shorten it to {_MAX_JSON:,}.")
    try:
        items = json.loads(history_json or "[]")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"history_json is not JSON: {error}. Pass a list of {{role, content}}.") from error
    if not isinstance(items, list):
        raise UsageError("history_json is not a list. Pass a list of {role, content}.")
    return tuple(_turn(item) for item in items)


def _turn(item: object) -> Turn:
    match item:
        case {"role": "user" | "assistant" as role, "content": str() as content}:
            return Turn(role, content)
    raise UsageError('Each turn of history_json needs "role" ("user" or "assistant") and "content" (text).')
