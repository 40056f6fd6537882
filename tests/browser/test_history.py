"""Conversations in headless Chromium: they are there after a reload, and after a restart of the server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from chatting import Open, ask, question, reload
from playwright.sync_api import Page, expect
from serving import free_port, serving

pytestmark = [pytest.mark.browser]


def past(page: Page, title: str) -> object:
    return page.locator("#history").get_by_role("button", name=title, exact=True)


def test_a_conversation_is_there_after_a_reload_and_goes_on(open_page: Open, real: str) -> None:
    page = open_page(real)
    ask(page, "What does double quantization save in QLoRA?")
    reload(page)
    answer = page.locator("#chat article.answer")
    expect(answer).to_have_count(1)
    answer.locator("a.chip").first.click()
    expect(page.locator("#sources mark:has(:target)")).to_be_in_viewport()
    follow_up = ask(page, "How large a model can it finetune?")
    expect(follow_up.locator(".understood")).to_contain_text("QLoRA")


def test_conversations_survive_a_restart_and_are_opened_and_deleted(open_page: Open, tmp_path: Path) -> None:
    port = free_port()
    arguments = ["-m", "rag.cli", "serve", "--port", str(port), "--home", str(tmp_path / "kept")]
    with serving(tmp_path, arguments) as address:
        page = open_page(address)
        ask(page, "What is GPipe?")
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator("#chat .welcome")).to_be_visible()
        expect(page.locator("#sources mark")).to_have_count(0)
        ask(page, "What is Holmes?")
        page.close()
    with serving(tmp_path, arguments) as address:
        page = open_page(address)
        expect(page.locator("#history li")).to_have_count(2)
        past(page, "What is GPipe?").click()  # type: ignore[attr-defined]
        expect(page.locator("#chat .question")).to_have_text("What is GPipe?")
        expect(page.locator("#history li[aria-current]")).to_contain_text("What is GPipe?")
        page.get_by_label("Rename, export or delete: What is GPipe?").click()
        page.locator("#history details[open]").get_by_role("button", name="Delete", exact=True).click()
        expect(page.locator("#history li")).to_have_count(1)
        expect(page.locator("#chat .welcome")).to_be_visible()
        ask(page, "What is QLoRA?")
        page.get_by_text("Delete all …").click()
        page.get_by_role("button", name="Delete all 2").click()
        expect(page.locator("#history li")).to_have_count(0)
        expect(page.locator("#chat .welcome")).to_be_visible()
        reload(page)
        expect(page.locator("#history li")).to_have_count(0)
        page.close()


def test_a_conversation_is_exported_with_its_references(open_page: Open, real: str) -> None:
    page = open_page(real)
    ask(page, "What does double quantization save in QLoRA?")
    texts = {}
    for name in ("Markdown", "JSON", "BibTeX of the cited papers"):
        page.get_by_label("Rename, export or delete: What does double quantization").first.click()
        with page.expect_download() as kept:
            page.locator("#history details[open]").get_by_role("link", name=name).click()
        texts[name] = kept.value.path().read_text()
    assert "QLoRA: Efficient Finetuning of Quantized LLMs" in texts["Markdown"]
    assert json.loads(texts["JSON"])["turns"][0]["answer"]["citations"]
    assert re.search(r"@\w+\{", texts["BibTeX of the cited papers"])


def test_a_question_typed_at_once_after_new_is_answered(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    ask(page, "A first question")
    page.get_by_role("button", name="New conversation").click()
    question(page).fill("A second question")
    question(page).press("Enter")
    expect(page.locator("#chat .question")).to_have_text("A second question", timeout=30_000)
    expect(page.locator("#chat article.answer .receipt")).to_have_count(1)
    expect(page.locator("#history li[aria-current]")).to_contain_text("A second question")


def test_another_conversation_while_one_is_answered_is_not_overwritten(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    ask(page, "A quick question")
    question(page).fill("A slow question")
    question(page).press("Enter")
    expect(page.locator("#chat")).to_contain_text("word1")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#chat .welcome")).to_be_visible()
    expect(page.locator("#question .submit-button")).to_have_text("Ask")
    page.wait_for_timeout(1000)
    expect(page.locator("#chat .welcome")).to_be_visible()
    expect(page.locator("#sources mark")).to_have_count(0)
    expect(ask(page, "Another question").locator(".understood")).to_have_count(0)
