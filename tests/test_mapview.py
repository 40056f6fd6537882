"""The map on the page: what the picture says and marks, and that the same stands beside it in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hostile import HOSTILE

from rag.core.answer import Answer, Citation, Retrieved
from rag.core.errors import UsageError
from rag.core.paper import Paper
from rag.index.mapping import Group, PaperMap, Point
from rag.service import Rag
from rag.web import maptext, mapview
from rag.web.mapview import HEIGHT, WIDTH, Marks, place_names
from rag.web.markup import clean
from rag.web.tabs import map as tab

CSS = (Path(mapview.__file__).parent / "style" / "map.css").read_text() + (
    Path(mapview.__file__).parent / "style" / "base.css"
).read_text()


class Seen(HTMLParser):
    """The elements of a fragment with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, style: str) -> list[dict[str, str]]:
        return [attrs for _, attrs in self.elements if style in attrs.get("class", "").split() and "data-act" in attrs]

    def reads(self) -> list[str]:
        """The papers that something in the fragment reads when it is clicked."""
        return [attrs["data-value"] for _, attrs in self.elements if attrs.get("data-act") == mapview.ACT]


def _papers(count: int, title: str = "Paper") -> dict[str, Paper]:
    return {
        f"p-{i}": Paper(f"p-{i}", f"{title} {i}", f"First sentence of {i}. A second one.", "", year=2000 + i % 20)
        for i in range(count)
    }


def _map(papers: Sequence[str], groups: int = 3) -> PaperMap:
    points = tuple(
        Point(id, (i * 0.37) % 1, (i * 0.61) % 1, i % min(groups, len(papers))) for i, id in enumerate(papers)
    )
    found = [
        Group((f"term {g}", f"other {g}"), tuple(p.paper_id for p in points if p.group == g), 0.3 + 0.1 * g, 0.5)
        for g in range(min(groups, len(papers)))
    ]
    return PaperMap(points, tuple(found))


def _answer(cited: Sequence[tuple[int, str]] = (), retrieved: Sequence[str] = ()) -> Answer:
    return Answer(
        question="What?",
        standalone_question="What?",
        kind="single",
        answer="That.",
        citations=tuple(Citation(m, id, id, "First", 0, 5) for m, id in cited),
        retrieved=tuple(Retrieved(id, id, 1.0) for id in retrieved),
    )


ANSWER = _answer([(1, "p-2"), (2, "p-5"), (3, "p-2")], ["p-2", "p-5", "p-7", "p-8"])


@pytest.mark.parametrize("count", [1, 2, 82, 400])
def test_every_paper_is_a_point_that_reads_it_and_says_what_it_is(count: int) -> None:
    papers = _papers(count)
    seen = Seen(clean(mapview.picture(_map(list(papers)), papers, Marks())))
    assert sorted(seen.reads()) == sorted(papers)
    for attrs in seen.of("point"):
        paper = papers[attrs["data-value"]]
        assert attrs["data-hover"] == f"{paper.title} ({paper.year}). {paper.abstract.split('. ')[0]}."
        assert 0 < float(attrs["cx"]) < WIDTH
        assert 0 < float(attrs["cy"]) < HEIGHT


def test_what_the_last_answer_cited_and_looked_at_is_marked_by_shape() -> None:
    papers = _papers(12)
    seen = Seen(clean(mapview.picture(_map(list(papers)), papers, Marks.of(ANSWER))))
    assert {a["data-value"] for a in seen.of("cited")} == {"p-2", "p-5"}
    assert {a["data-value"] for a in seen.of("retrieved")} == {"p-7", "p-8"}
    assert len(seen.of("point")) == 8
    assert next(a for a in seen.of("cited") if a["data-value"] == "p-2")["data-hover"].endswith("Cited as [1], [3].")
    html = clean(mapview.picture(_map(list(papers)), papers, Marks.of(ANSWER)))
    assert re.findall(r"<path[^>]*></path><text[^>]*>(\d)</text>", html) == ["1", "2"]


