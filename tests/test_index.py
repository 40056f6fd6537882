"""The index on disk: only differences are embedded, and however it came about it is the one built from scratch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import ROOT

from rag import Config, Rag, build
from rag.core.errors import PaperError, RagError, StoreError
from rag.core.paper import Paper
from rag.index import index as index_module
from rag.index import library
from rag.index.embedding import BuiltinEmbedding
from rag.index.index import Index, current
from rag.index.lexical import Lexicon
from rag.index.metadata import Catalogue

SUBJECTS = {
    "Alpaca": "grazing animals in the high mountains",
    "BrickNet": "stacking bricks with robot arms",
    "Cobalt": "batteries with less cobalt in the cathode",
    "DuneSim": "simulating wind over sand dunes",
    "EchoLoc": "finding bats by their ultrasonic calls",
    "Ferrum": "casting iron in moulds of clay",
    "GlassNet": "polishing telescope mirrors",
    "HoneyDB": "storing pollen records of bee hives",
    "IceCore": "dating layers of polar ice",
    "JetLag": "sleep of travelling pilots",
    "KiteSail": "towing cargo ships by kites",
    "LoomWeave": "weaving carbon fibres on looms",
}
NAMES = tuple(SUBJECTS)

Record = dict[str, Any]


def record(name: str, version: int = 1) -> Record:
    subject = SUBJECTS[name]
    abstract = f"We present {name}, a method for {subject}. In trials, {name} is {version}.{len(name)} times as good."
    return {"title": f"{name}: on {subject}", "abstract": abstract}


def write(path: Path, records: Sequence[Record]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


@pytest.fixture(autouse=True, scope="module")
def one_model() -> Iterator[None]:
    """Reading the model takes longer than most of these tests; it is read once."""
    patch, model = pytest.MonkeyPatch(), BuiltinEmbedding()
    model.load()

    def share(self: BuiltinEmbedding) -> None:
        self._session, self._tokenizer = model._session, model._tokenizer

    patch.setattr(BuiltinEmbedding, "load", share)
    yield
    patch.undo()


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is embedded from now on."""
    seen: list[str] = []
    encode = BuiltinEmbedding.encode

    def counted(self: BuiltinEmbedding, texts: Sequence[str], *args: Any, **kwargs: Any) -> Any:
        seen.extend(texts)
        return encode(self, texts, *args, **kwargs)

    monkeypatch.setattr(BuiltinEmbedding, "encode", counted)
    return seen


@pytest.fixture
def rag(home: Path) -> Iterator[Rag]:
    with build(Config(home=home)) as found:
        yield found


@pytest.fixture
def ingest(rag: Rag, tmp_path: Path) -> Callable[..., Any]:
    """Ingest records through a file."""

    def run(records: Sequence[Record], **kwargs: Any) -> Any:
        return rag.ingest([write(tmp_path / "in.jsonl", records)], **kwargs)

    return run


def folder_of(rag: Rag) -> Path:
    return rag.config.home / "collections" / rag.config.collection


def counts(done: Any) -> tuple[int, int, int, int]:
    return done.added, done.changed, done.removed, done.unchanged


QUESTIONS = [f"What is said on {SUBJECTS['BrickNet']}?", "How good is GlassNet?", "Which papers are about animals?"]


def told(rag: Rag) -> list[dict[str, Any]]:
    """What a user would see of a collection."""
    answers = [rag.ask(question).to_json() for question in QUESTIONS]
    for answer in answers:
        answer["retrieved"] = [r["paper_id"] for r in answer["retrieved"]]
        del answer["timings_ms"]
    return answers


def opened(rag: Rag) -> Index:
    folder = current(folder_of(rag))
    assert folder is not None
    return Index(folder)


def assert_same(rag: Rag, home: Path) -> None:
    """`rag` is on disk and in its answers what a build from scratch of its papers is."""
    with build(Config(home=home)) as fresh:
        fresh.ingest(
            [write(home.with_suffix(".jsonl"), [{"title": p.title, "abstract": p.raw_abstract} for p in rag.papers()])]
        )
        a, b = opened(rag), opened(fresh)
        try:
            assert [p.id for p in a.papers] == [p.id for p in b.papers] == [p.id for p in rag.papers()]
            for name in ("sentence_starts", "passage_starts", "token_starts", "spans", "piece_frequency"):
                assert np.array_equal(getattr(a, name), getattr(b, name)), name
            assert np.array_equal(a.data.arrays["words.i16"], b.data.arrays["words.i16"])
            for name in ("sentence_vectors", "passage_vectors"):
                cosines = (np.float32(getattr(a, name)[:]) * np.float32(getattr(b, name)[:])).sum(axis=1)
                assert (cosines > 0.999).all(), name
            assert len(a.store) == len(b.store) == a.passage_starts[-1]
            for row, paper in enumerate(a.papers):
                vector = np.float32(a.passage_vectors[int(a.passage_starts[row])])
                assert a.store.nearest(vector, 1)[0] == [f"{paper.id}#0"]
        finally:
            a.close()
            b.close()
        assert told(rag) == told(fresh)


