"""The door of the page, in a browser: logging in and out, and the documentation of the endpoints behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from chatting import PHONE, faulty, violations
from playwright.sync_api import Browser, BrowserContext, Page, expect
from serving import free_port, serving

if TYPE_CHECKING:
    from rag.service import Rag

pytestmark = [pytest.mark.browser]

PASSWORD = "correct: horse é"


@pytest.fixture(scope="module")
def guarded(collection: Rag, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAG_AUTH", f"alice:{PASSWORD}")
        with serving(tmp_path_factory.mktemp("guarded"), arguments) as address:
            yield address


@pytest.fixture(params=["light", "dark"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    context = browser.new_context(color_scheme=request.param, viewport=PHONE)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    yield context
    context.close()


def complaints(page: Page) -> list[str]:
    """What the browser will report as an error, other than that somebody was not logged in."""
    found: list[str] = []
    page.on("pageerror", lambda e: found.append(str(e)))
    page.on("console", lambda m: found.append(m.text) if faulty(m) and "401" not in m.text else None)
    return found


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_a_reader_logs_in_by_keyboard_and_out_again(context: BrowserContext, guarded: str) -> None:
    page = context.new_page()
    errors = complaints(page)
    page.goto(f"{guarded}?q=What%20is%20GPipe%3F")
    expect(page.get_by_label("Name")).to_be_focused()
    assert violations(page) == []
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("Name")).to_have_value("alice")
    expect(page.get_by_label("Password")).to_be_focused()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_be_visible()
    page.goto(f"{guarded}logout")
    assert violations(page) == []
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Name")).to_be_visible()
    page.goto(guarded)
    expect(page.get_by_label("Name")).to_be_visible()
    assert errors == []


def test_the_question_of_a_link_is_kept_for_after_the_login(context: BrowserContext, guarded: str) -> None:
    page = context.new_page()
    page.goto(f"{guarded}?q=What%20is%20GPipe%3F")
    log_in(page)
    expect(page.locator("#question textarea")).to_be_visible()
    expect(page.locator("#chat article.answer")).to_contain_text("GPipe")


def test_gradios_documentation_of_the_endpoints_works_under_our_policy(context: BrowserContext, guarded: str) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 1200, "height": 900})
    errors = complaints(page)
    missing: list[str] = []
    page.on("response", lambda r: missing.append(r.url) if r.status == 404 else None)
    page.goto(guarded)
    log_in(page)
    page.get_by_role("button", name="Use via API").click()
    for tab, shown in {
        "Python": "from gradio_client import Client",
        "cURL": "curl -X POST",
    }.items():
        page.get_by_text(tab, exact=True).first.click()
        expect(page.get_by_text(shown).first).to_be_visible()
    expect(page.get_by_text("a JSON list of ids or whole titles").first).to_be_visible()
    # It asks whether Gradio's own MCP is there; ours is at /mcp.
    assert all("/mcp" in url for url in missing), missing
    assert [e for e in errors if "404" not in e] == []
