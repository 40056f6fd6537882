"""Vectors in a Chroma server, in PostgreSQL and in stores of LlamaIndex: the same answers as beside the index."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from llama_index.core.vector_stores import SimpleVectorStore
from test_index import embedded  # noqa: F401
from typer.testing import CliRunner

from eval.store_servers import PASSWORD, Chroma, PostgreSQL, Server, free_port
from rag import Config, Rag, build
from rag.cli.app import app
from rag.core.errors import ConfigError, RagError, StoreError, StoreUnreachable

QUESTIONS = (
    "How does GPTQ quantize weights?",
    "Which papers are about serving?",
    "What distinguishes LoRA from QLoRA?",
)
KEY = "a-key-of-the-store-0123456789"


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(Chroma(tmp_path_factory.mktemp("chroma")))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(PostgreSQL(tmp_path_factory.mktemp("postgres")))


def running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["chroma", "postgres"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def papers_home(collection: Rag, collection_home: Path, tmp_path: Path) -> Path:
    """A home of one's own with the seeds in it, ingested beside the index."""
    collection.papers()
    home = tmp_path / "home"
    shutil.copytree(collection_home, home)
    return home


def told(rag: Rag) -> list[tuple[str, list[str], list[str]]]:
    answers = [rag.ask(question) for question in QUESTIONS]
    return [(a.answer, [c.quote for c in a.citations], [r.paper_id for r in a.retrieved]) for a in answers]


def passages(rag: Rag) -> int:
    return int(rag.index().passage_starts[-1])


@pytest.mark.store
def test_a_collection_moves_there_and_back_and_answers_the_same_without_embedding_anew(
    server: Server,
    papers_home: Path,
    embedded: list[str],  # noqa: F811
) -> None:
    with build(Config(home=papers_home, llm="none")) as rag:
        expected = told(rag)
    embedded.clear()
    with build(Config(home=papers_home, llm="none", store=server.address)) as rag:
        index = rag.index()
        assert not embedded
        assert told(rag) == expected
        assert len(index.store) == passages(rag)
        assert not (index.folder / "chroma").exists(), "there is one copy, and it is there"
        first = np.float32(index.passage_vectors[0])
        ids, cosines = index.store.nearest(first, 5)
        assert ids[0] == f"{index.ids[0]}#0" and cosines[0] == pytest.approx(1, abs=1e-3)
        assert list(cosines) == sorted(cosines, reverse=True)
    with build(Config(home=papers_home, llm="none")) as rag:
        assert told(rag) == expected


@pytest.mark.store
def test_papers_that_come_and_go_come_and_go_there(server: Server, papers_home: Path, tmp_path: Path) -> None:
    config = Config(home=papers_home, llm="none", store=server.address)
    more = tmp_path / "more.jsonl"
    more.write_text('{"title": "Kelp forests", "abstract": "We grow kelp. Kelp grows by 12 cm a day in cold water."}')
    with build(config) as rag:
        before = passages(rag)
        rag.ingest([more], add=True)
        assert len(rag.index().store) == passages(rag) == before + 1
        assert rag.ask("How fast does kelp grow?").citations[0].title == "Kelp forests"
        rag.remove([p.id for p in rag.papers() if p.title == "Kelp forests"])
        assert len(rag.index().store) == passages(rag) == before
    other = papers_home.with_name("other")
    shutil.copytree(papers_home, other)
    (other / "collections/papers/store.id").unlink()
    with build(Config(home=other, llm="none", store=server.address)) as second:
        second.ingest([more])
        assert passages(second) == 1
    with build(config) as rag:
        assert len(rag.index().store) == before, "a collection of the same name in another home is another one"


@pytest.mark.store
def test_what_a_killed_ingest_left_there_is_cleared_by_the_next(server: Server, papers_home: Path) -> None:
    with build(Config(home=papers_home, llm="none", store=server.address)) as rag:
        index, before = rag.index(), passages(rag)
        draft = index.folder.with_name(f"{index.folder.name}.draft-1")
        shutil.copytree(index.folder, draft)
        (draft / "ids.txt").write_text("".join(f"gone-{n}\n" for n in range(len(index))))
        index.store.upsert(["gone-0#0"], np.eye(1, 384, dtype=np.float32))
        assert len(index.store) == before + 1
        assert told(rag), "readers don't mind what they don't know"
        rag.ingest()
        assert len(rag.index().store) == before and not draft.exists()


@pytest.mark.store
def test_a_store_that_was_emptied_says_so_and_is_filled_again(server: Server, papers_home: Path) -> None:
    config = Config(home=papers_home, llm="none", store=server.address)
    with build(config) as rag:
        expected, index = told(rag), rag.index()
        index.store.delete([f"{id_}#{n}" for id_ in index.ids for n in range(9)])
        with pytest.raises(StoreError, match="rag ingest"):
            rag.ask(QUESTIONS[0])
    with build(config) as rag:
        with pytest.raises(StoreError, match="rag ingest"):
            rag.ask(QUESTIONS[0])
        rag.ingest()
        assert told(rag) == expected


