"""Another embedding than the built-in one: what is sent where, and that no vector meets one of another model."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MockEmbedding
from serving import ROOT
from test_index import NAMES, SUBJECTS, record, write
from typer.testing import CliRunner
from vector_server import VectorServer, vector

from rag import Config, Rag, build
from rag.cli.app import app
from rag.core.errors import (
    ConfigError,
    ModelAuthError,
    ModelError,
    ModelRateLimit,
    ModelServerError,
    ModelUnknown,
    ModelUnreachable,
    QuotaExhausted,
    RagError,
)
from rag.index import endpoint_embedding, external_indexing, retrieval
from rag.index.embedding import BuiltinEmbedding
from rag.index.endpoint_embedding import EndpointEmbedding
from rag.index.external import chosen

QUESTION = f"What is said on {SUBJECTS['BrickNet']}?"
KEY = "sk-right-0123456789"


@pytest.fixture(autouse=True, scope="module")
def one_model() -> Iterator[None]:
    """Reading the built-in model takes longer than most of these tests; it is read once."""
    patch, model = pytest.MonkeyPatch(), BuiltinEmbedding()
    model.load()
    shared = {"_session": model._session, "_tokenizer": model._tokenizer}
    patch.setattr(BuiltinEmbedding, "load", lambda self: [setattr(self, *item) for item in shared.items()])
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited between tries; here they take none."""
    waited: list[float] = []
    monkeypatch.setattr(endpoint_embedding, "time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def start() -> Iterator[Callable[[], VectorServer]]:
    """Start a server."""
    servers: list[VectorServer] = []

    def started() -> VectorServer:
        servers.append(VectorServer())
        servers[-1].start()
        return servers[-1]

    yield started
    for server in servers:
        server.stop()


@pytest.fixture
def server(start: Callable[[], VectorServer]) -> VectorServer:
    return start()


Open = Callable[..., Rag]


@pytest.fixture
def reopened(home: Path, server: VectorServer) -> Iterator[Open]:
    """The collection as a new process opens it: with the server's embedding, or another."""
    opened: list[Rag] = []

    def reopen(embedding: str | BaseEmbedding = "openai:words", **settings: Any) -> Rag:
        for rag in opened:
            rag.close()
        settings = {"home": home, "embedding_base_url": server.url, **settings}
        if isinstance(embedding, str):
            opened.append(build(Config(embedding=embedding, **settings)))
        else:
            opened.append(build(Config(**settings), embedding=embedding))
        return opened[-1]

    yield reopen
    for rag in opened:
        rag.close()


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    return write(tmp_path / "in.jsonl", [record(n) for n in NAMES[:6]])


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the built-in model reads from now on."""
    seen: list[str] = []
    encode = BuiltinEmbedding.encode

    def counted(self: BuiltinEmbedding, texts: Sequence[str], *args: Any, **kwargs: Any) -> Any:
        seen.extend(texts)
        return encode(self, texts, *args, **kwargs)

    monkeypatch.setattr(BuiltinEmbedding, "encode", counted)
    return seen


def passages(server: VectorServer) -> list[str]:
    """The texts of papers that were sent."""
    return [text for text in server.texts if "We present" in text]


def folder_of(home: Path) -> Path:
    return home / "collections" / "papers"


def vectors_of(home: Path) -> list[Path]:
    return sorted(folder_of(home).glob("vectors-*"))


def told(rag: Rag) -> list[Any]:
    """What a user sees of the collection."""
    answers = [rag.ask(q) for q in (QUESTION, "How good is Ferrum?", "Which papers are about animals?")]
    return [(a.answer, a.citations, a.abstained, a.retrieved) for a in answers]


class Oracle(BaseEmbedding):
    """Finds every question to be about what `about` stands in."""

    about: str = "Ferrum"
    width: int = 8

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(self.about in text), 0.1] + [0.0] * (self.width - 2)

    def _get_query_embedding(self, query: str) -> list[float]:
        return [1.0] + [0.0] * (self.width - 1)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class Stranger(Oracle):
    """The same under another name."""


# --- where the texts go ---------------------------------------------------------------------------------------------


def test_papers_and_questions_go_to_that_server_and_nowhere_else(
    reopened: Open,
    server: VectorServer,
    start: Callable[[], VectorServer],
    papers: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = start()
    ports = set()
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple):
            ports.add(address[1])
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    rag = reopened(base_url=other.url, api_key="sk-other-0123456789", embedding_api_key=KEY)
    rag.ingest([papers])
    assert {p.title for p in rag.papers()} == {t.partition(". ")[0] for t in passages(server)}
    for paper in rag.papers():
        assert f"{paper.title}. {paper.abstract}" in server.texts
    asked = len(server.texts)
    answer = rag.ask(QUESTION)
    assert server.texts[asked:] == [QUESTION], "once, however often it is looked at"
    assert answer.citations[0].title.startswith("BrickNet")
    assert other.requests == []
    assert set(server.keys) == {KEY}
    assert {request["model"] for request in server.requests} == {"words"}
    assert ports == {server.port}


def test_the_builtin_embedding_sends_nothing(reopened: Open, server: VectorServer, papers: Path, home: Path) -> None:
    for setting in ("builtin", BuiltinEmbedding()):
        rag = reopened(setting)
        rag.ingest([papers])
        assert rag.ask(QUESTION).citations
    assert server.requests == []
    assert vectors_of(home) == []


@pytest.mark.parametrize(
    ("settings", "host", "key"),
    [
        ({}, "api.openai.com", "none"),
        ({"api_key": KEY}, "api.openai.com", KEY),
        ({"embedding_api_key": KEY, "api_key": "sk-chat"}, "api.openai.com", KEY),
        ({"base_url": "http://localhost:1/v1", "api_key": KEY}, "localhost:1", KEY),
        ({"embedding_base_url": "http://localhost:2/v1", "base_url": "http://localhost:1/v1", "api_key": KEY},
         "localhost:2", KEY),
        ({"embedding_base_url": "http://localhost:2/v1", "embedding_api_key": KEY}, "localhost:2", KEY),
        ({"embedding_base_url": "http://localhost:2/v1", "api_key": "sk-for-openai"}, "localhost:2", "none"),
        ({"embedding_base_url": "https://api.openai.com/v1", "base_url": "http://localhost:1/v1", "api_key": "local"},
         "api.openai.com", "none"),
    ],
)  # fmt: skip
def test_whose_address_and_key(home: Path, server: VectorServer, settings: dict[str, str], host: str, key: str) -> None:
    """What isn't set is the language model's, but its key goes to no other host."""
    embedding = chosen(Config(home=home, embedding="openai:m", **settings))
    assert isinstance(embedding, EndpointEmbedding)
    assert embedding.host == host
    # The same key, sent to where it can be seen.
    EndpointEmbedding("m", base_url=server.url, api_key=embedding._api_key).get_text_embedding("x")
    assert server.keys == [key]


def test_a_long_question_is_sent_as_far_as_the_builtin_model_reads(
    reopened: Open, server: VectorServer, papers: Path
) -> None:
    rag = reopened()
    rag.ingest([papers])
    rag.ask("grazing animals in the mountains " * 120)
    assert 500 < max(len(text) for text in server.texts) < 2000


# --- what it is good for --------------------------------------------------------------------------------------------


def test_the_ranking_is_that_of_the_embedding(reopened: Open, papers: Path) -> None:
    question = "Which of these methods would you look at first?"
    first = []
    for name in ("Alpaca", "Ferrum", "EchoLoc"):
        rag = reopened(Oracle(about=name, model_name=name))
        rag.ingest([papers])
        first.append(rag.ask(question).retrieved[0].title.partition(":")[0])
    assert first == ["Alpaca", "Ferrum", "EchoLoc"]


def test_the_candidates_are_those_of_the_embedding(
    reopened: Open, papers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not all papers are ranked, what Chroma proposes decides which. It is filled in parts."""
    monkeypatch.setattr(retrieval, "CANDIDATES", 1)
    monkeypatch.setattr(external_indexing, "UPSERT", 4)

    def retrieved(rag: Rag) -> str:
        return " ".join(r.title for r in rag.ask(QUESTION).retrieved)

    rag = reopened("builtin")
    rag.ingest([papers])
    assert "EchoLoc" not in retrieved(rag)
    assert "EchoLoc" in retrieved(reopened(Oracle(about="EchoLoc")))


def test_on_the_seeds(
    collection: Rag, collection_home: Path, home: Path, reopened: Open, server: VectorServer, embedded: list[str]
) -> None:
    """Vectors of counted words find papers as well, the built-in model reads none anew, and silence stays silence."""
    shutil.copytree(collection_home, home)
    rag = reopened()
    questions = {
        "What does double quantization save in QLoRA?": "QLoRA",
        "attention kernels that partition work between warps": "FlashAttention-2",
        "logarithms of Bessel functions": "Accurate Computation of the Logarithm",
    }
    for question, title in questions.items():
        answer = rag.ask(question)
        assert answer.retrieved[0].title.startswith(title)
        assert answer.citations[0].title.startswith(title)
    for question in ("Who won the football world cup in 1990?", "How do I bake a cake?"):
        assert rag.ask(question).abstained
    assert not [text for text in embedded if len(text) > 300], "no abstract"
    assert len(server.texts) > 82
    assert max(len(request["input"]) for request in server.requests) == 64


def test_what_is_calibrated_stays_the_builtin_models(reopened: Open, papers: Path) -> None:
    """An embedding for which all is near changes the ranking, and neither the cosines behind a verdict nor silence."""
    reopened("builtin").ingest([papers])

    def cosines(rag: Rag) -> dict[int, tuple[float, ...]]:
        found = (ranker := rag._open()[0].ranker).rank(ranker.encode(QUESTION))
        columns = (found.rows, found.passage, found.document, found.sentence)
        return {int(row): tuple(map(float, values)) for row, *values in zip(*columns, strict=True)}

    expected = cosines(reopened("builtin"))
    before = reopened("builtin").ask(QUESTION)
    rag = reopened(MockEmbedding(embed_dim=5))
    assert cosines(rag) == expected
    assert rag.ask(QUESTION).retrieved[0].score != before.retrieved[0].score
    assert rag.ask("How good is Ferrum?").citations
    for question in ("Who won the football world cup in 1990?", "What is the tax on wine?"):
        assert rag.ask(question).abstained


# --- one model or another -------------------------------------------------------------------------------------------


def test_to_the_builtin_and_back(
    reopened: Open, server: VectorServer, papers: Path, home: Path, tmp_path: Path, embedded: list[str]
) -> None:
    rag = reopened()
    rag.ingest([papers])
    external = told(rag)
    builtin = told(reopened("builtin"))
    assert external != builtin, "else this test could not tell them apart"
    sent, read = len(passages(server)), len(embedded)
    assert sent == 6
    assert told(reopened()) == external
    assert told(reopened("builtin")) == builtin
    assert len(passages(server)) == sent
    assert not [text for text in embedded[read:] if "We present" in text]
    # What the collection gains meanwhile is all that is missing.
    reopened("builtin").ingest([write(tmp_path / "more.jsonl", [record(NAMES[7])])], add=True)
    rag = reopened()
    assert rag.ask(f"What is said on {SUBJECTS[NAMES[7]]}?").citations[0].title.startswith(NAMES[7])
    assert len(passages(server)) == sent + 1
    assert len(vectors_of(home)) == 1, "those of the collection as it was are swept away"
    rag.ingest([papers])
    assert told(rag) == external
    assert len(passages(server)) == sent + 1


def test_two_models_side_by_side(
    reopened: Open, server: VectorServer, start: Callable[[], VectorServer], papers: Path, home: Path
) -> None:
    other = start()
    other.salt, other.dimensions = "other", 32
    ways: list[dict[str, Any]] = [{}, {"embedding": "openai:other", "embedding_base_url": other.url}]
    reopened().ingest([papers])
    first = [told(reopened(**way)) for way in ways]
    assert first[0] != first[1]
    sent = len(passages(server)), len(passages(other))
    assert sent == (6, 6)
    assert [told(reopened(**way)) for way in ways] == first
    assert (len(passages(server)), len(passages(other))) == sent
    assert len(vectors_of(home)) == 2


def test_class_model_and_dimensions_make_another_index(reopened: Open, papers: Path, home: Path) -> None:
    reopened("builtin").ingest([papers])
    for embedding in (Oracle(), Stranger(), Oracle(model_name="large"), Oracle(width=9), Oracle()):
        reopened(embedding).ask(QUESTION)
    assert len(vectors_of(home)) == 4
    fingerprints = [json.loads((f / "manifest.json").read_text())["fingerprint"] for f in vectors_of(home)]
    assert {(f["class"], f["model"], f["dimensions"]) for f in fingerprints} == {
        ("Oracle", "unknown", 8),
        ("Stranger", "unknown", 8),
        ("Oracle", "large", 8),
        ("Oracle", "unknown", 9),
    }


@pytest.mark.parametrize("change", [{"dimensions": 32}, {"salt": "another model"}], ids=str)
def test_another_model_under_the_same_name_is_noticed(
    reopened: Open, server: VectorServer, papers: Path, home: Path, change: dict[str, Any]
) -> None:
    reopened().ingest([papers])
    for name, value in change.items():
        setattr(server, name, value)
    changed = told(reopened())
    assert len(passages(server)) == 12, "all anew"
    shutil.rmtree(home)
    reopened().ingest([papers])
    assert told(reopened()) == changed, "as from scratch"


def test_a_dimension_that_changes_in_one_process_is_an_error(
    reopened: Open, server: VectorServer, papers: Path
) -> None:
    rag = reopened()
    rag.ingest([papers])
    rag.ask(QUESTION)
    server.dimensions = 32
    with pytest.raises(ModelServerError, match=r"32 numbers, expected 48.*Start the server anew"):
        rag.ask("How good is Ferrum?")
    server.dimensions = 48
    assert rag.ask("How good is Ferrum?").citations


# --- when something breaks ------------------------------------------------------------------------------------------


def shell(monkeypatch: pytest.MonkeyPatch, server: VectorServer, *arguments: str, key: str = "") -> Any:
    """The command line, set by the environment."""
    monkeypatch.setenv("RAG_EMBEDDING", "openai:words")
    monkeypatch.setenv("RAG_EMBEDDING_BASE_URL", server.url)
    if key:
        monkeypatch.setenv("RAG_EMBEDDING_API_KEY", key)
    return CliRunner().invoke(app, list(arguments), prog_name="rag")


def test_a_wrong_key(server: VectorServer, papers: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.key = KEY
    wrong = "sk-wrong-9876543210"
    result = shell(monkeypatch, server, "ingest", str(papers), key=wrong)
    assert result.exit_code == 4
    assert f"127.0.0.1:{server.port} refuses the key for words" in " ".join(result.output.split())
    assert "RAG_EMBEDDING_API_KEY" in result.output
    assert wrong not in result.output
    assert len(server.requests) == 1, "not tried again"
    assert not (folder_of(home) / "papers.jsonl").exists(), "nothing was changed"
    assert shell(monkeypatch, server, "ingest", str(papers), key=KEY).exit_code == 0
    assert shell(monkeypatch, server, "ask", QUESTION, key=wrong).exit_code == 4


def test_a_server_that_is_down(
    server: VectorServer, papers: Path, reopened: Open, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    reopened().ingest([papers])
    expected = told(reopened())
    server.stop()
    result = shell(monkeypatch, server, "ask", QUESTION)
    assert result.exit_code == 5
    output = " ".join(result.output.split())
    assert f"127.0.0.1:{server.port} can't be reached for words" in output
    assert "Start the server" in output
    assert "BrickNet" not in output, "nothing is answered from other vectors"
    assert len(pauses) == 2
    monkeypatch.delenv("RAG_EMBEDDING")
    assert reopened("builtin").ask(QUESTION).citations
    server.start()
    sent = len(passages(server))
    assert told(reopened()) == expected
    assert len(passages(server)) == sent


def test_a_server_that_goes_down_between_two_questions(server: VectorServer, papers: Path, reopened: Open) -> None:
    rag = reopened()
    rag.ingest([papers])
    before = rag.ask(QUESTION)
    server.stop()
    with pytest.raises(ModelUnreachable):
        rag.ask("How good is Ferrum?")
    server.start()
    assert rag.ask(QUESTION).answer == before.answer
    assert rag.ask("How good is Ferrum?").citations


QUOTA = (429, {}, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})


@pytest.mark.parametrize(
    ("failures", "expected", "requests", "waited"),
    [
        ([500], None, 2, [1]),
        ([503, 429], None, 3, [1, 2]),
        ([(429, {"Retry-After": "7"}, {})], None, 2, [7]),
        ([(429, {"Retry-After": "900"}, {})], None, 2, [20]),
        ([500, 502, 503, 500], ModelServerError, 3, [1, 2]),
        ([429, 429, 429, 429], ModelRateLimit, 3, [1, 2]),
        ([QUOTA], QuotaExhausted, 1, []),
        ([401], ModelAuthError, 1, []),
        ([403], ModelAuthError, 1, []),
        ([404], ModelUnknown, 1, []),
        ([400], ModelUnknown, 1, []),
    ],
    ids=str,
)
def test_failures_and_tries(
    server: VectorServer, pauses: list[float], failures: list[Any], expected: Any, requests: int, waited: list[float]
) -> None:
    server.failures = failures
    embedding = EndpointEmbedding("words", base_url=server.url, api_key=KEY)
    if expected is None:
        assert len(embedding.get_query_embedding("iron moulds")) == 48
    else:
        with pytest.raises(expected) as caught:
            embedding.get_query_embedding("iron moulds")
        assert type(caught.value) is expected
        assert f"127.0.0.1:{server.port}" in str(caught.value)
        assert "words" in str(caught.value)
        assert "RAG_MODEL" not in str(caught.value), "a setting of the language model"
    assert len(server.requests) == requests
    assert pauses == pytest.approx(waited, rel=0.21)
    embedding.close()


SPOILT = {
    "a vector of zeros": (lambda v: [[0.0] * 48, *v[1:]], "a vector of zeros"),
    "not a number": (lambda v: [[float("nan")] * 48, *v[1:]], "not finite"),
    "infinite": (lambda v: [[float("inf")] * 48, *v[1:]], "not finite"),
    "of two lengths": (lambda v: [v[0][:40], *v[1:]], "40 and 48 numbers"),
    "too few": (lambda v: v[1:], "no embeddings"),
    "empty": (lambda v: [[] for _ in v], "0 numbers"),
    "texts": (lambda v: [["a"] * 48 for _ in v], "not made of numbers"),
    "a page of HTML": (lambda v: "<html>Welcome</html>", "no embeddings"),
    "another object": (lambda v: {"object": "list", "data": None}, "no embeddings"),
    "cut short": (lambda v: '{"object": "list", "data": [', "no embeddings"),
}


@pytest.mark.parametrize(("spoil", "said"), SPOILT.values(), ids=SPOILT.keys())
def test_what_are_no_vectors_is_told_and_never_kept(
    server: VectorServer, papers: Path, reopened: Open, home: Path, spoil: Any, said: str
) -> None:
    server.spoil = lambda vectors: spoil(vectors) if len(vectors) > 1 else vectors
    with pytest.raises(ModelServerError, match=rf"{said}.*(another embedding|Correct the base URL)") as caught:
        reopened().ingest([papers])
    assert caught.value.exit_code == 8
    server.spoil = lambda vectors: vectors
    reopened().ingest([papers])
    mended = told(reopened())
    shutil.rmtree(home)
    reopened().ingest([papers])
    assert told(reopened()) == mended


def test_vectors_have_unit_length_whatever_their_size(server: VectorServer) -> None:
    found = []
    for factor in (1.0, 1e-200, 1e200):
        server.spoil = lambda vectors, factor=factor: (np.array(vectors) * factor).tolist()
        embedding = EndpointEmbedding("words", base_url=server.url)
        found.append(embedding.get_text_embedding_batch(["iron moulds", "of clay and iron"]))
        embedding.close()
    expected = np.array([vector(t, 48) for t in ("iron moulds", "of clay and iron")])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    for vectors in found:
        assert np.allclose(vectors, expected, atol=1e-6)


def test_what_was_paid_for_is_kept_when_the_server_fails_midway(
    server: VectorServer, papers: Path, reopened: Open, home: Path
) -> None:
    def embedding() -> EndpointEmbedding:
        return EndpointEmbedding("words", base_url=server.url, embed_batch_size=2)

    server.spoil = lambda vectors: "<html>Bad gateway</html>" if len(passages(server)) > 4 else vectors
    for _ in range(2):
        with pytest.raises(ModelServerError):
            reopened(embedding()).ingest([papers])
    server.spoil = lambda vectors: vectors
    assert not reopened(embedding()).papers(), "papers of an ingest that failed don't come in later"
    reopened(embedding()).ingest([papers])
    assert sorted(Counter(passages(server)).values())[:4] == [1, 1, 1, 1], "what had come was not asked for again"
    assert len(set(passages(server))) == 6
    assert len(vectors_of(home)) == 1, "no draft is left"
    mended = told(reopened(embedding()))
    shutil.rmtree(home)
    reopened(embedding()).ingest([papers])
    assert told(reopened(embedding())) == mended


INGEST = """
import sys, pathlib
from rag import Config, build
from rag.index.endpoint_embedding import EndpointEmbedding
home, path, url = sys.argv[1:]
embedding = EndpointEmbedding("words", base_url=url, embed_batch_size=2)
with build(Config(home=pathlib.Path(home)), embedding=embedding) as rag:
    rag.ingest([pathlib.Path(path)])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills")
def test_killed_while_it_waits_for_vectors(server: VectorServer, papers: Path, reopened: Open, home: Path) -> None:
    """The process dies at its third batch; the collection of before answers, and two batches needn't be sent again."""
    reopened("builtin").ingest([papers])
    builtin = told(reopened("builtin"))
    child: list[subprocess.Popen[bytes]] = []

    def kill(vectors: list[list[float]]) -> list[list[float]]:
        if len(passages(server)) == 6:
            os.kill(child[0].pid, signal.SIGKILL)
            child[0].wait(30)
        return vectors

    server.spoil = kill
    command = [sys.executable, "-c", INGEST, str(home), str(papers), server.url]
    child.append(subprocess.Popen(command, cwd=ROOT))
    assert child[0].wait(120) == -signal.SIGKILL
    assert told(reopened("builtin")) == builtin
    server.spoil = lambda vectors: vectors
    rag = reopened(EndpointEmbedding("words", base_url=server.url))
    assert rag.ask(QUESTION).citations[0].title.startswith("BrickNet")
    assert len(passages(server)) == 6 + 2
    assert len(vectors_of(home)) == 1


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-7])


