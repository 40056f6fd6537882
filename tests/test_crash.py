"""A process that is killed while it ingests leaves the old collection or the new one, and both answer exactly."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from serving import ROOT

from rag import Config, Rag, build
from rag.core.resources import seeds
from rag.index.embedding import BuiltinEmbedding
from rag.index.index import Index, current
from rag.papers import load
from rag.papers.sentences import split_sentences

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"), pytest.mark.hostile]

KILLS = 8
# Names papers whose abstracts differ between the versions, so that both answer it, and not alike.
QUESTION = "How do GPipe and Holmes differ?"

# Forks a child for every ingest and kills it after some seconds, if asked to. The libraries are imported before, so
# that every kill falls into the ingest; no model and no database is open then.
SERVER = """
import os, signal, sys, time
from pathlib import Path
import bm25s, chromadb, onnxruntime, tokenizers
import rag.papers.jsonlines, rag.service
for line in sys.stdin:
    home, path, seconds = line.rstrip("\\n").split("\\t")
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with rag.build(rag.Config(home=Path(home))) as service:
                service.ingest([Path(path)])
            code = 0
        finally:
            os._exit(code)
    if seconds:
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, time.perf_counter() - started, flush=True)
"""


class Ingests:
    """Runs ingests as processes of their own, and kills them."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", SERVER]
        self._server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, home: Path, path: Path, kill_after: float | None = None) -> tuple[int, float]:
        """Exit code, -9 where the kill came in time, and seconds."""
        assert self._server.stdin
        assert self._server.stdout
        print(home, path, kill_after or "", sep="\t", file=self._server.stdin, flush=True)
        code, seconds = self._server.stdout.readline().split()
        return int(code), float(seconds)

    def close(self) -> None:
        self._server.communicate(timeout=60)


@pytest.fixture(scope="module")
def ingests() -> Iterator[Ingests]:
    found = Ingests()
    yield found
    found.close()


def write(path: Path, records: Sequence[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def test_killed_at_any_moment(ingests: Ingests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading the model takes longer than these ingests; in this process it is read once.
    model = BuiltinEmbedding()
    model.load()
    share = {"_session": model._session, "_tokenizer": model._tokenizer}
    monkeypatch.setattr(BuiltinEmbedding, "load", lambda self: [setattr(self, *item) for item in share.items()])

    old, new = versions(tmp_path)
    expected: dict[str, dict[str, Any]] = {}
    for path in (old, new):
        with build(Config(home=tmp_path / path.stem)) as rag:
            rag.ingest([path])
            expected[path.stem] = told(rag)
    assert expected["old"] != expected["new"]

    shutil.copytree(tmp_path / "old", tmp_path / "whole")
    code, seconds = ingests.run(tmp_path / "whole", new)
    assert code == 0
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    ends = set()
    for number in range(KILLS):
        home = tmp_path / f"killed-{number}"
        shutil.copytree(tmp_path / "old", home)
        # The first at once, the others spread over the time that the whole took.
        code, _ = ingests.run(home, new, seconds * (number + moments.random()) / KILLS if number else 0.0001)
        assert code in (0, -9)
        with build(Config(home=home)) as rag:
            ends.add((code, assert_one_version(rag, expected, f"seed {seed}, kill {number}")))
            rag.ingest([new])
            assert told(rag) == expected["new"]
            left = sorted(p.name for p in (home / "collections" / "papers").iterdir() if p.suffix != ".lock")
            assert len(left) == 3, f"leftovers: {left}"
    assert (-9, "old") in ends, "the papers are replaced at the very end, when their index stands"


def versions(folder: Path) -> tuple[Path, Path]:
    """Two versions of a collection of 40 papers: a quarter is the same in both, the others get another abstract."""
    old, new = [], []
    for i, paper in enumerate(load([seeds()]).papers[:40]):
        sentences = [paper.abstract[s.start : s.end] for s in split_sentences(paper.abstract)]
        old.append({"title": paper.title, "abstract": sentences[0]})
        new.append({"title": paper.title, "abstract": sentences[0] if i % 4 == 0 else sentences[-1]})
    return write(folder / "old.jsonl", old), write(folder / "new.jsonl", new)


def told(rag: Rag) -> dict[str, Any]:
    """The papers and an answer, as a user sees them."""
    answer = rag.ask(QUESTION).to_json()
    retrieved = [r["paper_id"] for r in answer["retrieved"]]
    return {
        "papers": rag.papers(),
        "retrieved": retrieved,
        **{k: answer[k] for k in ("answer", "citations", "searched")},
    }


def assert_one_version(rag: Rag, expected: dict[str, dict[str, Any]], where: str) -> str:
    """Papers, index and answer are all of one version; its name."""
    folder = current(rag.config.home / "collections" / "papers")
    assert folder is not None, where
    index = Index(folder)
    indexed = tuple(index.papers)
    index.close()
    assert indexed in (expected["old"]["papers"], expected["new"]["papers"]), where
    version = "old" if rag.papers() == expected["old"]["papers"] else "new"
    found = told(rag)
    assert found == expected[version], where
    abstracts = {p.id: p.abstract for p in rag.papers()}
    assert found["citations"], where
    for c in found["citations"]:
        assert abstracts[c["paper_id"]][c["start"] : c["end"]] == c["quote"], where
    return version
