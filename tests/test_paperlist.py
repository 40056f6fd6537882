"""The tab of the papers without a browser: lists, the paper that is read, comparisons, and files that are taken."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
from hostile import HOSTILE
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rag.api.adding import Report, Step, Uploads
from rag.api.callers import OWNER
from rag.ask.matrix import Cell, Comparison, Row
from rag.core.answer import Answer, Citation
from rag.core.errors import PaperError, StoreError
from rag.core.paper import Paper
from rag.home.notes import Note, load, save
from rag.index.near import Near
from rag.papers import Merged
from rag.web import matrix, paperlist, uploads
from rag.web.browse import Browse, Visit
from rag.web.collection_cache import CollectionCache
from rag.web.markup import LINE_END, clean
from rag.web.paperlist import PAGE, Look
from rag.web.site import Site
from rag.web.state import ConversationState

if TYPE_CHECKING:
    from rag.service import Rag


def paper(id: str, title: str = "A title", abstract: str = "One. Two. Three.", **fields: object) -> Paper:
    return Paper(id, title, abstract, abstract, **fields)  # type: ignore[arg-type]


PAPERS = (
    paper("b", "“Beta” models", "They save memory.", year=2020, authors=("Helga Moor",), venue="Bog Letters"),
    paper("a", "alpha memory", "Fast.", year=2023, authors=("Jan Torf",)),
    paper("c", "Gamma", "Memory and speed.", authors=("H. Moor",), venue="Fen Reports"),
)


class Fragment(HTMLParser):
    """What is in a fragment: its tags, the values of its buttons by action, its links, marked texts and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        assert "\n" not in html
        self.tags: list[str] = []
        self.buttons: list[tuple[str, str]] = []
        self.pressed: list[str] = []
        self.links: list[str] = []
        self.focus: list[str] = []
        self.marks: list[str] = []
        self.text = ""
        self._in_mark = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert not [name for name in found if name.startswith("on") or name in ("style", "src", "srcdoc")]
        self.tags.append(tag)
        if "data-act" in found:
            self.buttons.append((found["data-act"], found["data-value"]))
        if found.get("aria-pressed") == "true":
            self.pressed.append(found["data-value"])
        if "href" in found:
            self.links.append(found["href"])
        if "data-focus" in found:
            self.focus.append(tag)
        if tag == "mark":
            self._in_mark = True
            self.marks.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_mark = self._in_mark and tag != "mark"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_mark:
            self.marks[-1] += data

    def acts(self, act: str) -> list[str]:
        return [value for name, value in self.buttons if name == act]


# ---- The list


@pytest.mark.parametrize(
    ("look", "ids"),
    [
        (Look(), "b a c"),
        (Look(query="memory"), "a b c"),  # In the title before in the abstract.
        (Look(query="memory", sort="file"), "b a c"),
        (Look(sort="match"), "b a c"),  # Nothing is searched: there is no best match.
        (Look(sort="title"), "a b c"),  # Neither case nor a quotation mark at its beginning counts.
        (Look(sort="year"), "a b c"),  # The newest first, those without a year last.
        (Look(query="memory speed"), "c"),
        (Look(query="nowhere"), ""),
        (Look(years="2020-"), "b a"),
        (Look(query="memory", years="2021-2024"), "a"),
        (Look(author="moor"), "b c"),
        (Look(author="Moor, Helga", venue="bog letters"), "b"),
        (Look(author=" ", venue="."), "b a c"),
    ],
)
def test_papers_are_searched_and_sorted(look: Look, ids: str) -> None:
    assert [p.id for p in paperlist.found(PAPERS, look)] == ids.split()


@pytest.mark.parametrize(
    ("found", "total", "told"),
    [(82, 82, "82 papers"), (12, 82, "12 of 82 papers"), (1, 1, "1 paper"), (1, 28_000, "1 of 28,000 papers")],
)
def test_the_count_is_told(found: int, total: int, told: str) -> None:
    assert Fragment(paperlist.count(found, total)).text == told


def test_nothing_found_says_what_to_do() -> None:
    assert "Leave a field empty" in paperlist.count(0, 82, narrowed=True)
    assert "Try fewer or other words" in paperlist.count(0, 82)
    assert "These 3 are close in meaning" in paperlist.count(0, 82, near=3)


