"""A good collection stays good: whatever fails, is cut or changed on the disk, no answer comes of what isn't there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rag import Config, Rag, build
from rag.cli.app import app
from rag.core.errors import RagError, StoreError
from rag.index import collection as collections
from rag.index.index import current
from rag.index.integrity import damage

pytestmark = pytest.mark.hostile

QUESTION = "How many bits does double quantization save?"
SAVES = "Double quantization saves 0.37 bits per parameter."
PAPERS = {
    "QLoRA: Efficient Finetuning": f"QLoRA finetunes a 4-bit model. {SAVES}",
    "GPipe: Easy Scaling": "GPipe scales any network. Batches are split into micro-batches for pipeline parallelism.",
    "Holmes: Clusters": "Holmes trains language models over clusters. It schedules pipelines over slow networks.",
}


def written(file: Path, papers: dict[str, str]) -> Path:
    lines = [json.dumps({"title": title, "abstract": abstract}) for title, abstract in papers.items()]
    file.write_text("\n".join(lines))
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a collection, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    with build(Config(home=folder / "home")) as rag:
        rag.ingest([written(folder / "papers.jsonl", PAPERS)])
    return folder / "home"


@pytest.fixture
def rag(made: Path, home: Path) -> Iterator[Rag]:
    shutil.copytree(made, home)
    with build(Config(home=home)) as rag:
        yield rag


def folder_of(rag: Rag) -> Path:
    return rag.config.home / "collections" / "papers"


def index_of(rag: Rag) -> Path:
    found = current(folder_of(rag))
    assert found is not None
    return found


def titles(rag: Rag) -> set[str]:
    return {paper.title for paper in rag.papers()}


def flip(file: Path) -> None:
    """One bit in the middle is another one; the size stays."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


FILES = ("papers.z", "lines.i64", "ids.txt", "counts.i32", "words.i16", "pieces.i32", "tokens.u8", "tokens.f16",
         "sentences.i8", "passages.f16", "code.npz", "texts.sha256", "bm25/data.csc.index.npy",
         "bm25/indices.csc.index.npy", "bm25/vocab.index.json")  # fmt: skip


@pytest.mark.parametrize("way", [flip, Path.unlink, lambda file: file.write_bytes(file.read_bytes()[:-1])])
@pytest.mark.parametrize("name", FILES)
def test_damage_of_the_index_is_told_and_the_remedy_works(rag: Rag, name: str, way: Callable[[Path], object]) -> None:
    way(index_of(rag) / name)
    with pytest.raises(StoreError, match=rf"damaged \({name} .*rag ingest"):
        rag.ask(QUESTION)
    told = CliRunner().invoke(app, ["doctor", "--offline", "--home", str(rag.config.home)])
    assert (told.exit_code, name in told.output) == (1, True)
    rag.ingest()
    assert SAVES in rag.ask(QUESTION).answer


def test_a_large_file_is_looked_at_by_the_doctor_and_by_ingest(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.integrity.LARGE", 100)
    flip(index_of(rag) / "tokens.u8")
    doctor = ["doctor", "--offline", "--home", str(rag.config.home)]
    assert CliRunner().invoke(app, doctor).exit_code == 0
    deep = CliRunner().invoke(app, [*doctor, "--deep"])
    assert (deep.exit_code, "tokens.u8 is not what was written" in deep.output) == (1, True)
    rag.ingest()
    assert CliRunner().invoke(app, [*doctor, "--deep"]).exit_code == 0


@pytest.mark.parametrize("change", [lambda data: data.replace(b"4-bit", b"9-bit"), lambda data: b"\xff\xfe" + data])
def test_no_quote_comes_of_papers_that_were_changed_on_the_disk(rag: Rag, change: Callable[[bytes], bytes]) -> None:
    library = folder_of(rag) / "papers.jsonl"
    good = library.read_bytes()
    library.write_bytes(change(good))
    rag.close()
    assert "4-bit" in rag.ask("Which model does QLoRA finetune?").answer
    told = CliRunner().invoke(app, ["doctor", "--offline", "--home", str(rag.config.home)])
    assert (told.exit_code, "rag ingest" in told.output) == (1, True)
    rag.ingest()
    assert library.read_bytes() == good
    assert CliRunner().invoke(app, ["doctor", "--offline", "--home", str(rag.config.home)]).exit_code == 0


@pytest.mark.parametrize("at", ["savez", "write_papers"])
def test_an_ingest_that_fails_leaves_the_collection_as_it_was(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before, answer = titles(rag), rag.ask(QUESTION).answer
    more = written(tmp_path / "more.jsonl", {"Mimic: QLoRA revisited": "Double quantization saves 9 bits."})
    with monkeypatch.context() as patch:
        patch.setattr(np if at == "savez" else collections, at, full)
        with pytest.raises(RagError, match=r"No space left on device.*as it was"):
            rag.ingest([more], add=True)
    assert not list(folder_of(rag).glob("*.draft*"))
    assert (titles(rag), rag.ask(QUESTION).answer) == (before, answer)
    rag.ingest([more], add=True)
    assert len(rag.papers()) == len(before) + 1


def test_killed_after_the_papers_were_replaced_the_next_question_takes_the_new_index(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    more = written(tmp_path / "more.jsonl", {"Tutel: Experts": "Tutel is a stack for mixtures of experts."})
    with monkeypatch.context() as patch:
        patch.setattr(collections, "switch", killed)
        with pytest.raises(KeyboardInterrupt):
            rag.ingest([more], add=True)
    answer = rag.ask("What is Tutel?")
    assert "mixtures of experts" in answer.answer
    assert answer.searched == len(rag.papers()) == 4


def test_a_home_that_vanishes_is_not_filled_with_samples(rag: Rag, tmp_path: Path) -> None:
    rag.ask(QUESTION)
    folder_of(rag).parent.rename(tmp_path / "unmounted")
    more = written(tmp_path / "more.jsonl", {"Tutel: Experts": "Tutel is a stack for mixtures of experts."})
    for ask in (lambda: rag.ask(QUESTION), rag.papers, rag.ingest, lambda: rag.ingest([more], add=True)):
        with pytest.raises(StoreError, match=r"is gone from.*still mounted"):
            ask()
    assert not folder_of(rag).exists()
    (tmp_path / "unmounted").rename(folder_of(rag).parent)
    assert SAVES in rag.ask(QUESTION).answer


def test_a_home_that_can_only_be_read_can_be_asked(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run as root, too, who may write everywhere: so nothing may even try."""
    files = {path: path.stat().st_mtime_ns for path in rag.config.home.rglob("*")}
    for path in files:
        path.chmod(0o555 if path.is_dir() else 0o444)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    try:
        assert SAVES in rag.ask(QUESTION).answer
        assert len(rag.papers()) == len(PAPERS)
        rag.close()
        assert {path: path.stat().st_mtime_ns for path in rag.config.home.rglob("*")} == files
    finally:
        for path in files:
            path.chmod(0o755)


def test_an_index_of_a_version_without_sums_is_read(rag: Rag) -> None:
    file = index_of(rag) / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["files"]
    file.write_text(json.dumps(manifest))
    assert SAVES in rag.ask(QUESTION).answer
    assert damage(index_of(rag), {}) == ""
