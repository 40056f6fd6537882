"""The tab of the papers in headless Chromium: searched, read, chosen, compared, and added from files."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chatting import DESKTOP, PHONE, Open, ask, question, violations
from playwright.sync_api import Page, expect
from serving import free_port, serving

if TYPE_CHECKING:
    from rag.core.paper import Paper
    from rag.service import Rag

pytestmark = [pytest.mark.browser]

GPIPE = "GPipe: Efficient Training of Giant Neural Networks using Pipeline Parallelism"
BIBTEX = "title = {{GPipe}: Efficient Training of Giant Neural Networks using Pipeline Parallelism"
ADDING_SECONDS = 300  # 500 papers take 40 s on an idle machine.


@pytest.fixture(scope="module")
def address(collection: Rag, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page over a copy of the collection, to which papers may be added."""
    home = tmp_path_factory.mktemp("papers")
    shutil.copytree(collection.config.home / "collections", home / "collections")
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(home)]
    with serving(tmp_path_factory.mktemp("log"), arguments) as address:
        yield address


def papers(open_page: Open, address: str, size: dict[str, int] = DESKTOP, **options: Any) -> Page:
    page = open_page(address, size, **options)
    page.get_by_role("tab", name="Papers").click()
    expect(page.locator(".papers li").first).to_be_visible()
    return page


def search(page: Page, words: str) -> None:
    page.get_by_label("Search the papers").fill(words)


def choose(page: Page, *titles: str) -> None:
    for title in titles:
        search(page, title)
        toggle = page.get_by_role("button", name=f"Choose {title}").first
        toggle.click()
        expect(toggle).to_have_attribute("aria-pressed", "true")