def test_a_slip_of_the_pen_is_told() -> None:
    assert Fragment(paperlist.count(9, 82, read="<quantization>")).text == "9 of 82 papers for “<quantization>”"


def test_what_was_searched_is_marked_in_the_title_and_in_a_part_of_the_abstract() -> None:
    long = paper("d", "Mémory walls", f"{'At first nothing. ' * 20}Then memory, walled. {'Nothing more. ' * 20}")
    found = Fragment(paperlist.listed([long], Look(query="memory wall"), (), words=["memory", "wall"]))
    assert found.marks == ["Mémory", "walls", "memory", "walled"]
    assert len(found.text) < 300
    assert "… " in found.text


def test_papers_near_in_meaning_stand_below_with_their_sentence() -> None:
    found = Fragment(
        paperlist.listed(PAPERS[:1], Look(query="fast"), (), words=["fast"], near=[Near(PAPERS[1], (0, 5))])
    )
    assert found.acts("read") == ["b", "a 0 5"]
    assert "Close in meaning" in found.text
    assert found.marks == ["Fast"]


def test_what_is_chosen_and_read_is_told_to_those_who_do_not_see_it() -> None:
    html = paperlist.listed(PAPERS, Look(reading="a"), {"c"})
    assert Fragment(html).pressed == ["c"]
    assert Fragment(html).acts("read") == ["b", "a", "c"]
    assert re.findall(r'<li aria-current="true">.*?data-value="(\w)"', html) == ["a"]


def test_of_many_papers_only_a_page_is_drawn_and_at_once() -> None:
    many = tuple(paper(f"p{n}", f"Paper {n} on memory") for n in range(28_000))
    paperlist.found(many, Look(query="memory"))  # The first search of a collection makes its index.
    started = time.perf_counter()
    found = paperlist.found(many, Look(query="memory", sort="title"))
    html = clean(paperlist.listed(found, Look(), {p.id for p in many})) + paperlist.tools(many, found, Look(), "papers")
    assert time.perf_counter() - started < 2
    assert len(Fragment(html).acts("read")) == PAGE
    assert "Show 100 more of 27,900" in html
    assert len(Fragment(paperlist.listed(found, Look(limit=27_950), ())).acts("read")) == 27_950
    assert "Show 50 more" in paperlist.listed(found, Look(limit=27_950), ())
    assert Fragment(paperlist.listed(found[:100], Look(), ())).acts("more") == []


def test_tools_are_offered_where_they_do_something() -> None:
    everything = Fragment(paperlist.tools(PAPERS, PAPERS, Look(), "papers"))
    assert everything.acts("sort") == ["file", "title", "year"]
    assert everything.acts("choose-found") == []  # To choose all of them restricts nothing.
    assert everything.links == ["paper-rag/papers.bib?collection=papers"]
    some = Fragment(paperlist.tools(PAPERS[2:], PAPERS[2:], Look(query="x"), "papers"))
    assert some.acts("sort") == ["match", "file", "title"]  # None of them has a year.
    assert some.pressed == ["match"]
    assert Fragment(paperlist.tools(PAPERS, PAPERS[:2], Look(query="x"), "papers")).acts("choose-found") == [""]
    assert Fragment(paperlist.tools(PAPERS, (), Look(query="x"), "papers")).links == []


@pytest.mark.parametrize(
    ("authors", "told"),
    [(4, "A0, A1, A2, A3"), (5, "A0, A1, A2 and 2 more"), (0, "")],
)
def test_many_authors_are_counted(authors: int, told: str) -> None:
    one = paper("a", authors=tuple(f"A{n}" for n in range(authors)))
    assert Fragment(paperlist.byline(one, 3)).text == told


def test_authors_year_and_venue_are_told() -> None:
    one = paper("a", authors=("Tam Odgers",), year=2018, venue="Moths & Men")
    assert Fragment(paperlist.byline(one)).text == "Tam Odgers · 2018 · Moths & Men"


# ---- The paper that is read


