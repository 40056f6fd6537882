"""The chat: conversations on the left, the one that is open in the middle, the evidence on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.core.config import MAX_QUESTION
from rag.web import bridge, rating, sources
from rag.web.desk import Desk, Updates, Visit
from rag.web.shared import CHANGING, HTML, PRIVATE, QUICK, Shared
from rag.web.state import Talk


@dataclass(frozen=True)
class Parts:
    """The components of the tab."""

    history: gr.Markdown
    messages: gr.Chatbot
    next: gr.Markdown
    rating: rating.Parts
    scope: gr.Markdown
    box: gr.Textbox
    panel: gr.Markdown

    @property
    def shown(self) -> list[Any]:
        """Those that `Desk.PARTS` names, in its order, without the states."""
        return [self.history, self.messages, self.next, self.scope, self.box, self.panel]


def layout() -> Parts:
    """The parts, empty; they are filled when a page loads."""
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=0, min_width=220, elem_id="conversations"):
            history = gr.Markdown("", elem_id="history", **HTML)
        with gr.Column(scale=3, min_width=340, elem_id="conversation"):
            messages = gr.Chatbot(
                label="Conversation",
                show_label=False,
                elem_id="chat",
                height=None,
                autoscroll=False,  # `scripts/following.js` keeps the question in view, and not the end of its answer.
                buttons=[],
                feedback_options=None,
                latex_delimiters=[],
                sanitize_html=False,
                allow_file_downloads=False,
                layout="panel",
            )
            following = gr.Markdown("", elem_id="next", **HTML)
            rated = rating.layout()
            with gr.Column(elem_id="ask"):
                scope = gr.Markdown("", elem_id="scope", **HTML)
                box = gr.Textbox(
                    label="Your question",
                    show_label=False,
                    placeholder="Ask a question",
                    elem_id="question",
                    max_length=MAX_QUESTION,
                    max_lines=6,
                    submit_btn="Ask",
                    stop_btn=False,
                    autofocus=True,
                    html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=True),
                )
        with gr.Column(scale=2, min_width=320, elem_id="evidence"):
            panel = gr.Markdown(sources.EMPTY, elem_id="sources", **HTML)
    return Parts(history, messages, following, rated, scope, box, panel)


Run = Callable[..., Any]


def wire(page: gr.Blocks, parts: Parts, shared: Shared, desk: Desk) -> None:
    """What happens when the parts are used."""
    state: list[Any] = [shared.talk, shared.collection, shared.chosen, shared.settings]
    outputs = [*parts.shown, shared.talk, shared.collection]

    def on(act: str, run: Run, to: Any, **options: Any) -> gr.events.Dependency:
        field = bridge.action(act)
        return field.submit(run, [field, *state], to, **options)

    asking = [
        parts.box.submit(_typed(desk), [parts.box, *state], outputs, **PRIVATE),
        on("ask", _answers(desk, desk.ask), outputs, **PRIVATE),
        on("retry", _answers(desk, lambda _, visit: desk.retry(visit)), outputs, **PRIVATE),
    ]
    opening = [
        on("new", _told(desk, lambda _, visit: desk.open(visit)), outputs, **CHANGING),
        on("open", _told(desk, lambda id, visit: desk.open(visit, id)), outputs, **CHANGING),
    ]
    on("edit", _told(desk, lambda _, visit: desk.edit(visit)), outputs, **QUICK)
    on("keep", _told(desk, lambda _, visit: desk.keep(visit)), outputs, **QUICK)
    on("forget", _told(desk, lambda id, visit: desk.forget(visit, id)), outputs, **QUICK)
    on("forget-all", _told(desk, lambda _, visit: desk.forget(visit, "")), outputs, **QUICK)
    on("drop", _told(desk, desk.drop), shared.chosen, **CHANGING)
    rating.wire(shared, parts.rating, moved_on=[*asking, *opening])

    def stopped(request: gr.Request) -> None:
        desk.stops.ask(str(request.session_hash))

    def left(request: gr.Request) -> None:
        desk.stops.leave(str(request.session_hash))

    parts.box.stop(stopped, None, None, queue=False, **PRIVATE)
    page.unload(left)

    shared.chosen.change(_seen(desk, desk.scope), state, parts.scope, **QUICK)
    shared.collection.change(_seen(desk, desk.moved), state, outputs, **QUICK)
    arrived = page.load(_arrives(desk), state, outputs, **PRIVATE)
    for asked in (*asking, arrived):
        asked.then(_seen(desk, desk.suggested), state, parts.next, **PRIVATE)


# Gradio reads from a function's signature what to give it, so that each way of being called is written out.


def _typed(desk: Desk) -> Run:
    def run(
        question: str, talk: Talk, collection: str, chosen: tuple[str, ...], stored: Any, request: gr.Request
    ) -> Iterator[Updates]:
        yield from desk.ask(question, desk.visit(talk, collection, chosen, stored, request))

    return run


def _answers(desk: Desk, handler: Callable[[str, Visit], Iterator[Updates]]) -> Run:
    def run(
        told: str, talk: Talk, collection: str, chosen: tuple[str, ...], stored: Any, request: gr.Request
    ) -> Iterator[Updates]:
        yield from handler(bridge.value(told), desk.visit(talk, collection, chosen, stored, request))

    return run


def _told(desk: Desk, handler: Callable[[str, Visit], Any]) -> Run:
    def run(told: str, talk: Talk, collection: str, chosen: tuple[str, ...], stored: Any, request: gr.Request) -> Any:
        return handler(bridge.value(told), desk.visit(talk, collection, chosen, stored, request))

    return run


def _seen(desk: Desk, handler: Callable[[Visit], Any]) -> Run:
    def run(talk: Talk, collection: str, chosen: tuple[str, ...], stored: Any, request: gr.Request) -> Any:
        return handler(desk.visit(talk, collection, chosen, stored, request))

    return run


def _arrives(desk: Desk) -> Run:
    def run(
        talk: Talk, collection: str, chosen: tuple[str, ...], stored: Any, request: gr.Request
    ) -> Iterator[Updates]:
        yield from desk.arrive(desk.visit(talk, collection, chosen, stored, request), dict(request.query_params))

    return run
