"""The settings that a reader may change; keys and addresses are the operator's, and are not here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gradio as gr

from rag.core.errors import RagError
from rag.web import fragments
from rag.web.markup import clean
from rag.web.shared import QUICK, Parts, Shared, html
from rag.web.state import MOST, Settings

AS_CONFIGURED = "As the operator set it"
_MODES = {AS_CONFIGURED: "", "Exact quotes, no model": "quoting", "Written by a model, checked": "generating"}
_STRICT = {AS_CONFIGURED: None, "Mark what no abstract supports": False, "Leave it out": True}
_CAUTION = {AS_CONFIGURED: None, "Careful": "careful", "Usual": "usual", "Bold": "bold"}


def layout() -> Parts:
    """The parts, as for a reader who has chosen nothing; `all` are those that hold a setting."""
    with gr.Column(elem_id="settings"):
        note = html("settings-note")
        mode = gr.Radio(list(_MODES), value=AS_CONFIGURED, label="Answers", elem_id="setting-mode")
        model = gr.Dropdown(
            [AS_CONFIGURED], value=AS_CONFIGURED, label="Model", elem_id="setting-model", filterable=False
        )
        strict = gr.Radio(
            list(_STRICT), value=AS_CONFIGURED, label="Claims that nothing supports", elem_id="setting-strict"
        )
        most = gr.Slider(
            0,
            MOST[1],
            value=0,
            step=1,
            label="Most papers to quote in one answer",
            info="0: as many as are likely to answer. Lists and comparisons always show all their papers.",
            elem_id="setting-most",
            buttons=[],
        )
        caution = gr.Radio(
            list(_CAUTION),
            value=AS_CONFIGURED,
            label="How sure an answer has to be",
            info="Careful shows more results as nearest only, bold shows fewer so. Nothing is hidden either way.",
            elem_id="setting-caution",
        )
    return Parts(note=note, all=[mode, model, strict, most, caution])


def wire(page: gr.Blocks, parts: Parts, shared: Shared) -> None:
    """Keep what is chosen in the browser, and show it again when the page loads."""

    def shown(stored: Any, collection: str) -> list[Any]:
        settings = Settings.of(stored)
        try:
            models = shared.collections.rag(collection).models
        except RagError as error:
            return [clean(fragments.problem(str(error))), *[gr.skip()] * len(parts.all)]
        model = settings.model if settings.model in models else AS_CONFIGURED
        return [
            clean(_note(models)),
            gr.Radio(value=_named(_MODES, settings.mode), visible=bool(models)),
            gr.Dropdown([AS_CONFIGURED, *models], value=model, visible=len(models) > 1),
            gr.Radio(value=_named(_STRICT, settings.strict), visible=bool(models)),
            settings.most,
            _named(_CAUTION, settings.caution),
        ]

    def kept(mode: str, model: str, strict: str, most: int, caution: str) -> dict[str, Any]:
        chosen = {
            "mode": _MODES.get(mode, ""),
            "model": "" if model == AS_CONFIGURED else model,
            "strict": _STRICT.get(strict),
            "most": most,
            "caution": _CAUTION.get(caution),
        }
        return asdict(Settings.of(chosen))

    page.load(shown, [shared.settings, shared.collection], [parts.note, *parts.all], **QUICK)
    gr.on([part.input for part in parts.all], kept, parts.all, shared.settings, **QUICK)


def _note(models: tuple[str, ...]) -> str:
    if models:
        return fragments.note("These apply to your next questions, and are kept in this browser.")
    return fragments.note(
        "No language model is configured on this server, so answers are exact quotes. Whoever runs it can set "
        "RAG_MODEL and OPENAI_BASE_URL or OPENAI_API_KEY. What you choose here is kept in this browser."
    )


def _named(names: dict[str, Any], value: Any) -> str:
    return next((name for name, other in names.items() if other == value), AS_CONFIGURED)
