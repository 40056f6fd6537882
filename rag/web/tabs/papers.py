"""The papers: searched and chosen on the left, or side by side in a table; read on the right; added above."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from rag.core.config import Config
from rag.web import bridge, paperlist
from rag.web.browse import Browse, Chosen
from rag.web.markup import clean
from rag.web.paperlist import MAX_QUERY, PAGE, Look
from rag.web.shared import CHANGING, HTML, QUICK, Shared
from rag.web.state import ConversationState
from rag.web.tabs import adding, comparing

ID = "papers"


@dataclass(frozen=True)
class Parts:
    """The components of the tab."""

    collections: gr.Markdown
    adding: adding.Parts
    tray: gr.Markdown
    browsing: gr.Column
    query: gr.Textbox
    narrowing: gr.Row
    years: gr.Textbox
    author: gr.Textbox
    venue: gr.Textbox
    count: gr.Markdown
    tools: gr.Markdown
    listed: gr.Markdown
    comparing: comparing.Parts
    reading: gr.Markdown

    @property
    def listing(self) -> list[Any]:
        """What `Browse.listing` gives values for."""
        return [self.count, self.tools, self.listed]

    @property
    def all(self) -> list[Any]:
        """What `Browse.all` gives values for."""
        return [self.collections, self.tray, self.narrowing, *self.listing, self.reading]

    @property
    def asked(self) -> list[Any]:
        """The fields in which a reader says which papers are listed."""
        return [self.query, self.years, self.author, self.venue]


def layout(config: Config) -> Parts:
    """The parts, empty; they are filled when a page loads."""
    with gr.Row(elem_id="papers-top"):
        collections = gr.Markdown("", elem_id="papers-collections", **HTML)
        added = adding.layout(config)
    tray = gr.Markdown("", elem_id="papers-tray", **HTML)
    with gr.Row(elem_id="papers-columns"):
        with gr.Column(scale=3, min_width=300, elem_id="papers-left"):
            with gr.Column(elem_id="papers-browse") as browsing:
                query = _field("Search the papers", "Search by words, authors, years, or meaning", "papers-query")
                with gr.Row(elem_id="papers-narrowing", visible=False) as narrowing:
                    years = _field("Years", "Years, as 2018-2020 or 2020-", "papers-years")
                    author = _field("Author", "Author", "papers-author")
                    venue = _field("Journal or conference", "Journal or conference", "papers-venue")
                count = gr.Markdown("", elem_id="papers-count", **HTML)
                tools = gr.Markdown("", elem_id="papers-tools", **HTML)
                listed = gr.Markdown("", elem_id="papers-list", **HTML)
            compared = comparing.layout()
        with gr.Column(scale=2, min_width=300, elem_id="papers-right"):
            reading = gr.Markdown(clean(paperlist.NOTHING_READ), elem_id="papers-reading", **HTML)
    asked = (query, narrowing, years, author, venue)
    return Parts(collections, added, tray, browsing, *asked, count, tools, listed, compared, reading)


def _field(label: str, placeholder: str, id: str) -> gr.Textbox:
    return gr.Textbox(
        label=label,
        show_label=False,
        placeholder=placeholder,
        elem_id=id,
        max_lines=1,
        max_length=MAX_QUERY,
        min_width=100,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
    )


def wire(page: gr.Blocks, parts: Parts, shared: Shared) -> tuple[gr.events.Dependency, ...]:
    """What happens when the parts are used; returns the events after which a collection has other papers."""
    browse = Browse(shared.collections)
    look = gr.State(Look())
    states = [look, shared.collection, shared.chosen]

    def on(act: str, run: Callable[..., Any], inputs: list[Any], to: Any, options: dict[str, Any] = QUICK) -> None:
        field = bridge.action(act)
        field.submit(run, [field, *inputs], to, **options)

    def relisted(look: Look, collection: str, chosen: Chosen) -> list[Any]:
        return [look, *browse.listing(look, collection, chosen)]

    def searched(
        query: str,
        years: str | None,
        author: str | None,
        venue: str | None,
        look: Look,
        collection: str,
        chosen: Chosen,
    ) -> list[Any]:
        # A field that isn't shown has no value.
        query, years, author, venue = ((text or "")[:MAX_QUERY] for text in (query, years, author, venue))
        look = replace(look, query=query, years=years, author=author, venue=venue, limit=PAGE)
        return relisted(look, collection, chosen)

    def ordered(sent: str, look: Look, collection: str, chosen: Chosen) -> list[Any]:
        sort = paperlist.sort_named(bridge.value(sent))
        return relisted(replace(look, sort=sort, limit=PAGE), collection, chosen)

    def lengthened(_: str, look: Look, collection: str, chosen: Chosen) -> list[Any]:
        return relisted(replace(look, limit=look.limit + PAGE), collection, chosen)

    def read(sent: str, look: Look, collection: str, chosen: Chosen, conversation: ConversationState) -> list[Any]:
        id, sentence = paperlist.place(bridge.value(sent))
        look = replace(look, reading=id, sentence=sentence, visit=sent.rpartition("@")[2])
        shown = browse.reading(look, collection, chosen, conversation)
        return [gr.Tabs(selected=ID), shown, *relisted(look, collection, chosen)]

    def redrawn(look: Look, collection: str, chosen: Chosen, conversation: ConversationState) -> list[Any]:
        return browse.all(look, collection, chosen, conversation)

    def moved(collection: str, chosen: Chosen, conversation: ConversationState) -> list[Any]:
        chosen = browse.present(collection, chosen)
        left = [chosen, Look(), *[""] * len(parts.asked), *comparing.closed()]
        return [*left, *browse.all(Look(), collection, chosen, conversation)]

    for field in parts.asked:
        field.change(searched, [*parts.asked, *states], [look, *parts.listing], trigger_mode="always_last", **QUICK)
    on("sort", ordered, states, [look, *parts.listing])
    on("more", lengthened, states, [look, *parts.listing])
    on("read", read, [*states, shared.conversation], [shared.tabs, parts.reading, look, *parts.listing])
    on("collection", lambda sent: bridge.value(sent), [], shared.collection, CHANGING)
    _wire_choosing(on, look, browse, shared)
    faces = [parts.browsing, parts.comparing.face]
    comparing.wire(parts.comparing, parts.browsing, shared, browse)
    shared.chosen.change(redrawn, [*states, shared.conversation], parts.all, **QUICK)
    shared.collection.change(
        moved,
        [shared.collection, shared.chosen, shared.conversation],
        [shared.chosen, look, *parts.asked, *faces, *parts.all],
        **CHANGING,
    )
    page.load(redrawn, [*states, shared.conversation], parts.all, **QUICK)
    changed = adding.wire(parts.adding, shared)
    for event in changed:
        event.then(redrawn, [*states, shared.conversation], parts.all, **QUICK)
    return changed


def _wire_choosing(on: Callable[..., None], look: gr.State, browse: Browse, shared: Shared) -> None:
    """The buttons that choose papers, and those that go to the chat with them."""

    def toggled(sent: str, chosen: Chosen) -> Chosen:
        id = bridge.value(sent)
        return tuple(other for other in chosen if other != id) if id in chosen else (*chosen, id)

    def with_found(_: str, look: Look, collection: str, chosen: Chosen) -> Chosen:
        return tuple(dict.fromkeys([*chosen, *(p.id for p in browse.found(look, collection))]))

    def these(sent: str) -> Chosen:
        return tuple(bridge.value(sent).split())

    def alone(sent: str) -> list[Any]:
        return [(bridge.value(sent),), gr.Tabs(selected="chat")]

    on("choose", toggled, [shared.chosen], shared.chosen, CHANGING)
    on("choose-found", with_found, [look, shared.collection, shared.chosen], shared.chosen, CHANGING)
    on("choose-these", these, [], shared.chosen, CHANGING)
    on("ask-about", alone, [], [shared.chosen, shared.tabs], CHANGING)
    on("ask-chosen", lambda sent: gr.Tabs(selected="chat"), [], shared.tabs)
