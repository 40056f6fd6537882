"""What a reader needs is in view and within reach: the newest answer, the box, the conversations, whole suggestions."""

from __future__ import annotations

import re

import pytest
from chatting import PHONE, Open, ask, question, reload, turn, violations
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser]

SIZES = ({"width": 1400, "height": 900}, {"width": 1920, "height": 1000}, PHONE, {"width": 700, "height": 450})
"""Desktops, a phone, and a small laptop at 200 %."""


def assert_newest_at_the_top(page: Page) -> None:
    """The last question is at the top edge of what can be seen of the chat, with its answer's first line below it."""
    page.wait_for_timeout(300)
    distance = page.evaluate(
        """() => { const row = [...document.querySelectorAll('#chat .question')].pop().closest('.message-row');
            const edge = document.querySelector('#chat [role=log]').getBoundingClientRect().top;
            return row.getBoundingClientRect().top - Math.max(0, edge); }"""
    )
    assert -1 <= distance < 30
    expect(page.locator("#chat article.answer p").last).to_be_in_viewport()
    expect(question(page)).to_be_in_viewport()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_the_newest_question_is_at_the_top_with_its_answer_below_it(
    open_page: Open, scripted: str, size: dict[str, int]
) -> None:
    page = open_page(scripted, size)
    expect(question(page)).to_be_in_viewport()
    for text in ("A quick question", "What is nearest?", "Another one"):
        ask(page, text)
    assert_newest_at_the_top(page)
    page.get_by_role("button", name="Edit the last question").click()
    expect(question(page)).to_be_focused()
    expect(question(page)).to_have_value("Another one")
    page.keyboard.press("End")
    page.keyboard.type(", edited")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .question").last).to_have_text("Another one, edited")
    expect(page.locator("#chat article.answer")).to_have_count(3)
    assert_newest_at_the_top(page)