@pytest.mark.parametrize(
    ("fields", "links"),
    [
        ({"doi": "10.5555/a(1)b"}, ["https://doi.org/10.5555/a%281%29b"]),
        ({"url": "https://doi.org/10.5555/a.1"}, ["https://doi.org/10.5555/a.1"]),
        (
            {"doi": "10.5555/a.1", "url": "https://moths.example/1"},
            ["https://moths.example/1", "https://doi.org/10.5555/a.1"],
        ),
        ({"doi": "javascript:alert(1)", "url": "javascript:alert(1)"}, []),
        ({"doi": '10.5555/"><script>'}, []),
        ({}, []),
    ],
)
def test_the_doi_and_the_address_of_a_paper_lead_to_it(fields: dict[str, str], links: list[str]) -> None:
    read = paperlist.reading(paper("a", **fields), Look(), chosen=False, cited=())
    assert [link for link in Fragment(clean(read)).links if link.startswith("http")] == links


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("gpipe-1", ("gpipe-1", None)),
        ("gpipe-1 3 17", ("gpipe-1", (3, 17))),
        ("gpipe-1 3", ("gpipe-1 3", None)),
        ("", ("", None)),
    ],
)
def test_a_button_names_a_paper_and_maybe_a_sentence(value: str, place: object) -> None:
    assert paperlist.place(value) == place


def test_the_sentence_that_was_asked_for_is_marked_and_gets_the_focus() -> None:
    look = Look(reading="a", sentence=(5, 9), visit="1.1")
    read = Fragment(paperlist.reading(paper("a"), look, chosen=False, cited={(0, 4)}))
    assert read.marks == ["One.", "Two."]
    assert read.focus == ["mark"]
    assert "One. Two. Three." in read.text
    assert Fragment(paperlist.reading(paper("a"), Look(visit="1.2"), chosen=False, cited=())).focus == ["h2"]


@pytest.mark.parametrize("sentence", [(5, 900), (9, 5), (5, 5)])
def test_a_sentence_that_is_not_there_is_not_marked(sentence: tuple[int, int]) -> None:
    read = Fragment(paperlist.reading(paper("a"), Look(sentence=sentence, visit="1"), chosen=False, cited=()))
    assert (read.marks, read.focus) == ([], ["h2"])


def test_only_quotes_that_are_still_there_are_marked() -> None:
    one = paper("a")
    cites = [
        Citation(1, "a", "A title", "Two.", 5, 9),
        Citation(2, "a", "A title", "Four", 5, 9),
        Citation(3, "other", "A title", "One.", 0, 4),
    ]
    value = Answer("Q?", "Q?", "single", "So. [1]", citations=tuple(cites))
    assert paperlist.cited([value], one) == {(5, 9)}


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a?b=1&c=2", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        (None, False),
    ],
)
def test_a_paper_leads_to_its_source_on_the_web_only(url: str | None, linked: bool) -> None:
    html = clean(paperlist.reading(paper("a", url=url), Look(visit="1"), chosen=False, cited=()))
    assert Fragment(html).links == [*([url] if linked else []), "#papers-top"]
    assert ("Read it at its source" in html) == linked
    if linked:
        assert 'rel="noopener noreferrer"' in html
        assert 'target="_blank"' in html


# ---- The chosen papers


@pytest.mark.parametrize(
    ("count", "acts"),
    [
        (0, []),
        (1, ["ask-chosen", "drop"]),
        (2, ["ask-chosen", "compare", "drop"]),
        (8, ["ask-chosen", "compare", "drop"]),
        (9, ["ask-chosen", "drop"]),
        (1_000, ["ask-chosen", "drop"]),
    ],
)
def test_what_can_be_done_with_chosen_papers(count: int, acts: list[str]) -> None:
    html = paperlist.tray([f"p{n}" for n in range(count)], "papers")
    assert [act for act, _ in Fragment(html).buttons] == acts
    # An address of a thousand papers would be longer than servers take.
    assert len(Fragment(html).links) == (0 < count <= 400)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("method, data;results ,, GPUs ", ["method", "data", "results", "GPUs"]),
        ("speed and memory", ["speed and memory"]),
        (" ,", []),
    ],
)
def test_aspects_are_written_with_commas_between_them(text: str, found: list[str]) -> None:
    assert matrix.aspects(text) == found


COMPARED = Comparison(
    ("method", "data & more"),
    (
        Row("a", "Alpha", (Cell((Citation(1, "a", "Alpha", "Two.", 5, 9),)), Cell())),
        Row(
            "b",
            "Beta",
            (Cell(), Cell((Citation(2, "b", "Beta", "One.", 0, 4), Citation(3, "b", "Beta", "Two.", 5, 9)))),
        ),
    ),
)