def test_a_second_ingest_embeds_nothing(rag: Rag, ingest: Callable[..., Any], embedded: list[str]) -> None:
    records = [record(n) for n in NAMES[:6]]
    assert counts(ingest(records)) == (6, 0, 0, 0)
    assert len(embedded) == 6
    before = current(folder_of(rag))
    stages: list[tuple[str, int, int]] = []
    assert counts(ingest(records, progress=lambda *step: stages.append(step))) == (0, 0, 0, 6)
    assert counts(rag.ingest()) == (0, 0, 0, 6)
    assert len(embedded) == 6
    assert current(folder_of(rag)) == before
    assert all(0 <= done <= total for _, done, total in stages)


MIXED = [record(NAMES[5]), record(NAMES[9]), record(NAMES[1], 2), record(NAMES[0])]


def changed(*names: str) -> list[Record]:
    return [record(n, 2 if n in names else 1) for n in NAMES[:6]]


@pytest.mark.parametrize(
    ("second", "add", "expected", "texts"),
    [
        pytest.param([record(n) for n in NAMES[:7]], False, (1, 0, 0, 6), 1, id="one more"),
        pytest.param([record(n) for n in [NAMES[8], *NAMES[:6]]], False, (1, 0, 0, 6), 1, id="one more in front"),
        pytest.param([record(n) for n in NAMES[1:6]], False, (0, 0, 1, 5), 0, id="one less"),
        pytest.param([record(n) for n in (*NAMES[:2], *NAMES[3:6])], False, (0, 0, 1, 5), 0, id="a gap"),
        pytest.param(changed(NAMES[3]), False, (0, 1, 0, 5), 1, id="one abstract changed"),
        pytest.param([record(n) for n in NAMES[5::-1]], False, (0, 0, 0, 6), 0, id="reordered"),
        pytest.param([record(n) for n in NAMES[6:]], False, (6, 0, 6, 0), 6, id="all others"),
        pytest.param([record(n) for n in NAMES[:2]], False, (0, 0, 4, 2), 0, id="two left"),
        pytest.param([record(n) for n in NAMES[4:8]], True, (2, 0, 0, 6), 2, id="add"),
        pytest.param([record(NAMES[2])], True, (0, 0, 0, 6), 0, id="add what is there"),
        pytest.param(MIXED, False, (1, 1, 3, 2), 2, id="all at once"),
    ],
)  # fmt: skip
def test_only_differences_are_embedded(
    rag: Rag, ingest: Callable[..., Any], embedded: list[str], tmp_path: Path, second: list[Record], add: bool,
    expected: tuple[int, int, int, int], texts: int
) -> None:  # fmt: skip
    ingest([record(n) for n in NAMES[:6]])
    embedded.clear()
    done = ingest(second, add=add)
    assert counts(done) == expected
    assert len(embedded) == texts
    if not add:
        assert [p.title for p in rag.papers()] == [r["title"] for r in second]
    assert done.papers == len(rag.papers())
    assert_same(rag, tmp_path / "fresh")


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True), st.integers(1, 2), st.booleans()
        ),
        min_size=2,
        max_size=4,
    )
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_of_ingests_ends_as_from_scratch(tmp_path_factory: pytest.TempPathFactory, steps: Any) -> None:
    base = tmp_path_factory.mktemp("history")
    with build(Config(home=base / "home")) as rag:
        for names, version, add in steps:
            rag.ingest([write(base / "in.jsonl", [record(n, version) for n in names])], add=add)
        assert_same(rag, base / "fresh")


def test_add_keeps_what_is_there(rag: Rag, ingest: Callable[..., Any]) -> None:
    ingest([record("Alpaca")])
    ingest([record("Cobalt")], add=True)
    assert [p.title.partition(":")[0] for p in rag.papers()] == ["Alpaca", "Cobalt"]
    ingest([record("Cobalt")])
    assert [p.title.partition(":")[0] for p in rag.papers()] == ["Cobalt"]
    assert "Alpaca" not in json.dumps(rag.ask("grazing animals in the high mountains").to_json()["retrieved"])


def test_duplicates_are_merged_and_reported(rag: Rag, ingest: Callable[..., Any]) -> None:
    shouted = {k: v.upper() if k == "title" else v for k, v in record("Ferrum").items()}
    done = ingest([record("Ferrum"), record("Alpaca"), shouted])
    assert (done.papers, len(done.merged)) == (2, 1)
    assert (done.merged[0].kept.title, done.merged[0].line) == (record("Ferrum")["title"], 3)
    assert len(rag.ask("iron moulds").retrieved) == 2


