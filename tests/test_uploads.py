"""Files of papers that readers add: what becomes of the papers, of the files, and of what can't be read."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import Config
from rag.api import adding
from rag.api.adding import Report, Step, Uploads
from rag.core.errors import Locked, PaperError, RagError
from rag.service import Rag
from rag.web import uploads
from rag.web.browse import Browse, Visit
from rag.web.collection_cache import CollectionCache
from rag.web.paperlist import Look
from rag.web.state import ConversationState

TITLES = ("On tides", "On winds", "On ice")


@pytest.fixture
def collections(home: Path) -> CollectionCache:
    return CollectionCache(Config(home=home))


def jsonl(folder: Path, titles: Sequence[str], name: str = "new.jsonl") -> Path:
    """A file as Gradio keeps one that was uploaded: in a folder of its own."""
    file = folder / f"hash-of-{name}" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps({"title": t, "abstract": f"{t}, this is measured."}) + "\n" for t in titles))
    return file


def report(events: Sequence[Step | Report]) -> Report:
    assert isinstance(events[-1], Report)
    return events[-1]


def test_papers_are_added_and_what_became_of_each_is_told(collections: CollectionCache, tmp_path: Path) -> None:
    adder = Uploads(collections)
    first = report(list(adder.add([jsonl(tmp_path, TITLES[:2])], "sea")))
    assert (first.collection, first.papers, first.added, first.known) == ("sea", 2, 2, ())
    assert "2 papers added." in uploads.report(first)

    bad = tmp_path / "bad.csv"
    bad.write_text("title,abstract\nOn nothing alone,\n,Nothing is measured.\n")
    again = jsonl(tmp_path, [*TITLES, TITLES[2]])
    events = list(adder.add([again, bad], "sea"))
    second = report(events)
    assert (second.papers, second.added, [p.title for p in second.known]) == (4, 2, list(TITLES[:2]))
    assert [(m.kept.title, m.file, m.line) for m in second.merged] == [("On ice", "new.jsonl", 4)]
    assert [(r.file, r.line) for r in second.refused] == [("bad.csv", 3)]
    assert [(r.file, r.line, r.about) for r in second.remarks] == [("bad.csv", 2, "On nothing alone")]
    html = uploads.report(second)
    assert (
        "2 papers added, 2 already there, 1 duplicates merged, 1 refused, 1 without abstract, found by title only."
        in html
    )
    assert str(tmp_path) not in html
    assert [p.title for p in collections.rag("sea").papers()] == [*TITLES, "On nothing alone"]
    assert Step("Embedding papers", 2, 2) in events
    assert "On tides" in collections.rag("sea").ask("What is measured of tides?").answer


def test_files_are_deleted_when_they_are_read(collections: CollectionCache, tmp_path: Path) -> None:
    file = jsonl(tmp_path, TITLES)
    list(Uploads(collections).add([file], "sea"))
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "The collection has no name yet"),
        ("../evil", "1 to 64 letters, digits, spaces, dots, dashes and underscores"),
        ("x" * 65, "1 to 64 letters"),
        ("<script>", "1 to 64 letters"),
        ("con\0", "1 to 64 letters"),
    ],
)
def test_a_name_that_can_not_be_is_said_before_anything_is_read(
    collections: CollectionCache, tmp_path: Path, name: str, told: str
) -> None:
    file = jsonl(tmp_path, TITLES)
    with pytest.raises(RagError, match=told):
        list(Uploads(collections).add([file], name))
    assert file.exists()  # It need not be uploaded again.
    assert collections.names() == ["papers"]


def test_without_a_file_there_is_nothing_to_add(collections: CollectionCache) -> None:
    with pytest.raises(RagError, match="There is no file yet"):
        list(Uploads(collections).add([], "sea"))


def test_a_collection_is_found_by_the_name_that_the_page_gives_it(collections: CollectionCache, tmp_path: Path) -> None:
    adder = Uploads(collections)
    list(adder.add([jsonl(tmp_path, TITLES[:1])], "Sea"))
    assert report(list(adder.add([jsonl(tmp_path, TITLES[1:])], "sea"))).collection == "Sea"
    assert report(list(adder.add([jsonl(tmp_path, TITLES)], "sample papers"))).collection == "papers"
    assert collections.names() == ["papers", "Sea"]


def test_where_nothing_can_be_read_no_collection_is_made(collections: CollectionCache, tmp_path: Path) -> None:
    file = tmp_path / "scan.pdf"
    file.write_bytes(b"%PDF-1.7 not text")
    told = report(list(Uploads(collections).add([file], "scans")))
    assert (told.papers, told.added) == (0, 0)
    html = uploads.report(told)
    assert "scan.pdf: is a PDF" in html
    assert "export it with its abstract as RIS or BibTeX" in html
    assert "There is no collection scans yet." in html
    assert collections.names() == ["papers"]


def test_a_name_may_hold_spaces(collections: CollectionCache, tmp_path: Path) -> None:
    added = report(list(Uploads(collections).add([jsonl(tmp_path, TITLES)], "  High  tides ")))
    assert added.collection == "High tides"
    assert "On tides" in collections.rag("High tides").ask("What is measured of tides?").answer


def test_what_was_added_is_taken_out_again(collections: CollectionCache, tmp_path: Path) -> None:
    adder = Uploads(collections)
    first = report(list(adder.add([jsonl(tmp_path, TITLES[:1])], "sea")))
    second = report(list(adder.add([jsonl(tmp_path, TITLES)], "sea")))
    assert "Undo: take them out again" in uploads.report(second)
    adder.remove("sea", second.new)
    assert [p.title for p in collections.rag("sea").papers()] == list(TITLES[:1])
    assert "Undo" not in uploads.report(report(list(adder.add([jsonl(tmp_path, TITLES[:1])], "sea"))))
    adder.remove("sea", first.new)
    assert collections.names() == ["papers"]
    assert report(list(adder.add([jsonl(tmp_path, TITLES[:2])], "sea"))).papers == 2


def test_what_was_deleted_comes_back_to_its_place(collections: CollectionCache, tmp_path: Path) -> None:
    adder = Uploads(collections)
    list(adder.add([jsonl(tmp_path, TITLES)], "sea"))
    browse = Browse(collections.config, collections, adder)

    def visit(*chosen: str) -> Visit:
        return Visit("local", Look(), "sea", chosen, ConversationState())

    def back() -> list[str]:
        """What the buttons to undo send, the last deletion first."""
        return re.findall('data-act="restore" data-value="([^"]+)"', browse.around(visit())[1])

    first, second, third = (p.id for p in collections.rag("sea").papers())
    assert browse.remove("@1", visit(first)) == ["", (), "sea"]
    assert browse.remove(f"{second}@2", visit(third)) == ["", (third,), "sea"]
    assert "On winds" in browse.around(visit())[1]
    list(adder.add([jsonl(tmp_path, ["On salt"])], "sea"))
    for sent in back()[::-1]:
        assert browse.restore(f"{sent}@3", visit()) == ["", (), "sea"]
    assert [p.title for p in collections.rag("sea").papers()] == [*TITLES, "On salt"]
    assert back() == []
    assert "gone for good" in browse.restore("papers 1@4", visit())[0]
    assert "On winds" in collections.rag("sea").ask("What is measured of winds?").answer


def test_a_paper_of_which_a_file_says_more_is_changed_and_an_undo_leaves_it(
    collections: CollectionCache, tmp_path: Path
) -> None:
    adder = Uploads(collections)
    list(adder.add([jsonl(tmp_path, TITLES[:2])], "sea"))
    fuller = tmp_path / "fuller.jsonl"
    record = {"title": "On tides", "abstract": "On tides, this is measured.", "year": 2021, "authors": ["Ada Sund"]}
    fuller.write_text(json.dumps(record))
    told = report(list(adder.add([fuller], "sea")))
    assert (told.added, [p.title for p in told.changed], told.known) == (0, ["On tides"], ())
    assert "0 papers added, 1 changed." in uploads.report(told)
    assert [p.year for p in collections.rag("sea").papers()] == [2021, None]
    record["abstract"] = "Tides are measured anew."
    fuller.write_text(json.dumps(record) + "\n" + json.dumps({"title": "On salt", "abstract": "Salt is measured."}))
    told = report(list(adder.add([fuller], "sea")))
    assert (told.added, [p.abstract for p in told.changed]) == (1, ["Tides are measured anew."])
    adder.remove("sea", told.new)
    assert [p.title for p in collections.rag("sea").papers()] == list(TITLES[:2])


def test_a_deleted_collection_comes_back(collections: CollectionCache, tmp_path: Path) -> None:
    adder = Uploads(collections)
    list(adder.add([jsonl(tmp_path, TITLES)], "sea"))
    browse = Browse(collections.config, collections, adder)
    sea = Visit("local", Look(), "sea", (), ConversationState())
    assert browse.remove("*@1", sea) == ["", (), "papers"]
    assert collections.names() == ["papers"]
    papers = replace(sea, collection="papers")
    (sent,) = re.findall('data-act="restore" data-value="([^"]+)"', browse.around(papers)[1])
    assert browse.restore(f"{sent}@2", papers) == ["", (), "sea"]
    assert len(collections.rag("sea").papers()) == 3
    others = replace(sea, owner="reader-1")
    nobody = Browse(replace(collections.config, adders=("none",)), collections, adder)
    assert "added by whoever runs this server" in nobody.remove("*@3", others)[0]
    assert "sea" in collections.names()


def test_too_many_papers_are_refused_before_they_are_embedded(
    collections: CollectionCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "MOST", 2)
    adder = Uploads(collections)
    with pytest.raises(RagError, match="hold more than 2 papers"):
        list(adder.add([jsonl(tmp_path, TITLES)], "sea"))
    assert collections.names() == ["papers"]
    list(adder.add([jsonl(tmp_path, TITLES[:2])], "sea"))
    with pytest.raises(RagError, match="would have 3 papers, and here it can have 2"):
        list(adder.add([jsonl(tmp_path, TITLES[2:])], "sea"))
    assert len(collections.rag("sea").papers()) == 2


def test_only_one_adds_to_a_collection_at_a_time_and_goes_on_when_nobody_looks(
    collections: CollectionCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, done, ingest = threading.Event(), threading.Event(), Rag.ingest

    def waiting(self: Rag, *args: Any, **options: Any) -> Any:
        assert go_on.wait(30)
        value = ingest(self, *args, **options)
        done.set()
        return value

    monkeypatch.setattr(Rag, "ingest", waiting)
    adder = Uploads(collections)
    first = adder.add([jsonl(tmp_path, TITLES[:1])], "sea")
    next(first)
    file = jsonl(tmp_path, TITLES, "other.jsonl")
    with pytest.raises(Locked, match="being added to sea already; try again"):
        list(adder.add([file], "sea"))
    assert file.exists()
    first.close()  # type: ignore[attr-defined]
    go_on.set()
    assert done.wait(30)
    while "sea" in adder.busy:
        threading.Event().wait(0.02)
    assert report(list(adder.add([file], "sea"))).papers == 3


def test_a_fault_frees_the_collection(
    collections: CollectionCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault")

    adder = Uploads(collections)
    with monkeypatch.context() as patch:
        patch.setattr(Rag, "ingest", broken)
        with pytest.raises(RuntimeError, match="a fault"):
            list(adder.add([jsonl(tmp_path, TITLES)], "sea"))
    assert report(list(adder.add([jsonl(tmp_path, TITLES)], "sea"))).added == 3


@pytest.mark.parametrize(
    ("step", "told", "moving"),
    [
        (Step("Embedding papers", 120, 500), "Embedding papers: 120 of 500", True),
        (Step("Reading papers", 0, 1), "Reading papers …", False),
    ],
)
def test_progress_says_how_far_it_is(step: Step, told: str, moving: bool) -> None:
    html = uploads.progress(step)
    assert told in html
    assert ('value="120" max="500"' in html) == moving


def test_a_report_names_only_so_many() -> None:
    many = tuple(PaperError("a.csv", n, "has no title") for n in range(1, 10_001))
    html = uploads.report(Report("sea", 0, refused=many))
    assert "10,000 refused" in html
    assert html.count("has no title") < 1_000
    assert "more</li>" in html