def test_a_cited_paper_that_was_not_retrieved_is_marked_all_the_same() -> None:
    papers = _papers(5)
    marks = Marks.of(_answer([(1, "p-3")]))
    assert [a["data-value"] for a in Seen(mapview.picture(_map(list(papers)), papers, marks)).of("cited")] == ["p-3"]
    assert "1 cited, 1 looked at" in Seen(maptext.words(_map(list(papers)), papers, marks)).text


def test_without_an_answer_nothing_is_marked_and_the_legend_says_how_to_get_marks() -> None:
    papers = _papers(5)
    found = _map(list(papers))
    seen = Seen(mapview.picture(found, papers, Marks.of(None)))
    assert not seen.of("cited") + seen.of("retrieved")
    assert "Ask something in the chat" in Seen(maptext.legend(found, papers, Marks(), awaited=False)).text
    assert "The last answer" not in Seen(maptext.words(found, papers, Marks())).text


def test_colours_stand_for_groups_or_for_years_where_years_are_known() -> None:
    papers = _papers(40)  # of 2000 to 2019
    found = _map(list(papers))
    assert mapview.spans_of_years(papers) == [(2000, 2003), (2004, 2007), (2008, 2011), (2012, 2015), (2016, 2019)]
    html = clean(mapview.picture(found, papers, Marks()) + maptext.legend(found, papers, Marks(), awaited=False))
    assert 'data-colours="by-year"' in html
    assert "2016–2019" in Seen(html).text
    points = {a["data-value"]: a["class"] for a in Seen(html).of("point")}
    assert points["p-0"].endswith("y1")
    assert points["p-19"].endswith("y5")
    undated = {id: replace(p, year=None) for id, p in papers.items()}
    assert "data-colours" not in maptext.legend(found, undated, Marks(), awaited=False)
    assert mapview.spans_of_years({**undated, "p-0": papers["p-0"]}) == []
    odd = {id: replace(p, year=1990 if i else 2020) for i, (id, p) in enumerate(papers.items())}
    assert mapview.spans_of_years(odd) == [(1990, 1990), (1991, 2020)]


def test_papers_inside_a_line_are_named_and_can_be_asked_alone() -> None:
    ids = ["p-1", "gone"]
    html = tab.surrounded(_Collections(), "papers", ids, "9.1")  # type: ignore[arg-type]
    assert "1 paper inside" in Seen(html).text
    assert 'data-act="ask-about" data-value="p-1"' in html
    assert 'data-focus="9.1"' in html


def test_the_picture_is_an_image_for_a_screen_reader_and_not_a_row_of_tab_stops() -> None:
    papers = _papers(12)
    seen = Seen(clean(mapview.picture(_map(list(papers)), papers, Marks.of(ANSWER))))
    _, svg = seen.elements[0]
    assert svg["role"] == "img"
    assert "12 papers in 3 groups" in svg["aria-label"]
    assert "term 0, other 0 (4 papers)" in svg["aria-label"]
    assert "4 papers that the last answer looked at, 2 that it cites" in svg["aria-label"]
    assert not [attrs for tag, attrs in seen.elements if tag in ("a", "button") or "tabindex" in attrs]
    assert svg["viewbox"] == f"0 0 {WIDTH} {HEIGHT}"


def test_the_words_have_every_paper_of_the_picture_as_a_button() -> None:
    papers = _papers(30)
    html = clean(maptext.words(_map(list(papers)), papers, Marks()))
    seen = Seen(html)
    assert sorted(seen.reads()) == sorted(papers)
    assert all(tag == "button" for tag, attrs in seen.elements if "data-act" in attrs)
    assert "1. term 0 · other 0 10 papers" in seen.text
    assert "\n" not in html


def test_the_words_of_a_group_begin_with_what_was_cited() -> None:
    papers = _papers(30)
    marks = Marks.of(_answer([(7, "p-9")], ["p-12"]))
    html = maptext.words(_map(list(papers)), papers, marks)
    first = html[html.index("1. term 0") :]
    assert re.findall(r'data-act="map-read" data-value="([^"]*)"', first)[:3] == ["p-9", "p-12", "p-0"]
    assert "cited [7]" in Seen(first).text


