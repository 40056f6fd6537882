"""The chat in headless Chromium, as a user meets it."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import pytest
from chatting import Open, ask, contrast, question, reload, violations
from endpoint_server import MODEL, EndpointServer, Request
from playwright.sync_api import expect

from rag.home.feedback import FILE, read

if TYPE_CHECKING:
    from rag.service import Rag

pytestmark = [pytest.mark.browser]


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


def test_a_list_and_then_a_follow_up(open_page: Open, real: str) -> None:
    page = open_page(real)
    answer = ask(page, "Which papers are about neural implicit or Gaussian scene reconstruction?")
    expect(answer).to_contain_text("of 82 papers")
    assert answer.locator(".rows li").count() >= 2
    follow_up = ask(page, "And which of them is faster to train?")
    expect(follow_up.locator(".understood")).to_contain_text("Understood as:")
    page.locator("#chat article.list a.chip").first.click()
    expect(page.locator("#sources .earlier mark:has(:target)")).to_be_in_viewport()


def test_a_model_writes_is_checked_and_is_stopped(open_page: Open, generating: str, endpoint: EndpointServer) -> None:
    page = open_page(generating)
    expect(page.locator("#header")).to_contain_text(f"{MODEL} writes the answers, and each claim is checked")
    written = ask(page, "What does double quantization save in QLoRA?")
    mark = written.locator("p .doubt.unsupported")
    expect(mark).to_have_count(1)
    expect(mark).to_contain_text("✕ unsupported")
    assert "512" in (mark.get_attribute("title") or "")
    assert contrast(page, "#chat p .doubt") >= 4.5
    expect(written.locator(".doubts li")).not_to_be_visible()
    written.locator(".doubts summary").click()
    expect(written.locator(".doubts li")).to_contain_text("512")
    expect(written.locator(".receipt")).to_contain_text(f"Written by {MODEL}, checked")
    expect(page.locator("#sources .verdicts").first).to_contain_text("✓ supports the claim")

    def stalled() -> Request:
        """The request of the answer that is being written; others ask for JSON."""
        return [r for r in endpoint.requests if r.body and "response_format" not in r.body][-1]

    question(page).fill("How much memory does QLoRA need?")
    question(page).press("Enter")
    expect(page.locator("#chat div.answer").last).to_contain_text("average memory footprint")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#chat .stopped")).to_be_visible()
    assert stalled().hung_up.wait(5)

    question(page).fill("How much memory does QLoRA need?")
    question(page).press("Enter")
    expect(page.locator("#chat div.answer").last).to_contain_text("average memory footprint")
    page.close()
    assert stalled().hung_up.wait(10), "whoever closes the page stops the model"


def test_the_nearest_sentences_look_like_no_answer_and_like_no_failure(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    answer = ask(page, "What is nearest?")
    expect(answer.locator(".state")).to_have_text("Nearest sentences")
    assert contrast(page, "#chat .state") >= 4.5
    answer.locator("a.chip").first.click()
    expect(page.locator("#sources mark:has(:target)")).to_be_in_viewport()
    expect(page.locator("#sources h2").first).to_contain_text("Nearest papers")
    frames = [a.evaluate("e => getComputedStyle(e).borderLeftWidth") for a in (answer, ask(page, "A quick question"))]
    assert frames == ["3px", "0px"]


def test_where_nothing_is_near_the_nearest_papers_are_named(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    answer = ask(page, "There is nothing on this")
    expect(answer).to_have_class(re.compile("nothing"))
    expect(answer.locator(".state")).to_have_count(0)
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
    page.get_by_role("button", name="Answer 2 is not helpful").click()
    expect(rating).to_contain_text("Thank you, your rating is saved.")
    page.get_by_label("What was wrong with the answer?").fill("It says <b>too much</b>.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("What was wrong with the answer?")).to_be_hidden()
    page.get_by_role("button", name="Answer 1 is helpful").click()
    expect(page.get_by_label("What was wrong with the answer?")).to_be_hidden()
    assert contrast(page, "#rating .note") >= 4.5
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
    thumbs = page.get_by_role("button", name="is not helpful")
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


def test_an_error_is_a_sentence_with_its_remedy(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    question(page).fill("Please fail")
    question(page).press("Enter")
    expect(page.locator("#chat .problem")).to_contain_text("The index is gone; run rag ingest.")
    ask(page, "A quick question")


def test_a_suggested_question_is_asked_by_a_click_and_others_follow(open_page: Open, real: str) -> None:
    page = open_page(real)
    starter = page.locator(".starter").first
    words = starter.inner_text()
    starter.click()
    expect(page.locator("#chat .question")).to_have_text(words)
    answer = page.locator("#chat article.answer")
    expect(answer.locator("a.chip").first).to_be_visible()
    expect(answer).not_to_have_class(re.compile("nearest|nothing"))
    following = page.locator("#next .suggestion")
    expect(following.first).to_be_visible()
    words = following.first.inner_text()
    following.first.click()
    expect(page.locator("#chat .question").last).to_have_text(words)
    expect(answer.nth(1).locator("a.chip").first).to_be_visible()
    expect(answer.nth(1)).not_to_have_class(re.compile("nearest|nothing"))


def test_a_comparison_has_a_row_a_side_and_can_be_kept(open_page: Open, real: str) -> None:
    page = open_page(real)
    answer = ask(page, "How do GPipe and Holmes each use pipeline parallelism?")
    expect(answer.locator("tbody tr")).to_have_count(2)
    expect(answer.locator("table")).to_contain_text("GPipe")
    expect(answer.locator("table")).to_contain_text("Holmes")
    expect(page.locator("#sources .card")).to_have_count(2)
    with page.expect_download() as kept:
        answer.get_by_role("link", name="as CSV").click()
    rows = kept.value.path().read_text(encoding="utf-8-sig")
    assert kept.value.suggested_filename.endswith(".csv")
    assert "GPipe" in rows
    assert "pipeline" in rows


def test_a_list_tells_how_many_of_how_many_and_can_be_kept(open_page: Open, real: str) -> None:
    page = open_page(real)
    answer = ask(page, "Which papers are about neural implicit or Gaussian scene reconstruction?")
    rows = answer.locator(".rows li")
    expect(answer).to_contain_text(f"{rows.count()} of 82 papers")
    with page.expect_download() as kept:
        answer.get_by_role("link", name="as Markdown").click()
    assert len(kept.value.path().read_text().strip().splitlines()) == rows.count() + 2


@pytest.mark.parametrize("size", [{"width": 1400, "height": 900}, {"width": 390, "height": 800}], ids=["wide", "phone"])
def test_a_topic_is_sorted_filtered_ticked_and_given_a_column(open_page: Open, real: str, size: dict[str, int]) -> None:
    page = open_page(real, size)
    answer = ask(page, "quantization")
    rows = answer.locator(".rows li:visible")
    count, first = rows.count(), rows.first.locator(".title").inner_text()
    answer.get_by_role("button", name="Title", exact=True).click()
    titles = answer.locator(".rows .title").all_inner_texts()
    assert titles == sorted(titles, key=str.casefold)
    answer.get_by_role("button", name="Relevance").click()
    expect(rows.first.locator(".title")).to_have_text(first)
    answer.get_by_label("Add a column to the list").fill("memory")
    answer.get_by_label("Add a column to the list").press("Enter")
    expect(rows.first.locator(".cell b")).to_have_text("memory", timeout=30_000)
    assert answer.locator(".cell .quote").count() > 1
    answer.get_by_label("Filter the list").fill("squeeze")
    expect(rows).to_have_count(1)
    answer.get_by_label("Filter the list").fill("")
    expect(rows).to_have_count(count)
    rows.nth(1).get_by_role("button", name="Tick").click()
    rows.nth(2).get_by_role("button", name="Tick").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert violations(page) == []
    with page.expect_download() as kept:
        answer.get_by_role("link", name="as CSV").click()
    table = list(csv.reader(kept.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert table[0][-1] == "memory"
    assert len(table) >= 3
    with page.expect_download() as kept:
        answer.get_by_role("link", name="as BibTeX").click()
    assert kept.value.path().read_text().count("@") == 2
    answer.get_by_role("button", name="Ask only these 2").click()
    expect(page.locator("#scope")).to_contain_text("Asking only 2 chosen papers")


def test_the_columns_of_a_list_outlast_a_reload_until_they_are_taken_away(open_page: Open, real: str) -> None:
    page = open_page(real)
    answer = ask(page, "quantization")
    column = answer.get_by_label("Add a column to the list")
    for aspect in ("memory", "speed"):
        column.fill(aspect)
        column.press("Enter")
        expect(answer.get_by_role("button", name=f"Take the column {aspect} away")).to_be_visible(timeout=30_000)
    reload(page)
    heads = answer.locator(".rows li").first.locator(".cell b")
    expect(heads).to_have_text(["memory", "speed"], timeout=30_000)
    answer.get_by_role("button", name="Take the column memory away").click()
    reload(page)
    expect(heads).to_have_text(["speed"], timeout=30_000)


def test_only_the_papers_of_a_list_are_asked_from_then_on(open_page: Open, real: str) -> None:
    page = open_page(real)
    ask(page, "Which papers are about neural implicit or Gaussian scene reconstruction?")
    page.get_by_role("button", name=re.compile(r"Ask only these \d+")).click()
    expect(page.locator("#scope")).to_contain_text(re.compile(r"Asking only \d+ chosen papers"))


def test_pointing_at_a_marker_shows_its_title_and_its_quote(open_page: Open, real: str) -> None:
    page = open_page(real)
    answer = ask(page, "What does double quantization save in QLoRA?")
    card = page.locator("#hover-card")
    expect(card).to_be_hidden()
    chip = answer.locator("a.chip").first
    chip.hover()
    expect(card).to_contain_text("QLoRA: Efficient Finetuning of Quantized LLMs")
    source = page.locator(f"#sources mark:has({chip.get_attribute('href')})")
    quote = re.sub(r"^\d+", "", source.inner_text())
    expect(card).to_contain_text(quote)
    page.locator("#question textarea").hover()
    expect(card).to_be_hidden()


def test_an_answer_and_a_quote_are_copied(open_page: Open, real: str) -> None:
    page = open_page(real, permissions=["clipboard-read", "clipboard-write"])
    answer = ask(page, "What does double quantization save in QLoRA?")
    answer.get_by_role("button", name="Copy answer 1").click()
    expect(answer.get_by_role("button", name="Copy answer 1")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "\n[1] QLoRA: Efficient Finetuning of Quantized LLMs: “" in copied
    page.locator("#sources").get_by_role("button", name=re.compile("^Copy quote")).first.click()
    quote = re.sub(r"^\d+", "", page.locator("#sources mark").first.inner_text())
    page.wait_for_function("text => navigator.clipboard.readText().then(t => t.includes(text))", arg=quote)


def test_the_last_question_is_asked_again_and_edited(open_page: Open, real: str) -> None:
    page = open_page(real)
    ask(page, "What does double quantization save in QLoRA?")
    ask(page, "What is GPipe?")
    expect(page.get_by_role("button", name="Edit the last question")).to_have_count(1)
    page.get_by_role("button", name="Ask the last question again").click()
    expect(page.locator("#question .submit-button")).to_have_text("Ask")
    expect(page.locator("#chat article.answer")).to_have_count(2)
    page.get_by_role("button", name="Edit the last question").click()
    expect(question(page)).to_have_value("What is GPipe?")
    expect(page.locator("#scope")).to_contain_text("replaces your last question")
    page.get_by_role("button", name="Keep it").click()
    expect(question(page)).to_have_value("")
    expect(page.locator("#scope .editing")).to_have_count(0)
    page.get_by_role("button", name="Edit the last question").click()
    expect(question(page)).to_have_value("What is GPipe?")
    question(page).fill("What is Holmes?")
    question(page).press("Enter")
    expect(page.locator("#chat .question").last).to_have_text("What is Holmes?")
    expect(page.locator("#chat article.answer").nth(1)).to_contain_text("Holmes")
    reload(page)
    expect(page.locator("#chat .question")).to_have_text(
        ["What does double quantization save in QLoRA?", "What is Holmes?"]
    )


def test_what_failed_can_be_asked_again(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    question(page).fill("Please fail")
    question(page).press("Enter")
    expect(page.locator("#chat .problem")).to_be_visible()
    page.get_by_role("button", name="Edit the question").click()
    expect(question(page)).to_have_value("Please fail")
    question(page).fill("A quick question")
    question(page).press("Enter")
    expect(page.locator("#chat article.answer")).to_have_count(1)
    expect(page.locator("#chat .problem")).to_have_count(0)


def test_a_question_in_the_address_is_asked_once(open_page: Open, real: str) -> None:
    page = open_page(f"{real}?q=What+is+GPipe%3F")
    expect(page.locator("#chat .question")).to_have_text("What is GPipe?")
    expect(page.locator("#chat article.answer")).to_contain_text("GPipe")
    page.wait_for_url(re.compile(r"\?c=[\w-]+$"))
    reload(page)
    expect(page.locator("#chat article.answer")).to_have_count(1)
    expect(page.locator("#chat .question")).to_have_count(1)
