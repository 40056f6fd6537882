"""Thumbs under the answers: what a reader thinks of one goes into the server's feedback file, with its reason."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.core.answer import Answer
from rag.core.config import Config
from rag.core.errors import RagError
from rag.home.conversation import history
from rag.home.feedback import MAX_REASON, Feedback, Thumb, append
from rag.web import bridge, fragments
from rag.web.markup import clean
from rag.web.shared import EACH, QUICK, Parts, Shared, html
from rag.web.state import ConversationState

SAVED = "Thank you, your rating is saved."
BACK = "Your rating is taken back."
TOO_EARLY = "Only a finished answer can be rated."
FAULT = "The server met an error of its own and did not save the rating; its log on the terminal has the details."

_log = logging.getLogger(__name__)


def layout() -> Parts:
    """The line under the chat, hidden until a thumb is clicked: what became of it, and a field for the reason."""
    with gr.Column(visible=False, elem_id="rating") as row:
        note = html("rated")
        reason = gr.Textbox(
            label="What was wrong with the answer? (optional)",
            placeholder="This is kept with your rating, and is no question",
            elem_id="reason",
            max_length=MAX_REASON,
            max_lines=3,
            submit_btn="Send",
            visible=False,
        )
    return Parts(row=row, note=note, reason=reason)


def wire(shared: Shared, parts: Parts, moved_on: Sequence[Any]) -> None:
    """Save what is clicked under an answer; after an event of `moved_on` the line is hidden."""
    rated = gr.State(0)
    outputs = [parts.row, parts.note, parts.reason, rated]
    field = bridge.action("rate")

    def clicked(sent: str, conversation: ConversationState, collection: str) -> tuple[gr.Column, str, gr.Textbox, int]:
        turn, thumb = read(bridge.value(sent))
        note = save(replace(shared.config, collection=collection), conversation.answers, turn, thumb)
        return gr.Column(visible=True), clean(note), gr.Textbox(value="", visible=thumb == "down"), turn

    def explained(
        text: str, conversation: ConversationState, collection: str, turn: int
    ) -> tuple[gr.Column, str, gr.Textbox, int]:
        note = save(replace(shared.config, collection=collection), conversation.answers, turn, "down", text)
        return gr.Column(visible=True), clean(note), gr.Textbox(value="", visible=False), 0

    field.submit(clicked, [field, shared.conversation, shared.collection], outputs, **EACH, **QUICK)
    parts.reason.submit(explained, [parts.reason, shared.conversation, shared.collection, rated], outputs, **QUICK)
    for event in moved_on:
        event.then(lambda: gr.Column(visible=False), None, parts.row, **QUICK)


def read(value: str) -> tuple[int, Thumb]:
    """The number of the answer, 0 where there is none, and the thumb that a button stands for: "3 down"."""
    turn, _, thumb = value.partition(" ")
    known: dict[str, Thumb] = {"up": "up", "down": "down"}
    return int(turn) if re.fullmatch(r"[0-9]{1,4}", turn) else 0, known.get(thumb, "none")


def save(config: Config, answers: Sequence[Answer], turn: int, thumb: Thumb, reason: str = "") -> str:
    """Append the rating of answer number `turn`; returns the HTML of what became of it."""
    if not 1 <= turn <= len(answers):
        return fragments.note(TOO_EARLY)
    answer, before = answers[turn - 1], history(answers[: turn - 1])
    try:
        append(config.home, Feedback(config.collection, thumb, answer.question, answer, before, reason))
    except RagError as error:
        return fragments.problem(str(error))
    except Exception:
        _log.exception("A rating failed")
        return fragments.problem(FAULT)
    return fragments.note(BACK if thumb == "none" else SAVED)
