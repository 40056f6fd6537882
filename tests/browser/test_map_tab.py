"""The map as a reader uses it: seen, marked by an answer, clicked, and used with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from chatting import PHONE, Open, violations
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def _open_map(page: Page) -> None:
    page.locator("#tabs").get_by_role("tab", name="Map").click()
    expect(page.locator("svg.map")).to_be_visible(timeout=60_000)


def test_what_an_answer_cites_is_marked_and_a_click_reads_it_beside_the_map(real: str, open_page: Open) -> None:
    page = open_page(f"{real}?q=What+does+double+quantization+save+in+QLoRA")
    expect(page.locator("#chat article.answer .receipt")).to_be_visible(timeout=30_000)
    _open_map(page)
    # The answer may be shown a moment before it is kept.
    again = page.get_by_role("button", name="Look again")
    if again.is_visible():
        again.click()
    cited = page.locator("svg.map .cited")
    expect(cited).to_have_count(1)
    cited.hover()
    expect(page.locator("#hover-card")).to_contain_text("QLoRA")
    cited.click()
    paper = page.locator("#map-reading article")
    expect(paper.locator("mark").filter(has_text="double quantization")).to_be_visible()
    expect(paper.get_by_role("heading")).to_be_focused()
    assert violations(page) == []


def test_the_keyboard_reads_a_paper_from_the_words_on_a_phone(real: str, open_page: Open) -> None:
    page = open_page(real, PHONE)
    _open_map(page)
    page.locator(".groups summary").first.focus()
    page.keyboard.press("Enter")
    for _ in range(3):  # past the buttons that choose the whole group
        page.keyboard.press("Tab")
    title = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    heading = page.locator("#map-reading article").get_by_role("heading")
    expect(heading).to_have_text(title)
    expect(heading).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(page) == []


def test_papers_are_chosen_by_a_line_around_them(real: str, open_page: Open) -> None:
    page = open_page(real)
    _open_map(page)
    box = page.locator("svg.map").bounding_box()
    assert box is not None
    left, top, right, bottom = box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]
    page.mouse.move(left + 5, top + 5)
    page.mouse.down()
    for x, y in ((right - 5, top + 5), (right - 5, bottom - 5), (left + 5, bottom - 5)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()
    heading = page.locator("#map-reading").get_by_role("heading")
    expect(heading).to_have_text("82 papers inside")
    expect(heading).to_be_focused()
    assert violations(page) == []
    page.locator(".groups summary").first.click()
    page.locator("#map-words").get_by_role("button", name=re.compile("Ask only these")).first.click()
    expect(page.locator("#scope")).to_contain_text(re.compile(r"Asking only \d+ chosen papers"))