@pytest.mark.store
def test_readers_of_a_store_that_is_killed_get_right_answers_or_errors_in_words_and_then_answers_again(
    server: Server, papers_home: Path
) -> None:
    """Twenty readers; nothing of ours is started anew."""
    rag = build(Config(home=papers_home, llm="none", store=server.address))
    expected = {q: rag.ask(q).answer for q in QUESTIONS}
    stop, wrong, errors, right = threading.Event(), [], [], []

    def reader(question: str) -> None:
        while not stop.is_set():
            try:
                found = rag.ask(question).answer
                (right if found == expected[question] else wrong).append((time.monotonic(), found))
            except RagError as e:
                errors.append(e)
                time.sleep(0.05)

    readers = [threading.Thread(target=reader, args=(QUESTIONS[n % 3],)) for n in range(20)]
    for one in readers:
        one.start()
    try:
        wait(lambda: len(right) > 20)
        server.kill()
        wait(lambda: len(errors) > 20)
        server.start()
        back = time.monotonic()
        wait(lambda: any(at > back for at, _ in right))
    finally:
        stop.set()
        for one in readers:
            one.join()
        rag.close()
    assert not wrong
    for error in errors:
        assert isinstance(error, StoreUnreachable) and error.exit_code == 5
        assert f"127.0.0.1:{server.port}" in str(error) and "Start it" in str(error)
        assert PASSWORD not in str(error)


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.store
def test_doctor_tells_the_store_and_how_much_is_there(server: Server, papers_home: Path) -> None:
    config = Config(home=papers_home, llm="none", store=server.address)
    with build(config) as rag:
        count = passages(rag)
        rag.index()
    environment = {"RAG_HOME": str(papers_home), "RAG_STORE": server.address, "RAG_LLM": "none"}
    found = CliRunner().invoke(app, ["doctor"], env=environment)
    assert found.exit_code == 0, found.output
    assert f"127.0.0.1:{server.port}" in found.output and f"reached, {count:,} passages" in " ".join(
        found.output.split()
    )
    assert PASSWORD not in found.output and "reader:" not in found.output
    offline = CliRunner().invoke(app, ["doctor", "--offline"], env=environment)
    assert "not tried" in offline.output


@pytest.mark.store
def test_a_wrong_password_is_told_without_it(postgres: Server, papers_home: Path) -> None:
    wrong = f"postgresql://reader:{KEY}@127.0.0.1:{postgres.port}/postgres"
    with build(Config(home=papers_home, llm="none", store=wrong)) as rag, pytest.raises(ConfigError) as caught:
        rag.ask(QUESTIONS[0])
    assert "RAG_STORE" in str(caught.value) and KEY not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", pytest.param("postgresql", marks=pytest.mark.store)])
def test_a_store_that_is_down_fails_in_words_and_an_ingest_changes_nothing(
    scheme: str, papers_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"127.0.0.1:{free_port()}"
    path = f"user:{KEY}@{address}/papers" if scheme == "postgresql" else address
    environment = {"RAG_HOME": str(papers_home), "RAG_STORE": f"{scheme}://{path}", "RAG_LLM": "none"}
    if scheme == "http":
        environment["RAG_STORE_API_KEY"] = KEY
    before = (papers_home / "collections/papers/current").read_text()
    for command in (["ask", QUESTIONS[0]], ["ingest"], ["doctor"]):
        found = CliRunner().invoke(app, command, env=environment)
        assert found.exit_code == (1 if command == ["doctor"] else 5), found.output
        assert address in found.output and KEY not in found.output
    assert (papers_home / "collections/papers/current").read_text() == before
    with build(Config(home=papers_home, llm="none")) as rag:
        assert rag.ask(QUESTIONS[0]).citations


@pytest.mark.parametrize(
    "address",
    ["ftp://host", f"http://user:{KEY}@host:8000", "postgresql://host", f"mysql://u:{KEY}@host/db", "host:8000"],
)
def test_an_address_that_names_no_store_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ConfigError, match="Chroma server") as caught:
        Config(store=address)
    assert KEY not in str(caught.value)


def test_no_view_of_the_settings_has_the_password() -> None:
    config = Config(store=f"postgresql://user:{KEY}@host/papers", store_api_key=KEY)
    assert KEY not in repr(config)


def test_a_vector_store_of_llamaindex_takes_the_place_of_ours(papers_home: Path) -> None:
    with build(Config(home=papers_home, llm="none")) as rag:
        expected = told(rag)
    vectors = SimpleVectorStore()
    with build(Config(home=papers_home, llm="none"), store=vectors) as rag:
        assert told(rag) == expected
        assert len(vectors.data.embedding_dict) == passages(rag)
        gone = rag.papers()[0].id
        rag.remove([gone])
        assert not [id_ for id_ in vectors.data.embedding_dict if id_.startswith(f"{gone}#")]


def test_a_store_goes_with_the_embedding_that_reads_everything() -> None:
    with pytest.raises(ConfigError, match="RAG_STORE"):
        build(Config(store="http://127.0.0.1:8000", embedding="openai:m", embedding_base_url="http://127.0.0.1:9/v1"))
