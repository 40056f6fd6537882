"""`rag papers`, `export`, `collections` and `remove` on a small library of a user's own."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
import rispy
from filelock import FileLock
from typer.testing import CliRunner, Result

from rag import Config, UsageError, build
from rag.cli.app import app
from rag.core.paper import Paper, paper_id, paper_to_json
from rag.index.library import read_papers, write_papers


def paper(title: str, abstract: str, authors: tuple[str, ...], year: int | None, key: str, venue: str) -> Paper:
    return Paper(
        paper_id(title, abstract), title, abstract, abstract, authors, year, None, key, venue, f"10.5555/{key.lower()}"
    )


TRAPS = paper("Moth traps in hedges", "Traps caught 412 moths.", ("Tam Odgers",), 2018, "Odgers2018", "Moth Letters")
LIGHT = paper("Night light", "Amber drew 35% fewer.", ("Ilse Quarrel", "Tam Odgers"), 2019, "Quarrel2019", "Orchards")
SEEDS = paper("Seed rooms", "Rooms stayed below 40%.", ("Benno Vance",), 2022, "Vance2022", "Seed Letters")
PAPERS = (TRAPS, LIGHT, SEEDS)


def rag(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=input, prog_name="rag")


def file_of(home: Path, name: str = "papers") -> Path:
    return home / "collections" / name / "papers.jsonl"


@pytest.fixture(autouse=True)
def library(home: Path) -> None:
    write_papers(file_of(home), PAPERS)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], PAPERS),
        (["--author", "Odgers"], (TRAPS, LIGHT)),
        (["--author", "vance", "--author", "I. Quarrel"], (LIGHT, SEEDS)),
        (["--years", "2019-2022"], (LIGHT, SEEDS)),
        (["--years", "2019-"], (LIGHT, SEEDS)),
        (["--years=-2018"], (TRAPS,)),
        (["--years", "2022"], (SEEDS,)),
        (["--venue", "letters"], (TRAPS, SEEDS)),
        (["--venue", "letters", "--years", "2020-"], (SEEDS,)),
        (["night", "--author", "Odgers"], (LIGHT,)),
        (["--author", "Nobody"], ()),
    ],
)
def test_papers_by_what_is_known_of_them(arguments: list[str], found: tuple[Paper, ...]) -> None:
    result = rag("papers", *arguments, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == [paper_to_json(p) for p in found]


@pytest.mark.parametrize("years", ["20", "abc", "2020-2018", "-", "2018 2020"])
def test_years_that_are_none(years: str) -> None:
    result = rag("papers", f"--years={years}")
    assert result.exit_code == 2
    assert f"--years {years!r}" in result.stderr


# --- export ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        ([], "@article{Odgers2018"),
        (["--format", "bibtex"], "@article{Odgers2018"),
        (["--format", "ris"], "TY  - JOUR"),
        (["-f", "csl"], "[\n {"),
        (["--format", "csv"], "\ufeffid,title,authors"),
    ],
)
def test_export_to_standard_output(arguments: list[str], begins: str) -> None:
    result = rag("export", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(begins)


def test_export_to_a_file_whose_name_tells_the_format() -> None:
    result = rag("export", "--output", "mine.ris", "--author", "Odgers")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "2 papers written to mine.ris" in result.stderr
    assert [entry["id"] for entry in rispy.loads(Path("mine.ris").read_text())] == ["Odgers2018", "Quarrel2019"]


def test_export_in_a_format_that_is_none() -> None:
    result = rag("export", "--format", "docx")
    assert result.exit_code == 2
    assert "give bibtex, ris, csl or csv" in result.stderr


def test_what_is_exported_is_ingested_again(home: Path) -> None:
    for format in ("bibtex", "ris", "csl", "csv"):
        assert rag("export", "-f", format, "-o", "out").exit_code == 0
        result = rag("ingest", "out", "-c", format)
        assert result.exit_code == 0, result.output
        again = read_papers(file_of(home, format))
        assert [(p.title, p.abstract, p.authors, p.year, p.key, p.venue, p.doi) for p in again] == [
            (p.title, p.abstract, p.authors, p.year, p.key, p.venue, p.doi) for p in PAPERS
        ]


# --- collections ----------------------------------------------------------------------------------------------------


def test_collections(home: Path) -> None:
    write_papers(file_of(home, "Biology"), [TRAPS])
    (home / "collections" / "empty").mkdir()
    os.utime(file_of(home, "Biology"), (1_600_000_000, 1_600_000_000))
    listed = json.loads(rag("collections", "--json").stdout)
    assert [(c["name"], c["papers"]) for c in listed] == [("Biology", 1), ("papers", 3)]
    assert listed[0]["changed"] == "2020-09-13T12:26:40+00:00"
    assert listed[1]["bytes"] == file_of(home).stat().st_size
    lines = rag("collections").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["Biology", "1 paper"], ["papers", "3 papers"]]
    with build(Config(home=home)) as service:
        assert [c.name for c in service.collections()] == ["Biology", "papers"]


def test_no_collection_yet(home: Path) -> None:
    result = rag("collections", "--home", str(home / "none"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "rag ingest FILES makes one" in result.stderr


# --- remove ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["Odgers2018", TRAPS.id, "moth traps in hedges", "Moth tr"])
def test_remove_a_paper(named: str, home: Path) -> None:
    result = rag("remove", named, "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout == "1 paper removed from papers, which has 2 left.\n"
    assert read_papers(file_of(home)) == [LIGHT, SEEDS]
    with build(Config(home=home)) as service:
        answer = service.ask("How many moths were caught?")
        assert TRAPS.id not in {c.paper_id for c in answer.citations}


def test_remove_asks_and_where_nobody_is_there_refuses(home: Path) -> None:
    result = rag("remove", "Odgers2018")
    assert result.exit_code == 2
    assert "Remove “Moth traps in hedges” from papers?" in result.stderr
    assert "--yes" in result.stderr
    assert read_papers(file_of(home)) == list(PAPERS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["Nothing like it"], "names no paper of the collection"),
        ([], "Give papers to remove"),
        (["--all"], "needs its name"),
        (["Odgers2018", "--all", "-c", "papers"], "Give papers to remove"),
        (["--all", "-c", "nowhere"], "There is no collection 'nowhere'"),
        ([p.id for p in PAPERS], "would have no papers"),
    ],
)
def test_what_cannot_be_removed(arguments: list[str], says: str, home: Path) -> None:
    result = rag("remove", *arguments, "--yes")
    assert result.exit_code == 2
    assert says in result.stderr
    assert read_papers(file_of(home)) == list(PAPERS)


def test_remove_an_id_that_is_not_there(home: Path) -> None:
    with build(Config(home=home)) as service, pytest.raises(UsageError, match="no paper with the id 'gone'"):
        service.remove(["gone"])


def test_delete_a_collection(home: Path) -> None:
    write_papers(file_of(home, "biology"), [replace(TRAPS)])
    result = rag("remove", "--collection", "biology", "--all", "-y")
    assert (result.exit_code, result.stdout) == (0, "biology deleted: 1 paper.\n")
    assert [p.name for p in (home / "collections").iterdir()] == ["papers"]
    assert not list(home.glob(".deleted-*"))


def test_a_collection_that_is_being_written_is_not_deleted(home: Path) -> None:
    with FileLock(str(file_of(home).parent / "write.lock")):
        started = time.perf_counter()
        result = rag("remove", "-c", "papers", "--all", "--yes")
    assert result.exit_code == 1
    assert "Another process is writing" in result.stderr
    assert time.perf_counter() - started < 5
    assert file_of(home).is_file()