def zeroed(folder: Path) -> None:
    """What a power cut may leave of a draft."""
    vectors = folder / "passages.f16"
    vectors.write_bytes(vectors.read_bytes()[:96] + bytes(vectors.stat().st_size - 96))
    folder.rename(f"{folder}.draft-1")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "manifest emptied": lambda folder: (folder / "manifest.json").write_bytes(b""),
    "manifest of another kind": lambda folder: (folder / "manifest.json").write_bytes(b"[1]"),
    "manifest cut": cut("manifest.json"),
    "vectors cut": cut("passages.f16"),
    "vectors deleted": lambda folder: (folder / "passages.f16").unlink(),
    "a draft that ends in zeros": zeroed,
    "texts deleted": lambda folder: (folder / "texts.sha256").unlink(),
    "chroma deleted": lambda folder: shutil.rmtree(folder / "chroma"),
    "chroma emptied": lambda folder: (folder / "chroma" / "chroma.sqlite3").write_bytes(b""),
    "all deleted": lambda folder: shutil.rmtree(folder),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_mended_or_told(reopened: Open, papers: Path, home: Path, damage: Callable[[Path], None]) -> None:
    reopened().ingest([papers])
    expected = told(reopened())
    reopened("builtin")
    damage(vectors_of(home)[0])
    try:
        assert told(reopened()) == expected
    except RagError as e:
        assert "rag ingest" in str(e)
    reopened().ingest()
    assert told(reopened()) == expected


