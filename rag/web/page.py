"""The page: its parts and what happens when they are used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import api as endpoint

from rag.answer import Answer
from rag.config import MAX_QUESTION, Config
from rag.pipeline import Rag
from rag.web import api, chat, fragments, rating, sources
from rag.web.stopping import Stops

NAME = "Paper RAG"

EXAMPLES = (
    "What does double quantization save in QLoRA?",
    "How do GPipe and Holmes each use pipeline parallelism?",
    "Which papers are about neural implicit or Gaussian scene reconstruction?",
    "How many epochs did the ProxylessNAS search run for?",
)

_WELCOME = (
    '<div class="welcome"><h2>What would you like to know?</h2><p>Ask about one paper, compare several, or list all '
    "that share a topic. When the collection does not say, the answer says so.</p></div>"
)

# Private: only the page may call these; programs have the documented endpoint.
_PAGE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

_Updates = tuple[Any, ...]


@dataclass(frozen=True)
class _Parts:
    header: gr.Markdown
    messages: gr.Chatbot
    box: gr.Textbox
    clear: gr.Button
    panel: gr.Markdown
    rating: rating.Parts


def build_page(config: Config, rag: Rag) -> gr.Blocks:
    """The chat page over `rag`, ready to launch."""
    page = gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600))
    with page:
        parts = _layout(_header(config, rag))
        page.load(lambda: _header(config, rag), None, parts.header, queue=False, **_PAGE)
        _wire(page, parts, config, rag)
        endpoint(api.ask_function(rag), api_name="ask", api_description=api.DESCRIPTION)
    return page


def _header(config: Config, rag: Rag) -> str:
    return fragments.header(NAME, config.collection, len(rag.papers()), rag.model)


def _layout(header: str) -> _Parts:
    # Markdown and not gr.HTML: that one compiles its templates, which the Content-Security-Policy forbids, and
    # Markdown passes through Gradio's sanitizer as a second line of defence.
    top = gr.Markdown(header, elem_id="header")
    with gr.Row(elem_id="columns"):
        with gr.Column(scale=3, min_width=340, elem_id="conversation"):
            messages = gr.Chatbot(
                label="Conversation",
                show_label=False,
                elem_id="chat",
                height=None,
                buttons=[],
                latex_delimiters=[],
                feedback_options=rating.THUMBS,
                allow_file_downloads=False,
                layout="panel",
                placeholder=_WELCOME,
                examples=[{"text": example} for example in EXAMPLES],
            )
            rated = rating.layout()
            with gr.Row(elem_id="ask"):
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
                    scale=1,
                    html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=True),
                )
                clear = gr.Button("Clear", elem_id="clear", size="md", scale=0, min_width=80)
        with gr.Column(scale=2, min_width=320, elem_id="evidence"):
            panel = gr.Markdown(sources.EMPTY, elem_id="sources", latex_delimiters=[], line_breaks=False)
    return _Parts(top, messages, box, clear, panel, rated)


def _wire(page: gr.Blocks, parts: _Parts, config: Config, rag: Rag) -> None:
    answers = gr.State(())
    stops = Stops()
    outputs = [parts.messages, parts.box, parts.panel, answers]

    def typed(
        question: str, shown: list[chat.Message], so_far: tuple[Answer, ...], request: gr.Request
    ) -> Iterator[_Updates]:
        if not question.strip():
            return
        with stops.running(_session(request)) as stop:
            for number, view in enumerate(chat.converse(rag, question, shown, tuple(so_far), stop)):
                yield _updates(view, first=number == 0)

    def chosen(
        example: gr.SelectData, shown: list[chat.Message], so_far: tuple[Answer, ...], request: gr.Request
    ) -> Iterator[_Updates]:
        yield from typed(example.value["text"], shown, so_far, request)

    def stopped(request: gr.Request) -> None:
        stops.ask(_session(request))

    def cleared(request: gr.Request) -> _Updates:
        stops.ask(_session(request), forget=True)
        return [], gr.Textbox(value=""), sources.EMPTY, ()

    parts.box.submit(typed, [parts.box, parts.messages, answers], outputs, **_PAGE)
    parts.messages.example_select(chosen, [parts.messages, answers], outputs, **_PAGE)
    parts.box.stop(stopped, None, None, queue=False, **_PAGE)
    page.unload(stopped)  # Nobody reads what would still be written.
    gr.on([parts.clear.click, parts.messages.clear], cleared, None, outputs, queue=False, **_PAGE)
    rating.wire(config, parts.messages, answers, parts.rating, **_PAGE)
    moved_on = [parts.box.submit, parts.messages.example_select, parts.clear.click]
    gr.on(moved_on, lambda: gr.Column(visible=False), None, parts.rating.row, queue=False, **_PAGE)


def _session(request: gr.Request) -> str:
    return str(request.session_hash)


def _updates(view: chat.View, *, first: bool) -> _Updates:
    box: Any = gr.skip()  # While an answer is written, the next question may be being typed.
    if first:
        box = gr.Textbox(value="", submit_btn=False, stop_btn="Stop")
    elif not view.busy:
        box = gr.Textbox(submit_btn="Ask", stop_btn=False)
    return (
        view.messages,
        box,
        gr.skip() if view.sources is None else view.sources,
        gr.skip() if view.answers is None else view.answers,
    )
