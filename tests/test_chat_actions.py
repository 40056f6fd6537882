"""Where conversations are held: what is asked is saved, what is replaced is gone, and nothing is lost on the way."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_rag import PAPER, FakeRag

from rag.core.config import Config
from rag.core.errors import StoreError
from rag.home import conversations
from rag.web.actions import ChatActions, RequestState
from rag.web.collection_cache import CollectionCache
from rag.web.shared import Shared
from rag.web.state import ConversationState, Settings

OWNER = "local"


@pytest.fixture
def rag(home: Path) -> FakeRag:
    return FakeRag(Config(home=home))


@pytest.fixture
def actions(rag: FakeRag) -> ChatActions:
    double: Any = rag
    nothing: Any = None
    collections = CollectionCache(rag.config, double)
    return ChatActions(Shared(rag.config, collections, nothing, nothing, nothing, nothing, nothing))


def state(
    conversation: ConversationState | None = None, chosen: Sequence[str] = (), settings: Settings | None = None
) -> RequestState:
    return RequestState(
        OWNER, "a session", "papers", tuple(chosen), settings or Settings(), conversation or ConversationState()
    )


def shown(updates: Sequence[Any]) -> dict[str, Any]:
    """The parts that change, by name."""
    named = dict(zip(ChatActions.PARTS, updates, strict=True))
    return {name: value for name, value in named.items() if not _skipped(value)}


def _skipped(value: Any) -> bool:
    return isinstance(value, dict) and value == {"__type__": "update"}


def asked(actions: ChatActions, question: str, at: RequestState | None = None) -> ConversationState:
    """The conversation after a question."""
    *_, last = actions.ask(question, at or state())
    conversation = shown(last)["conversation"]
    assert isinstance(conversation, ConversationState)
    return conversation


def kept(home: Path, conversation: ConversationState) -> list[str]:
    found = conversations.load(home, OWNER, conversation.id)
    return [a.question for a in found.answers] if found else []


def test_an_answer_is_saved_and_listed(actions: ChatActions, home: Path) -> None:
    views = [shown(u) for u in actions.ask("What is saved?", state())]
    assert "Reading the question" in views[0]["messages"][-1]["content"]
    assert views[0]["next"] == ""
    last = views[-1]
    assert "What is saved?" in last["history"]
    assert PAPER.title in last["panel"]
    assert kept(home, last["conversation"]) == ["What is saved?"]
    again = asked(actions, "And that?", state(last["conversation"]))
    assert again.id == last["conversation"].id
    assert kept(home, again) == ["What is saved?", "And that?"]


def test_an_edited_question_replaces_the_last_when_it_is_answered_and_not_before(
    actions: ChatActions, home: Path
) -> None:
    conversation = asked(actions, "Two?", state(asked(actions, "One?")))
    edit = shown(actions.edit(state(conversation)))
    assert edit["box"].value == "Two?"
    assert "replaces your last question" in edit["scope"]
    failed = asked(actions, "Please crash", state(edit["conversation"]))
    assert failed.unanswered == "Please crash"
    assert kept(home, conversation) == ["One?", "Two?"]
    done = asked(actions, "Three?", state(edit["conversation"]))
    assert kept(home, done) == ["One?", "Three?"]
    assert [a.question for a in done.answers] == ["One?", "Three?"]


def test_a_conversation_is_renamed_and_found_by_its_new_title(actions: ChatActions) -> None:
    conversation = asked(actions, "One?")
    asked(actions, "Two?")
    renamed = shown(actions.rename(f"{conversation.id} Of tides", state()))
    assert "Of tides" in renamed["history"]
    assert renamed["find"] == ""
    found = actions.listed(state(), "tid")
    assert "Of tides" in found
    assert "Two?" not in found
    assert "No conversation has these words" in actions.listed(state(), "moons")


def test_an_edit_can_be_left(actions: ChatActions, home: Path) -> None:
    conversation = asked(actions, "One?")
    left = shown(actions.edit(state(shown(actions.edit(state(conversation)))["conversation"]), editing=False))
    assert left["scope"] == ""
    assert kept(home, asked(actions, "Two?", state(left["conversation"]))) == ["One?", "Two?"]


def test_the_last_question_is_asked_again_in_its_place(actions: ChatActions, home: Path, rag: FakeRag) -> None:
    conversation = asked(actions, "One?")
    *_, last = actions.retry(state(conversation))
    assert kept(home, shown(last)["conversation"]) == ["One?"]
    assert [question for question, _ in rag.asked] == ["One?", "One?"]
    assert rag.asked[-1][1] == (), "it is no follow-up of itself"


def test_a_question_that_failed_is_asked_again_behind_the_others(
    actions: ChatActions, home: Path, rag: FakeRag
) -> None:
    failed = asked(actions, "Please crash", state(asked(actions, "One?")))
    *_, last = actions.retry(state(failed))
    assert [question for question, _ in rag.asked] == ["One?", "Please crash", "Please crash"]
    assert kept(home, shown(last)["conversation"]) == ["One?"]


def test_chosen_papers_and_settings_go_with_the_question(actions: ChatActions, rag: FakeRag) -> None:
    asked(actions, "What is saved?", state(chosen=(PAPER.id,), settings=Settings(most=5, model="forbidden")))
    options = rag.options[-1]
    assert options is not None
    assert (options.papers, options.most, options.model) == ({PAPER.id}, 5, None)
    scope = actions.scope(state(chosen=(PAPER.id, "gone")))
    assert PAPER.title in scope
    assert "Asking only 1 chosen paper:" in scope
    assert actions.drop(PAPER.id, state(chosen=(PAPER.id, "b"))) == ("b",)
    assert actions.drop("", state(chosen=(PAPER.id, "b"))) == ()


def test_a_conversation_is_opened_again_and_deleted(actions: ChatActions, home: Path) -> None:
    conversation = asked(actions, "What is saved?")
    new = shown(actions.open(state(conversation)))
    assert new["conversation"].id == ""
    assert "What would you like to know?" in new["messages"][0]["content"]
    back = shown(actions.open(state(), conversation.id))
    assert back["conversation"] == conversation
    assert "And what else is saved?" in back["next"]
    assert 'aria-current="true"' in back["history"]
    other = asked(actions, "Another?", replace(state(), session="another"))
    assert shown(actions.forget(state(conversation), other.id)).keys() == {"find", "history"}
    gone = shown(actions.forget(state(conversation), conversation.id))
    assert gone["conversation"].id == ""
    assert conversations.names(home, OWNER) == []
    assert "Deleted: “What is saved?”" in gone["history"]


def test_what_was_deleted_comes_back_even_after_more_clicks(actions: ChatActions, home: Path) -> None:
    asked(actions, "One?")
    conversation = asked(actions, "Two?")
    gone = shown(actions.forget(state(conversation), ""))
    assert gone["conversation"].id == ""
    assert conversations.names(home, OWNER) == []
    assert "Deleted: 2 conversations" in gone["history"]
    third = asked(actions, "Three?")
    listed = shown(actions.forget(state(), third.id))["history"]
    assert "Deleted before that: 1" in listed
    for id in re.findall('data-act="bring-back" data-value="([0-9]+)"', listed):
        listed = shown(actions.bring_back(id, state()))["history"]
    assert "Deleted" not in listed
    assert {c.title for c in conversations.names(home, OWNER)} == {"One?", "Two?", "Three?"}
    assert kept(home, conversation) == ["Two?"]


@pytest.mark.parametrize("id", ["gone", "../../papers", "x" * 5000, "\x00"])
def test_a_conversation_that_is_not_there_is_a_new_one(actions: ChatActions, id: str) -> None:
    assert shown(actions.open(state(), id))["conversation"].id == ""


def test_an_address_asks_its_question_in_a_conversation_of_its_own(actions: ChatActions, home: Path) -> None:
    conversation = asked(actions, "One?")
    *_, last = actions.arrive(replace(state(), session="another"), {"c": conversation.id, "q": "Two?"})
    assert shown(last)["conversation"].id != conversation.id
    assert kept(home, shown(last)["conversation"]) == ["Two?"]


def test_who_asks_before_the_page_has_loaded_is_answered(actions: ChatActions) -> None:
    assert len(list(actions.arrive(state(), {}))) == 1
    with actions.stops.running("a session") as stop:
        assert list(actions.arrive(state(), {})) == []
        assert not stop.asked
    assert list(actions.arrive(state(), {"q": "What is saved?"})) == []


def test_a_question_waits_until_the_page_shows_what_it_begins_with(actions: ChatActions) -> None:
    order = []
    arriving = actions.arrive(state(), {})
    next(arriving)
    thread = threading.Thread(target=lambda: order.append(next(actions.ask("What is saved?", state()))))
    thread.start()
    thread.join(0.3)
    assert order == [], "what the page begins with has not been sent yet"
    assert list(arriving) == []
    thread.join(5)
    assert "Reading the question" in shown(order[0])["messages"][-1]["content"]


def test_a_question_typed_before_the_new_conversation_is_shown_is_asked_in_it(
    actions: ChatActions, home: Path, rag: FakeRag, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation, busy, go = asked(actions, "What is saved?"), threading.Event(), threading.Event()
    starters = rag.starters

    def slow(count: int = 4) -> tuple[str, ...]:
        busy.set()
        assert go.wait(10)
        return starters(count)

    monkeypatch.setattr(rag, "starters", slow)
    opening = threading.Thread(target=actions.open, args=(state(conversation),))
    opening.start()
    assert busy.wait(10)
    views: list[dict[str, Any]] = []
    asking = threading.Thread(
        target=lambda: views.extend(shown(u) for u in actions.ask("And this?", state(conversation)))
    )
    asking.start()
    asking.join(0.2)
    assert not views, "it waits for the other conversation"
    go.set()
    opening.join(10)
    asking.join(10)
    assert kept(home, conversation) == ["What is saved?"]
    assert kept(home, views[-1]["conversation"]) == ["And this?"]
    # Nor is it asked in the old one where its event began before the page knew of the new one.
    late = asked(actions, "Or this?", state(conversation))
    assert kept(home, late) == ["Or this?"]
    back = shown(actions.open(state(late), conversation.id))["conversation"]
    assert kept(home, asked(actions, "And now?", state(back))) == ["What is saved?", "And now?"]


def test_another_conversation_ends_the_answer_that_is_being_written(actions: ChatActions) -> None:
    views = actions.ask("endless", state())
    for update in views:
        if "more" in str(shown(update).get("messages")):
            break
    new = actions.open(state())
    rest = list(views)
    assert rest[-1] == new, "the last update is the one that shows the other"


def test_an_answer_that_cannot_be_saved_is_shown_and_says_so(
    actions: ChatActions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk is full; make room.")

    monkeypatch.setattr(conversations, "append", full)
    *_, last = actions.ask("What is saved?", state())
    assert "The answer was not saved. The disk is full; make room." in shown(last)["next"]
    assert "receipt" in shown(last)["messages"][-1]["content"]


def test_nothing_is_suggested_where_nothing_was_answered(actions: ChatActions) -> None:
    assert "What is saved?" in actions.suggested(state()), "to begin with"
    assert actions.suggested(state(asked(actions, "Please crash"))) == ""
    assert "And what else is saved?" in actions.suggested(state(asked(actions, "What is saved?")))


def test_an_empty_chat_offers_questions_about_the_papers_that_are_chosen(actions: ChatActions) -> None:
    new = shown(actions.open(state()))
    assert "2 papers." in new["messages"][0]["content"]
    assert "What is saved?" in new["next"]
    chosen = shown(actions.restricted(state(chosen=(PAPER.id,))))
    assert "1 chosen paper of 2." in chosen["messages"][0]["content"]
    assert "And what else is saved?" in chosen["next"]
    assert shown(actions.restricted(state(asked(actions, "One?"), chosen=(PAPER.id,)))) == {}


def test_an_empty_question_does_nothing(actions: ChatActions) -> None:
    assert list(actions.ask("  \n", state())) == []
