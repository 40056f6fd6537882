"""Where conversations are held: what is asked is saved, what is replaced is gone, and nothing is lost on the way."""

from __future__ import annotations

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
from rag.web.desk import Desk, Visit
from rag.web.shared import Shared
from rag.web.shelf import Shelf
from rag.web.state import Settings, Talk

OWNER = "local"


@pytest.fixture
def rag(home: Path) -> FakeRag:
    return FakeRag(Config(home=home))


@pytest.fixture
def desk(rag: FakeRag) -> Desk:
    double: Any = rag
    nothing: Any = None
    shelf = Shelf(rag.config, double)
    return Desk(Shared(rag.config, shelf, nothing, nothing, nothing, nothing, nothing))


def visit(talk: Talk | None = None, chosen: Sequence[str] = (), settings: Settings | None = None) -> Visit:
    return Visit(OWNER, "a session", "papers", tuple(chosen), settings or Settings(), talk or Talk())


def shown(updates: Sequence[Any]) -> dict[str, Any]:
    """The parts that change, by name."""
    named = dict(zip(Desk.PARTS, updates, strict=True))
    return {name: value for name, value in named.items() if not _skipped(value)}


def _skipped(value: Any) -> bool:
    return isinstance(value, dict) and value == {"__type__": "update"}


def asked(desk: Desk, question: str, at: Visit | None = None) -> Talk:
    """The conversation after a question."""
    *_, last = desk.ask(question, at or visit())
    talk = shown(last)["talk"]
    assert isinstance(talk, Talk)
    return talk


def kept(home: Path, talk: Talk) -> list[str]:
    found = conversations.load(home, OWNER, talk.id)
    return [a.question for a in found.answers] if found else []


def test_an_answer_is_saved_and_listed(desk: Desk, home: Path) -> None:
    views = [shown(u) for u in desk.ask("What is saved?", visit())]
    assert "Reading the question" in views[0]["messages"][-1]["content"]
    assert views[0]["next"] == ""
    last = views[-1]
    assert "What is saved?" in last["history"]
    assert PAPER.title in last["panel"]
    assert kept(home, last["talk"]) == ["What is saved?"]
    again = asked(desk, "And that?", visit(last["talk"]))
    assert again.id == last["talk"].id
    assert kept(home, again) == ["What is saved?", "And that?"]


def test_an_edited_question_replaces_the_last_when_it_is_answered_and_not_before(desk: Desk, home: Path) -> None:
    talk = asked(desk, "Two?", visit(asked(desk, "One?")))
    edit = shown(desk.edit(visit(talk)))
    assert edit["box"].value == "Two?"
    assert "replaces your last question" in edit["scope"]
    failed = asked(desk, "Please crash", visit(edit["talk"]))
    assert failed.unanswered == "Please crash"
    assert kept(home, talk) == ["One?", "Two?"]
    done = asked(desk, "Three?", visit(edit["talk"]))
    assert kept(home, done) == ["One?", "Three?"]
    assert [a.question for a in done.answers] == ["One?", "Three?"]


def test_an_edit_can_be_left(desk: Desk, home: Path) -> None:
    talk = asked(desk, "One?")
    left = shown(desk.keep(visit(shown(desk.edit(visit(talk)))["talk"])))
    assert left["scope"] == ""
    assert kept(home, asked(desk, "Two?", visit(left["talk"]))) == ["One?", "Two?"]


def test_the_last_question_is_asked_again_in_its_place(desk: Desk, home: Path, rag: FakeRag) -> None:
    talk = asked(desk, "One?")
    *_, last = desk.retry(visit(talk))
    assert kept(home, shown(last)["talk"]) == ["One?"]
    assert [question for question, _ in rag.asked] == ["One?", "One?"]
    assert rag.asked[-1][1] == (), "it is no follow-up of itself"


def test_a_question_that_failed_is_asked_again_behind_the_others(desk: Desk, home: Path, rag: FakeRag) -> None:
    failed = asked(desk, "Please crash", visit(asked(desk, "One?")))
    *_, last = desk.retry(visit(failed))
    assert [question for question, _ in rag.asked] == ["One?", "Please crash", "Please crash"]
    assert kept(home, shown(last)["talk"]) == ["One?"]


