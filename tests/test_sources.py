"""What `rag ingest` takes beside files and folders: patterns, standard input, and files that are watched."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from serving import ROOT
from typer.testing import CliRunner

from rag.cli import watching
from rag.cli.app import app
from rag.core.errors import PaperError, UsageError
from rag.papers import load
from rag.papers.sources import Sources

RECORD = {"title": "Moth traps in hedges", "abstract": "Traps caught 412 moths in two summers."}
OTHER = {"title": "Night light", "abstract": "Amber light drew 35% fewer moths than white light."}


def write(name: str, *records: dict[str, str]) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def found(*named: str, stdin: bytes | None = None) -> list[str]:
    with Sources(named, Path("copies")).files(None if stdin is None else io.BytesIO(stdin)) as files:
        return [str(file) for file in files]


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["a/1.jsonl"], ["a/1.jsonl"]),
        (["a"], ["a"]),
        (["a/*.jsonl"], ["a/1.jsonl", "a/2.jsonl"]),
        (["**/*.jsonl"], ["a/1.jsonl", "a/2.jsonl", "b/c/3.jsonl", "odd[1].jsonl"]),
        (["b/c/?.jsonl", "a/1.jsonl"], ["b/c/3.jsonl", "a/1.jsonl"]),
        (["a/[12].jsonl", "a/1.jsonl"], ["a/1.jsonl", "a/2.jsonl"]),  # none twice
        (["odd[1].jsonl"], ["odd[1].jsonl"]),  # a file is a file, whatever its name
        ([], []),
    ],
)
def test_names_and_patterns(named: list[str], expected: list[str]) -> None:
    for name in ("a/1.jsonl", "a/2.jsonl", "b/c/3.jsonl", "odd[1].jsonl"):
        write(name, RECORD)
    assert found(*named) == expected


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (["nothing.bib"], "no file or folder 'nothing.bib'"),
        (["*.bib"], "No file fits '\\*.bib'"),
        (["-", "-"], "name it once"),
    ],
)
def test_names_that_nothing_has(named: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        found(*named, stdin=b"x")


def test_standard_input_is_told_by_its_content() -> None:
    with Sources(("-",), Path("copies")).files(io.BytesIO(b"TY  - JOUR\nTI  - T\nAB  - A text.\nER  - \n")) as files:
        assert [p.title for p in load(files).papers] == ["T"]
    assert not files[0].exists()


def test_rag_ingest_reads_a_pipe(home: Path) -> None:
    result = CliRunner().invoke(app, ["ingest", "-", "-c", "piped"], input=json.dumps(RECORD))
    assert result.exit_code == 0, result.output
    assert "1 paper in piped: 1 added" in result.stdout


def test_rag_ingest_of_a_file_that_is_not_there(home: Path) -> None:
    result = CliRunner().invoke(app, ["ingest", "none.bib"])
    assert result.exit_code == 2
    assert "none.bib" in result.stderr
    assert not home.exists()


# --- watching -------------------------------------------------------------------------------------------------------


class Watched:
    """The rounds of a watch, counted as they come."""

    def __init__(self, *named: str) -> None:
        self._rounds = watching.rounds(Sources(named, Path("copies")), sleep=self._sleep)
        next(self._rounds)
        self.count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def _sleep(self, _: float) -> None:
        if self._stop.wait(0.02):
            raise InterruptedError

    def _run(self) -> None:
        with suppress(InterruptedError):
            for _ in self._rounds:
                self.count += 1

    def comes(self, count: int, seconds: float = 10) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.count < count:
            time.sleep(0.01)
        return self.count == count


@pytest.fixture
def watched() -> Iterator[Watched]:
    write("in/1.jsonl", RECORD)
    found = Watched("in", "more/*.jsonl")
    yield found
    found.end()


def test_a_round_when_a_file_changes_comes_or_goes(watched: Watched) -> None:
    write("in/1.jsonl", RECORD, OTHER)
    assert watched.comes(1)
    write("more/2.jsonl", OTHER)
    assert watched.comes(2)
    Path("in/1.jsonl").unlink()
    assert watched.comes(3)


def test_no_round_when_the_content_stays(watched: Watched) -> None:
    os.utime("in/1.jsonl", (1_600_000_000, 1_600_000_000))
    write("in/.hidden", OTHER)
    write("beside.jsonl", OTHER)
    assert not watched.comes(1, seconds=0.5)


def test_a_file_that_is_being_written_is_left_alone(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("in/1.jsonl").open("a") as file:
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            file.write("{}\n")
            file.flush()
            time.sleep(0.002)
        assert watched.count <= 1
    assert watched.comes(max(1, watched.count))


def test_a_live_library_is_asked_each_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LIVE_SECONDS", 0.1)
    watched = Watched("zotero:group/5")
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until and watched.count < 2:
            time.sleep(0.01)
        assert watched.count >= 2
    finally:
        watched.end()


@pytest.mark.parametrize("named", [(), ("-",), ("in", "-")])
def test_what_cannot_be_watched(named: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--watch"):
        next(watching.rounds(Sources(named, Path("copies"))))


def test_a_bad_file_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(watching, "rounds", lambda sources: iter([None, None]))
    reads = iter([PaperError("in/1.bib", 3, "is not BibTeX"), None])

    def read() -> None:
        if error := next(reads):
            raise error

    watching.watch(Sources(("in",), Path("copies")), read)
    assert "in/1.bib, line 3" in capsys.readouterr().err


def test_rag_ingest_watch(home: Path) -> None:
    write("in/1.jsonl", RECORD)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "rag.cli", "ingest", "--watch", "in"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("1 paper in papers: 1 added")
        write("in/2.jsonl", OTHER)
        assert process.stdout.readline().startswith("2 papers in papers: 1 added, 0 changed, 0 removed, 1 unchanged")
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