# --- from Python ----------------------------------------------------------------------------------------------------


def test_an_embedding_that_raises_its_own_errors(reopened: Open, papers: Path) -> None:
    class Broken(Oracle):
        def _get_query_embedding(self, query: str) -> list[float]:
            raise RuntimeError("out of paper")

    rag = reopened(Broken(model_name="broken-1"))
    rag.ingest([papers])
    with pytest.raises(ModelError, match=r"broken-1 failed \(RuntimeError: out of paper\)"):
        rag.ask(QUESTION)


def test_progress_is_told(reopened: Open, papers: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    reopened(Oracle(model_name="oracle-8", embed_batch_size=4)).ingest(
        [papers], progress=lambda *step: steps.append(step)
    )
    assert [step[1:] for step in steps if "oracle-8" in step[0]] == [(0, 6), (4, 6), (6, 6)]


def test_the_key_is_in_nothing_that_is_shown_or_stored(server: VectorServer) -> None:
    server.key = "sk-another-0123456789"
    embedding = EndpointEmbedding("words", base_url=server.url, api_key=KEY)
    with pytest.raises(ModelAuthError) as caught:
        embedding.get_text_embedding("iron")
    shown = [repr(embedding), str(embedding.to_dict()), str(embedding.to_payload()), str(caught.value)]
    shown += [repr(caught.value.__cause__), pickle.dumps(embedding).decode("latin-1")]
    assert not [text for text in shown if KEY in text]
    embedding.close()


@pytest.mark.parametrize("url", ["127.0.0.1:8080/v1", "ftp://127.0.0.1/v1", "http:///v1", "http://me:pw@127.0.0.1/v1"])
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL such as http") as caught:
        EndpointEmbedding("words", base_url=url)
    assert "pw" not in str(caught.value)


def test_asynchronous_and_shorter(server: VectorServer) -> None:
    embedding = EndpointEmbedding("words", base_url=server.url, dimensions=16)
    first = asyncio.run(embedding.aget_query_embedding("iron"))
    again = asyncio.run(embedding.aget_text_embedding_batch(["iron", "clay"]))
    assert len(first) == 16
    assert again[0] == pytest.approx(first)
    assert len(pickle.loads(pickle.dumps(embedding)).get_text_embedding("clay")) == 16
    assert len(embedding.get_text_embedding_batch([f"paper {n}" for n in range(130)])) == 130
    assert [len(request["input"]) for request in server.requests][-3:] == [64, 64, 2]
    embedding.close()
