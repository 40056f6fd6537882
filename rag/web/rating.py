"""Thumbs under the answers: what a reader thinks of one goes into the server's feedback file, with its reason."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.answer import Answer
from rag.config import Config
from rag.errors import RagError
from rag.feedback import MAX_REASON, Feedback, Thumb, append
from rag.web import chat, fragments

THUMBS = ("Like", "Dislike")
"""What Gradio draws as thumbs, and no other words."""
SAVED = "Thank you, your rating is saved."
BACK = "Your rating is taken back."
TOO_EARLY = "Only a finished answer can be rated."
FAULT = "The server met an error of its own and did not save the rating; its log on the terminal has the details."

_FINISHED = re.compile(r'<article\b[^>]*\bid="answer-(\d+)"')

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """The line under the chat, which shows once a thumb was clicked: what became of it, and a field for the reason."""

    row: gr.Column
    note: gr.Markdown
    reason: gr.Textbox


def layout() -> Parts:
    """The parts, hidden."""
    with gr.Column(visible=False, elem_id="rating") as row:
        note = gr.Markdown("", elem_id="rated", latex_delimiters=[])
        reason = gr.Textbox(
            label="What is wrong with it?",
            placeholder="What is wrong with it? (optional)",
            show_label=False,
            elem_id="reason",
            max_length=MAX_REASON,
            max_lines=3,
            submit_btn="Send",
            visible=False,
        )
    return Parts(row, note, reason)


def wire(config: Config, messages: gr.Chatbot, answers: gr.State, parts: Parts, **options: Any) -> None:
    """Save what is clicked under `messages`; `options` go to each event."""
    rated = gr.State(0)
    outputs = [parts.row, parts.note, parts.reason, rated]

    def clicked(
        shown: Sequence[chat.Message], so_far: Sequence[Answer], click: gr.LikeData
    ) -> tuple[gr.Column, str, gr.Textbox, int]:
        turn = turn_of(shown, click.index)
        thumb = thumb_of(click.liked)
        note = save(config, so_far, turn, thumb)
        return gr.Column(visible=True), note, gr.Textbox(value="", visible=thumb == "down"), turn

    def told(text: str, so_far: Sequence[Answer], turn: int) -> tuple[gr.Column, str, gr.Textbox, int]:
        note = save(config, so_far, turn, "down", text)
        return gr.Column(visible=True), note, gr.Textbox(value="", visible=False), 0

    messages.like(clicked, [messages, answers], outputs, queue=False, **options)
    parts.reason.submit(told, [parts.reason, answers, rated], outputs, queue=False, **options)


def thumb_of(liked: bool | str) -> Thumb:
    """What Gradio calls True and False; a thumb that is clicked again is taken back."""
    return "up" if liked is True else "down" if liked is False else "none"


def turn_of(shown: Sequence[chat.Message], index: object) -> int:
    """The number of the answer in the message that was clicked; 0 where it is none, or not finished."""
    if not isinstance(index, int) or not 0 <= index < len(shown):
        return 0
    content = shown[index]["content"]
    if isinstance(content, list):  # as Gradio gives it back
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    found = _FINISHED.match(str(content))
    return int(found[1]) if found else 0


def save(config: Config, answers: Sequence[Answer], turn: int, thumb: Thumb, reason: str = "") -> str:
    """Append the rating of answer number `turn`; returns the HTML of what became of it."""
    if not 1 <= turn <= len(answers):
        return fragments.note(TOO_EARLY)
    answer, history = answers[turn - 1], chat.history(answers[: turn - 1])
    try:
        append(config.home, Feedback(config.collection, thumb, answer.question, answer, history, reason))
    except RagError as error:
        return fragments.problem(str(error))
    except Exception:
        _log.exception("A rating failed")
        return fragments.problem(FAULT)
    return fragments.note(BACK if thumb == "none" else SAVED)
