"""The papers: searched and chosen on the left, or side by side in a table; read on the right; added above."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.api.adding import Uploads
from rag.core.config import Config
from rag.web import bridge, fragments
from rag.web.browse import UNREAD, Browse, Chosen, Visit
from rag.web.login import owner
from rag.web.markup import clean
from rag.web.paperlist import MAX_QUERY, READ, Look, unread
from rag.web.shared import CHANGING, CHOOSING, EACH, QUICK, Parts, Shared, html
from rag.web.tabs import adding, comparing

Run = Callable[..., Any]


def layout(config: Config) -> Parts:
    """The parts, empty; they are filled when a page loads. `asked` are the fields that say which papers are listed;
    `listing` and `all` are what `Browse.listing` and `Browse.all` give values for."""
    with gr.Row(elem_id="papers-top"):
        collections = html("papers-collections")
        added = adding.layout(config)
    added.note.render()
    told, deleted, tray = html("papers-told"), html("papers-deleted"), html("papers-tray")
    with gr.Row(elem_id="papers-columns"):
        with gr.Column(scale=3, min_width=300, elem_id="papers-left"):
            with gr.Column(elem_id="papers-browse") as browsing:
                asked = [_field("Search the papers", "Search by words, authors, years, or meaning", "papers-query")]
                with gr.Row(elem_id="papers-narrowing", visible=False) as narrowing:
                    asked.append(_field("Years", "Years, e.g. 2018-2020", "papers-years"))
                    asked.append(_field("Author", "Author", "papers-author"))
                    asked.append(_field("Journal or conference", "Journal or conference", "papers-venue"))
                listing = [html(f"papers-{part}") for part in ("count", "tools", "list")]
            compared = comparing.layout()
        with gr.Column(scale=2, min_width=300, elem_id="papers-right"):
            reading = html("papers-reading", clean(unread(UNREAD, heading=READ)))
    every = [collections, deleted, tray, narrowing, *listing, reading]
    return Parts(
        adding=added, told=told, browsing=browsing, asked=asked, listing=listing, comparing=compared, reading=reading,
        all=every,
    )  # fmt: skip


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
    uploads = Uploads(shared.collections)
    browse = Browse(shared.config, shared.collections, uploads)
    look = gr.State(Look())
    states = [look, shared.collection, shared.chosen, shared.conversation]
    listing = [look, *parts.listing]

    def on(act: str, run: Run, to: Any, options: dict[str, Any] = QUICK) -> gr.events.Dependency:
        field = bridge.action(act)
        return field.submit(_visited(run), [field, *states], to, **{**EACH, **options})

    def redrawn(after: gr.events.Dependency) -> None:
        after.then(_visited(browse.all), states, parts.all, **QUICK)

    for field in parts.asked:
        field.change(_visited(browse.searched), [*parts.asked, *states], listing, trigger_mode="always_last", **QUICK)
    on("sort", browse.ordered, listing)
    on("kept", browse.only_kept, listing)
    on("more", browse.lengthened, listing)
    on("read", browse.read, [shared.tabs, parts.reading, *listing])
    on("star", browse.starred, [parts.told, *parts.listing, parts.reading])
    on("note", browse.noted, parts.told)
    on("collection", lambda sent, _: bridge.value(sent), shared.collection, CHANGING)
    _wire_choosing(on, browse, shared)
    comparing.wire(parts.comparing, parts.browsing, states, browse, _visited)
    _wire_moving(parts, shared, browse, look)
    redrawn(page.load(lambda: None, None, None, **QUICK))
    redrawn(shared.chosen.change(lambda: None, None, None, **QUICK))
    changed = (*adding.wire(parts.adding, shared, uploads), *_wire_deleting(parts, shared, browse, states))
    for event in changed:
        redrawn(event)
    return changed


def _visited(run: Run) -> Run:
    """A handler whose last values are the states: it gets them as a `Visit`."""

    def visited(request: gr.Request, *values: Any) -> Any:
        *given, look, collection, chosen, conversation = values
        return run(*given, Visit(owner(request), look, collection, tuple(chosen), conversation))

    return visited


def _wire_deleting(parts: Parts, shared: Shared, browse: Browse, states: list[Any]) -> Iterator[gr.events.Dependency]:
    """Deleting and bringing back, which write the index anew: that takes seconds."""
    changing = [parts.told, shared.chosen, shared.collection]
    for act, run, doing in (("remove", browse.remove, "Deleting"), ("restore", browse.restore, "Bringing it back")):
        field = bridge.action(act)
        telling = field.submit(lambda _, doing=doing: clean(fragments.status(doing)), field, parts.told, **QUICK)
        yield telling.then(_visited(run), [field, *states], changing, **CHANGING)


def _wire_moving(parts: Parts, shared: Shared, browse: Browse, look: gr.State) -> None:
    """What is shown when another collection is."""

    def moved(visit: Visit) -> list[Any]:
        visit = replace(visit, look=Look(), chosen=browse.present(visit))
        left = [visit.chosen, visit.look, *[""] * len(parts.asked), *comparing.closed()]
        return [*left, *browse.all(visit)]

    faces = [parts.browsing, parts.comparing.face]
    shared.collection.change(
        _visited(moved),
        [look, shared.collection, shared.chosen, shared.conversation],
        [shared.chosen, look, *parts.asked, *faces, *parts.all],
        **CHANGING,
    )


def _wire_choosing(on: Run, browse: Browse, shared: Shared) -> None:
    """The buttons that choose papers, and those that go to the chat with them."""

    def toggled(sent: str, visit: Visit) -> Chosen:
        id = bridge.value(sent)
        return tuple(i for i in visit.chosen if i != id) if id in visit.chosen else (*visit.chosen, id)

    def with_found(_: str, visit: Visit) -> Chosen:
        return tuple(dict.fromkeys([*visit.chosen, *(p.id for p in browse.found(visit))]))

    on("choose", toggled, shared.chosen, CHOOSING)
    on("choose-found", with_found, shared.chosen, CHOOSING)
    on("choose-these", lambda sent, _: tuple(bridge.value(sent).split()), shared.chosen, CHOOSING)
    to_the_chat = [shared.chosen, shared.tabs]
    on(
        "ask-about",
        lambda sent, _: [tuple(bridge.value(sent).split()), gr.Tabs(selected="chat")],
        to_the_chat,
        CHOOSING,
    )
    on("ask-chosen", lambda *_: gr.Tabs(selected="chat"), shared.tabs)
