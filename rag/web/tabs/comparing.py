"""The other face of the list of papers: the chosen ones side by side, by aspects that the reader writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from rag.web import bridge, matrix
from rag.web.browse import Browse
from rag.web.drawing import macro
from rag.web.markup import clean
from rag.web.shared import PRIVATE, QUICK, Parts, html


def layout() -> Parts:
    """The parts, hidden."""
    with gr.Column(visible=False, elem_id="papers-compare") as face:
        html("papers-back", clean(macro("parts", "button")("browse", "", "← Back to the list")))
        aspects = gr.Textbox(
            value=matrix.ASPECTS,
            label="Compare the chosen papers by",
            info="One to eight aspects, with commas between them.",
            elem_id="papers-aspects",
            max_lines=1,
            max_length=matrix.MAX_TEXT,
            submit_btn="Compare",
        )
        table = html("papers-table")
    return Parts(face=face, aspects=aspects, table=table)


def wire(
    parts: Parts, browsing: gr.Column, states: list[Any], browse: Browse, visited: Callable[..., Callable[..., Any]]
) -> None:
    """Turn between this face and `browsing`, and fill the table; `visited` makes a handler of `states`."""
    opening, closing = bridge.action("compare"), bridge.action("browse")
    filling = {"fn": visited(browse.table), "inputs": [parts.aspects, *states], "outputs": parts.table, **PRIVATE}
    opening.submit(lambda sent: opened(), opening, [browsing, parts.face], **QUICK).then(**filling)
    closing.submit(lambda sent: closed(), closing, [browsing, parts.face], **QUICK)
    parts.aspects.submit(**filling)


def opened() -> list[Any]:
    """This face instead of the list; values for the list and for this one."""
    return [gr.Column(visible=False), gr.Column(visible=True)]


def closed() -> list[Any]:
    """The list again."""
    return [gr.Column(visible=True), gr.Column(visible=False)]
