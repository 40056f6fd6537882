"""What the tab of the papers shows for the states of a session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from rag.core.errors import RagError, UsageError
from rag.core.paper import Paper, fold
from rag.home import citing
from rag.index.near import Near
from rag.index.searching import meant
from rag.service import Rag
from rag.web import fragments, matrix, paperlist
from rag.web.collection_cache import CollectionCache
from rag.web.markdown import shown
from rag.web.markup import clean
from rag.web.paperlist import COMPARED, Look
from rag.web.state import ConversationState

Chosen = tuple[str, ...]

FEW = 10
"""Where fewer papers than this have the words of a search, it goes on with so many that are near in meaning."""
_SIMILAR = 4  # papers like the one that is read


class Browse:
    """Looks into the collections of a home. What a method returns are values for parts of the page."""

    def __init__(self, collections: CollectionCache) -> None:
        self.collections = collections

    def all(self, look: Look, collection: str, chosen: Chosen, conversation: ConversationState) -> list[Any]:
        """The values of `around`, `narrowing`, `listing` and `reading`."""
        return [
            *self.around(collection, chosen),
            self.narrowing(collection),
            *self.listing(look, collection, chosen),
            self.reading(look, collection, chosen, conversation),
        ]

    def around(self, collection: str, chosen: Chosen) -> list[Any]:
        """The collections, and the line of the chosen papers."""
        names = self.collections.names()
        return [clean(paperlist.collections(names, collection)), clean(paperlist.tray(chosen, collection))]

    def narrowing(self, collection: str) -> Any:
        """The fields for year, author and venue, there if a paper of the collection has one of them."""
        try:
            papers = self.collections.rag(collection).papers()
        except RagError:
            papers = ()
        return gr.Row(visible=any(p.year or p.authors or p.venue for p in papers))

    def listing(self, look: Look, collection: str, chosen: Chosen) -> list[Any]:
        """The count, what can be done with the list, and the list."""
        try:
            rag = self.collections.rag(collection)
            papers = rag.papers()
        except RagError as error:
            return [clean(fragments.problem(str(error))), "", ""]
        try:
            found = paperlist.found(papers, look)
            near = _near(rag, look, found)
        except UsageError as error:  # as while somebody types a year
            return [clean(f"<p>{shown(str(error))}</p>"), "", ""]
        except RagError as error:
            return [clean(fragments.problem(str(error))), "", ""]
        words = meant(papers, look.query)
        read = " ".join(words) if set(words) - set(fold(look.query).split()) else ""
        narrowed = bool(look.years + look.author + look.venue)
        return [
            clean(paperlist.count(len(found), len(papers), narrowed=narrowed, near=len(near), read=read)),
            clean(paperlist.tools(papers, found, look, collection)),
            clean(paperlist.listed(found, look, set(chosen), words=words, near=near)),
        ]

    def reading(self, look: Look, collection: str, chosen: Chosen, conversation: ConversationState) -> str:
        """The paper that is read, with what the open conversation quotes of it marked."""
        if not look.reading:
            return clean(paperlist.NOTHING_READ)
        try:
            rag = self.collections.rag(collection)
            paper = next((p for p in rag.papers() if p.id == look.reading), None)
            like = rag.near(f"{paper.title}. {paper.abstract}", _SIMILAR + 1) if paper else ()
        except RagError as error:
            return clean(fragments.problem(str(error)))
        if paper is None:
            return clean(paperlist.GONE)
        cited = paperlist.cited(conversation.answers, paper)
        bibtex = citing.write([paper], "bibtex")
        near = [n for n in like if n.paper.id != paper.id][:_SIMILAR]
        html = paperlist.reading(paper, look, chosen=paper.id in chosen, cited=cited, bibtex=bibtex, near=near)
        return clean(html)

    def table(self, aspects: str, collection: str, chosen: Chosen) -> str:
        """The chosen papers by the aspects that a reader wrote."""
        low, high = COMPARED
        if not low <= len(chosen) <= high:
            return clean(fragments.problem(f"{len(chosen)} papers are chosen; choose {low} to {high} to compare them."))
        try:
            compared = self.collections.rag(collection).compare(chosen, matrix.aspects(aspects))
        except RagError as error:
            return clean(fragments.problem(str(error)))
        return clean(matrix.html(compared, collection))

    def found(self, look: Look, collection: str) -> list[Paper]:
        """The papers that are searched for, as they are sorted; none where the collection is gone."""
        try:
            return paperlist.found(self.collections.rag(collection).papers(), look)
        except RagError:  # The list says so.
            return []

    def present(self, collection: str, chosen: Chosen) -> Chosen:
        """The chosen papers that the collection has."""
        try:
            held = {p.id for p in self.collections.rag(collection).papers()} if chosen else set()
        except RagError:
            return ()
        return tuple(id for id in chosen if id in held)


def _near(rag: Rag, look: Look, found: list[Paper]) -> list[Near]:
    """The papers that a search goes on with where few have its words."""
    query = look.query.strip()
    if not query or look.sorted_by != "match" or len(found) >= FEW or (found and " " not in query):
        return []
    wanted = {p.id for p in paperlist.found(rag.papers(), replace(look, query=""))} - {p.id for p in found}
    return [n for n in rag.near(query, len(rag.papers())) if n.paper.id in wanted][:FEW]
