"""The page: its parts and what happens when they are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.events import api as endpoint

from rag.answer import Answer
from rag.config import MAX_QUESTION, Config
from rag.pipeline import Rag
from rag.web import api, chat, fragments, sources

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


def build_page(config: Config, rag: Rag) -> gr.Blocks:
    """The chat page over `rag`, ready to launch."""
    page = gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600))
    with page:
        answers = gr.State(())
        # Markdown and not gr.HTML: that one compiles its templates, which the Content-Security-Policy forbids, and
        # Markdown passes through Gradio's sanitizer as a second line of defence.
        header = gr.Markdown(_header(config, rag), elem_id="header")
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=3, min_width=340, elem_id="conversation"):
                messages = gr.Chatbot(
                    label="Conversation",
                    show_label=False,
                    elem_id="chat",
                    height=None,
                    buttons=[],
                    latex_delimiters=[],
                    feedback_options=None,
                    allow_file_downloads=False,
                    layout="panel",
                    placeholder=_WELCOME,
                    examples=[{"text": example} for example in EXAMPLES],
                )
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

        outputs = [messages, box, panel, answers]

        def typed_question(
            question: str, shown: list[chat.Message], so_far: tuple[Answer, ...]
        ) -> Iterator[tuple[Any, ...]]:
            for view in chat.converse(rag, question, shown, tuple(so_far)) if question.strip() else ():
                yield _updates(view)

        def chosen_example(
            chosen: gr.SelectData, shown: list[chat.Message], so_far: tuple[Answer, ...]
        ) -> Iterator[tuple[Any, ...]]:
            yield from typed_question(chosen.value["text"], shown, so_far)

        typed = box.submit(typed_question, [box, messages, answers], outputs, **_PAGE)
        example = messages.example_select(chosen_example, [messages, answers], outputs, **_PAGE)
        running: list[Any] = [typed, example]
        page.load(lambda: _header(config, rag), None, header, queue=False, **_PAGE)
        box.stop(_stopped, messages, [messages, box], cancels=running, queue=False, **_PAGE)
        gr.on([clear.click, messages.clear], _cleared, None, outputs, cancels=running, queue=False, **_PAGE)
        endpoint(api.ask_function(rag), api_name="ask", api_description=api.DESCRIPTION)
    return page


def _header(config: Config, rag: Rag) -> str:
    return fragments.header(NAME, config.collection, len(rag.papers()))


def _updates(view: chat.View) -> tuple[Any, ...]:
    return (
        view.messages,
        gr.Textbox(value="", submit_btn=False, stop_btn="Stop") if view.busy else _idle(),
        gr.skip() if view.sources is None else view.sources,
        gr.skip() if view.answers is None else view.answers,
    )


def _idle() -> gr.Textbox:
    return gr.Textbox(submit_btn="Ask", stop_btn=False)


def _stopped(messages: list[chat.Message]) -> tuple[Any, ...]:
    return chat.stop(messages), _idle()


def _cleared() -> tuple[Any, ...]:
    return [], gr.Textbox(value="", submit_btn="Ask", stop_btn=False), sources.EMPTY, ()