def test_of_a_large_group_some_are_listed_and_the_rest_counted() -> None:
    papers = _papers(500)
    seen = Seen(maptext.words(_map(list(papers), groups=1), papers, Marks()))
    assert len(seen.reads()) == maptext.LISTED
    assert "And 400 more: search for them under Papers." in seen.text


@pytest.mark.parametrize(("count", "drawn"), [(1_600, 1_600), (4_000, 4_000), (9_001, 4_001)])
def test_very_many_papers_are_small_points_and_a_sample_with_all_that_is_marked(count: int, drawn: int) -> None:
    papers = _papers(count)
    found = _map(list(papers))
    marks = Marks.of(_answer([(1, "p-1597")], ["p-1", "p-1597"]))
    html = mapview.picture(found, papers, marks)
    seen = Seen(html)
    assert len(seen.reads()) == drawn
    assert html == mapview.picture(found, papers, marks)
    assert [a["data-value"] for a in seen.of("cited")] == ["p-1597"]
    assert [a["data-value"] for a in seen.of("retrieved")] == ["p-1"]
    assert all(float(a["r"]) < 5 and "First sentence" not in a["data-hover"] for a in seen.of("point"))
    told = Seen(maptext.legend(found, papers, marks, awaited=False)).text
    assert (f"{drawn:,} of {count:,} papers" in told) == (count > drawn)


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(payload: str) -> None:
    paper = Paper(payload, payload, f"{payload} is told. And more.", "", authors=(payload,), url=payload)
    found = PaperMap((Point(payload, 0.5, 0.5, 0),), (Group((payload, "b"), (payload,), 0.5, 0.5),))
    papers = {payload: paper}
    for marks in (Marks(), Marks.of(_answer([(1, payload)]))):
        for html in (
            mapview.picture(found, papers, marks),
            maptext.words(found, papers, marks),
            maptext.reading(paper, None, payload),
        ):
            allowed = "svg g title circle path text tspan section h2 details summary span ul li button article div p"
            seen = Seen(html)
            assert {tag for tag, _ in seen.elements} <= set(allowed.split())
            assert not [name for _, attrs in seen.elements for name in attrs if name.startswith("on")]
            assert "\n" not in html
            assert Seen(clean(html)).elements == seen.elements, "the last gate had to do our work"
    assert payload[:20].split("\n")[0] in unescape(maptext.words(found, papers, Marks()))


def _overlapping(groups: int, spread: float) -> PaperMap:
    points = tuple(
        Point(f"p-{i}", 0.5 + spread * ((i * 0.37) % 1 - 0.5), 0.5 + spread * ((i * 0.61) % 1 - 0.5), i % groups)
        for i in range(groups * 6)
    )
    return PaperMap(
        points,
        tuple(
            Group(
                ("mixture-of-experts routing", "communication overhead"),
                tuple(p.paper_id for p in points if p.group == g),
                0.5 + spread * ((g * 0.29) % 1 - 0.5),
                0.5 + spread * ((g * 0.53) % 1 - 0.5),
            )
            for g in range(groups)
        ),
    )


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("groups", [1, 4, 12])
def test_names_do_not_overlap_and_stay_inside(groups: int, spread: float) -> None:
    found = _overlapping(groups, spread)
    boxes = place_names(found.groups, [(300.0, 52.0)] * groups, found.points, Marks())
    placed = [b for b in boxes if b is not None]
    assert len(placed) >= min(groups, 10), "there is room, even when all groups are in one place"
    assert not [(a, b) for a, b in combinations(placed, 2) if a.overlaps(b)]
    for box in placed:
        assert box.width / 2 <= box.x <= WIDTH - box.width / 2
        assert box.height / 2 <= box.y <= HEIGHT - box.height / 2


