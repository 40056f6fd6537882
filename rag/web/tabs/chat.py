"""The chat: conversations on the left, the one that is open in the middle, the evidence on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from rag.core.config import MAX_QUESTION
from rag.web import bridge, rating, sources
from rag.web.actions import ChatActions, RequestState, Updates
from rag.web.markup import clean
from rag.web.shared import CHANGING, CHOOSING, EACH, PRIVATE, QUICK, Parts, Shared, html


def layout() -> Parts:
    """The parts, empty; they are filled when a page loads. `shown` are those that `ChatActions.PARTS` names, in its
    order, without the states."""
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=0, min_width=220, elem_id="conversations"):
            find = gr.Textbox(
                label="Search conversations",
                show_label=False,
                placeholder="Search conversations",
                elem_id="find",
                max_lines=1,
                max_length=100,
            )
            history = html("history")
        with gr.Column(scale=3, min_width=340, elem_id="conversation"):
            messages = _messages()
            rated = rating.layout()
            with gr.Column(elem_id="ask"):
                scope = html("scope")
                box = _box()
            following = html("next")
        with gr.Column(scale=2, min_width=320, elem_id="evidence"):
            panel = html("sources", clean(sources.empty()))
    shown = [find, history, messages, following, scope, box, panel]
    return Parts(find=find, history=history, next=following, rating=rated, scope=scope, box=box, shown=shown)


def _messages() -> gr.Chatbot:
    return gr.Chatbot(
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


def _box() -> gr.Textbox:
    return gr.Textbox(
        label="Your question",
        show_label=False,
        placeholder="Ask about these papers",
        elem_id="question",
        max_length=MAX_QUESTION,
        max_lines=6,
        submit_btn="Ask",
        stop_btn=False,
        autofocus=True,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=True),
    )


Run = Callable[..., Any]


def wire(page: gr.Blocks, parts: Parts, shared: Shared, actions: ChatActions) -> None:
    """What happens when the parts are used."""
    state: list[Any] = [shared.conversation, shared.collection, shared.chosen, shared.settings]
    outputs = [*parts.shown, shared.conversation, shared.collection]

    def on(act: str, run: Run, to: Any, **options: Any) -> gr.events.Dependency:
        field = bridge.action(act)
        return field.submit(run, [field, *state], to, **options)

    asking = [
        parts.box.submit(_asked(actions, actions.ask, typed=True), [parts.box, *state], outputs, **PRIVATE),
        on("ask", _asked(actions, actions.ask, typed=False), outputs, **PRIVATE),
        on("retry", _asked(actions, lambda _, state: actions.retry(state), typed=False), outputs, **PRIVATE),
    ]
    opening = [
        on("new", _told(actions, lambda _, state: actions.open(state)), outputs, **CHANGING),
        on("open", _told(actions, lambda id, state: actions.open(state, id)), outputs, **CHANGING),
    ]
    changing: dict[str, Callable[[str, RequestState], Updates]] = {
        "edit": lambda _, state: actions.edit(state),
        "keep": lambda _, state: actions.edit(state, editing=False),
        "forget": lambda id, state: actions.forget(state, id),
        "forget-all": lambda _, state: actions.forget(state, ""),
        "bring-back": actions.bring_back,
        "rename": actions.rename,
    }
    for act, handler in changing.items():
        on(act, _told(actions, handler), outputs, **EACH, **QUICK)
    parts.find.change(
        _told(actions, lambda query, state: actions.listed(state, query)),
        [parts.find, *state],
        parts.history,
        trigger_mode="always_last",
        **QUICK,
    )
    on("drop", _told(actions, actions.drop), shared.chosen, **CHOOSING)
    rating.wire(shared, parts.rating, moved_on=[*asking, *opening])

    _wire_leaving(page, parts, actions)
    shared.chosen.change(_seen(actions, actions.scope), state, parts.scope, **QUICK).then(
        _seen(actions, actions.restricted), state, outputs, **PRIVATE
    )
    moved = shared.collection.change(_seen(actions, actions.moved), state, outputs, **QUICK)
    arrived = page.load(_arrives(actions), state, outputs, **PRIVATE)
    for asked in (*asking, arrived, moved):
        asked.then(_seen(actions, actions.suggested), state, parts.next, **PRIVATE)


def _wire_leaving(page: gr.Blocks, parts: Parts, actions: ChatActions) -> None:
    def stopped(request: gr.Request) -> None:
        actions.stops.ask(str(request.session_hash))

    def left(request: gr.Request) -> None:
        actions.leave(str(request.session_hash))

    parts.box.stop(stopped, None, None, queue=False, **PRIVATE)
    page.unload(left)


def _told(actions: ChatActions, handler: Callable[[str, RequestState], Any]) -> Run:
    """An event with something typed or sent. Gradio reads from the signature that it gives the request first."""

    def run(request: gr.Request, sent: str, *values: Any) -> Any:
        return handler(bridge.value(sent), actions.state(request, *values))

    return run


def _asked(actions: ChatActions, handler: Callable[[str, RequestState], Iterator[Updates]], *, typed: bool) -> Run:
    """An event that shows an answer while it comes."""

    def run(request: gr.Request, sent: str, *values: Any) -> Iterator[Updates]:
        yield from handler(sent if typed else bridge.value(sent), actions.state(request, *values))

    return run


def _seen(actions: ChatActions, handler: Callable[[RequestState], Any]) -> Run:
    def run(request: gr.Request, *values: Any) -> Any:
        return handler(actions.state(request, *values))

    return run


def _arrives(actions: ChatActions) -> Run:
    def run(request: gr.Request, *values: Any) -> Iterator[Updates]:
        yield from actions.arrive(actions.state(request, *values), dict(request.query_params))

    return run
