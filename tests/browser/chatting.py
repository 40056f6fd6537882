"""What a reader does on the page, for the tests in Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, expect

DESKTOP = {"width": 1360, "height": 850}
PHONE = {"width": 360, "height": 740}

Open = Callable[..., Page]


def question(page: Page) -> Any:
    return page.get_by_label("Your question")


def ask(page: Page, text: str) -> Any:
    """Asks, waits for the answer to be finished, and returns it."""
    before = page.locator("#chat article.answer").count()
    question(page).fill(text)
    question(page).press("Enter")
    finished = page.locator("#chat article.answer").nth(before)
    expect(finished.locator(".receipt")).to_be_visible(timeout=30_000)
    return finished


def contrast(page: Page, selector: str) -> float:
    """The contrast ratio of WCAG 2.2 between the text of an element and the first ground under it."""
    colours = page.locator(selector).first.evaluate(
        """e => { let ground = e, colour;
            do { colour = getComputedStyle(ground).backgroundColor; ground = ground.parentElement; }
            while (ground && colour.endsWith(', 0)'));
            return [getComputedStyle(e).color, colour]; }"""
    )
    light, dark = sorted((_luminance(c) for c in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def faulty(told: ConsoleMessage) -> bool:
    """Whether the console tells of a fault. That leaving a page cuts off a stream is none, which Gradio tells as well;
    what a server refuses, or fails at, is told by the browser itself, too.
    """
    return told.type == "error" and not re.search("AbortError|Connection errored out", told.text)


def reload(page: Page) -> None:
    """Reloads when nothing is under way any more; Gradio tells on the console of what a reload cuts off."""
    if page.locator("#chat article.answer").count():
        expect(page.locator("#next .suggestion").first).to_be_visible()
    page.wait_for_timeout(500)
    page.reload()


def turn(page: Page, name: str) -> None:
    """Goes to a tab; on a phone some are in a menu."""
    tab = page.get_by_role("tab", name=name)
    if tab.is_visible():
        tab.click()
    else:
        page.get_by_role("button", name="More tabs").click()
        page.locator(".overflow-dropdown").get_by_text(name, exact=True).click()
    expect(tab).to_have_attribute("aria-selected", "true")


def violations(page: Page) -> list[str]:
    """What axe-core finds on a page that is serious or critical: the rule, and the element."""
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {node['html'][:200]} {node['failureSummary']}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]
