"""The map: the collection as a picture, with what the last answer looked at; a click reads a paper beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from rag.core.answer import Answer
from rag.core.errors import RagError
from rag.web import bridge, fragments, maptext, mapview
from rag.web.collection_cache import CollectionCache
from rag.web.fragments import told
from rag.web.mapview import Marks
from rag.web.markup import clean
from rag.web.paperlist import READ, unread
from rag.web.shared import CHANGING, EACH, PRIVATE, QUICK, Parts, Shared, html
from rag.web.state import ConversationState

ID = "map"
UNREAD = "Click a point of the map, or a title below, and the abstract shows here."
GONE = "This paper is not in the collection any more. Open the map again to see those that are."


DRAWING = "Drawing the map"
"""What stands there until the map is: seconds, the first time after papers were added."""


def layout() -> Parts:
    """The parts; they are filled when the tab is opened."""
    with gr.Row(elem_id="map-columns"):
        with gr.Column(scale=3, min_width=300, elem_id="map-left"):
            picture = html("map-picture", clean(fragments.status(DRAWING)))
        with gr.Column(scale=2, min_width=300, elem_id="map-right"):
            reading, words = html("map-reading", clean(unread(UNREAD, heading=READ))), html("map-words")
    return Parts(picture=picture, reading=reading, words=words)


def wire(parts: Parts, shared: Shared, tab: gr.Tab) -> None:
    """What happens when the parts are used."""
    visit: list[Any] = [shared.collection, shared.conversation]
    read, again, around = (bridge.action(act) for act in (mapview.ACT, maptext.AGAIN, maptext.INSIDE))

    def opened(collection: str, conversation: ConversationState) -> list[str]:
        return drawing(
            shared.collections, collection, _last(conversation, collection), awaited=bool(conversation.unanswered)
        )

    def chosen(sent: str, collection: str, conversation: ConversationState) -> str:
        clicked = sent.rpartition("@")[2]
        return reading(shared.collections, collection, bridge.value(sent), _last(conversation, collection), clicked)

    def inside(sent: str, collection: str) -> str:
        return surrounded(shared.collections, collection, bridge.value(sent).split(), sent.rpartition("@")[2])

    def moved() -> list[str]:
        return [clean(fragments.status(DRAWING)), "", clean(unread(UNREAD, heading=READ))]

    # Not one of the quick ones: the first map of a large collection takes seconds.
    drawn = [parts.picture, parts.words]
    tab.select(opened, visit, drawn, trigger_mode="always_last", **PRIVATE)
    again.submit(lambda _, *states: opened(*states), [again, *visit], drawn, **PRIVATE)
    around.submit(inside, [around, shared.collection], parts.reading, **QUICK)
    read.submit(chosen, [read, *visit], parts.reading, **EACH, **QUICK)
    shared.collection.change(moved, None, [parts.picture, parts.words, parts.reading], **CHANGING)


def _last(conversation: ConversationState, collection: str) -> Answer | None:
    """The last answer of the open conversation, where it is about this collection."""
    return conversation.answers[-1] if conversation.answers and conversation.collection == collection else None


def drawing(
    collections: CollectionCache, collection: str, answer: Answer | None, *, awaited: bool = False
) -> list[str]:
    """The picture with its legend, and the words beside it; `awaited` while the answer after `answer` is written."""
    try:
        rag = collections.rag(collection)
        found = rag.map()
        papers = {p.id: p for p in rag.papers()}
    except RagError as error:
        return [clean(fragments.problem(str(error))), ""]
    if not found.points:
        return [clean(maptext.empty()), ""]
    marks = Marks.of(answer)
    picture = f"{mapview.picture(found, papers, marks)}{maptext.legend(found, papers, marks, awaited=awaited)}"
    return [clean(f'<div class="mapped">{picture}</div>'), clean(maptext.words(found, papers, marks))]


@told
def reading(collections: CollectionCache, collection: str, id: str, answer: Answer | None, clicked: str) -> str:
    """The paper beside the map; `clicked` tells one click from the next, so that each moves the focus there."""
    paper = next((p for p in collections.rag(collection).papers() if p.id == id), None)
    return maptext.reading(paper, answer, clicked) if paper else unread(GONE)


@told
def surrounded(collections: CollectionCache, collection: str, ids: Sequence[str], drawn: str) -> str:
    """The papers around which a line was drawn, beside the map; `drawn` tells one line from the next."""
    papers = {p.id: p for p in collections.rag(collection).papers()}
    return maptext.inside([papers[id] for id in ids if id in papers], drawn)
