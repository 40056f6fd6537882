"""Everything that speaks to a language model, against a real one: llama.cpp's server with a model of 135M parameters.

It writes nonsense, and other nonsense on another processor. So nothing here depends on what it says; what holds, holds
whatever a model says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import CitationQueryEngine
from llama_server import CONTEXT, LlamaServer, serving
from pydantic import BaseModel, Field
from serving import ROOT

from rag import Answer, Config, Rag, Text, build
from rag.ask.reading.planner import ModelPlan
from rag.ask.reading.screening import Screened
from rag.ask.reading.verify import Verdicts
from rag.core.errors import ContextOverflow, ModelStopped
from rag.index.llamaindex import MiniLMEmbedding
from rag.llm.client import Client, Reply
from rag.llm.endpoint import Endpoint
from rag.llm.llamaindex import ClientLLM
from rag.llm.prompts import Message
from rag.llm.structured import ask_json, parsed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

SCHEMA = json.loads((ROOT / "tests" / "answer.schema.json").read_text())
FACT = "What does double quantization save in QLoRA?"
COMPARISON = "How do GPipe and Holmes each use pipeline parallelism?"
LIST = "Which papers are about neural implicit or Gaussian scene reconstruction?"
ESSAY = [Message("user", "Write a long essay about the sea.")]
SOON = 5.0
"""Seconds: what takes a moment on an idle machine, and may take some on one that is busy."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    with serving(tmp_path_factory.mktemp("llama")) as running:
        yield running


@pytest.fixture(scope="session")
def writing(server: LlamaServer, collection: Rag, collection_home: Path) -> Iterator[Rag]:
    """The seeds with the model to write from them. Of a small context, lest it read for half a minute."""
    with _rag(collection_home, server, context=1536) as rag:
        yield rag


def _rag(home: Path, server: LlamaServer, **settings: Any) -> Rag:
    return build(Config(home=home, llm="openai", model=server.model, base_url=server.url, **settings))


def _endpoint(server: LlamaServer, **settings: Any) -> Endpoint:
    return Endpoint(server.model, base_url=server.url, **settings)


def _wait_until_free(server: LlamaServer) -> float:
    """Seconds until the server writes for nobody."""
    start = time.monotonic()
    while server.busy:
        assert time.monotonic() - start < 60, "the server goes on writing"
        time.sleep(0.02)
    return time.monotonic() - start


def _check(answer: Answer, rag: Rag) -> None:
    """What holds for every answer."""
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(answer.to_json(), allow_nan=False)))
    papers = {p.id: p for p in rag.papers()}
    for c in answer.citations:
        assert papers[c.paper_id].title == c.title
        assert papers[c.paper_id].abstract[c.start : c.end] == c.quote
        assert f"[{c.marker}]" in answer.answer
    assert {r.paper_id for r in answer.retrieved} <= papers.keys()
    markers = {c.marker for c in answer.citations}
    for claim in answer.claims:
        assert set(claim.markers) <= markers
        assert claim.verdict == "unsupported" or claim.markers


def _check_written(answer: Answer, rag: Rag, server: LlamaServer, kind: str) -> None:
    """What holds for an answer that the model had a part in."""
    _check(answer, rag)
    assert (answer.kind, answer.abstained, answer.model) == (kind, False, server.model)
    assert answer.citations
    assert answer.mode == "generating" or answer.warnings, "where it only quotes it says why"
    assert answer.prompts, "the model was asked"
    assert not [w for w in answer.warnings if "127.0.0.1" in w], "and did not fail"


# --- whole answers ----------------------------------------------------------------------------------------------------


def test_an_answer_is_shown_while_it_is_being_written(writing: Rag, server: LlamaServer) -> None:
    pieces, busy = [], None
    for event in writing.stream(FACT):
        if isinstance(event, Text):
            busy = server.busy if busy is None else busy
            pieces.append(event.text)
    assert busy, "the first piece came when all was written"
    assert len(pieces) > 5
    assert isinstance(event, Answer)
    _check_written(event, writing, server, "single")
    assert event.prompt_tokens > 0
    assert event.completion_tokens > 0
    assert _wait_until_free(server) < SOON, "the model was left to write on"