def test_chosen_papers_and_settings_go_with_the_question(desk: Desk, rag: FakeRag) -> None:
    asked(desk, "What is saved?", visit(chosen=(PAPER.id,), settings=Settings(most=5, model="forbidden")))
    options = rag.options[-1]
    assert options is not None
    assert (options.papers, options.most, options.model) == ({PAPER.id}, 5, None)
    scope = desk.scope(visit(chosen=(PAPER.id, "gone")))
    assert PAPER.title in scope
    assert "Asking only 1 chosen paper:" in scope
    assert desk.drop(PAPER.id, visit(chosen=(PAPER.id, "b"))) == ("b",)
    assert desk.drop("", visit(chosen=(PAPER.id, "b"))) == ()


def test_a_conversation_is_opened_again_and_deleted(desk: Desk, home: Path) -> None:
    talk = asked(desk, "What is saved?")
    new = shown(desk.open(visit(talk)))
    assert new["talk"].id == ""
    assert "What would you like to know?" in new["messages"][0]["content"]
    back = shown(desk.open(visit(), talk.id))
    assert back["talk"] == talk
    assert "And what else is saved?" in back["next"]
    assert 'aria-current="true"' in back["history"]
    other = asked(desk, "Another?")
    assert shown(desk.forget(visit(talk), other.id)).keys() == {"history"}
    gone = shown(desk.forget(visit(talk), talk.id))
    assert gone["talk"].id == ""
    assert conversations.names(home, OWNER) == []


def test_all_conversations_are_deleted(desk: Desk, home: Path) -> None:
    asked(desk, "One?")
    talk = asked(desk, "Two?")
    assert shown(desk.forget(visit(talk), ""))["talk"].id == ""
    assert conversations.names(home, OWNER) == []


@pytest.mark.parametrize("id", ["gone", "../../papers", "x" * 5000, "\x00"])
def test_a_conversation_that_is_not_there_is_a_new_one(desk: Desk, id: str) -> None:
    assert shown(desk.open(visit(), id))["talk"].id == ""


def test_an_address_asks_its_question_in_a_conversation_of_its_own(desk: Desk, home: Path) -> None:
    talk = asked(desk, "One?")
    *_, last = desk.arrive(replace(visit(), session="another"), {"c": talk.id, "q": "Two?"})
    assert shown(last)["talk"].id != talk.id
    assert kept(home, shown(last)["talk"]) == ["Two?"]


def test_who_asks_before_the_page_has_loaded_is_answered(desk: Desk) -> None:
    assert len(list(desk.arrive(visit(), {}))) == 1
    with desk.stops.running("a session") as stop:
        assert list(desk.arrive(visit(), {})) == []
        assert not stop.asked
    assert list(desk.arrive(visit(), {"q": "What is saved?"})) == []


def test_a_question_waits_until_the_page_shows_what_it_begins_with(desk: Desk) -> None:
    order = []
    arriving = desk.arrive(visit(), {})
    next(arriving)
    thread = threading.Thread(target=lambda: order.append(next(desk.ask("What is saved?", visit()))))
    thread.start()
    thread.join(0.3)
    assert order == [], "what the page begins with has not been sent yet"
    assert list(arriving) == []
    thread.join(5)
    assert "Reading the question" in shown(order[0])["messages"][-1]["content"]


def test_another_conversation_ends_the_answer_that_is_being_written(desk: Desk) -> None:
    views = desk.ask("endless", visit())
    for update in views:
        if "more" in str(shown(update).get("messages")):
            break
    new = desk.open(visit())
    rest = list(views)
    assert rest[-1] == new, "the last update is the one that shows the other"


def test_an_answer_that_cannot_be_saved_is_shown_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk is full; make room.")

    monkeypatch.setattr(conversations, "append", full)
    *_, last = desk.ask("What is saved?", visit())
    assert "The answer was not saved. The disk is full; make room." in shown(last)["next"]
    assert "receipt" in shown(last)["messages"][-1]["content"]


def test_nothing_is_suggested_where_nothing_was_answered(desk: Desk) -> None:
    assert desk.suggested(visit()) == ""
    assert desk.suggested(visit(asked(desk, "Please crash"))) == ""
    assert "And what else is saved?" in desk.suggested(visit(asked(desk, "What is saved?")))


def test_an_empty_question_does_nothing(desk: Desk) -> None:
    assert list(desk.ask("  \n", visit())) == []
