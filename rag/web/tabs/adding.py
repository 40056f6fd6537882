"""The form that adds papers to a collection, or makes a new one of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag.api.adding import Report, Uploads
from rag.api.collections import title
from rag.core.config import NOBODY, Config
from rag.core.errors import RagError, UsageError
from rag.web import bridge, fragments, uploads
from rag.web.intake import READ_ONLY
from rag.web.login import may_add, owner
from rag.web.markdown import counted
from rag.web.markup import clean
from rag.web.shared import PRIVATE, QUICK, Parts, Shared, html

_FAULT = "The server met an error of its own; its log on the terminal has the details. Try again, or restart it."

_log = logging.getLogger(__name__)


def layout(config: Config) -> Parts:
    """The form, folded; hidden where nobody may add papers. What it tells, `note`, is for the caller to render."""
    anybody = config.loopback if not config.adders else NOBODY not in config.adders
    form = gr.Accordion("Add papers", open=False, elem_id="papers-add", visible=anybody)
    with form, gr.Row(elem_id="papers-form"):
        with gr.Column(min_width=260):
            files = gr.File(file_count="multiple", label="Files of papers", elem_id="papers-files", height=140)
            html("papers-formats", clean(f'<p class="hint">{uploads.FORMATS}.</p>'))
        with gr.Column(min_width=260):
            name = gr.Textbox(
                label="Name of the collection",
                info="A new name makes a new collection; with the name of one that exists, papers are added to it.",
                elem_id="papers-name",
                max_lines=1,
                max_length=64,
                html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
            )
            add = gr.Button("Add", variant="primary", elem_id="papers-add-button")
    return Parts(files=files, name=name, add=add, note=html("papers-added", render=False))


def wire(parts: Parts, shared: Shared, adder: Uploads) -> tuple[gr.events.Dependency, ...]:
    """Add what is chosen, tell how far it is, and show the collection; returns the events after which it may have
    changed."""
    new = gr.State(("", frozenset()))  # what the last upload added: its collection, and the ids of its papers
    outputs = [parts.note, parts.files, shared.collection, new]

    def added(chosen: list[str] | None, name: str, request: gr.Request) -> Iterator[list[Any]]:
        files = chosen or []
        try:
            if not may_add(shared.config, owner(request)):
                raise UsageError(READ_ONLY)
            for event in adder.add(files, name.strip()):
                if isinstance(event, Report):
                    yield _ended(uploads.report(event), files, event)
                else:
                    yield [clean(uploads.progress(event)), *[gr.skip()] * 3]
        except RagError as error:
            yield _ended(fragments.problem(str(error)), files)
        except Exception:
            _log.exception("Files could not be added")
            yield _ended(fragments.problem(_FAULT), files)

    def undone(_: str, new: tuple[str, frozenset[str]], shown: str) -> list[Any]:
        collection, ids = new
        try:
            adder.remove(collection, ids)
        except RagError as error:
            return [clean(fragments.problem(str(error))), gr.skip()]
        names = shared.collections.names()
        told = fragments.note(f"{counted(len(ids), 'paper')} taken out of {title(collection)} again.")
        return [clean(told), shown if shown in names else shared.config.collection]

    closing = bridge.action("close-report")
    closing.submit(lambda sent: "", closing, parts.note, **QUICK)
    field = bridge.action("undo-upload")
    undoing = field.submit(undone, [field, new, shared.collection], [parts.note, shared.collection], **PRIVATE)
    # Two at a time: embedding takes all the processor that there is, and questions wait for it.
    adding = parts.add.click(added, [parts.files, parts.name], outputs, concurrency_limit=2, **PRIVATE)
    return adding, undoing


def _ended(told: str, files: list[str], done: Report | None = None) -> list[Any]:
    """What was told, the files that are still there, and what was added to which collection."""
    kept = files and all(Path(file).exists() for file in files)
    left = gr.skip() if kept else None
    if done is None or not done.papers:
        return [clean(told), left, gr.skip(), gr.skip()]
    return [clean(told), left, done.collection, (done.collection, done.new)]
