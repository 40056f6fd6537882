"""The chat page in headless Chromium, as a user meets it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from endpoint_server import MODEL, Behaviour, EndpointServer, Request, answer, stall
from hostile import HOSTILE
from playwright.sync_api import Browser, Page, expect
from serving import free_port, serving

from rag.feedback import FILE, read

if TYPE_CHECKING:
    from rag.pipeline import Rag

pytestmark = [pytest.mark.browser]

DESKTOP = {"width": 1360, "height": 850}
PHONE = {"width": 360, "height": 740}

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def real(collection: Rag, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    with serving(tmp_path_factory.mktemp("real"), arguments) as address:
        yield address


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("scripted"), ["tests/scripted.py", str(free_port())]) as address:
        yield address


HELD = "Double quantization reduces the average memory footprint by quantizing the quantization constants"
INVENTED = "QLoRA was trained on 512 supercomputers of NASA"


def _behaviour(request: Request) -> Behaviour:
    """An answer with a claim that holds and one that doesn't; asked about memory, the start of one and then silence."""
    if "memory" in request.body["messages"][-1]["content"].partition("Question:")[2]:
        return stall(f"{HELD} [1]. ", "And then")
    return answer(f"{HELD} [1]. ", f"{INVENTED} [1].")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[EndpointServer]:
    with EndpointServer(choose=_behaviour) as server:
        yield server