def test_a_reader_who_scrolled_stays_there(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    for text in ("A quick question", "What is nearest?"):
        ask(page, text)
    question(page).fill("A slow question")
    question(page).press("Enter")
    expect(page.locator("#chat")).to_contain_text("word3 ")
    log = page.locator("#chat [role=log]")
    log.evaluate("e => { e.scrollTop = 10; }")
    expect(page.locator("#chat")).to_contain_text("word15 ")
    assert log.evaluate("e => e.scrollTop") == 10
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#chat .stopped")).to_be_visible()


def test_conversations_open_and_close_on_a_phone(open_page: Open, scripted: str) -> None:
    page = open_page(scripted, PHONE, has_touch=True)
    ask(page, "A quick question")
    toggle = page.locator("#history").get_by_role("button", name="Conversations", exact=True)
    past = page.locator("#past").get_by_role("button", name="A quick question", exact=True).first
    expect(past).to_be_hidden()
    toggle.tap()
    expect(past).to_be_visible()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    toggle.tap()
    expect(past).to_be_hidden()
    toggle.tap()
    past.tap()
    expect(past).to_be_hidden()


def test_the_question_is_a_key_or_a_link_away(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    turn(page, "Papers")
    page.keyboard.press("/")
    expect(question(page)).to_be_focused()
    page.keyboard.type("a/b")
    expect(question(page)).to_have_value("a/b")
    turn(page, "Papers")
    skip = page.get_by_role("link", name="Skip to the question")
    skip.focus()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(question(page)).to_be_focused()


def test_a_deleted_conversation_comes_back_after_more_clicks(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    ask(page, "To be deleted")
    page.get_by_label("Rename, export or delete: To be deleted").first.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#history")).to_contain_text("Deleted: “To be deleted”")
    expect(page.get_by_role("button", name="Undo: delete “To be deleted”")).to_be_focused()
    expect(page.locator("#history").get_by_role("button", name="To be deleted", exact=True)).to_have_count(0)
    ask(page, "Something else")
    reload(page)
    page.get_by_role("button", name="Undo: delete “To be deleted”").click()
    expect(page.locator("#past")).to_contain_text("To be deleted")
    expect(page.locator("#history")).not_to_contain_text("Deleted:")
    assert violations(page) == []


@pytest.mark.parametrize("size", [SIZES[0], PHONE], ids=["desktop", "phone"])
def test_conversations_are_renamed_and_searched(open_page: Open, scripted: str, size: dict[str, int]) -> None:
    page = open_page(scripted, size)
    ask(page, f"On ants of {size['width']}")
    for animal in ("bees", "cats", "dogs", "elks", "foxes"):
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator("#chat .welcome")).to_be_visible()
        ask(page, f"On {animal} of {size['width']}")
    toggle = page.locator("#history").get_by_role("button", name="Conversations", exact=True)
    if size == PHONE:
        toggle.click()
    page.get_by_label(f"Rename, export or delete: On dogs of {size['width']}").click()
    page.get_by_role("button", name="Rename", exact=True).click()
    field = page.get_by_label("New title")
    expect(field).to_be_focused()
    expect(field).to_have_value(f"On dogs of {size['width']}")
    name = f"Of <b>moons</b> @{size['width']}"
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    renamed = page.locator("#past").get_by_role("button", name=name, exact=True, include_hidden=True)
    expect(renamed).to_have_count(1)
    if size == PHONE:
        toggle.click()
    find = page.get_by_label("Search conversations")
    find.fill(f"moon {size['width']}")
    expect(page.locator("#past li")).to_have_count(1)
    expect(renamed).to_be_visible()
    find.fill("dogs moonless")
    expect(page.locator("#past li")).to_have_count(0)
    find.fill(f"dogs {size['width']}")  # What was asked is found under the new title, too.
    expect(page.locator("#past li")).to_have_count(1)
    assert violations(page) == []
    renamed.click()
    expect(page.locator("#chat .question")).to_have_text(f"On dogs of {size['width']}")
    expect(find).to_have_value("")
    expect(page.locator("#past li")).not_to_have_count(1)


def test_the_field_for_what_was_wrong_is_not_taken_for_the_question(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    ask(page, "A quick question")
    page.get_by_role("button", name="Answer 1 is not helpful").click()
    expect(page.locator("#rating label span", has_text="What was wrong with the answer?")).to_be_visible()
    expect(question(page)).to_be_visible()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_the_start_shows_the_collection_with_the_box_in_the_first_screen(
    open_page: Open, real: str, size: dict[str, int]
) -> None:
    page = open_page(real, size)
    expect(question(page)).to_be_in_viewport()
    expect(page.locator("#chat .welcome")).to_contain_text("82 papers")
    expect(page.locator("#sources")).to_be_hidden()
    box, starter = question(page).bounding_box(), page.locator(".starters .starter").first.bounding_box()
    assert box is not None and starter is not None
    assert box["y"] < starter["y"]
    theme = page.locator(".themes .starter").first
    expect(theme).to_contain_text(re.compile(r"\d+ papers, such as .+"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    theme.click()
    expect(page.locator("#chat .question")).to_contain_text("Which papers are about")
    expect(page.locator("#chat article.answer .receipt")).to_be_visible(timeout=30_000)
    expect(page.locator("#sources")).to_be_visible()


@pytest.mark.parametrize("size", [SIZES[0], PHONE], ids=["desktop", "phone"])
def test_all_sides_of_a_comparison_are_on_one_screen(open_page: Open, real: str, size: dict[str, int]) -> None:
    page = open_page(real, size)
    answer = ask(page, "How do GPTQ, SqueezeLLM and QLoRA differ?")
    names = answer.locator("tbody th .title")
    expect(names).to_have_text(["QLoRA", "SqueezeLLM", "GPTQ"])
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if size == PHONE:  # A card for each: its name above what is said.
        cell = answer.locator("tbody td").first.bounding_box()
        name = answer.locator("tbody th").first.bounding_box()
        assert cell is not None and name is not None
        assert name["y"] + name["height"] <= cell["y"] + 1
        return
    for name in names.all():
        expect(name).to_be_in_viewport()
    answer.get_by_text("1 more").first.click()
    assert violations(page) == []


def test_with_papers_chosen_the_first_questions_are_about_them(open_page: Open, real: str) -> None:
    page = open_page(real)
    turn(page, "Papers")
    page.get_by_label("Search the papers").fill("GPipe")
    page.get_by_role("button", name="Choose GPipe").first.click()
    page.get_by_role("button", name="Ask it").click()
    expect(page.locator("#next .starter").first).to_contain_text("GPipe")
    expect(page.locator("#next")).not_to_contain_text("QLoRA")
    turn(page, "Papers")
    page.get_by_role("button", name="Clear: choose none").click()
    turn(page, "Chat")
    expect(page.locator("#next")).to_contain_text("QLoRA")


@pytest.mark.parametrize("size", [SIZES[0], PHONE], ids=["desktop", "phone"])
def test_a_suggested_question_is_shown_whole(open_page: Open, scripted: str, size: dict[str, int]) -> None:
    page = open_page(scripted, size)
    ask(page, "A quick question")
    expect(page.locator("#next .suggestion")).to_have_count(2)
    cut = page.locator("#next .suggestion").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2).length"
    )
    assert cut == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