def test_papers_are_found_while_one_types_and_sorted(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    count = page.locator("#papers-count")
    expect(count).to_have_text(re.compile("^\\s*82 papers"))
    expect(count).to_have_attribute("aria-live", "polite")
    field = page.get_by_label("Search the papers")
    field.press_sequentially("pipelin", delay=20)
    expect(count).to_contain_text(re.compile(r"\d+ of 82 papers"))
    expect(page.get_by_role("button", name=GPIPE, exact=True)).to_be_visible()
    by_title = page.get_by_role("button", name="Title", exact=True)
    by_title.click()
    expect(by_title).to_have_attribute("aria-pressed", "true")
    expect(by_title).to_be_focused()
    shown = page.locator(".papers .title").all_inner_texts()
    assert len(shown) > 10
    assert shown == sorted(shown, key=str.lower)
    field.press("End")
    for _ in range(7):
        field.press("Backspace")
    expect(count).to_have_text(re.compile("^\\s*82 papers"))
    search(page, "nothing of this kind")
    expect(count).to_contain_text("No paper has all of these words. Try fewer")
    expect(page.locator(".papers li")).to_have_count(0)


def test_papers_are_found_in_spite_of_slips_and_by_meaning(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    search(page, "quantizaton")
    expect(page.locator("#papers-count")).to_contain_text("of 82 papers for “quantization”")
    expect(page.locator(".papers li").first.locator(".title mark")).to_have_text("Quantization")
    expect(page.locator(".papers li").first.locator(".part-of mark").first).to_have_text("quantization")
    search(page, "pruning LLMs after training")
    expect(page.locator("#papers-count")).to_contain_text(
        "No paper has all of these words. These 10 are close in meaning."
    )
    near = page.get_by_role("list", name="Close in meaning").locator("li").first
    expect(near).to_contain_text("PERP: Rethinking the Prune-Retrain Paradigm")
    sentence = near.locator(".part-of").inner_text()
    assert violations(page) == []
    near.locator(".title").click()
    expect(page.locator("#papers-reading mark.asked")).to_have_text(sentence)
    expect(page.locator("#papers-reading mark.asked")).to_be_in_viewport()
    similar = page.locator("#papers-reading .similar .title").first
    title = similar.inner_text()
    similar.click()
    expect(page.get_by_role("heading", name=title)).to_be_focused()


def test_an_upload_is_undone_and_a_pdf_gets_a_remedy(open_page: Open, address: str, tmp_path: Path) -> None:
    page = papers(open_page, address)
    page.get_by_role("button", name="Add papers").click()
    files, told = page.locator("#papers-files input[type=file]"), page.locator("#papers-added")
    name, add = page.get_by_label("Name of the collection"), page.get_by_role("button", name="Add", exact=True)
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7 not text")
    files.set_input_files(tmp_path / "scan.pdf")
    expect(page.locator("#papers-files")).to_contain_text(".pdf")
    name.fill("High tides")
    add.click()
    expect(told).to_contain_text("There is no collection High tides yet.")
    expect(told).to_contain_text("export it with its abstract as RIS or BibTeX")
    (tmp_path / "tides.jsonl").write_text(json.dumps({"title": "On tides", "abstract": "Tides are measured."}))
    for collection, count in (("Sample papers", 82), ("High tides", 0)):
        files.set_input_files(tmp_path / "tides.jsonl")
        expect(page.locator("#papers-files")).to_contain_text(".jsonl")
        name.fill(collection)
        add.click()
        expect(page.locator("#header")).to_contain_text(f"{count + 1} paper", timeout=30_000)
        expect(page.locator("#header")).to_contain_text(collection)
        told.get_by_role("button", name="Undo: take it out again").click()
        expect(told).to_contain_text(f"1 paper taken out of {collection} again.", timeout=30_000)
        expect(page.locator("#header")).to_contain_text("82 papers in the collection Sample papers")
        expect(page.locator("#papers-count")).to_contain_text("82 papers")
    expect(page.locator("#papers-collections")).not_to_contain_text("High tides")


def test_a_paper_is_read_beside_the_list(open_page: Open, address: str, collection: Rag) -> None:
    page = papers(open_page, address)
    search(page, "GPipe")
    page.get_by_role("button", name=GPIPE, exact=True).click()
    heading = page.get_by_role("heading", name=GPIPE)
    expect(heading).to_be_focused()
    abstract = next(p.abstract for p in collection.papers() if p.title == GPIPE)
    expect(page.locator("#papers-reading .abstract")).to_have_text(abstract)
    expect(page.locator(".papers li[aria-current]")).to_contain_text(GPIPE)
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("BibTeX of")).click()
    text = Path(download.value.path()).read_text()
    assert download.value.suggested_filename == "papers.bib"
    assert BIBTEX in text
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy BibTeX").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert BIBTEX in page.evaluate("navigator.clipboard.readText()")


def test_what_the_conversation_quotes_is_marked_in_the_paper(open_page: Open, address: str) -> None:
    page = open_page(address)
    ask(page, "What does double quantization save in QLoRA?")
    quoted = re.sub(r"^\d+", "", page.locator("#sources mark").first.inner_text())
    page.get_by_role("tab", name="Papers").click()
    search(page, "QLoRA")
    page.get_by_role("button", name="QLoRA: Efficient Finetuning of Quantized LLMs", exact=True).click()
    expect(page.locator("#papers-reading mark").filter(has_text=quoted)).to_be_visible()
    expect(page.locator("#papers-reading")).to_contain_text("that the open conversation quotes")


def test_only_chosen_papers_are_asked(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    choose(page, "GPipe", "Holmes")
    expect(page.locator("#papers-tray")).to_contain_text("2 chosen: questions go to these only.")
    page.get_by_role("button", name="Ask them").click()
    expect(question(page)).to_be_focused()
    expect(page.locator("#scope")).to_contain_text("Asking only 2 chosen papers")
    answer = ask(page, "What does double quantization save in QLoRA?")
    expect(answer).to_have_class(re.compile("nearest|nothing"))
    expect(answer.locator(".receipt")).to_contain_text("2 papers searched")
    page.get_by_role("button", name="Leave out Holmes").click()
    expect(page.locator("#scope")).to_contain_text("Asking only 1 chosen paper")
    page.get_by_role("tab", name="Papers").click()
    expect(page.locator("#papers-tray")).to_contain_text("1 chosen")
    page.get_by_role("button", name="Clear: choose none").click()
    expect(page.locator("#papers-tray .picked")).to_have_count(0)
    page.get_by_role("tab", name="Chat").click()
    expect(page.locator("#scope .chosen")).to_have_count(0)
    expect(ask(page, "What does double quantization save in QLoRA?")).to_contain_text("quantization constants")


def test_all_that_was_found_is_chosen_at_once(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    search(page, "pipeline")
    button = page.get_by_role("button", name=re.compile(r"Choose all \d+ found"))
    found = re.findall(r"\d+", button.inner_text())[0]
    button.click()
    expect(page.locator("#papers-tray")).to_contain_text(f"{found} chosen")
    expect(page.locator('.papers .pick[aria-pressed="true"]')).to_have_count(int(found))
    page.get_by_role("button", name="Ask them").click()
    expect(ask(page, "Which papers use pipeline parallelism?").locator(".receipt")).to_contain_text(
        f"{found} papers searched"
    )


def test_a_question_about_one_paper(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    search(page, "GPipe")
    page.get_by_role("button", name=GPIPE, exact=True).click()
    page.get_by_role("button", name="Ask about this paper").click()
    expect(question(page)).to_be_focused()
    expect(page.locator("#scope")).to_contain_text(GPIPE)
    expect(ask(page, "What speedup does it reach?").locator(".receipt")).to_contain_text("1 paper searched")


def test_chosen_papers_are_compared_with_a_quote_in_each_cell(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    choose(page, "GPipe", "QLoRA", "Holmes")
    page.get_by_role("button", name="Compare them").click()
    table = page.locator("#papers-table table")
    expect(table.locator("thead th")).to_have_text(["Paper", "method", "data", "results", "hardware"])
    expect(table.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Compare the chosen papers by").fill("memory, carbon footprint")
    page.get_by_label("Compare the chosen papers by").press("Enter")
    expect(table.locator("thead th")).to_have_text(["Paper", "memory", "carbon footprint"])
    expect(table).to_contain_text("No sentence clearly says.")
    quote = table.locator("tr", has_text="QLoRA").locator(".quote").first
    words = quote.inner_text().strip("“”")
    quote.click()
    marked = page.locator("#papers-reading mark.asked")
    expect(marked).to_have_text(words)
    expect(marked).to_be_focused()
    expect(marked).to_be_in_viewport()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert rows[0] == ["Paper", "memory", "carbon footprint"]
    assert words in rows[2][1]
    page.get_by_label("Compare the chosen papers by").fill(" , ")
    page.get_by_label("Compare the chosen papers by").press("Enter")
    expect(page.locator("#papers-table .problem")).to_contain_text("A table has 1 to 8 aspects")
    page.get_by_role("button", name="Back to the list").click()
    expect(page.locator(".papers li").first).to_be_visible()


def _files(folder: Path, seeds: tuple[Paper, ...]) -> list[Path]:
    """500 papers in three formats, one of them twice, and one without an abstract."""
    rows = [
        (
            f"Report {n} on the zorblax index",
            f"Study {n} of {seeds[n % 82].title.lower()} finds a zorblax index of {n}.",
        )
        for n in range(500)
    ]
    entry = "@article{{k{0}, title = {{{1}}}, abstract = {{{2}}}, author = {{Doe, Jane and Roe, Rick}}, year = 1999}}"
    entries = [entry.format(n, title, abstract) for n, (title, abstract) in enumerate(rows[:200])]
    (folder / "a.bib").write_text("\n".join([*entries, "@article{bad, title = {Of nothing}}"]))
    lines = [json.dumps({"title": title, "abstract": abstract}) for title, abstract in [*rows[200:400], rows[200]]]
    (folder / "b.jsonl").write_text("\n".join(lines))
    with (folder / "c.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("title", "abstract"), *rows[400:]])
    return [folder / name for name in ("a.bib", "b.jsonl", "c.csv")]


def test_500_papers_are_added_and_asked(open_page: Open, address: str, tmp_path: Path, collection: Rag) -> None:
    page = papers(open_page, address)
    choose(page, "GPipe")
    page.get_by_role("button", name="Add papers").click()
    page.locator("#papers-files input[type=file]").set_input_files(_files(tmp_path, collection.papers()))
    expect(page.locator("#papers-files")).to_contain_text(".csv")
    name, add = page.get_by_label("Name of the collection"), page.get_by_role("button", name="Add", exact=True)
    told = page.locator("#papers-added")
    name.fill("../zorblax")
    add.click()
    expect(told.locator(".problem")).to_contain_text("1 to 64 letters, digits, spaces, dots, dashes and underscores")
    expect(page.locator("#papers-files")).to_contain_text(".csv")
    name.fill("zorblax")
    add.click()
    expect(told.locator("progress")).to_be_visible()
    expect(told).to_contain_text(re.compile(r"Embedding papers: \d+ of 501"), timeout=60_000)
    expect(told.locator(".report")).to_contain_text(
        "501 papers added, 1 duplicates merged, 1 without abstract, found by title only.",
        timeout=30_0000,
    )
    expect(told).to_contain_text("a.bib, line 201 has no abstract")
    told.get_by_text("Duplicates, merged: 1").click()
    expect(told).to_contain_text("b.jsonl, line 201 is the same paper as “Report 200 on the zorblax index”")
    expect(page.locator("#header")).to_contain_text("501 papers in the collection zorblax")
    expect(page.locator("#papers-count")).to_contain_text("501 papers")
    expect(page.locator("#papers-tray .picked")).to_have_count(0)
    expect(page.locator(".papers li")).to_have_count(100)
    page.get_by_role("button", name="Show 100 more of 401").click()
    expect(page.locator(".papers li")).to_have_count(200)
    assert violations(page) == []

    page.get_by_role("tab", name="Chat").click()
    answer = ask(page, "What is the zorblax index in Report 321?")
    expect(answer).to_contain_text("finds a zorblax index of 321")
    expect(answer.locator(".receipt")).to_contain_text("501 papers searched")
    page.get_by_role("tab", name="Papers").click()
    page.get_by_role("button", name="Sample papers").click()
    expect(page.locator("#header")).to_contain_text("82 papers in the collection Sample papers")
    expect(page.locator("#papers-count")).to_contain_text("82 papers")


def test_by_keyboard_alone(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    page.get_by_label("Search the papers").focus()
    page.keyboard.type("GPipe")
    expect(page.locator(".papers li")).to_have_count(1)
    _tab_to(page, "choose")
    page.keyboard.press("Space")
    expect(page.locator("#papers-tray")).to_contain_text("1 chosen")
    assert page.evaluate("document.activeElement.dataset.act") == "choose", "the focus stays where it was"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=GPIPE)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(question(page)).to_be_focused()


def _tab_to(page: Page, act: str) -> None:
    for _ in range(15):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.act") == act:
            return
    raise AssertionError(f"no button to {act} is reached by the keyboard")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_sticks_out_or_keeps_anybody_out(
    open_page: Open, address: str, scheme: str, size: dict[str, int]
) -> None:
    page = open_page(address, size, color_scheme=scheme)
    page.get_by_role("tab", name="Papers").click()
    choose(page, "GPipe", "QLoRA")
    page.locator(".papers .title").first.click()
    expect(page.locator("#papers-reading h2")).to_be_in_viewport()
    if size == PHONE:
        page.get_by_role("link", name="Back to the list").click()
        expect(page.get_by_label("Search the papers")).to_be_in_viewport()
    page.get_by_role("button", name="Add papers").click()
    expect(page.get_by_label("Name of the collection")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Compare them").click()
    expect(page.locator("#papers-table table")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_hostile_papers_change_nothing(open_page: Open, scripted: str) -> None:
    page = papers(open_page, scripted)
    for title in page.locator(".papers .title").all():
        title.click()
    search(page, "<script>window.pwned=1</script>")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.pwned") is None
    planted = "img, iframe, form, style, script, math, base, meta, [onerror], [onload], [ontoggle], [onmouseover]"
    assert page.locator("#papers-columns .prose").locator(planted).count() == 0
    expect(page.get_by_role("heading", name="Paper RAG")).to_be_visible()


def test_the_last_word_wins_however_fast_one_types(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    slow = threading.Event()

    def late(route: Any) -> None:
        if not slow.is_set() and "pipe" in (route.request.post_data or ""):
            slow.set()
            page.wait_for_timeout(600)
        route.continue_()

    page.route("**/gradio_api/run/predict*", late)
    search(page, "pipe")
    search(page, "QLoRA")
    expect(page.locator(".papers .title").first).to_contain_text("QLoRA")
    page.wait_for_timeout(1500)
    expect(page.locator(".papers .title").first).to_contain_text("QLoRA")


@pytest.fixture(scope="module")
def described(medicine: Rag, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page over papers with authors, years and venues."""
    home = str(medicine.config.home)
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", home]
    with serving(tmp_path_factory.mktemp("described"), arguments) as address:
        yield address


def test_the_list_is_narrowed_by_year_author_and_venue_and_what_is_left_is_asked(
    open_page: Open, described: str
) -> None:
    page = papers(open_page, described)
    page.get_by_label("Years").fill("2012-2019")
    page.get_by_label("Author", exact=True).fill("okonkwo")
    expect(page.locator(".papers li")).to_have_count(2)
    page.get_by_label("Journal or conference").fill("Imaginary Care")
    page.get_by_label("Years").fill("2019")
    expect(page.locator(".papers li")).to_have_count(1)
    page.get_by_role("button", name="Choose all 1 found").click()
    page.get_by_role("button", name="Ask it").click()
    assert "2%" in ask(page, "What happened to nausea?").inner_text()
    page.get_by_role("tab", name="Papers").click()
    page.get_by_label("Years").fill("lately")
    expect(page.locator("#papers-count")).to_contain_text("give a year")


def test_fields_to_narrow_by_are_not_there_where_no_paper_has_what_they_ask(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    expect(page.get_by_label("Search the papers")).to_be_visible()
    assert page.get_by_label("Journal or conference").count() == 0


def test_papers_are_noted_deleted_and_brought_back(open_page: Open, address: str) -> None:
    page = papers(open_page, address)
    held = page.locator("#header").inner_text()
    search(page, "GPipe")
    page.get_by_role("button", name=GPIPE, exact=True).click()
    page.get_by_label("Your note on this paper").fill("Compare with\nHolmes")
    page.locator("#papers-reading").get_by_role("button", name=f"Star {GPIPE}").click()
    expect(page.locator("#papers-reading .star")).to_have_attribute("aria-pressed", "true")
    page.reload()
    page.get_by_role("tab", name="Papers").click()
    page.get_by_role("button", name="★ and notes: 1").click()
    expect(page.locator(".papers li")).to_have_count(1)
    expect(page.locator(".papers .noted")).to_have_text("Compare with Holmes")
    page.get_by_role("button", name=GPIPE, exact=True).click()
    expect(page.get_by_label("Your note on this paper")).to_have_value("Compare with\nHolmes")
    page.get_by_role("button", name=f"Choose {GPIPE}").click()
    assert violations(page) == []
    page.get_by_role("button", name="Delete the chosen papers").click()
    left = int(re.findall(r"\d+", held)[0]) - 1
    expect(page.locator("#header")).to_contain_text(f"{left} papers", timeout=30_000)
    expect(page.locator("#papers-tray .picked")).to_have_count(0)
    search(page, "Holmes")
    page.get_by_role("button", name=f"Undo: delete “{GPIPE}”").click()
    expect(page.locator("#header")).to_contain_text(f"{left + 1} papers", timeout=30_000)
    expect(page.get_by_role("button", name=f"Undo: delete “{GPIPE}”")).to_have_count(0)
