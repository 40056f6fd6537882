"""What was embedded is not embedded again: not after a kill, not in another collection of the home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from serving import ROOT

from rag import Config, build
from rag.cli import console
from rag.index.indexing import CHUNK

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="kills with a signal")]

PAPERS = 3 * CHUNK

# Ingests as `rag ingest` does; writes down what it embeds, and kills itself in the middle of a call of the model.
INGEST = """
import json, os, signal, sys
from pathlib import Path
from rag import Config, build
from rag.cli import console
from rag.index.embedding import BuiltinEmbedding
home, name, papers, log, calls = sys.argv[1:]
encode, left = BuiltinEmbedding.encode, [int(calls)]
def counted(self, texts, *args, **kwargs):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    with open(log, "a") as file:
        file.writelines(json.dumps(text) + "\\n" for text in texts)
    return encode(self, texts, *args, **kwargs)
BuiltinEmbedding.encode = counted
with build(Config(home=Path(home), collection=name)) as rag:
    rag.ingest([Path(papers)])
"""


def ingest(home: Path, name: str, papers: Path, log: Path, calls: int = -1) -> tuple[int, list[str]]:
    """The exit code, and the texts that were embedded; at most `calls` calls of the model come to their end."""
    command = [sys.executable, "-c", INGEST, str(home), name, str(papers), str(log), str(calls)]
    code = subprocess.run(command, cwd=ROOT, timeout=120).returncode
    texts = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return code, texts


def written(path: Path, numbers: range) -> Path:
    records = ({"title": f"Herd {n}", "abstract": f"We count {n} alpacas on a hill. They graze."} for n in numbers)
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def test_a_killed_ingest_is_gone_on_with(home: Path, tmp_path: Path) -> None:
    papers = written(tmp_path / "in.jsonl", range(PAPERS))
    code, first = ingest(home, "papers", papers, tmp_path / "first", calls=2)
    assert (code, len(first)) == (-signal.SIGKILL, 2 * CHUNK)
    code, second = ingest(home, "papers", papers, tmp_path / "second")
    assert code == 0
    assert not set(first) & set(second), "embedded twice"
    assert len({*first, *second}) == len(first) + len(second) == PAPERS, "each once"
    with build(Config(home=home)) as rag, build(Config(home=tmp_path / "whole")) as whole:
        whole.ingest([papers])
        for question in ("How many alpacas does herd 7 have?", f"What is counted in herd {PAPERS - 1}?"):
            assert rag.ask(question).answer == whole.ask(question).answer
        assert [p.name for p in (home / "collections" / "papers").glob("index-*.draft*")] == []


def test_collections_of_a_home_share_what_was_embedded(home: Path, tmp_path: Path) -> None:
    some, more = written(tmp_path / "some.jsonl", range(20)), written(tmp_path / "more.jsonl", range(10, 25))
    assert len(ingest(home, "papers", some, tmp_path / "log")[1]) == 20
    _, texts = ingest(home, "other", more, tmp_path / "other")
    assert sorted(text.partition(".")[0] for text in texts) == [f"Herd {n}" for n in range(20, 25)]
    with build(Config(home=home, collection="other")) as other:
        assert other.ask("How many alpacas does herd 12 have?").citations[0].title == "Herd 12"


@pytest.mark.parametrize("end", ["tokens.u8", "sentences.f32"])
def test_of_a_draft_that_lost_its_end_only_whole_papers_are_taken(home: Path, tmp_path: Path, end: str) -> None:
    papers = written(tmp_path / "in.jsonl", range(PAPERS))
    ingest(home, "papers", papers, tmp_path / "first", calls=2)
    (file,) = (home / "collections" / "papers").glob(f"index-*.draft*/{end}")
    data = file.read_bytes()
    # After a power cut a file may be shorter, or as long and end in zeros.
    file.write_bytes(data[: len(data) // 2] + (b"" if end == "tokens.u8" else bytes(len(data) - len(data) // 2)))
    code, second = ingest(home, "papers", papers, tmp_path / "second")
    assert code == 0
    assert 2 * CHUNK <= len(second) <= PAPERS, "half of them, and those that were not embedded"
    with build(Config(home=home)) as rag:
        assert "63 alpacas" in rag.ask("How many alpacas does herd 63 have?").answer


def test_where_no_bar_is_drawn_the_time_left_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with console.Progress() as progress:
        for done in range(0, 28_001, 700):
            progress("Embedding papers", done, 28_000)
            now[0] += 20
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Embedding papers …"
    assert lines[1] == "Embedding papers: 1,400 of 28,000, 12 min 40 s left"
    assert len(lines) < 25, "not at every step"
