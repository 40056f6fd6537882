"""`make screenshots`: pictures of each tab of the page, light and dark, for the README and whoever changes the page.

Needs Chromium on this machine. Serves the seeds from a folder that is thrown away, and writes docs/*.png over those
that are there.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from rag.core.config import Config
from rag.web import launch

DOCS = Path(__file__).parent.parent / "docs"
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync"
DESKTOP: ViewportSize = {"width": 1360, "height": 850}
PHONE: ViewportSize = {"width": 390, "height": 844}
Scheme = Literal["light", "dark"]

LIST = "Which papers are about neural implicit or Gaussian scene reconstruction?"
COMPARISON = "Do FlashAttention-2 and Flash-LLM report speedups on the same hardware?"
UNSAID = "Who won the football world cup in 2018?"


def opened(browser: Browser, address: str, size: ViewportSize, scheme: Scheme) -> Page:
    """The page in a session of its own."""
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
    page.goto(address)
    page.locator(".starter").first.wait_for()
    return page


def kept(page: Page, name: str) -> None:
    """What the window shows now."""
    page.wait_for_timeout(800)
    page.screenshot(path=DOCS / f"{name}.png")


def ask(page: Page, question: str) -> None:
    """Asks, and waits for the answer and for what could be asked next."""
    box = page.get_by_label("Your question")
    before = page.locator("#chat article.answer").count()
    box.fill(question)
    box.press("Enter")
    page.locator("#chat article.answer").nth(before).wait_for()
    page.locator("#next .suggestion").first.wait_for()


def chats(browser: Browser, address: str, scheme: Scheme, ending: str) -> None:
    """The chat: a list, a comparison with a marker under the pointer, an answer that there is none."""
    for name, question in (("chat", LIST), ("chat-comparison", COMPARISON), ("chat-unsaid", UNSAID)):
        page = opened(browser, address, DESKTOP, scheme)
        ask(page, question)
        if name == "chat-comparison":
            page.locator("#chat a.chip").first.hover()
        kept(page, name + ending)
        page.context.close()


def tabs(browser: Browser, address: str, scheme: Scheme, ending: str) -> None:
    """The other tabs, after a question, with something to read in each."""
    page = opened(browser, address, DESKTOP, scheme)
    ask(page, COMPARISON)
    page.get_by_role("tab", name="Papers").click()
    page.get_by_label("Search the papers").fill("quantization")
    page.wait_for_timeout(800)
    page.locator("#papers-list button.title").first.click()
    kept(page, "papers" + ending)
    page.get_by_role("tab", name="Map").click()
    page.locator("[data-act=map-read]").first.wait_for()
    kept(page, "map" + ending)
    page.get_by_role("tab", name="Evaluation").click()
    page.get_by_role("button", name="Start").wait_for()
    if scheme == "light":
        page.get_by_role("button", name="Start").click()
    else:
        page.locator("#tabs button[data-act=run]").first.click()
    plot = page.locator("#tabs img").locator("visible=true").first  # each is there for light and for dark
    plot.wait_for(timeout=180_000)
    plot.scroll_into_view_if_needed()
    kept(page, "evaluation" + ending)
    page.get_by_role("tab", name="Settings").click()
    kept(page, "settings" + ending)
    page.context.close()


def main() -> None:
    """Takes every picture."""
    DOCS.mkdir(exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, sync_playwright() as playwright:
        address = launch(Config(home=Path(home), port=port), prevent_thread_lock=True)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        chats(browser, address, "light", "")
        tabs(browser, address, "light", "")
        chats(browser, address, "dark", "-dark")
        tabs(browser, address, "dark", "-dark")
        page = opened(browser, address, PHONE, "light")
        ask(page, LIST)
        kept(page, "chat-phone")
        browser.close()


if __name__ == "__main__":
    main()
