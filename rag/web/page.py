"""The page: its tabs, and what they have in common."""

from __future__ import annotations

import gradio as gr

from rag.api.collections import title
from rag.core.config import Config
from rag.core.errors import RagError
from rag.web import api, fragments
from rag.web.actions import ChatActions
from rag.web.browse import ID as PAPERS
from rag.web.collection_cache import CollectionCache
from rag.web.login import owner
from rag.web.markup import clean
from rag.web.shared import QUICK, Shared, html
from rag.web.state import ConversationState
from rag.web.tabs import chat, evaluation, papers, settings
from rag.web.tabs import map as mapped

NAME = "Paper RAG"


def build_page(config: Config, collections: CollectionCache) -> gr.Blocks:
    """The page over these collections, ready to launch."""
    page = gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600))
    with page:
        api.add_endpoints(collections.rag())  # first: of two functions with the same name, Gradio renames the later one
        header = html("header", clean(_header(collections, config.collection)))
        # Inside the tabs Gradio would count the states as tabs.
        conversation, collection, chosen = gr.State(ConversationState()), gr.State(config.collection), gr.State(())
        kept = gr.BrowserState({}, storage_key="paper-rag-settings", secret="not-a-secret")
        with gr.Tabs(elem_id="tabs") as tabs:
            shared = Shared(config, collections, tabs, conversation, collection, chosen, kept)
            with gr.Tab("Chat", id="chat"):
                chat_parts = chat.layout()
            with gr.Tab("Papers", id=PAPERS):
                papers_parts = papers.layout(config)
            with gr.Tab("Map", id=mapped.ID) as map_tab:
                map_parts = mapped.layout()
            with gr.Tab("Evaluation", id="evaluation") as evaluation_tab:
                evaluation_parts = evaluation.layout()
            with gr.Tab("Settings", id="settings"):
                settings_parts = settings.layout()
        settings.wire(page, settings_parts, shared)
        changed = papers.wire(page, papers_parts, shared)
        chat.wire(page, chat_parts, shared, ChatActions(shared))
        mapped.wire(map_parts, shared, map_tab)
        evaluation.wire(evaluation_parts, shared, evaluation_tab)

        def named(collection: str, request: gr.Request) -> str:
            return clean(_header(collections, collection, owner(request)))

        page.load(named, shared.collection, header, **QUICK)
        shared.collection.change(named, shared.collection, header, **QUICK)
        for event in changed:
            event.then(named, shared.collection, header, **QUICK)
    return page


def _header(collections: CollectionCache, collection: str, owner: str = "") -> str:
    user = owner.removeprefix("user-") if owner.startswith("user-") else ""
    try:
        rag = collections.rag(collection)
        return fragments.header(NAME, title(collection), len(rag.papers()), rag.model, user)
    except RagError as error:
        return fragments.problem(str(error))