@pytest.mark.parametrize(("kind", "question"), [("comparison", COMPARISON), ("list", LIST)], ids=["comparison", "list"])
def test_a_whole_answer(writing: Rag, server: LlamaServer, kind: str, question: str) -> None:
    _check_written(writing.ask(question), writing, server, kind)


def test_the_command_asks_the_model(server: LlamaServer, collection: Rag, collection_home: Path) -> None:
    done = _command(server, collection_home, "ask", "--json", COMPARISON)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    assert (answer["model"], answer["kind"]) == (server.model, "comparison")
    assert answer["prompts"]


def _command(server: LlamaServer, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAG_HOME": str(home),
        "RAG_MODEL": server.model,
        "OPENAI_BASE_URL": server.url,
        "RAG_CONTEXT": "1536",
    }
    command = [sys.executable, "-m", "rag.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_pieces_come_one_by_one(server: LlamaServer) -> None:
    reply = Client(_endpoint(server)).stream(ESSAY, max_tokens=60, ignore_eos=True)
    pieces = []
    for piece in reply:
        assert pieces or server.busy, "the first came when all was written"
        pieces.append(piece)
    assert len(pieces) > 30
    assert "".join(pieces) == reply.text
    assert reply.finish == "length"
    assert reply.first_token is not None


def test_tokens_are_those_that_the_server_counts(server: LlamaServer) -> None:
    reply = Client(_endpoint(server)).stream(ESSAY, max_tokens=7, ignore_eos=True)
    text = "".join(reply)
    prompt = server.call("/apply-template", {"messages": [{"role": "user", "content": ESSAY[0].content}]})["prompt"]
    tokens = server.call("/tokenize", {"content": prompt, "add_special": False, "parse_special": True})["tokens"]
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(tokens), 7)
    assert not reply.usage.estimated
    assert reply.model == server.model
    assert text == reply.text


# --- constrained JSON -------------------------------------------------------------------------------------------------


class City(BaseModel):
    name: str = Field(max_length=30)
    continent: str = Field(max_length=30)
    inhabitants: int = Field(ge=0, le=100_000_000)


def test_json_is_constrained_by_the_server(server: LlamaServer) -> None:
    """Nothing in the words asks for JSON, so that only the schema can bring it about."""
    client, question = Client(_endpoint(server)), [Message("user", "Tell me about Paris.")]
    assert parsed("".join(client.stream(question, max_tokens=60)), City) is None
    replies: list[Reply] = []
    found = ask_json(client, question, City, stop=None, count=replies.append)
    assert isinstance(found, City)
    assert len(replies) == 1


class Brief(Client):
    """Lets the model begin its replies, and no more: this one may fill an unbounded string for ever."""

    def stream(self, messages: Sequence[Message], *, stop: threading.Event | None = None, **options: Any) -> Reply:
        return super().stream(messages, stop=stop, **{**options, "max_tokens": 12})


@pytest.mark.parametrize("shape", [ModelPlan, Screened, Verdicts], ids=lambda s: s.__name__)
def test_the_server_takes_our_schemas(server: LlamaServer, shape: type[BaseModel]) -> None:
    replies: list[Reply] = []
    ask_json(Brief(_endpoint(server)), [Message("user", "Hello.")], shape, stop=None, count=replies.append)
    first = next(iter(shape.model_fields))
    assert "".join(replies[0].text.split()).startswith(f'{{"{first}":')


# --- stop -------------------------------------------------------------------------------------------------------------


def test_a_stop_in_mid_stream_frees_the_server(server: LlamaServer) -> None:
    client, stop = Client(_endpoint(server)), threading.Event()
    reply = client.stream(ESSAY, stop=stop, max_tokens=3000, ignore_eos=True)
    pieces = iter(reply)
    assert next(pieces)
    assert server.busy
    stop.set()
    start = time.monotonic()
    with pytest.raises(ModelStopped) as stopped:
        list(pieces)
    assert time.monotonic() - start < SOON
    assert stopped.value.partial == reply.text != ""
    assert _wait_until_free(server) < SOON
    start = time.monotonic()
    assert "".join(client.stream([Message("user", "Hello.")], max_tokens=5))
    assert time.monotonic() - start < SOON