def test_two_papers_of_one_title(rag: Rag, ingest: Callable[..., Any], tmp_path: Path) -> None:
    ingest([record("Ferrum"), record("Ferrum", 2), record("Alpaca")])
    assert [p.title for p in rag.papers()].count(record("Ferrum")["title"]) == 2
    assert_same(rag, tmp_path / "fresh")


@pytest.mark.parametrize("add", [False, True])
def test_nothing_to_ingest_is_refused_and_changes_nothing(
    rag: Rag, ingest: Callable[..., Any], tmp_path: Path, add: bool
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"abstract": "Of nothing that has a title."}\n', encoding="utf-8")
    with pytest.raises(PaperError, match="no paper"):
        rag.ingest([empty])
    ingest([record("Alpaca")])
    if not add:
        with pytest.raises(PaperError, match="no paper"):
            rag.ingest([empty])
    assert len(rag.papers()) == 1
    assert rag.ask("How good is Alpaca?").citations


@pytest.mark.parametrize("name", ["CHUNKING", "LAYOUT"])
def test_another_version_rebuilds_from_the_library(
    rag: Rag,
    ingest: Callable[..., Any],
    embedded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
) -> None:
    ingest([record(n) for n in NAMES[:4]])
    (tmp_path / "in.jsonl").unlink()
    expected, old = told(rag), current(folder_of(rag))
    rag.close()
    embedded.clear()
    monkeypatch.setattr(index_module, name, "another version")
    assert told(rag) == expected
    assert set(embedded) >= {f"{p.title}. {p.abstract}" for p in rag.papers()}, "no vector of the old version is kept"
    assert current(folder_of(rag)) != old
    assert old is not None
    assert not old.exists(), "what isn't current is swept away"


def damage_nothing(folder: Path) -> None:
    pass


