"""What happens in the chat: conversations are opened, questions asked, answers saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from rag.core import deleting
from rag.core.config import MAX_QUESTION
from rag.core.errors import RagError
from rag.home import conversations
from rag.web import chat, fragments, start
from rag.web.drawing import macro
from rag.web.login import owner
from rag.web.markup import clean
from rag.web.shared import Shared
from rag.web.state import ConversationState, Settings
from rag.web.stopping import Stops

_FIRST, _NEXT = 4, 3  # questions that are suggested to begin with, and to go on

_conversations, _scope, _suggestions = (macro("chat", name) for name in ("conversations", "scope", "suggestions"))

Updates = list[Any]
"""A value for each of `ChatActions.PARTS`."""


@dataclass(frozen=True)
class RequestState:
    """What an event of the chat knows of the session that it comes from."""

    owner: str
    session: str
    collection: str
    chosen: tuple[str, ...]
    settings: Settings
    conversation: ConversationState


class ChatActions:
    """Where conversations are held. What a method returns or yields are values for the parts of the page."""

    PARTS = ("find", "history", "messages", "next", "scope", "box", "panel", "conversation", "collection")

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.stops = Stops()
        self._moved: dict[str, tuple[ConversationState, ConversationState]] = {}
        """To a session the conversation that was shown in it before, and the one that was opened in its place last."""

    def state(
        self, request: gr.Request, conversation: ConversationState, collection: str, chosen: Sequence[str], stored: Any
    ) -> RequestState:
        """The session behind an event."""
        return RequestState(
            owner(request), str(request.session_hash), collection, tuple(chosen), Settings.of(stored), conversation
        )

    def ask(self, question: str, state: RequestState, *, again: bool = False) -> Iterator[Updates]:
        """Ask, and show what comes of it until it is saved; `again` puts it in the place of the last question."""
        if not question.strip():
            return
        state = self._moved_on(state)
        conversation = state.conversation
        replacing = bool(conversation.answers) and not conversation.unanswered and (again or conversation.editing)
        before = conversation.answers[:-1] if replacing else conversation.answers
        conversation = ConversationState(conversation.id or conversations.new_id(), state.collection, before)
        try:
            rag = self.shared.collections.rag(state.collection)
            options = state.settings.options(state.chosen, rag.models)
        except RagError as error:
            message = chat.message("assistant", fragments.problem(str(error)))
            yield self.updates(messages=[message])
            return
        with self.stops.running(state.session) as stop:
            for number, view in enumerate(chat.converse(rag, question, conversation, options, stop)):
                now = replace(state, conversation=view.conversation or conversation)
                yield self._shown(view, now, first=number == 0, replacing=replacing)
            if stop.instead is not None:
                yield stop.instead

    def _shown(self, view: chat.View, state: RequestState, *, first: bool, replacing: bool) -> Updates:
        box: Any = gr.skip()  # While an answer is written, the next question may be being typed.
        changed: dict[str, Any] = {}
        if first:
            box = gr.Textbox(value="", submit_btn=False, stop_btn="Stop")
            changed = {"next": "", "scope": self.scope(state)}
        elif not view.busy:
            box = gr.Textbox(submit_btn="Ask", stop_btn=False)
            if view.sources is not None:  # An answer, and not an error.
                changed = self._saved(state, replacing)
        if view.sources is not None:
            changed["panel"] = view.sources
        if view.conversation is not None:
            changed["conversation"] = view.conversation
        return self.updates(messages=view.messages, box=box, **changed)

    def _saved(self, state: RequestState, replacing: bool) -> dict[str, Any]:
        home, conversation = self.shared.config.home, state.conversation
        try:
            if replacing:
                conversations.truncate(home, state.owner, conversation.id, len(conversation.answers) - 1)
            conversations.append(home, state.owner, conversation.id, state.collection, conversation.answers[-1])
        except RagError as error:
            return {"next": clean(fragments.problem(f"The answer was not saved. {error}"))}
        return {"history": self.listed(state)}

    def retry(self, state: RequestState) -> Iterator[Updates]:
        """Ask the last question again."""
        if question := _last(state.conversation):
            yield from self.ask(question, state, again=True)

    def edit(self, state: RequestState, *, editing: bool = True) -> Updates:
        """Put the last question into the box, for what is asked next to take its place; or leave it as it is."""
        conversation = replace(state.conversation, editing=editing)
        box = gr.Textbox(value=_last(conversation) if editing else "")
        scope = self.scope(replace(state, conversation=conversation))
        return self.updates(box=box, scope=scope, conversation=conversation)

    def open(self, state: RequestState, id: str = "") -> Updates:
        """Show another conversation, or with no id a new one; an answer that is being written ends."""
        with self.stops.arriving(state.session):
            shown = self._found(state, id)
            now = shown[self.PARTS.index("conversation")]
            if isinstance(now, ConversationState):  # else it could not be opened
                self._moved[state.session] = state.conversation, now
            self.stops.ask(state.session, shown)
        return shown

    def leave(self, session: str) -> None:
        """Forget a session whose page is closed."""
        self.stops.leave(session)
        self._moved.pop(session, None)

    def _moved_on(self, state: RequestState) -> RequestState:
        """The state to ask in: who asks before another conversation is shown, asks in that one."""
        self.stops.arrived(state.session)
        before, now = self._moved.get(state.session, (None, state.conversation))
        if state.conversation != before:
            return state
        return replace(state, conversation=now, collection=now.collection)

    def _found(self, state: RequestState, id: str) -> Updates:
        conversation, collection = ConversationState(collection=state.collection), state.collection
        try:
            found = conversations.load(self.shared.config.home, state.owner, id) if id else None
            if found is not None:
                collection = found.collection
                self.shared.collections.rag(collection)
                conversation = ConversationState(found.id, collection, found.answers)
            return self._opened(replace(state, conversation=conversation, collection=collection))
        except RagError as error:
            message = chat.message("assistant", fragments.problem(str(error)))
            return self.updates(messages=[message], box=_ready())

    def _opened(self, state: RequestState) -> Updates:
        rag = self.shared.collections.rag(state.collection)
        conversation = state.conversation
        return self.updates(
            history=self.listed(state),
            **(self._start(state) if not conversation.answers else self._said(state)),
            scope=self.scope(state),
            box=_ready(),
            panel=chat.panel(rag, conversation.answers),
            conversation=conversation,
            collection=state.collection,
        )

    def _said(self, state: RequestState) -> dict[str, Any]:
        rag = self.shared.collections.rag(state.collection)
        return {"messages": chat.messages(rag, state.conversation), "next": self.suggested(state)}

    def arrive(self, state: RequestState, address: Mapping[str, str]) -> Iterator[Updates]:
        """What a page shows when it loads: the conversation `c` of its address, and the answer to the question `q`."""
        deleting.sweep(self.shared.config.home)
        with self.stops.arriving(state.session):
            shown = self._found(state, address.get("c", ""))
            if self.stops.begun(state.session):
                return  # Who asks before the page has loaded is being answered by now.
            yield shown
        if question := address.get("q", "").strip():
            yield from self.ask(question[:MAX_QUESTION], replace(state, conversation=ConversationState()))

    def moved(self, state: RequestState) -> Updates:
        """Another collection was chosen: a new conversation, unless the one that is shown is of it."""
        return self.updates() if state.conversation.collection == state.collection else self.open(state)

    def drop(self, id: str, state: RequestState) -> tuple[str, ...]:
        """The chosen papers without one; with no id, none, so that all are asked."""
        return tuple(other for other in state.chosen if id and other != id)

    def restricted(self, state: RequestState) -> Updates:
        """Other papers were chosen: where nothing was asked yet, questions about them are offered."""
        try:
            return self.updates() if state.conversation.id else self.updates(**self._start(state))
        except RagError:  # Who asks is told what is wrong.
            return self.updates()

    def _start(self, state: RequestState, *, wait: bool = False) -> dict[str, Any]:
        """What an empty chat shows above and below the box; the themes that take seconds only where it may `wait`."""
        papers = self.shared.collections.rag(state.collection).papers()
        themes = () if state.chosen else self.shared.collections.themes(state.collection, wait=wait)
        above = start.welcome(papers, len(state.chosen))
        below = start.offers(self._starters(state), themes, len(papers))
        return {"messages": [chat.message("assistant", above)], "next": clean(below)}

    def _starters(self, state: RequestState) -> tuple[str, ...]:
        """Questions to begin with, about the papers that are chosen where there are any."""
        if not state.chosen:
            return self.shared.collections.starters(state.collection)
        rag = self.shared.collections.rag(state.collection)
        return rag.suggest((), count=_FIRST, options=state.settings.options(state.chosen, rag.models))

    def forget(self, state: RequestState, id: str) -> Updates:
        """Delete a conversation, "" for all of them; where it is the one that is shown, a new one begins."""
        home, owner = self.shared.config.home, state.owner
        if problem := _problem(
            lambda: conversations.delete(home, owner, id) if id else conversations.delete_all(home, owner)
        ):
            return self.updates(next=problem)
        return self.open(state) if id in ("", state.conversation.id) else self.updates(history=self.listed(state))

    def bring_back(self, id: str, state: RequestState) -> Updates:
        """Undo a deletion."""
        problem = _problem(lambda: conversations.restore(self.shared.config.home, state.owner, id))
        return self.updates(next=problem) if problem else self.updates(history=self.listed(state))

    def rename(self, sent: str, state: RequestState) -> Updates:
        """Give a conversation another title: "ID TITLE"."""
        id, _, title = sent.partition(" ")
        problem = _problem(lambda: conversations.rename(self.shared.config.home, state.owner, id, title))
        return self.updates(next=problem) if problem else self.updates(history=self.listed(state))

    def updates(self, **changed: Any) -> Updates:
        """A value for each part; one that is not named stays as it is, and a new list of conversations has all."""
        if "history" in changed:
            changed["find"] = ""
        assert set(changed) <= set(self.PARTS)
        return [changed.get(name, gr.skip()) for name in self.PARTS]

    @fragments.told
    def listed(self, state: RequestState, query: str = "") -> str:
        """The conversations of the owner, or those that a search finds."""
        found = conversations.names(self.shared.config.home, state.owner, query)
        deleted = conversations.deleted(self.shared.config.home, state.owner)
        back = [(id, f"“{names[0]}”" if len(names) == 1 else f"{len(names)} conversations") for id, names in deleted]
        return _conversations(found, state.conversation.id, query=query, back=back)

    def scope(self, state: RequestState) -> str:
        """What stands above the box: the papers that are chosen, and whether the last question is being edited."""
        papers = self.shared.collections.rag(state.collection).papers() if state.chosen else ()
        titles = {p.id: p.title for p in papers}
        chosen = [(id, titles[id]) for id in state.chosen if id in titles]
        return clean(_scope(chosen, editing=state.conversation.editing))

    def suggested(self, state: RequestState) -> Any:
        """What to go on with: questions, none where none was found; in an empty chat what there is to begin with."""
        before = self.stops.begun(state.session)
        try:
            if not state.conversation.id:
                offered = self._start(state, wait=True)["next"]
                # Who asked in the meantime has moved on.
                return offered if self.stops.begun(state.session) == before else gr.skip()
            if not state.conversation.answers or state.conversation.unanswered:
                return ""
            rag = self.shared.collections.rag(state.collection)
            options = state.settings.options(state.chosen, rag.models)
            found = rag.suggest(state.conversation.answers, count=_NEXT, options=options)
        except RagError:  # They are an offer: who asks the next question is told what is wrong.
            return ""
        return clean(_suggestions(found, instead=state.conversation.answers[-1].abstained))


def _ready() -> gr.Textbox:
    """The box of a page that has loaded, and answers nothing."""
    return gr.Textbox(submit_btn="Ask", stop_btn=False)


@fragments.told
def _problem(run: Callable[[], object]) -> str:
    """What was wrong, "" where nothing was."""
    run()
    return ""


def _last(conversation: ConversationState) -> str:
    return conversation.unanswered or (conversation.answers[-1].question if conversation.answers else "")