def test_a_comparison_leads_from_each_quote_to_its_sentence_and_says_where_there_is_none() -> None:
    html = matrix.html(COMPARED, "papers")
    table = Fragment(clean(html))
    assert table.acts("read") == ["a", "a 5 9", "b", "b 0 4", "b 5 9"]
    assert table.text.count("No sentence clearly says.") == 2
    assert [urlsplit(link).path for link in table.links] == ["paper-rag/comparison.csv", "paper-rag/comparison.md"]
    fields = [("collection", "papers"), ("id", "a"), ("id", "b"), ("aspect", "method"), ("aspect", "data & more")]
    assert parse_qsl(urlsplit(table.links[0]).query) == fields


# ---- Hostile text


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_stays_text_wherever_it_comes_from(payload: str) -> None:
    bad = paper("a b", payload, f"Before. {payload} After.", authors=(payload,), url=f"https://e.example/{payload}")
    span = (0, len(bad.abstract))
    quote = Citation(1, "a b", payload, bad.abstract, *span)
    look = Look(query=payload, reading="a b", visit=payload, sentence=span)
    told = Report(
        "c", 1, frozenset({"new"}), (bad,), (bad,), (Merged(bad, payload, 3),), (PaperError(payload, 2, payload),)
    )
    shown = " ".join(payload.split())
    for html, times in (
        (paperlist.listed([bad], look, {"a b"}, kept={"a b": Note(True, payload)}), 3),
        (paperlist.tools([bad, paper("x")], [bad], look, payload), 0),
        (paperlist.reading(bad, look, chosen=True, cited={(0, 8)}, bibtex=payload, note=Note(True, payload)), 3),
        (paperlist.tray(["a b", payload], payload), 0),
        (paperlist.collections([payload, "papers"], payload), 1),
        (matrix.html(Comparison((payload,), (Row("a b", payload, (Cell((quote,)),)),)), payload), 3),
        (uploads.report(told), 6),
        (uploads.progress(Step(payload, 1, 3)), 1),
    ):
        for safe in (html, clean(html)):
            fragment = Fragment(safe)
            assert " ".join(fragment.text.split()).count(shown) == times
            assert not {"script", "img", "svg", "iframe", "form", "input", "style", "base", "meta"} & set(fragment.tags)
            assert all(link.startswith(("paper-rag/", "https://e.example/", "#papers-top")) for link in fragment.links)
        assert Fragment(clean(html)).buttons == Fragment(html).buttons


def test_the_address_of_a_search_survives_the_sanitizer() -> None:
    html = clean(paperlist.tools(PAPERS, PAPERS[:1], Look(query='a..b&c=d "e" #f', years="2019-"), "papers"))
    link = Fragment(html).links[0]
    assert dict(parse_qsl(urlsplit(link).query)) == {"collection": "papers", "q": 'a..b&c=d "e" #f', "years": "2019-"}


def browsing(rag: Rag) -> Browse:
    cache = CollectionCache(rag.config, rag)
    return Browse(rag.config, cache, Uploads(cache))


def visit(look: Look | None = None, *, owner: str = "local", chosen: tuple[str, ...] = ()) -> Visit:
    return Visit(owner, look or Look(), "papers", chosen, ConversationState())


def test_stars_and_notes_last_and_are_nobody_elses(collection: Rag) -> None:
    browse, paper = browsing(collection), collection.papers()[3]
    browse.starred(f"{paper.id}@1", visit())
    browse.noted(f"{paper.id} Read <b>twice</b>{LINE_END}and again @ home@2", visit())
    count, tools, listed = browsing(collection).listing(visit(Look(kept=True)))
    assert "1 of" in count
    assert 'aria-pressed="true"' in tools
    assert paper.title in Fragment(listed).text
    assert "Read <b>twice</b> and again @ home" in Fragment(listed).text
    assert "★ and notes" not in browse.listing(visit(owner="another"))[1]
    browse.starred(f"{paper.id}@3", visit())
    browse.noted(f"{paper.id} @4", visit())
    assert "★ and notes" not in browse.listing(visit())[1]
    browse.noted("no-such-paper Text@5", visit())
    assert load(collection.config.home, "local", "papers") == {}
    with pytest.raises(StoreError, match="no collection"):
        save(collection.config.home, "local", "../papers", paper.id, star=True)


