"""Hostile papers, questions and answers in headless Chromium: they change nothing, and send nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chatting import Open, ask, question, reload, turn
from hostile import HOSTILE
from playwright.sync_api import Page, expect
from serving import free_port, serving

from rag import Config, build

pytestmark = [pytest.mark.browser]

PLANTED = "img, iframe, form, input, style, script, math, base, meta, object, [onerror], [onload], [ontoggle], [style]"


def unharmed(page: Page, *places: str) -> None:
    """Nothing ran, nothing was planted, no link leads away, and the page is still there."""
    page.wait_for_timeout(1000)
    assert page.evaluate("window.pwned") is None
    for place in places:
        assert page.locator(f"{place} .prose").locator(PLANTED).count() == 0, place
        links = page.locator(f"{place} .prose a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        assert all(link is None or link.startswith(("#", "paper-rag/")) for link in links), links
    expect(page.get_by_role("heading", name="Paper RAG")).to_be_visible()


def test_a_collection_of_hostile_papers(open_page: Open, tmp_path: Path) -> None:
    """In every tab, each paper read, as the real service shows them."""
    papers = [{"title": f"Paper {n} {p}", "abstract": f"We study {p} closely. {p}"} for n, p in enumerate(HOSTILE)]
    file, home = tmp_path / "hostile.jsonl", tmp_path / "home"
    file.write_text("\n".join(json.dumps(paper) for paper in papers))
    with build(Config(home=home)) as rag:
        rag.ingest([file])
        held = len(rag.papers())
    with serving(tmp_path, ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(home)]) as address:
        page = open_page(address)
        ask(page, "Which papers study something closely?")
        unharmed(page, "#tabs")
        turn(page, "Papers")
        titles = page.locator("#papers-list button.title[data-act=read]")
        expect(titles).to_have_count(held)
        for number in range(held):
            titles.nth(number).click()
        unharmed(page, "#tabs")
        turn(page, "Map")
        expect(page.locator("#tabs svg [data-act=map-read]")).to_have_count(held)
        page.locator("#tabs svg [data-act=map-read]").first.click()
        unharmed(page, "#tabs")
        page.close()


def test_papers_questions_and_answers(open_page: Open, scripted: str) -> None:
    page = open_page(scripted)
    ask(page, f"hostile {' '.join(HOSTILE)}"[:3000])
    ask(page, "hostile again")
    page.locator("#sources details").evaluate_all("all => all.forEach(one => one.open = true)")
    unharmed(page, "#chat", "#sources", "#history", "#next", "#scope")
    expect(page.locator("#chat")).to_contain_text("<script>window.pwned=1</script>")
    reload(page)
    expect(page.locator("#chat article.answer")).to_have_count(2)
    unharmed(page, "#chat", "#sources", "#history", "#next", "#scope")


@pytest.mark.parametrize("payload", HOSTILE)
def test_a_question_that_is_hostile_by_itself(open_page: Open, scripted: str, payload: str) -> None:
    page = open_page(scripted)
    question(page).fill(payload)
    question(page).press("Enter")
    expect(page.locator("#chat article.answer, #chat .problem")).to_have_count(1)
    unharmed(page, "#chat", "#history")