def drop(pattern: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        paths = sorted(folder.glob(pattern), reverse=True)
        assert paths
        for path in paths:
            path.rmdir() if path.is_dir() else path.unlink()

    return damage


def cut(pattern: str, share: float = 0.5) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (path,) = folder.glob(pattern)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return damage


def overwrite(pattern: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (path,) = folder.glob(pattern)
        path.write_bytes(content)

    return damage


DAMAGES = {
    "nothing": damage_nothing,
    "index folder deleted": drop("index-*/**/*"),
    "pointer emptied": overwrite("current", b""),
    "pointer to elsewhere": overwrite("current", b"index-12345678-000000000000"),
    "pointer upwards": overwrite("current", b"../../other"),
    "manifest emptied": overwrite("index-*/manifest.json", b""),
    "manifest cut": cut("index-*/manifest.json"),
    "manifest of another kind": overwrite("index-*/manifest.json", b"[1]"),
    "rows deleted": drop("index-*/counts.i32"),
    "rows cut": cut("index-*/counts.i32"),
    "chroma deleted": drop("index-*/chroma/**/*"),
    "chroma database emptied": overwrite("index-*/chroma/chroma.sqlite3", b""),
    "chroma database cut": cut("index-*/chroma/chroma.sqlite3", 0.1),
    "vectors deleted": drop("index-*/sentences.i8"),
    "vectors cut": cut("index-*/sentences.i8", 0.55),
    "vectors emptied": overwrite("index-*/passages.f16", b""),
    "owners cut": cut("index-*/words.i16"),
    "papers of the index deleted": drop("index-*/papers.z"),
    "papers of the index cut": cut("index-*/papers.z"),
    "BM25 deleted": drop("index-*/bm25/**/*"),
    "BM25 vocabulary emptied": overwrite("index-*/bm25/vocab.index.json", b""),
    "BM25 scores cut": cut("index-*/bm25/data.csc.index.npy"),
}


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A home, and what its collection tells."""
    base = tmp_path_factory.mktemp("undamaged")
    with build(Config(home=base / "home")) as rag:
        rag.ingest([write(base / "in.jsonl", [record(n) for n in NAMES[:5]])])
        return base / "home", told(rag)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_mended_or_told_and_never_answered_from(
    undamaged: tuple[Path, list[dict[str, Any]]], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    source, expected = undamaged
    shutil.copytree(source, tmp_path / "damaged")
    with build(Config(home=tmp_path / "damaged")) as rag:
        damage(folder_of(rag))
        try:
            assert told(rag) == expected
        except RagError as e:
            assert "rag ingest" in str(e)
        done = rag.ingest()
        assert done.papers == 5
        assert told(rag) == expected, "an ingest without files mends it"
        with_vectors = opened(rag)
        try:
            assert len(with_vectors.store) == 5
        finally:
            with_vectors.close()


def test_a_damaged_library_names_its_line(rag: Rag, ingest: Callable[..., Any]) -> None:
    ingest([record("Alpaca"), record("Cobalt")])
    file = folder_of(rag) / "papers.jsonl"
    file.write_text(file.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    with pytest.raises(StoreError, match=r"papers\.jsonl, line 2 .* rag ingest repairs it"):
        rag.papers()


def test_files_of_the_library_hold_every_field(rag: Rag, ingest: Callable[..., Any]) -> None:
    ingest([{**record("Alpaca"), "authors": ["A. B."], "year": 2024, "url": "https://x.org/1", "id": "k1"}])
    (paper,) = rag.papers()
    assert paper == Paper(**asdict(paper))
    assert (paper.authors, paper.year, paper.url, paper.key) == (("A. B.",), 2024, "https://x.org/1", "k1")


INGEST = """
import sys, pathlib
from rag import Config, build
from rag.core.errors import Locked
home, *paths = map(pathlib.Path, sys.argv[1:])
try:
    with build(Config(home=home)) as rag:
        print(rag.ingest(paths).papers)
except Locked as e:
    print("locked", e)
"""


def process(home: Path, *paths: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INGEST, str(home), *map(str, paths)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_open_reader_notices_what_another_process_wrote(
    rag: Rag, ingest: Callable[..., Any], tmp_path: Path
) -> None:
    ingest([record(n) for n in NAMES[:5]])
    question = f"What is said on {SUBJECTS['KiteSail']}?"
    assert all("KiteSail" not in r.title for r in rag.ask(question).retrieved)
    other = process(rag.config.home, write(tmp_path / "two.jsonl", [record(n) for n in NAMES[2:11]]))
    out, err = other.communicate(timeout=120)
    assert (out, other.returncode) == ("9\n", 0), err
    answer = rag.ask(question)
    assert answer.searched == 9
    assert answer.retrieved[0].title.startswith("KiteSail")
    assert answer.citations[0].title.startswith("KiteSail")
    assert all("Alpaca" not in r.title for r in answer.retrieved)


def test_two_processes_that_ingest_at_once(rag: Rag, ingest: Callable[..., Any], tmp_path: Path) -> None:
    """The other one holds the lock when this one begins, or waits for it."""
    other = process(rag.config.home, write(tmp_path / "other.jsonl", [record(n, 2) for n in NAMES[4:]]))
    while other.poll() is None and not (folder_of(rag) / "write.lock").exists():
        time.sleep(0.01)
    assert ingest([record(n) for n in NAMES[:8]]).papers == 8
    out, err = other.communicate(timeout=120)
    assert (out, other.returncode) == ("8\n", 0), err
    titles = [p.title.partition(":")[0] for p in rag.papers()]
    assert tuple(titles) in (NAMES[:8], NAMES[4:]), "one of the two, not a mixture"
    assert_same(rag, tmp_path / "fresh")
    assert len(list(folder_of(rag).glob("index-*"))) == 1


def test_who_waits_too_long_is_told(home: Path, rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    from rag.core.errors import Locked
    from rag.index import collection

    folder = folder_of(rag)
    folder.mkdir(parents=True)
    monkeypatch.setattr(collection, "LOCK_SECONDS", 0.1)
    with FileLock(str(folder / "write.lock")), pytest.raises(Locked, match="try again"):
        rag.ingest([write(tmp_path / "in.jsonl", [record("Alpaca")])])
    assert rag.papers() == ()


def test_collections_of_one_home_are_apart(home: Path, tmp_path: Path) -> None:
    with build(Config(home=home, collection="one")) as one, build(Config(home=home, collection="two")) as two:
        one.ingest([write(tmp_path / "a.jsonl", [record("Alpaca")])])
        two.ingest([write(tmp_path / "b.jsonl", [record("Cobalt")])])
        assert [r.title for r in one.ask("batteries").retrieved] == [record("Alpaca")["title"]]
        assert [r.title for r in two.ask("batteries").retrieved] == [record("Cobalt")["title"]]


def test_to_open_a_collection_reads_none_of_its_papers(
    rag: Rag, ingest: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest([record(n) for n in NAMES])
    with build(Config(home=rag.config.home)) as again:
        read: list[object] = []
        for place, name in ((library, "_paper"), (Lexicon, "load"), (Catalogue, "_tables")):
            monkeypatch.setattr(place, name, lambda *args, name=name: read.append(name))
        again.index()
        assert read == [], "that would take longer the larger it is"
        monkeypatch.undo()
        assert again.ask("How good is GlassNet?").citations