def test_years_that_are_none_are_said_where_the_papers_would_be(collection: Rag) -> None:
    told, tools, listed = browsing(collection).listing(visit(Look(years="lately")))
    assert "give a year" in Fragment(told).text
    assert (tools, listed) == ("", "")


def test_the_fields_to_narrow_by_are_there_where_papers_have_them(collection: Rag, medicine: Rag) -> None:
    shown = [browsing(r).all(visit())[3].visible for r in (medicine, collection)]
    assert shown == [True, any(p.year or p.authors or p.venue for p in collection.papers())]


# ---- Files


@pytest.fixture(scope="module")
def site(collection: Rag) -> TestClient:
    return served(collection)


def served(rag: Rag) -> TestClient:
    site = Site(Starlette(), CollectionCache(rag.config, rag))
    return TestClient(site, "http://testserver/paper-rag", headers={OWNER: "reader-of-files"})


def test_papers_are_taken_as_bibtex(site: TestClient, collection: Rag) -> None:
    papers = collection.papers()
    assert site.get("/papers.bib").text.count("\n@") + 1 == len(papers)
    two = site.get("/papers.bib", params={"id": [papers[3].id, papers[5].id]})
    assert two.text.count("title = ") == 2
    assert two.headers["content-disposition"] == 'attachment; filename="papers.bib"'
    found = site.get("/papers.bib", params={"collection": "papers", "q": "double quantization"}).text
    assert "QLoRA" in found
    assert found.count("title = ") < 5


def test_the_papers_that_a_list_is_narrowed_to_are_taken_as_bibtex(medicine: Rag) -> None:
    site = served(medicine)
    found = site.get("/papers.bib", params={"collection": "papers", "author": "Okonkwo", "years": "2019"}).text
    assert found.count("title = ") == 1
    assert "evening meal" in found
    assert site.get("/papers.bib", params={"collection": "papers", "years": "x"}).status_code == 404


def test_a_comparison_is_taken_as_a_table(site: TestClient, collection: Rag) -> None:
    chosen = [p for p in collection.papers() if "GPipe" in p.title or "QLoRA" in p.title]
    fields = {"id": [p.id for p in chosen], "aspect": ["method", "memory"]}
    csv, markdown = site.get("/comparison.csv", params=fields), site.get("/comparison.md", params=fields)
    assert csv.content.startswith(b"\xef\xbb\xbfPaper,")
    assert "method,memory" in csv.text
    assert all(p.title in csv.text for p in chosen)
    assert "pipeline parallelism library" in markdown.text
    assert markdown.text.startswith("| Paper | ")


def test_notes_and_stars_are_taken_along_by_whose_they_are_alone(site: TestClient, collection: Rag) -> None:
    one, other = [p for p in collection.papers() if "GPipe" in p.title or "QLoRA" in p.title][:2]
    home, fields = collection.config.home, {"id": [one.id, other.id]}
    save(home, "reader-of-files", "papers", one.id, text="Read {this} again\nsoon")
    save(home, "reader-of-files", "papers", other.id, star=True)
    bibtex = site.get("/papers.bib", params=fields).text
    assert "annote = {Read \\textbraceleft{}this\\textbraceright{} again soon}" in bibtex
    assert "keywords = {starred}" in bibtex
    table = site.get("/comparison.md", params={**fields, "aspect": "memory"}).text.splitlines()
    assert [line.split(" | ")[-1] for line in table] == ["Your note |", "--- |", "Read {this} again soon |", "★ |"]
    alien = site.get("/papers.bib", params=fields, headers={OWNER: "somebody-else"}).text
    assert "annote" not in alien + site.get("/comparison.csv", params={"id": other.id, "aspect": "memory"}).text
    save(home, "reader-of-files", "papers", one.id)
    save(home, "reader-of-files", "papers", other.id, star=False)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/papers.bib?collection=nowhere", "There is no collection 'nowhere'"),
        ("/comparison.csv?id=nothing&aspect=method", "No paper has the id 'nothing'"),
        ("/comparison.md?aspect=method", "A table has 1 to 20 papers, not 0."),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(site: TestClient, address: str, told: str) -> None:
    answer = site.get(address)
    assert answer.status_code == 404
    assert told in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
