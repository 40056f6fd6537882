"""The evaluation tab in headless Chromium: started, watched, stopped, gone on with, read, compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chatting import DESKTOP, PHONE, Open, violations
from endpoint_server import MODEL
from playwright.sync_api import Locator, Page, expect

from rag.core.config import Config
from rag.evaluation.outcome import outcome
from rag.evaluation.runs import load
from rag.evaluation.session import Plan, evaluate

if TYPE_CHECKING:
    from rag.service import Rag

pytestmark = [pytest.mark.browser]

SLOW = 120_000  # milliseconds


@pytest.fixture(scope="module")
def runs(collection: Rag) -> Path:
    """The folder of the runs that the page shows, with two of ten questions by other systems."""
    config = Config(home=collection.config.home, llm="none")
    for system in ("oracle", "paste"):
        assert evaluate(Plan(config, limit=1, system=system, name=system)) is not None
    return config.home / "evaluations"


def opened(page: Page) -> Page:
    """The page with the tab shown, from the menu of tabs where there is no room for all."""
    tab = page.get_by_role("tab", name="Evaluation")
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        tab = page.locator(".overflow-dropdown").get_by_role("button", name="Evaluation")
    tab.click()
    expect(page.locator(".cost")).to_contain_text("20 of the 608 practice questions")
    return page


def progress(page: Page) -> Locator:
    return page.locator("#evaluation-progress")


def start(page: Page, name: str) -> None:
    page.get_by_label("Name of the run").fill(name)
    page.get_by_role("button", name="Start").click()


def read(page: Page, name: str) -> Any:
    """Opens a run, and waits for its items."""
    page.locator(".runs").get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#run-title h2")).to_have_text(name)
    expect(page.locator("#run-figures details.card").first).to_be_visible(timeout=SLOW)


def compare(page: Page, a: str, b: str) -> None:
    for label, name in (("Run A, before", a), ("Run B, after", b)):
        page.get_by_label(label).click()
        page.get_by_role("option", name=name, exact=True).click()
        expect(page.get_by_role("option")).to_have_count(0)
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#run-compared h2")).to_be_visible(timeout=SLOW)


def test_twenty_questions_are_asked_and_a_failure_is_read(open_page: Open, real: str, runs: Path) -> None:
    page = opened(open_page(real))
    expect(page.locator("#evaluation-about")).to_contain_text("are kept for a last, honest measurement")
    start(page, "twenty")
    expect(progress(page)).to_contain_text(re.compile(r"twenty (Preparing|(Asking|Scoring) \d+ of 20)"))
    expect(page.locator("#run-title h2")).to_have_text("twenty", timeout=SLOW)
    expect(page.locator("#run-figures .lead")).to_contain_text("of 20 questions right", timeout=SLOW)
    expect(page.locator(".runs tr", has_text="twenty")).to_contain_text("20 dev")
    plots = page.locator("#run-figures svg.plot:visible")
    assert plots.count() >= 5
    assert all(plots.evaluate_all("all => all.map(p => p.getBoundingClientRect().width > 100)"))

    failures = [s for s in load(runs / "twenty").scored if outcome(s) != "right"]
    items = page.locator("#run-figures details.card")
    assert items.count() == len(failures)
    items.first.locator("summary").click()
    shown = " ".join(items.first.inner_text().split())
    failed = next(s for s in failures if " ".join(s.item.question.split()) in shown)
    assert " ".join(failed.item.reference_answer.split()) in shown
    for heading in ("Reference", "Answer", "Gold passages", "Quoted evidence", "Retrieved"):
        assert heading in shown


def test_a_run_goes_on_without_the_page_is_stopped_and_gone_on_with(open_page: Open, real: str, runs: Path) -> None:
    page, other = opened(open_page(real)), open_page(real)
    page.get_by_label("10", exact=True).check()
    expect(page.locator(".cost")).to_contain_text("100 of the 608")
    start(page, "stopped")
    expect(progress(page)).to_contain_text("stopped")
    opened(other)
    expect(progress(other)).to_contain_text("stopped")
    page.close()
    start(other, "second")
    expect(other.locator("#evaluation-told")).to_contain_text("one evaluation at a time, and stopped is running")
    expect(progress(other)).to_contain_text(re.compile(r"Asking [1-9]"), timeout=SLOW)
    other.get_by_role("button", name="Stop").press("Enter")
    expect(progress(other)).to_contain_text(re.compile(r"stopped was stopped after \d+ of 100 questions"), timeout=SLOW)
    kept = (runs / "stopped" / "answers.jsonl").read_text().count("\n")
    assert 0 < kept < 100

    expect(other.locator(".runs tr", has_text="stopped")).to_contain_text(f"{kept} of 100")
    progress(other).get_by_role("button", name="Go on with stopped").click()
    expect(progress(other)).to_contain_text("stopped is finished", timeout=2 * SLOW)
    assert json.loads((runs / "stopped" / "manifest.json").read_text())["sessions"] == 2
    assert len(load(runs / "stopped").scored) == 100


def test_two_runs_are_compared(open_page: Open, real: str, runs: Path) -> None:
    page = opened(open_page(real))
    compare(page, "paste", "oracle")
    expect(page.locator("#run-compared")).to_contain_text("oracle")
    table = page.locator("#run-compared").get_by_role("region", name="Differences")
    for column in ("95% interval", "Holm p", "finding"):
        expect(table).to_contain_text(column)
    expect(page.locator("#run-compared")).to_contain_text("oracle is better than paste in")
    change = page.locator("#run-compared details.card").first
    change.locator("summary").press("Enter")
    expect(change).to_contain_text("A: paste")
    expect(change).to_contain_text("B: oracle")
    page.get_by_label("Run A, before").click()
    page.get_by_role("option", name="oracle", exact=True).click()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#run-compared")).to_contain_text("Choose two different runs")


def test_the_report_is_opened_and_kept(open_page: Open, real: str, runs: Path) -> None:
    page = opened(open_page(real))
    read(page, "paste")
    with page.expect_download(timeout=SLOW) as download:
        page.locator("#run-figures").get_by_role("link", name="Download it").click()
    assert download.value.suggested_filename == "paste.html"
    with page.expect_popup() as popup:
        page.locator("#run-figures").get_by_role("link", name="Open the whole report").click()
    expect(popup.value.get_by_role("heading", name="Evaluation report")).to_be_visible(timeout=SLOW)
    popup.value.get_by_label("Search").fill("zyzzyva")
    expect(popup.value.get_by_text("No item is like that.")).to_be_visible()


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)])
def test_nothing_keeps_anybody_out(open_page: Open, real: str, runs: Path, scheme: str, size: dict[str, int]) -> None:
    page = opened(open_page(real, size, color_scheme=scheme))
    read(page, "paste")
    expect(page.locator("#run-title h2")).to_be_focused()
    page.locator("#run-figures details.card summary").first.press("Enter")
    compare(page, "oracle", "paste")
    page.locator("#run-compared details.card summary").first.press("Enter")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert violations(page) == []


def test_what_a_model_will_be_asked_is_told_before(open_page: Open, generating: str) -> None:
    page = opened(open_page(generating))
    expect(page.locator(".cost")).to_contain_text(f"{MODEL} writes the answers: about 26 calls")
    page.get_by_label("1", exact=True).check()
    expect(page.locator(".cost")).to_contain_text("10 of the 608")
    expect(page.locator(".cost")).to_contain_text("about 13 calls")
