"""Files made to hurt: each ends soon, with a reason, and without the memory that it asks for."""

from __future__ import annotations

import gzip
import io
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from rag.core.errors import UsageError
from rag.papers import apart, load

pytestmark = pytest.mark.hostile

SECONDS, BYTES = 8, 400_000_000


def entities() -> str:
    levels = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">{levels}]><PubmedArticleSet>&i;</PubmedArticleSet>'


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def nested(depth: int) -> bytes:
    data = b"TY  - JOUR\nTI  - x\nER  - \n"
    for _ in range(depth):
        data = zipped("in.zip", data)
    return data


RIS = "TY  - JOUR\nTI  - A title\nAB  - {}\nER  - \n"
FILES: dict[str, tuple[str | bytes, str]] = {
    "entities": (entities(), "declares entities"),
    "deep JSON": ("[" * 1_000_000, "not JSON we read"),
    "deep objects": ('{"a":' * 1_000_000, "not JSON we read"),
    "deep XML": ("<a>" * 500_000, "elements in each other"),
    "a million columns": ("title,abstract," + ",c" * 1_000_000 + "\na,b\n", "columns, more than"),
    "a million quotation marks": ("title,abstract\n" + '"' * 1_000_001 + "\n", "not closed"),
    "a bomb of spaces": (gzip.compress(b" " * 300_000_000, 1), "times its size"),
    "a bomb in a zip": (zipped("a.ris", b"A" * 300_000_000), "too many for papers"),
    "archives in archives": (nested(20), "an archive in an archive"),
    "open braces": ("@article{a, title={" + "{" * 200_000, "not BibTeX"),
    "a long line of BibTeX": ("@article{a, title={" + "x " * 1_000_000 + "}}\n", "characters"),
    "broken entries": ("@article{a, title={x\n" * 50_000, "not BibTeX"),
    "zero bytes": (b"\0" * 10_000_000, "NUL byte"),
    "a line without end": ("TY  - JOUR\nAB  - " + "a " * 10_000_000, "a line of more than"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_soon_and_says_why(name: str, tmp_path: Path) -> None:
    data, reason = FILES[name]
    file = tmp_path / "file"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    tracemalloc.start()
    start = time.process_time()
    found = load([file])
    spent = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reason in found.refused[0].reason
    assert spent < 4 * SECONDS, "tracemalloc makes it several times as slow"
    assert peak < BYTES


@pytest.mark.parametrize(
    "piece",
    [
        "a-",
        "&amp;",
        "<p ",
        "<jats:title>",
        "\\emph{",
        "$a",
        "www.a{",
        "~a",
        "{",
        "`a",
        "© 2021 ",
        "(c) ",
        "Copyright of ",
        "A.B",
    ],
)
def test_no_text_makes_cleaning_slow(piece: str, tmp_path: Path) -> None:
    file = tmp_path / "file.ris"
    file.write_text(RIS.format(piece * (19_000 // len(piece))))
    start = time.process_time()
    load([file])
    assert time.process_time() - start < 2


def test_authors_without_end(tmp_path: Path) -> None:
    file = tmp_path / "file.bib"
    file.write_text("@article{k, title={A title}, abstract={A text.}, author={" + " and " * 40_000 + "}}\n")
    start = time.process_time()
    assert load([file]).papers[0].authors == ()
    assert time.process_time() - start < 2


def test_what_strangers_send_is_read_in_another_process(tmp_path: Path) -> None:
    """30 million objects in one text: one call holds the interpreter for ten seconds, and asks for 2 GB."""
    file = tmp_path / "file.json"
    file.write_text('[{"title": "A title", "abstract": "A text.", "x": [' + "{}," * 30_000_000 + "{}]}]")
    start = time.process_time()
    found = apart.load_apart([file], 10)
    assert time.process_time() - start < 1, "this process has done nothing but wait"
    assert "too large" in found.refused[0].reason


def test_a_reader_that_takes_too_long_is_ended_and_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "SECONDS", 0.01)
    (tmp_path / "file.ris").write_text(RIS.format("A text."))
    with pytest.raises(UsageError, match="took more than"):
        apart.load_apart([tmp_path / "file.ris"], 10)
