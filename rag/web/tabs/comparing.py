"""The other face of the list of papers: the chosen ones side by side, by aspects that the reader writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.web import bridge, matrix
from rag.web.browse import Browse, Chosen
from rag.web.markup import clean
from rag.web.shared import HTML, PRIVATE, QUICK, Shared


@dataclass(frozen=True)
class Parts:
    """The components of the face."""

    face: gr.Column
    aspects: gr.Textbox
    table: gr.Markdown


def layout() -> Parts:
    """The parts, hidden."""
    with gr.Column(visible=False, elem_id="papers-compare") as face:
        gr.Markdown(clean(bridge.button("browse", "", "← Back to the list")), elem_id="papers-back", **HTML)
        aspects = gr.Textbox(
            value=matrix.ASPECTS,
            label="Compare the chosen papers by",
            info="One to eight aspects, with commas between them.",
            elem_id="papers-aspects",
            max_lines=1,
            max_length=matrix.MAX_TEXT,
            submit_btn="Compare",
        )
        table = gr.Markdown("", elem_id="papers-table", **HTML)
    return Parts(face, aspects, table)


def wire(parts: Parts, browsing: gr.Column, shared: Shared, browse: Browse) -> None:
    """Turn between this face and `browsing`, and fill the table."""
    states = [parts.aspects, shared.collection, shared.chosen]

    def compared(aspects: str, collection: str, chosen: Chosen) -> str:
        return browse.table(aspects, collection, chosen)

    opening, closing = bridge.action("compare"), bridge.action("browse")
    opening.submit(lambda sent: opened(), opening, [browsing, parts.face], **QUICK).then(
        compared, states, parts.table, **PRIVATE
    )
    closing.submit(lambda sent: closed(), closing, [browsing, parts.face], **QUICK)
    parts.aspects.submit(compared, states, parts.table, **PRIVATE)


def opened() -> list[Any]:
    """This face instead of the list; values for the list and for this one."""
    return [gr.Column(visible=False), gr.Column(visible=True)]


def closed() -> list[Any]:
    """The list again."""
    return [gr.Column(visible=True), gr.Column(visible=False)]
