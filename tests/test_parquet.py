"""Parquet, by pyarrow: columns of every type that holds texts, lists or dates, and files that unpack to too much."""

from __future__ import annotations

import datetime
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rag.papers import Loaded, load

TITLE, PEAT = "Carbon in drained peat", "Peat bogs hold water all year. Wet plots stored 2.6 times as much carbon."


def read(folder: Path, table: object, **options: object) -> Loaded:
    pq.write_table(table, folder / "papers.parquet", **options)
    return load([folder / "papers.parquet"])


def test_a_row_is_a_paper_with_all_that_its_columns_say(tmp_path: Path) -> None:
    columns = {
        "Title": [TITLE, "No abstract here"],
        "abstract": [PEAT, None],
        "authors": [["Moor, Helga", "Jan Torf"], []],
        "publication_date": [datetime.date(2016, 3, 1), None],
        "journal": ["Bog Letters", None],
        "doi": ["10.5555/peat.7", None],
        "embedding": [[0.5] * 8, [0.1] * 8],
    }
    loaded = read(tmp_path, pa.table(columns), compression="zstd")
    assert loaded.counts == "1 paper; 1 record without abstract"
    paper = loaded.papers[0]
    assert (paper.title, paper.abstract, paper.year) == (TITLE, PEAT, 2016)
    assert paper.authors == ("Helga Moor", "Jan Torf")
    assert (paper.venue, paper.doi) == ("Bog Letters", "10.5555/peat.7")


@pytest.mark.parametrize(
    ("title", "abstract"),
    [
        (pa.array([TITLE.encode()], pa.binary()), pa.array([PEAT.encode()], pa.binary())),
        (pa.array([TITLE]).dictionary_encode(), pa.array([PEAT], pa.large_string())),
    ],
)
def test_texts_are_read_however_they_are_kept(tmp_path: Path, title: object, abstract: object) -> None:
    (paper,) = read(tmp_path, pa.table({"title": title, "abstract": abstract})).papers
    assert (paper.title, paper.abstract) == (TITLE, PEAT)


def test_an_inverted_index_is_put_in_order(tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.list_(pa.int64()))
    index = pa.array([[("owls", [1, 3]), ("Barn", [0]), ("and", [2])]], kind)
    (paper,) = read(tmp_path, pa.table({"title": ["Owls"], "abstract_inverted_index": index})).papers
    assert paper.abstract == "Barn owls and owls"


def test_what_is_no_table_of_papers_says_what_it_is(tmp_path: Path) -> None:
    assert (
        "no columns for title and abstract; it has price" in read(tmp_path, pa.table({"price": [1]})).refused[0].reason
    )
    whole = (tmp_path / "papers.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-30])
    assert "is no Parquet that can be read" in load([tmp_path / "cut.parquet"]).refused[0].reason


@pytest.mark.parametrize("dictionary", [True, False])
def test_a_file_that_unpacks_to_gigabytes_is_refused_soon(tmp_path: Path, dictionary: bool) -> None:
    table = pa.table({"title": ["a" * 1_000] * 40_000, "abstract": ["b" * 10_000] * 40_000})
    pq.write_table(table, tmp_path / "bomb.parquet", use_dictionary=dictionary, compression="zstd")
    start = time.monotonic()
    loaded = load([tmp_path / "bomb.parquet"])
    assert "too many at once: split it" in loaded.refused[0].reason
    assert not loaded.papers
    assert time.monotonic() - start < 8


def test_without_pyarrow_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"title": [TITLE], "abstract": [PEAT]}), tmp_path / "papers.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (refused,) = load([tmp_path / "papers.parquet"]).refused
    assert "pip install 'paper-rag[parquet]'" in refused.reason