def test_leaving_a_stream_frees_the_server(server: LlamaServer) -> None:
    pieces = iter(Client(_endpoint(server)).stream(ESSAY, max_tokens=3000, ignore_eos=True))
    assert next(pieces)
    assert server.busy
    pieces.close()  # type: ignore[attr-defined]
    assert _wait_until_free(server) < SOON


def test_an_answer_is_stopped(writing: Rag, server: LlamaServer) -> None:
    stop = threading.Event()
    with pytest.raises(ModelStopped):
        for event in writing.stream(FACT, stop=stop):
            if isinstance(event, Text):
                stop.set()
    assert _wait_until_free(server) < SOON


# --- the context ------------------------------------------------------------------------------------------------------


def test_a_prompt_that_is_too_long_is_told_as_that(server: LlamaServer) -> None:
    with pytest.raises(ContextOverflow, match=f"127.0.0.1:{server.port}.*RAG_CONTEXT"):
        list(Client(_endpoint(server)).stream([Message("user", "word " * 2 * CONTEXT)]))


def test_the_context_is_found_out(server: LlamaServer) -> None:
    assert Client(_endpoint(server)).context == CONTEXT


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    """A server whose model reads 1,536 tokens, the least that can be configured."""
    with serving(tmp_path_factory.mktemp("small"), context=1536) as running:
        yield running


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    """A server whose model reads 512 tokens, which are fewer than the instructions need."""
    with serving(tmp_path_factory.mktemp("tiny"), context=512) as running:
        yield running


def test_an_answer_keeps_within_the_context(small: LlamaServer, collection: Rag, collection_home: Path) -> None:
    with _rag(collection_home, small, context=1536, fallback=False) as rag:
        answer = rag.ask(FACT)
    _check(answer, collection)
    assert answer.prompt_tokens + answer.completion_tokens <= 1536


def test_an_answer_that_does_not_fit_quotes_and_says_why(
    tiny: LlamaServer, collection: Rag, collection_home: Path
) -> None:
    with _rag(collection_home, tiny) as rag:
        answer = rag.ask(FACT)
    _check(answer, collection)
    assert answer.mode == "quoting"
    assert any("RAG_CONTEXT" in w for w in answer.warnings)


# --- other programs ---------------------------------------------------------------------------------------------------


def test_it_drops_into_the_citation_engine_of_llama_index(server: LlamaServer) -> None:
    texts = ["The sea covers most of the earth.", "Deserts cover a fifth of the land."]
    index = VectorStoreIndex.from_documents(
        [Document(text=text) for text in texts], embed_model=MiniLMEmbedding(), transformations=[SentenceSplitter()]
    )
    llm = ClientLLM(Client(_endpoint(server)), max_tokens=30)
    engine = CitationQueryEngine.from_args(index, llm=llm, similarity_top_k=2)
    response = engine.query("What covers the earth?")
    assert str(response).strip()
    assert str(response) != "Empty Response"
    assert [n.get_content().partition("\n")[0] for n in response.source_nodes] == ["Source 1:", "Source 2:"]
    streaming = CitationQueryEngine.from_args(index, llm=llm, similarity_top_k=2, streaming=True)
    pieces = list(streaming.query("What covers the earth?").response_gen)  # type: ignore[union-attr]
    assert len(pieces) > 3
    assert "".join(pieces).strip() == str(response).strip()


# --- the doctor -------------------------------------------------------------------------------------------------------


def test_the_doctor_tries_the_model(server: LlamaServer, collection: Rag, collection_home: Path) -> None:
    done = _command(server, collection_home, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"127.0.0.1:{server.port}" in done.stdout
    assert server.model in done.stdout
