"""The page of `rag eval report` in headless Chromium, opened as the file that it is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from evaluated import MANIFEST, Entry, broken, entry, item, write_run
from hostile import HOSTILE
from playwright.sync_api import Browser, Page, expect

from rag.evaluation.report import save

pytestmark = [pytest.mark.browser]

Open = Callable[..., Page]


def _entries(count: int) -> list[Entry]:
    """As many questions, of three kinds: some right, some refused, one broken, all with hostile text."""
    found = [broken(item("broken", question="What broke?"))]
    for n in range(count - 1):
        text = HOSTILE[n % len(HOSTILE)]
        asked = item(
            f"q{n}", ("fact", "number", "idea")[n % 3], question=f"Question {n}: {text}", reference_answer=text
        )
        cited = ["one"] if n % 4 else []
        found.append(entry(asked, cited, ["one", "two"], answer=f"{text} says [1]", confidence=n % 10 / 10))
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs of 500 questions each."""
    folder = tmp_path_factory.mktemp("report")
    runs = [write_run(folder / "quoting", _entries(500))]
    runs.append(write_run(folder / "noisy", _entries(500), {**MANIFEST, "distractors": {"ratio": 2, "papers": 9}}))
    return save(runs, folder / "out")[1].as_uri()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens the page; afterwards it may have asked for nothing, failed at nothing, and had nothing refused."""
    faults: list[str] = []
    contexts: list[Any] = []

    def open_page(address: str, width: int = 1280, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        own = address.partition("#")[0]
        page.on("request", lambda r: None if r.url.partition("#")[0] in (own, "data:,") else faults.append(r.url))
        page.on("pageerror", lambda e: faults.append(f"failed: {e}"))
        page.on("dialog", lambda d: faults.append(f"dialog: {d.message}"))
        page.on("console", lambda m: faults.append(f"console: {m.text}") if m.type != "log" else None)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def test_nothing_hostile_runs_or_is_asked_for(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.get_by_role("button", name="Open those shown").click()
    expect(page.locator("details.card[open]")).to_have_count(1000)
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.querySelectorAll('img, iframe, form, base, [style]').length") == 0


def test_a_thousand_items_are_filtered_at_once(open_page: Open, report: str) -> None:
    page = open_page(report)
    shown, count = page.locator("details.card:not([hidden])"), page.locator("#count")
    expect(count).to_have_text("1,000 of 1,000 shown")
    assert page.locator("details.card").first.get_attribute("data-outcome") == "error"
    page.locator("#kind").select_option("number")
    expect(count).to_have_text(re.compile(r"^33\d of 1,000 shown$"))
    page.locator("#of-run").select_option(label="noisy")
    page.locator("#outcome").select_option("refused")
    expect(shown.first).to_be_visible()
    assert set(
        shown.evaluate_all("cards => cards.map(c => [c.dataset.kind, c.dataset.run, c.dataset.outcome].join())")
    ) == {"number,1,refused"}
    for place in ("#kind", "#of-run", "#outcome"):
        page.locator(place).select_option("")
    began = time.monotonic()
    page.get_by_label("Search").fill("question  417: ")
    expect(count).to_have_text("2 of 1,000 shown")
    assert time.monotonic() - began < 5
    page.get_by_label("Search").fill("no such words")
    expect(page.get_by_text("No item is like that.")).to_be_visible()


def test_the_keyboard_suffices(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("what broke")
    expect(page.locator("#count")).to_have_text("2 of 1,000 shown")
    card = page.locator("details.card:not([hidden])").first
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(card.get_by_text("ModelTimeout")).to_be_visible()


def test_an_address_opens_its_item(open_page: Open, report: str) -> None:
    page = open_page(f"{report}#r2-7")
    expect(page.locator("#r2-7[open] .answer")).to_be_in_viewport()


def test_without_scripts_everything_is_there(open_page: Open, report: str) -> None:
    page = open_page(report, java_script_enabled=False)
    expect(page.locator("#filters")).to_be_hidden()
    card = page.locator("details.card").first
    card.locator("summary").click()
    expect(card.get_by_text("ModelTimeout")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_sticks_out(open_page: Open, report: str, scheme: str) -> None:
    page = open_page(f"{report}#r1-3", 360, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details.fold').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_on_a_phone_the_figures_of_both_runs_are_in_sight(open_page: Open, report: str) -> None:
    page = open_page(report, 360)
    box = page.locator("#results .scroll")
    assert box.evaluate("e => e.scrollWidth <= e.clientWidth"), "nothing is hidden at the right"
    last = page.locator("#results tr:not(.group) td:last-child").last.bounding_box()
    assert last is not None
    assert last["x"] + last["width"] <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: Open, report: str, scheme: str) -> None:
    page = open_page(f"{report}#r1-3", color_scheme=scheme)
    places = (
        "h1",
        ".lead",
        "nav a",
        "thead th",
        "td small",
        ".remark",
        ".tag.bad",
        ".tag.good",
        ".card[open] mark",
        "input",
    )
    for place in (*places, ".card[open] h3", ".card[open] .small", "button"):
        assert _contrast(page, place) >= 4.5, place
    for number in range(9):
        assert _contrast(page, ".lead", f"var(--outcome-{number})") >= 4.5, number


def _contrast(page: Page, selector: str, ground: str = "") -> float:
    """The contrast ratio of WCAG 2.2 between the text of an element and `ground`, else the first ground under it."""
    colours = page.locator(selector).first.evaluate(
        """(e, given) => { const probe = document.body.appendChild(document.createElement('i'));
            probe.style.backgroundColor = given; let ground = given ? probe : e, colour;
            do { colour = getComputedStyle(ground).backgroundColor; ground = ground.parentElement; }
            while (ground && colour.endsWith(', 0)'));
            probe.remove(); return [getComputedStyle(e).color, colour]; }""",
        ground,
    )
    light, dark = sorted((_luminance(c) for c in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
