"""`make screenshots`: pictures of the chat page on the real collection, for the README and whoever changes the page.

Needs Chromium on this machine. Writes docs/chat.png and others beside it, over those that are there.
"""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from rag.config import Config
from rag.web import launch

DOCS = Path(__file__).parent.parent / "docs"
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync"
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
TALL: ViewportSize = {"width": 1280, "height": 1150}
PHONE: ViewportSize = {"width": 390, "height": 844}

FACT = "What does double quantization save in QLoRA?"
COMPARISON = "How do GPipe and Holmes each use pipeline parallelism?"
LIST = "Which papers are about neural implicit or Gaussian scene reconstruction?"
UNSAID = "Who won the football world cup in 2018?"


def picture(
    browser: Browser,
    address: str,
    name: str,
    questions: tuple[str, ...],
    size: ViewportSize,
    scheme: Literal["light", "dark"],
) -> None:
    """Asks each question, waits for its answer, and keeps what the window shows then."""
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    for number, question in enumerate(questions):
        box = page.get_by_label("Your question")
        box.fill(question)
        box.press("Enter")
        page.locator("#chat .receipt").nth(number).wait_for()
    page.wait_for_timeout(800)
    page.screenshot(path=DOCS / f"{name}.png")
    context.close()


def main() -> None:
    """Serves the seeds from a folder that is thrown away, and takes every picture."""
    DOCS.mkdir(exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, sync_playwright() as playwright:
        address = launch(Config(home=Path(home), port=port), prevent_thread_lock=True)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS.split())
        picture(browser, address, "chat", (LIST,), DESKTOP, "light")
        picture(browser, address, "chat-comparison", (COMPARISON,), TALL, "light")
        picture(browser, address, "chat-dark", (FACT,), DESKTOP, "dark")
        picture(browser, address, "chat-unsaid", (UNSAID,), DESKTOP, "light")
        picture(browser, address, "chat-phone", (FACT,), PHONE, "light")
        browser.close()


if __name__ == "__main__":
    main()
