"""What the tabs of the page have in common."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gradio as gr

from rag.core.config import Config
from rag.web.collection_cache import CollectionCache

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For every event of the page: only the page may call it; programs have the documented endpoints."""
QUICK: dict[str, Any] = {**PRIVATE, "queue": False}
"""For events that answer in milliseconds and must not wait behind questions."""
CHANGING: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
"""For those that set a state whose `change` others listen to: Gradio tells the page of it from its queue only."""
EACH: dict[str, Any] = {"trigger_mode": "multiple"}
"""For buttons that may be clicked again before the server has answered: Gradio would leave the second click out."""
CHOOSING: dict[str, Any] = {**PRIVATE, **EACH, "concurrency_limit": 1, "concurrency_id": "choosing"}
"""For those that change which papers are chosen: one after the other, or of two quick ticks one would be lost."""

Parts = SimpleNamespace
"""The components of a tab by name: its `layout()` makes them, and its `wire()` says what happens when they are used."""


def html(id: str, fragment: str = "", **options: Any) -> gr.Markdown:
    """A place for fragments of ours, which have gone through `rag.web.markup.clean`.

    Not gr.HTML: that one compiles its templates, which the Content-Security-Policy forbids. Gradio's sanitizer is off
    because it takes away what a screen reader needs.
    """
    return gr.Markdown(fragment, elem_id=id, sanitize_html=False, latex_delimiters=[], line_breaks=False, **options)


@dataclass(frozen=True)
class Shared:
    """The collections, and the states that more than one tab reads or sets; each has a `change` event.

    `conversation` holds a `ConversationState`, `collection` the name of one, `chosen` the ids of the papers that
    questions are restricted to (a tuple, empty: all), `settings` what the browser keeps of `Settings`. `tabs` selects a
    tab by its id: chat, papers, map, evaluation, settings.
    """

    config: Config
    collections: CollectionCache
    tabs: gr.Tabs
    conversation: gr.State
    collection: gr.State
    chosen: gr.State
    settings: gr.BrowserState
