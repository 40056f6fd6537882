"""The evaluation: start a run and watch it, see what the runs came to, read the failures, compare two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.web import bridge
from rag.web.markup import clean
from rag.web.runs import lists, planning
from rag.web.runs.actions import EvaluationActions
from rag.web.shared import HTML, PRIVATE, QUICK, Shared

KINDS = "fact number idea lookalike followup false_premise comparison list count overview unanswerable".split()
"""Those of `rag.evaluation.items.KINDS`, which costs a second to import: the page is to be there sooner."""
SECONDS = 1.0
"""Between two looks at the evaluation that is running."""


@dataclass(frozen=True)
class Parts:
    """The components of the tab."""

    progress: gr.Markdown
    stop: gr.Button
    form: gr.Column
    elsewhere: gr.Markdown
    kinds: gr.CheckboxGroup
    limit: gr.Radio
    name: gr.Textbox
    cost: gr.Markdown
    start: gr.Button
    note: gr.Markdown
    listing: gr.Markdown
    a: gr.Dropdown
    b: gr.Dropdown
    compare: gr.Button
    title: gr.Markdown
    figures: gr.Markdown
    compared: gr.Markdown
    timer: gr.Timer


def layout() -> Parts:
    """The parts, empty; they are filled when the tab is opened."""
    gr.Markdown(clean(lists.about()), elem_id="evaluation-about", **HTML)
    with gr.Row(elem_id="evaluation"):
        with gr.Column(scale=2, min_width=300):
            elsewhere = gr.Markdown("", elem_id="evaluation-elsewhere", visible=False, **HTML)
            with gr.Column(elem_id="evaluation-form") as form:
                kinds = gr.CheckboxGroup(
                    [(k.replace("_", " "), k) for k in KINDS], value=KINDS, label="Kinds of question"
                )
                limit = gr.Radio(
                    [(str(n) if n else "all", n) for n in planning.LIMITS],
                    value=planning.USUAL,
                    label="Questions of each kind, at most",
                )
                name = gr.Textbox(label="Name of the run (optional)", max_lines=1, max_length=100)
                cost = gr.Markdown("", elem_id="evaluation-cost", **HTML)
                start = gr.Button("Start", variant="primary", elem_id="evaluation-start")
                note = gr.Markdown("", elem_id="evaluation-told", **HTML)
        with gr.Column(scale=3, min_width=300):
            progress = gr.Markdown("", elem_id="evaluation-progress", **HTML)
            stop = gr.Button("Stop", visible=False, elem_id="evaluation-stop")
            listing = gr.Markdown("", elem_id="evaluation-runs", **HTML)
            with gr.Row(elem_id="evaluation-compare"):
                a = gr.Dropdown([], label="Run A, before", filterable=False, min_width=140)
                b = gr.Dropdown([], label="Run B, after", filterable=False, min_width=140)
                compare = gr.Button("Compare", elem_id="evaluation-compare-start", min_width=100, scale=0)
    both = gr.Markdown("", elem_id="run-compared", **HTML)
    title = gr.Markdown("", elem_id="run-title", **HTML)
    figures = gr.Markdown("", elem_id="run-figures", **HTML)
    timer = gr.Timer(SECONDS, active=False)
    return Parts(
        progress, stop, form, elsewhere, kinds, limit, name, cost, start, note, listing, a, b, compare, title, figures,
        both, timer,
    )  # fmt: skip


def wire(parts: Parts, shared: Shared, tab: gr.Tab) -> None:
    """What happens when the parts are used."""
    actions = EvaluationActions(shared)
    # A field, as the change of a state is told only by events that queue, and a look at the progress does not.
    result = gr.Textbox(visible="hidden", elem_id="evaluation-result", label="The run that has ended")
    opened = gr.State("")
    visit = [shared.collection, shared.settings]
    seen = [opened, parts.a, parts.b]
    watched = [parts.progress, parts.stop, parts.listing, parts.timer, parts.a, parts.b]
    asked = [parts.kinds, parts.limit, *visit]

    def on(act: str, run: Callable[..., Any], states: Sequence[Any], to: Sequence[Any], **options: Any) -> None:
        field = bridge.action(act)
        field.submit(lambda sent, *values: run(bridge.value(sent), *values), [field, *states], to, **options)

    arrived = tab.select(actions.arrive, [*seen, shared.collection], [*watched, parts.form, parts.elsewhere], **QUICK)
    arrived.then(actions.cost, asked, parts.cost, **QUICK)
    gr.on([parts.kinds.change, parts.limit.change], actions.cost, asked, parts.cost, **QUICK)
    starting = [parts.kinds, parts.limit, parts.name, *seen, *visit]
    parts.start.click(actions.start, starting, [parts.note, parts.name, *watched], **QUICK)
    parts.timer.tick(actions.watch, seen, [result, *watched], **QUICK)
    parts.stop.click(actions.stop, None, [parts.progress, parts.stop], **QUICK)
    on("evaluation-go-on", actions.go_on, [*seen, shared.collection], [parts.note, *watched], **QUICK)
    shown = [opened, parts.title, parts.figures, parts.listing]
    result.change(actions.open, [result], shown, **PRIVATE)
    run = bridge.action("run")
    run.submit(actions.open, [run], shown, **PRIVATE)
    parts.compare.click(actions.compare, [parts.a, parts.b], [parts.compared], **PRIVATE)
