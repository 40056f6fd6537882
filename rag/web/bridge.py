"""From a click in our own HTML to Python: `scripts/actions.js` puts the value of a button into a hidden field.

Gradio's own way, JavaScript in strings that it compiles, is what the Content-Security-Policy forbids.
"""

from __future__ import annotations

import gradio as gr

from rag.web.markdown import shown

LINE_END = "\u2424"
"""Stands for the end of a line in what a button copies."""


def button(act: str, value: object, html: str, *, label: str = "", style: str = "", pressed: bool | None = None) -> str:
    """A button that calls the handler of `act` with `value`. `html` is its inside; `label` is for screen readers.

    `pressed` is the state of one that switches something on and off, None of any other.
    """
    spoken = f' aria-label="{shown(label)}"' if label else ""
    drawn = f' class="{style}"' if style else ""
    state = f' aria-pressed="{str(pressed).lower()}"' if pressed is not None else ""
    text = shown(str(value))
    return f'<button type="button" data-act="{act}" data-value="{text}"{spoken}{drawn}{state}>{html}</button>'


def copier(text: str, html: str, *, label: str = "", style: str = "") -> str:
    """A button that puts `text` on the clipboard."""
    spoken = f' aria-label="{shown(label)}"' if label else ""
    drawn = f' class="{style}"' if style else ""
    # A line end would end the line that the fragment has to be; `scripts/copying.js` puts it back.
    return f'<button type="button" data-copy="{shown(text.replace(chr(10), LINE_END))}"{spoken}{drawn}>{html}</button>'


def field(label: str, placeholder: str, *, value: str = "", lines: int = 1, most: int = 300) -> str:
    """A field to type into, of at most `most` characters, made by `scripts/fields.js`.

    The sanitizer lets no field through, so that no text from elsewhere can ask for anything.
    """
    text = shown(value.replace("\n", LINE_END))
    return (
        f'<span class="field" data-label="{shown(label)}" data-placeholder="{shown(placeholder)}" data-value="{text}" '
        f'data-lines="{lines}" data-most="{most}"></span>'
    )


def action(act: str) -> gr.Textbox:
    """The hidden field that gets the values of `act`: handle its `submit`, and read it by `value`."""
    return gr.Textbox(elem_id=f"act-{act}", label=act, visible="hidden", max_lines=1, interactive=True)


def value(sent: str) -> str:
    """What a button was made with; the script adds a number, so that a second click differs from the first."""
    return sent.rpartition("@")[0] if "@" in sent else sent
