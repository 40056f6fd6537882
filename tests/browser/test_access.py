"""The page for everybody: by keyboard, in the dark, on a phone, through a screen reader."""

from __future__ import annotations

import pytest
from chatting import PHONE, Open, ask, contrast, question, turn, violations
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser]

TABS = ("Chat", "Papers", "Map", "Evaluation", "Settings")


def test_by_keyboard_alone(open_page: Open, real: str) -> None:
    page = open_page(real)
    question(page).focus()
    page.keyboard.type("What does double quantization save in QLoRA?")
    page.keyboard.press("Enter")
    chip = page.locator("#chat article.answer a.chip").first
    expect(chip).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('#chat a.chip')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#sources mark:has(:target)")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_sources_are_under_the_chat_and_nothing_sticks_out(
    open_page: Open, real: str, scheme: str
) -> None:
    page = open_page(real, PHONE, color_scheme=scheme, has_touch=True)
    answer = ask(page, "How do GPipe and Holmes each use pipeline parallelism?")
    chat, panel = page.locator("#conversation").bounding_box(), page.locator("#evidence").bounding_box()
    assert chat is not None and panel is not None
    assert panel["y"] >= chat["y"] + chat["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    answer.locator("a.chip").first.tap()
    expect(page.locator("#sources mark:has(:target)")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: Open, real: str, scheme: str) -> None:
    page = open_page(real, color_scheme=scheme)
    ask(page, "What does double quantization save in QLoRA?")
    for place in ("#header h1", "#header p", "#chat .question", "#chat blockquote", "#chat .receipt", "#chat a.chip"):
        assert contrast(page, place) >= 4.5, place
    for place in ("#sources h3", "#sources .good", "#sources .abstract", "#sources mark", "#question textarea"):
        assert contrast(page, place) >= 4.5, place


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_has_a_serious_violation(open_page: Open, real: str, scheme: str) -> None:
    page = open_page(real, color_scheme=scheme)
    assert violations(page) == []
    ask(page, "How do GPipe and Holmes each use pipeline parallelism?")
    ask(page, "Which papers are about neural implicit or Gaussian scene reconstruction?")
    ask(page, "Who won the football world cup in 2018?")
    expect(page.locator("#next .suggestion").first).to_be_visible()
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(1000)
        assert violations(page) == [], name


@pytest.mark.parametrize("name", TABS)
def test_no_tab_sticks_out_of_a_phone(open_page: Open, real: str, name: str) -> None:
    page = open_page(real, PHONE)
    turn(page, name)
    page.wait_for_timeout(1000)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_each_tab_is_reached_by_keyboard(open_page: Open, real: str) -> None:
    page = open_page(real)
    page.get_by_role("tab", name="Chat").focus()
    for name in TABS[1:]:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_a_new_answer_is_told_and_the_focus_stays_in_the_question(open_page: Open, real: str) -> None:
    page = open_page(real)
    ask(page, "What is GPipe?")
    assert page.evaluate("document.activeElement.closest('#question') !== null")
    assert page.locator("#chat [role=log]").get_attribute("aria-live") == "polite"
