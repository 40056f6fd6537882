"""The evaluation: start a run and watch it, see what the runs came to, read the failures, compare two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from rag.web import bridge
from rag.web.markup import clean
from rag.web.runs import lists, planning
from rag.web.runs.actions import EvaluationActions
from rag.web.shared import PRIVATE, QUICK, Parts, Shared, html

KINDS = "fact number idea lookalike followup false_premise comparison list count overview unanswerable".split()
"""Those of `rag.evaluation.items.KINDS`, which costs a second to import: the page is to be there sooner."""
SECONDS = 1.0
"""Between two looks at the evaluation that is running."""


def layout() -> Parts:
    """The parts, empty; they are filled when the tab is opened."""
    html("evaluation-about", clean(lists.about()))
    with gr.Row(elem_id="evaluation"):
        with gr.Column(scale=2, min_width=300):
            elsewhere = html("evaluation-elsewhere", visible=False)
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
                cost = html("evaluation-cost")
                start = gr.Button("Start", variant="primary", elem_id="evaluation-start")
                note = html("evaluation-told")
        with gr.Column(scale=3, min_width=300):
            progress = html("evaluation-progress")
            stop = gr.Button("Stop", visible=False, elem_id="evaluation-stop")
            listing = html("evaluation-runs")
            with gr.Row(elem_id="evaluation-compare"):
                a = gr.Dropdown([], label="Run A, before", filterable=False, min_width=140)
                b = gr.Dropdown([], label="Run B, after", filterable=False, min_width=140)
                compare = gr.Button("Compare", elem_id="evaluation-compare-start", min_width=100, scale=0)
    both, title, figures = html("run-compared"), html("run-title"), html("run-figures")
    timer = gr.Timer(SECONDS, active=False)
    return Parts(
        start=start, stop=stop, compare=compare, timer=timer, asked=[kinds, limit], name=name, cost=cost, note=note,
        arriving=[form, elsewhere], watched=[progress, stop, listing, timer, a, b], opened=[title, figures, listing],
        two=[a, b], compared=both,
    )  # fmt: skip


def wire(parts: Parts, shared: Shared, tab: gr.Tab) -> None:
    """What happens when the parts are used."""
    actions = EvaluationActions(shared)
    # A field, as the change of a state is told only by events that queue, and a look at the progress does not.
    result = gr.Textbox(visible="hidden", elem_id="evaluation-result", label="The run that has ended")
    opened = gr.State("")
    visit = [shared.collection, shared.settings]
    seen = [opened, *parts.two]
    asked = [*parts.asked, *visit]

    def on(act: str, run: Callable[..., Any], states: Sequence[Any], to: Sequence[Any], **options: Any) -> None:
        field = bridge.action(act)
        field.submit(lambda sent, *values: run(bridge.value(sent), *values), [field, *states], to, **options)

    arrived = tab.select(actions.arrive, [*seen, shared.collection], [*parts.watched, *parts.arriving], **QUICK)
    arrived.then(actions.cost, asked, parts.cost, **QUICK)
    gr.on([part.change for part in parts.asked], actions.cost, asked, parts.cost, **QUICK)
    starting = [*parts.asked, parts.name, *seen, *visit]
    parts.start.click(actions.start, starting, [parts.note, parts.name, *parts.watched], **QUICK)
    parts.timer.tick(actions.watch, seen, [result, *parts.watched], **QUICK)
    parts.stop.click(actions.stop, None, parts.watched[:2], **QUICK)
    on("evaluation-go-on", actions.go_on, [*seen, shared.collection], [parts.note, *parts.watched], **QUICK)
    shown = [opened, *parts.opened]
    result.change(actions.open, [result], shown, **PRIVATE)
    run = bridge.action("run")
    run.submit(actions.open, [run], shown, **PRIVATE)
    parts.compare.click(actions.compare, parts.two, [parts.compared], **PRIVATE)