@pytest.fixture(scope="module")
def generating(collection: Rag, endpoint: EndpointServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    arguments += ["--model", MODEL, "--base-url", endpoint.url]
    with serving(tmp_path_factory.mktemp("generating"), arguments) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens an address; afterwards nothing may have left this machine, failed, or been refused by the policy."""
    faults: list[str] = []
    contexts: list[Any] = []

    def open_page(address: str, size: dict[str, int] = DESKTOP, **options: Any) -> Page:
        context = browser.new_context(viewport=size, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda r: None if _local(r.url) else faults.append(f"requested {r.url}"))
        page.on("websocket", lambda s: faults.append(f"opened {s.url}"))
        page.on("pageerror", lambda e: faults.append(f"failed: {e}"))
        page.on("dialog", lambda d: faults.append(f"dialog: {d.message}"))
        page.on("console", lambda m: faults.append(f"console: {m.text}") if m.type == "error" else None)
        page.goto(address)
        expect(question(page)).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def _local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob", "about") or parts.hostname == "127.0.0.1"


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


def test_ask_and_follow_a_marker_to_the_sentence_in_its_abstract(open_page: Open, real: str) -> None:
    page = open_page(real)
    expect(page.locator("#header")).to_contain_text("82 papers")
    answer = ask(page, "What does double quantization save in QLoRA?")
    expect(answer).to_contain_text("double quantization")
    expect(answer.locator(".receipt")).to_contain_text("82 papers searched")
    answer.locator("a.chip").first.click()
    target = page.locator("#sources mark:has(:target)")
    expect(target).to_be_in_viewport()
    quoted = re.sub(r"^\d+", "", target.inner_text())
    assert quoted in answer.inner_text()
    expect(page.locator("#sources .card:has(:target)")).to_contain_text("exact quote")
    page.locator("#sources a.chip").first.click()
    expect(answer).to_be_in_viewport()


def test_a_link_to_a_source_stays_on_the_page_when_the_address_has_a_query(open_page: Open, real: str) -> None:
    page = open_page(f"{real}?from=readme")
    answer = ask(page, "What does double quantization save in QLoRA?")
    answer.locator("a.chip").first.click()
    expect(page.locator("#sources mark:has(:target)")).to_be_visible()
    expect(answer).to_be_visible()


def test_an_example_is_asked_by_a_click(open_page: Open, real: str) -> None:
    page = open_page(real)
    page.get_by_role("button", name="How do GPipe and Holmes each use pipeline parallelism?").click()
    answer = page.locator("#chat article.comparison")
    expect(answer.locator("table")).to_contain_text("GPipe")
    expect(answer.locator("table")).to_contain_text("Holmes")
    expect(page.locator("#sources .card")).to_have_count(2)


def test_a_list_and_then_a_follow_up(open_page: Open, real: str) -> None:
    page = open_page(real)
    answer = ask(page, "Which papers are about neural implicit or Gaussian scene reconstruction?")
    expect(answer).to_contain_text("of 82 papers")
    assert answer.locator("li").count() >= 2
    follow_up = ask(page, "And which of them is faster to train?")
    expect(follow_up.locator(".understood")).to_contain_text("Understood as:")
    page.locator("#chat article.list a.chip").first.click()
    expect(page.locator("#sources .earlier mark:has(:target)")).to_be_in_viewport()


def test_a_model_writes_is_checked_and_is_stopped(open_page: Open, generating: str, endpoint: EndpointServer) -> None:
    page = open_page(generating)
    expect(page.locator("#header")).to_contain_text(f"Answers are written by {MODEL} and checked against the abstracts")
    written = ask(page, "What does double quantization save in QLoRA?")
    mark = written.locator("p .doubt.unsupported")
    expect(mark).to_have_count(1)
    expect(mark).to_contain_text("✕ unsupported")
    assert "512" in (mark.get_attribute("title") or "")
    assert _contrast(page, "#chat p .doubt") >= 4.5
    expect(written.locator(".doubts li")).not_to_be_visible()
    written.locator(".doubts summary").click()
    expect(written.locator(".doubts li")).to_contain_text("512")
    expect(written.locator(".receipt")).to_contain_text(f"Written by {MODEL}, checked")
    expect(page.locator("#sources .verdicts").first).to_contain_text("✓ supports the claim")

    question(page).fill("How much memory does QLoRA need?")
    question(page).press("Enter")
    expect(page.locator("#chat .answer").last).to_contain_text("average memory footprint")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#chat .stopped")).to_be_visible()
    assert endpoint.requests[-1].hung_up.wait(5)

    question(page).fill("How much memory does QLoRA need?")
    question(page).press("Enter")
    expect(page.locator("#chat .answer").last).to_contain_text("average memory footprint")
    page.close()
    assert endpoint.requests[-1].hung_up.wait(10), "whoever closes the page stops the model"


def test_an_abstention_looks_like_one(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    answer = ask(page, "There is nothing on this")
    expect(answer).to_have_class(re.compile("abstained"))
    expect(answer).to_contain_text("The collection does not say")
    expect(page.locator("#sources")).to_contain_text("Nearest papers")
    expect(page.locator("#sources mark")).to_have_count(0)


def test_feedback_is_saved_with_its_reason(open_page: Open, real: str, collection: Rag) -> None:
    file = collection.config.home / FILE
    file.unlink(missing_ok=True)
    page = open_page(real)
    ask(page, "What does double quantization save in QLoRA?")
    ask(page, "And GPipe?")
    rating = page.locator("#rating")
    expect(rating).to_be_hidden()
    page.get_by_role("button", name="Dislike").nth(1).click()
    expect(rating).to_contain_text("Thank you, your rating is saved.")
    page.get_by_label("What is wrong with it?").fill("It says <b>too much</b>.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("What is wrong with it?")).to_be_hidden()
    page.get_by_role("button", name="Like", exact=True).first.click()
    expect(page.get_by_label("What is wrong with it?")).to_be_hidden()
    assert _contrast(page, "#rating .note") >= 4.5
    ask(page, "And Holmes?")
    expect(rating).to_be_hidden()
    found, bad = read(file)
    assert bad == []
    assert [(f.thumb, f.reason, f.question, len(f.history)) for f in found] == [
        ("down", "", "And GPipe?", 2),
        ("down", "It says <b>too much</b>.", "And GPipe?", 2),
        ("up", "", "What does double quantization save in QLoRA?", 0),
    ]
    assert found[0].answer.citations


def test_feedback_is_asked_of_finished_answers_only(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    thumbs = page.get_by_role("button", name="Dislike")
    question(page).fill("A slow question")
    question(page).press("Enter")
    expect(page.locator("#chat")).to_contain_text("word3")
    expect(thumbs).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#chat .stopped")).to_be_visible()
    expect(thumbs).to_have_count(0)
    ask(page, "A quick question")
    expect(thumbs).to_have_count(1)


def test_stop_keeps_what_has_arrived_and_the_next_question_works(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    question(page).fill("A slow question")
    question(page).press("Enter")
    expect(page.locator("#chat")).to_contain_text("word3")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#chat .stopped")).to_be_visible()
    expect(page.locator("#chat")).to_contain_text("word3")
    shown = page.locator("#chat").inner_text()
    page.wait_for_timeout(1000)
    assert page.locator("#chat").inner_text() == shown
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    ask(page, "A quick question")


def test_the_next_question_can_be_typed_while_an_answer_is_written(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    question(page).fill("A slow question")
    question(page).press("Enter")
    expect(page.locator("#chat")).to_contain_text("word1 ")
    question(page).fill("The next one")
    expect(page.locator("#chat")).to_contain_text("word9 ")
    expect(question(page)).to_have_value("The next one")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#chat .stopped")).to_be_visible()
    expect(question(page)).to_have_value("The next one")


def test_clear_forgets_the_conversation_even_while_it_is_answered(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    ask(page, "A quick question")
    question(page).fill("A slow question")
    question(page).press("Enter")
    expect(page.locator("#chat")).to_contain_text("word1")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    expect(page.locator("#chat .welcome")).to_be_visible()
    expect(page.locator("#sources mark")).to_have_count(0)
    expect(ask(page, "Another question").locator(".understood")).to_have_count(0)


def test_an_error_is_a_sentence_with_its_remedy(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    question(page).fill("Please fail")
    question(page).press("Enter")
    expect(page.locator("#chat .problem")).to_contain_text("The index is gone; run rag ingest.")
    ask(page, "A quick question")


def test_hostile_papers_questions_and_answers_change_nothing(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    ask(page, f"hostile {' '.join(HOSTILE)}"[:3000])
    ask(page, "hostile again")
    page.locator("#sources details").evaluate_all("all => all.forEach(one => one.open = true)")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.pwned") is None
    planted = "img, svg, iframe, form, input, style, script, math, base, meta, [onerror], [onload], [ontoggle]"
    assert page.locator("#chat .prose").locator(planted).count() == 0
    assert page.locator("#sources .prose").locator(planted).count() == 0
    links = page.locator("#chat a, #sources a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links
    assert all(link.startswith("#") for link in links)
    expect(page.get_by_role("heading", name="Paper RAG")).to_be_visible()
    expect(page.locator("#chat")).to_contain_text("<script>window.pwned=1</script>")


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
        assert _contrast(page, place) >= 4.5, place
    for place in ("#sources h3", "#sources .good", "#sources .abstract", "#sources mark", "#question textarea"):
        assert _contrast(page, place) >= 4.5, place


def _contrast(page: Page, selector: str) -> float:
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