def test_names_of_the_seeds_are_all_there_and_hide_no_cited_paper(collection: Rag) -> None:
    found, papers = collection.map(), {p.id: p for p in collection.papers()}
    cited = [p.paper_id for p in found.points[:6]]
    marks = Marks.of(_answer(list(enumerate(cited, 1))))
    html = mapview.picture(found, papers, marks)
    assert html.count('class="name"') == html.count('class="number"') == len(found.groups)
    sizes = [(240.0, 52.0)] * len(found.groups)
    x, y = np.array([(p.x, p.y) for p in found.points[:6]]).T
    for box in place_names(found.groups, sizes, found.points, marks):
        assert box is not None
        assert not box.covers(36 + x * (WIDTH - 72), 36 + y * (HEIGHT - 72)).any()


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [":root", ".dark"])
@pytest.mark.parametrize("number", range(1, mapview.COLOURS + 1))
def test_a_colour_is_seen_on_its_ground(theme: str, number: int) -> None:
    blocks = " ".join(re.findall(rf"{re.escape(theme)} {{(.*?)}}", CSS, re.DOTALL))
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks))
    light, dark = sorted((_luminance(colours[c]) for c in (f"map-{number}", "rag-card")), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.11
    year = _luminance(colours[f"year-{number % (mapview.YEARS + 1)}"]), _luminance(colours["rag-card"])
    assert (max(year) + 0.05) / (min(year) + 0.05) >= 3


PAPER = Paper("p-1", "Title", "First sentence. Second sentence.", "", url="https://arxiv.org/abs/1")


def test_a_paper_that_is_read_has_what_the_last_answer_quotes_marked() -> None:
    quoting = replace(ANSWER, citations=(Citation(1, "p-1", "Title", "Second sentence.", 16, 32),))
    html = clean(maptext.reading(PAPER, quoting, "17.1"))
    assert re.findall("<mark>(.*?)</mark>", html) == ["Second sentence."]
    assert 'data-focus="17.1"' in html
    assert 'data-act="ask-about" data-value="p-1"' in html
    moved = replace(quoting, citations=(Citation(1, "p-1", "Title", "Second sentence.", 0, 16),))
    assert "<mark>" not in maptext.reading(PAPER, moved, "")


class _Collections:
    """One collection with one paper, or none that can be opened."""

    def __init__(self, error: str = "", papers: Sequence[Paper] = (PAPER,)) -> None:
        self._error, self._papers = error, papers

    def rag(self, collection: str) -> Any:
        if self._error:
            raise UsageError(self._error)
        found = PaperMap(
            tuple(Point(p.id, 0.5, 0.5, 0) for p in self._papers),
            (Group((), tuple(p.id for p in self._papers), 0.5, 0.5),) if self._papers else (),
        )
        return SimpleNamespace(papers=lambda: tuple(self._papers), map=lambda: found)


def test_the_tab_shows_a_picture_with_its_legend_and_the_words() -> None:
    picture, words = tab.drawing(_Collections(), "papers", None)  # type: ignore[arg-type]
    assert Seen(picture).reads() == Seen(words).reads() == ["p-1"]
    assert "1. various 1 paper" in Seen(words).text
    assert "Look again" not in picture


def test_while_an_answer_is_written_the_map_can_be_drawn_again() -> None:
    picture, _ = tab.drawing(_Collections(), "papers", ANSWER, awaited=True)  # type: ignore[arg-type]
    assert f'data-act="{maptext.AGAIN}"' in picture


def test_what_cannot_be_shown_is_said() -> None:
    gone = _Collections(error="There is no collection 'x' any more; choose another one under Papers.")
    assert "choose another one under Papers" in tab.drawing(gone, "x", None)[0]  # type: ignore[arg-type]
    assert "choose another one under Papers" in tab.reading(gone, "x", "p-1", None, "")  # type: ignore[arg-type]
    assert "Add papers under Papers" in tab.drawing(_Collections(papers=()), "x", None)[0]  # type: ignore[arg-type]
    assert "not in the collection any more" in tab.reading(_Collections(), "x", "p-2", None, "")  # type: ignore[arg-type]
