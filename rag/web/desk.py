"""What happens in the chat: conversations are opened, questions asked, answers saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from rag.core.config import MAX_QUESTION
from rag.core.errors import RagError
from rag.home import conversations
from rag.web import chat, fragments, nav
from rag.web.login import owner
from rag.web.markup import clean
from rag.web.shared import Shared
from rag.web.state import Settings, Talk
from rag.web.stopping import Stops

_NEXT = 3  # suggested questions

Updates = list[Any]
"""A value for each of `Desk.PARTS`."""


@dataclass(frozen=True)
class Visit:
    """What an event of the chat knows of the session that it comes from."""

    owner: str
    session: str
    collection: str
    chosen: tuple[str, ...]
    settings: Settings
    talk: Talk


class Desk:
    """Where conversations are held. What a method returns or yields are values for the parts of the page."""

    PARTS = ("history", "messages", "next", "scope", "box", "panel", "talk", "collection")

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.stops = Stops()

    def visit(self, talk: Talk, collection: str, chosen: tuple[str, ...], stored: Any, request: gr.Request) -> Visit:
        """The session behind an event."""
        return Visit(owner(request), str(request.session_hash), collection, tuple(chosen), Settings.of(stored), talk)

    def ask(self, question: str, visit: Visit, *, again: bool = False) -> Iterator[Updates]:
        """Ask, and show what comes of it until it is saved; `again` puts it in the place of the last question."""
        if not question.strip():
            return
        self.stops.arrived(visit.session)
        talk = visit.talk
        replacing = bool(talk.answers) and not talk.unanswered and (again or talk.editing)
        before = talk.answers[:-1] if replacing else talk.answers
        talk = Talk(talk.id or conversations.new_id(), visit.collection, before)
        try:
            rag = self.shared.shelf.rag(visit.collection)
            options = visit.settings.options(visit.chosen, rag.models)
        except RagError as error:
            told = chat.message("assistant", fragments.problem(str(error)))
            yield self.updates(messages=[*chat.messages(talk), told])
            return
        with self.stops.running(visit.session) as stop:
            for number, view in enumerate(chat.converse(rag, question, talk, options, stop)):
                now = replace(visit, talk=view.talk or talk)
                yield self._shown(view, now, first=number == 0, replacing=replacing)
            if stop.instead is not None:
                yield stop.instead

    def _shown(self, view: chat.View, visit: Visit, *, first: bool, replacing: bool) -> Updates:
        box: Any = gr.skip()  # While an answer is written, the next question may be being typed.
        changed: dict[str, Any] = {}
        if first:
            box = gr.Textbox(value="", submit_btn=False, stop_btn="Stop")
            changed = {"next": "", "scope": self.scope(visit)}
        elif not view.busy:
            box = gr.Textbox(submit_btn="Ask", stop_btn=False)
            if view.sources is not None:  # An answer, and not an error.
                changed = self._saved(visit, replacing)
        if view.sources is not None:
            changed["panel"] = view.sources
        if view.talk is not None:
            changed["talk"] = view.talk
        return self.updates(messages=view.messages, box=box, **changed)

    def _saved(self, visit: Visit, replacing: bool) -> dict[str, Any]:
        home, talk = self.shared.config.home, visit.talk
        try:
            if replacing:
                conversations.truncate(home, visit.owner, talk.id, len(talk.answers) - 1)
            conversations.append(home, visit.owner, talk.id, visit.collection, talk.answers[-1])
        except RagError as error:
            return {"next": clean(fragments.problem(f"The answer was not saved. {error}"))}
        return {"history": self.listed(visit)}

    def retry(self, visit: Visit) -> Iterator[Updates]:
        """Ask the last question again."""
        if question := _last(visit.talk):
            yield from self.ask(question, visit, again=True)

    def edit(self, visit: Visit) -> Updates:
        """Put the last question into the box; what is asked next takes its place."""
        talk = replace(visit.talk, editing=True)
        box = gr.Textbox(value=_last(talk))
        return self.updates(box=box, scope=self.scope(replace(visit, talk=talk)), talk=talk)

    def keep(self, visit: Visit) -> Updates:
        """Leave the last question as it is after all."""
        talk = replace(visit.talk, editing=False)
        box = gr.Textbox(value="")
        return self.updates(box=box, scope=self.scope(replace(visit, talk=talk)), talk=talk)

    def open(self, visit: Visit, id: str = "") -> Updates:
        """Show another conversation, or with no id a new one; an answer that is being written ends."""
        shown = self._found(visit, id)
        self.stops.ask(visit.session, shown)
        return shown

    def _found(self, visit: Visit, id: str) -> Updates:
        talk, collection = Talk(collection=visit.collection), visit.collection
        try:
            found = conversations.load(self.shared.config.home, visit.owner, id) if id else None
            if found is not None:
                collection = found.collection
                self.shared.shelf.rag(collection)
                talk = Talk(found.id, collection, found.answers)
            return self._opened(replace(visit, talk=talk, collection=collection))
        except RagError as error:
            return self.updates(messages=[chat.message("assistant", fragments.problem(str(error)))])

    def _opened(self, visit: Visit) -> Updates:
        rag = self.shared.shelf.rag(visit.collection)
        talk = visit.talk
        return self.updates(
            history=self.listed(visit),
            messages=chat.messages(talk) or [self._welcome(visit.collection)],
            next=self.suggested(visit),
            scope=self.scope(visit),
            box=gr.Textbox(submit_btn="Ask", stop_btn=False),
            panel=chat.panel(rag, talk.answers),
            talk=talk,
            collection=visit.collection,
        )

    def arrive(self, visit: Visit, address: Mapping[str, str]) -> Iterator[Updates]:
        """What a page shows when it loads: the conversation `c` of its address, and the answer to the question `q`."""
        with self.stops.arriving(visit.session):
            shown = self._found(visit, address.get("c", ""))
            if self.stops.begun(visit.session):
                return  # Who asks before the page has loaded is being answered by now.
            yield shown
        if question := address.get("q", "").strip():
            yield from self.ask(question[:MAX_QUESTION], replace(visit, talk=Talk()))

    def moved(self, visit: Visit) -> Updates:
        """Another collection was chosen: a new conversation, unless the one that is shown is of it."""
        return self.updates() if visit.talk.collection == visit.collection else self.open(visit)

    def drop(self, id: str, visit: Visit) -> tuple[str, ...]:
        """The chosen papers without one; with no id, none, so that all are asked."""
        return tuple(other for other in visit.chosen if id and other != id)

    def _welcome(self, collection: str) -> chat.Message:
        return chat.message("assistant", fragments.welcome(self.shared.shelf.starters(collection)))

    def forget(self, visit: Visit, id: str) -> Updates:
        """Delete a conversation, "" for all of them; where it is the one that is shown, a new one begins."""
        home = self.shared.config.home
        try:
            if id:
                conversations.delete(home, visit.owner, id)
            else:
                conversations.delete_all(home, visit.owner)
        except RagError as error:
            return self.updates(next=clean(fragments.problem(str(error))))
        return self.open(visit) if id in ("", visit.talk.id) else self.updates(history=self.listed(visit))

    def updates(self, **changed: Any) -> Updates:
        """A value for each part; one that is not named stays as it is."""
        assert set(changed) <= set(self.PARTS)
        return [changed.get(name, gr.skip()) for name in self.PARTS]

    def listed(self, visit: Visit) -> str:
        """The conversations of the owner."""
        try:
            found = conversations.names(self.shared.config.home, visit.owner)
        except RagError as error:
            return clean(fragments.problem(str(error)))
        return clean(nav.conversations(found, visit.talk.id))

    def scope(self, visit: Visit) -> str:
        """What stands above the box: the papers that are chosen, and whether the last question is being edited."""
        papers = self.shared.shelf.rag(visit.collection).papers() if visit.chosen else ()
        titles = {p.id: p.title for p in papers}
        chosen = [(id, titles[id]) for id in visit.chosen if id in titles]
        return clean(nav.scope(chosen, editing=visit.talk.editing))

    def suggested(self, visit: Visit) -> str:
        """Questions to go on with; none where there is no answer yet, or none was found."""
        if not visit.talk.answers or visit.talk.unanswered:
            return ""
        try:
            rag = self.shared.shelf.rag(visit.collection)
            options = visit.settings.options(visit.chosen, rag.models)
            found = rag.suggest(visit.talk.answers, count=_NEXT, options=options)
        except RagError:  # They are an offer: who asks the next question is told what is wrong.
            return ""
        return clean(nav.suggestions(found, instead=visit.talk.answers[-1].abstained))


def _last(talk: Talk) -> str:
    return talk.unanswered or (talk.answers[-1].question if talk.answers else "")
