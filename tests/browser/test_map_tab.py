"""The map as a reader uses it on a phone, with the keyboard alone."""

from __future__ import annotations

import pytest
from chatting import PHONE, Open, violations
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def _open_map(page: Page) -> None:
    page.locator("#tabs").get_by_role("tab", name="Map").click()
    expect(page.locator("svg.map")).to_be_visible(timeout=60_000)


def test_the_keyboard_reads_a_paper_from_the_words_on_a_phone(real: str, open_page: Open) -> None:
    page = open_page(real, PHONE)
    _open_map(page)
    page.locator(".groups summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    title = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    heading = page.locator("#map-reading article").get_by_role("heading")
    expect(heading).to_have_text(title)
    expect(heading).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(page) == []
