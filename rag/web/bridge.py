"""From a click in our own HTML to Python: `scripts/actions.js` puts the value of a button into a hidden field.

Gradio's own way, JavaScript in strings that it compiles, is what the Content-Security-Policy forbids.
"""

from __future__ import annotations

import gradio as gr


def action(act: str) -> gr.Textbox:
    """The hidden field that gets the values of `act`: handle its `submit`, and read it by `value`."""
    return gr.Textbox(elem_id=f"act-{act}", label=act, visible="hidden", max_lines=1, interactive=True)


def value(sent: str) -> str:
    """What a button was made with; the script adds a number, so that a second click differs from the first."""
    return sent.rpartition("@")[0] if "@" in sent else sent
