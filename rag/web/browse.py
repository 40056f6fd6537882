"""What the tab of the papers shows for the states of a session, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from rag.api.adding import Uploads
from rag.api.collections import title
from rag.core.config import Config
from rag.core.errors import RagError, UsageError
from rag.core.paper import Paper, fold
from rag.home import citing, notes
from rag.home.notes import Note
from rag.index import holdings
from rag.index.near import Near
from rag.index.searching import meant
from rag.service import Rag
from rag.web import bridge, fragments, matrix, paperlist
from rag.web.collection_cache import CollectionCache
from rag.web.drawing import macro
from rag.web.fragments import told
from rag.web.intake import READ_ONLY
from rag.web.markdown import shown
from rag.web.markup import LINE_END, clean
from rag.web.paperlist import COMPARED, PAGE, Look
from rag.web.state import ConversationState

Chosen = tuple[str, ...]
ID = "papers"
"""Of the tab."""

UNREAD = "Click a title, and its abstract shows here. Choose papers to ask only them, or to compare what they say."
GONE = "This paper is not in the collection any more."
_deleted = macro("parts", "deleted")

FEW = 10
"""Where fewer papers than this have the words of a search, it goes on with so many that are close in meaning."""
_SIMILAR = 4  # papers like the one that is read


@dataclass(frozen=True)
class Visit:
    """Who looks at which papers, and how; the papers that are chosen, and the conversation that is open."""

    owner: str
    look: Look
    collection: str
    chosen: Chosen
    conversation: ConversationState


class Browse:
    """Looks into the collections of a home. What a method returns are values for parts of the page."""

    def __init__(self, config: Config, collections: CollectionCache, uploads: Uploads) -> None:
        self.config, self.collections, self.uploads = config, collections, uploads

    def all(self, visit: Visit) -> list[Any]:
        """The values of `around`, the fields to narrow by, `listing` and `reading`."""
        try:
            papers = self.collections.rag(visit.collection).papers()
        except RagError:
            papers = ()
        narrowing = gr.Row(visible=any(p.year or p.authors or p.venue for p in papers))
        return [*self.around(visit), narrowing, *self.listing(visit), self.reading(visit)]

    def around(self, visit: Visit) -> list[Any]:
        """The collections, what can be brought back, and the line of the chosen papers."""
        may = self.may_change(visit)
        deletable = may and visit.collection != self.config.collection
        names = paperlist.collections(self.collections.names(), visit.collection, deletable=deletable)
        back = self._deleted(visit.collection) if may else []
        tray = paperlist.tray(visit.chosen, visit.collection, deletable=may)
        return [clean(names), clean(_deleted(back, "restore")), clean(tray)]

    def may_change(self, visit: Visit) -> bool:
        """Whether papers may be added and deleted."""
        return self.config.may_add(visit.owner.removeprefix("user-"))

    def _deleted(self, collection: str) -> list[tuple[str, str]]:
        """What can be brought back: what a button to do so is sent, and the words for it."""
        found = [(f"* {id}", f"the collection {title(name)}") for id, name in holdings.deleted(self.config.home)]
        try:
            removed = self.collections.rag(collection).removed()
        except RagError:  # The list says what is wrong.
            removed = []
        for id, papers in removed:
            more = f" and {len(papers) - 1:,} more" if len(papers) > 1 else ""
            found.append((f"papers {id}", f"“{papers[0].title}”{more}"))
        return sorted(found, key=lambda one: one[0].partition(" ")[2], reverse=True)

    def listing(self, visit: Visit) -> list[Any]:
        """The count, what can be done with the list, and the list."""
        look = visit.look
        try:
            rag = self.collections.rag(visit.collection)
            papers = rag.papers()
            kept = self._notes(visit)
            found = _found(papers, look, kept)
            near = [] if look.kept else _near(rag, look, found)
        except UsageError as error:  # as while somebody types a year
            return [clean(f"<p>{shown(str(error))}</p>"), "", ""]
        except RagError as error:
            return [clean(fragments.problem(str(error))), "", ""]
        words = meant(papers, look.query)
        read = " ".join(words) if set(words) - set(fold(look.query).split()) else ""
        narrowed = bool(look.years + look.author + look.venue) or look.kept
        return [
            clean(paperlist.count(len(found), len(papers), narrowed=narrowed, near=len(near), read=read)),
            clean(paperlist.tools(papers, found, look, visit.collection, kept=len(kept))),
            clean(paperlist.listed(found, look, set(visit.chosen), words=words, near=near, kept=kept)),
        ]

    @told
    def reading(self, visit: Visit) -> str:
        """The paper that is read, with what the open conversation quotes of it marked."""
        look = visit.look
        if not look.reading:
            return paperlist.unread(UNREAD, heading=paperlist.READ)
        rag = self.collections.rag(visit.collection)
        paper = next((p for p in rag.papers() if p.id == look.reading), None)
        if paper is None:
            return paperlist.unread(GONE)
        like = rag.near(f"{paper.title}. {paper.abstract}", _SIMILAR + 1)
        return paperlist.reading(
            paper,
            look,
            chosen=paper.id in visit.chosen,
            cited=paperlist.cited(visit.conversation.answers, paper),
            bibtex=citing.write([paper], "bibtex"),
            near=[n for n in like if n.paper.id != paper.id][:_SIMILAR],
            note=self._notes(visit).get(look.reading, Note()),
        )

    @told
    def table(self, aspects: str, visit: Visit) -> str:
        """The chosen papers by the aspects that a reader wrote."""
        chosen, (low, high) = visit.chosen, COMPARED
        if not low <= len(chosen) <= high:
            raise UsageError(f"{len(chosen)} papers are chosen; choose {low} to {high} to compare them.")
        compared = self.collections.rag(visit.collection).compare(chosen, matrix.aspects(aspects))
        return matrix.html(compared, visit.collection)

    def searched(
        self, query: str | None, years: str | None, author: str | None, venue: str | None, visit: Visit
    ) -> Any:
        """The list for what the fields ask; one that isn't shown has no value."""
        query, years, author, venue = ((text or "")[: paperlist.MAX_QUERY] for text in (query, years, author, venue))
        return self._relisted(visit, query=query, years=years, author=author, venue=venue, limit=PAGE)

    def ordered(self, sent: str, visit: Visit) -> list[Any]:
        """The list sorted as a button says."""
        return self._relisted(visit, sort=paperlist.sort_named(bridge.value(sent)), limit=PAGE)

    def only_kept(self, _: str, visit: Visit) -> list[Any]:
        """Those with a star or a note alone, or all again."""
        return self._relisted(visit, kept=not visit.look.kept, limit=PAGE)

    def lengthened(self, _: str, visit: Visit) -> list[Any]:
        """The list with more rows."""
        return self._relisted(visit, limit=visit.look.limit + PAGE)

    def read(self, sent: str, visit: Visit) -> list[Any]:
        """The tab, with a paper to read, maybe at one of its sentences."""
        id, sentence = paperlist.place(bridge.value(sent))
        look = replace(visit.look, reading=id, sentence=sentence, visit=sent.rpartition("@")[2])
        visit = replace(visit, look=look)
        return [gr.Tabs(selected=ID), self.reading(visit), look, *self.listing(visit)]

    def _relisted(self, visit: Visit, **changed: Any) -> list[Any]:
        visit = replace(visit, look=replace(visit.look, **changed))
        return [visit.look, *self.listing(visit)]

    def starred(self, sent: str, visit: Visit) -> list[Any]:
        """A paper gets a star, or loses it."""
        id = bridge.value(sent)
        kept = self._kept(id, visit, star=id not in self._stars(visit))
        return [kept, *self.listing(visit), self.reading(visit)]

    def noted(self, sent: str, visit: Visit) -> str:
        """A note on a paper is kept: "ID TEXT"."""
        id, _, text = bridge.value(sent).partition(" ")
        return self._kept(id, visit, text=text.replace(LINE_END, "\n"))

    @told
    def _kept(self, id: str, visit: Visit, *, star: bool | None = None, text: str = "") -> str:
        if any(p.id == id for p in self.collections.rag(visit.collection).papers()):
            notes.save(self.config.home, visit.owner, visit.collection, id, star=star, text=text)
        return ""

    def _stars(self, visit: Visit) -> set[str]:
        try:
            return {id for id, note in self._notes(visit).items() if note.star}
        except RagError:  # Who keeps one is told what is wrong.
            return set()

    def _notes(self, visit: Visit) -> Mapping[str, Note]:
        return notes.load(self.config.home, visit.owner, visit.collection)

    def remove(self, sent: str, visit: Visit) -> list[Any]:
        """Delete one paper, or with no id those that are chosen, or with "*" all and their collection."""
        id = bridge.value(sent)
        ids = None if id == "*" else (id,) if id else visit.chosen
        return self._changed(visit, lambda: self.uploads.remove(visit.collection, ids))

    def restore(self, sent: str, visit: Visit) -> list[Any]:
        """Undo a deletion of papers, or of a collection, which is shown then."""
        what, _, id = bridge.value(sent).partition(" ")
        if what == "*":
            return self._changed(visit, lambda: holdings.restore(self.config.home, id))
        return self._changed(visit, lambda: self.uploads.restore(visit.collection, id))

    def _changed(self, visit: Visit, change: Callable[[], str]) -> list[Any]:
        """What went wrong, the papers that are still chosen, and the collection to show, after a change of papers."""
        wrong, name = "", visit.collection
        try:
            if not self.may_change(visit):
                raise UsageError(READ_ONLY)
            name = change() or name
        except RagError as error:
            wrong = clean(fragments.problem(str(error)))
        name = name if name in self.collections.names() else self.config.collection
        return [wrong, self.present(replace(visit, collection=name)), name]

    def found(self, visit: Visit) -> list[Paper]:
        """The papers that are searched for, as they are sorted; none where the collection is gone."""
        try:
            return _found(self.collections.rag(visit.collection).papers(), visit.look, self._notes(visit))
        except RagError:  # The list says so.
            return []

    def present(self, visit: Visit) -> Chosen:
        """The chosen papers that the collection has."""
        try:
            held = {p.id for p in self.collections.rag(visit.collection).papers()} if visit.chosen else set()
        except RagError:
            return ()
        return tuple(id for id in visit.chosen if id in held)


def _found(papers: tuple[Paper, ...], look: Look, kept: Mapping[str, Note]) -> list[Paper]:
    found = paperlist.found(papers, look)
    return [p for p in found if p.id in kept] if look.kept else found


def _near(rag: Rag, look: Look, found: list[Paper]) -> list[Near]:
    """The papers that a search goes on with where few have its words."""
    query = look.query.strip()
    if not query or look.sorted_by != "match" or len(found) >= FEW or (found and " " not in query):
        return []
    wanted = {p.id for p in paperlist.found(rag.papers(), replace(look, query=""))} - {p.id for p in found}
    return [n for n in rag.near(query, len(rag.papers())) if n.paper.id in wanted][:FEW]
