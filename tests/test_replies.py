"""The cache of replies."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import (
    MODEL,
    Behaviour,
    EndpointServer,
    answer,
    cut,
    empty,
    malformed,
    stall,
    unavailable,
    wrong_key,
)

from rag.core.errors import ModelError
from rag.llm.client import Client, Deadlines, Reply, Usage
from rag.llm.endpoint import Endpoint
from rag.llm.prompts import Message
from rag.llm.replies import Recorded, Replies, key_of

CANARY = "secret.canary.0123456789"
QUESTION = [Message("user", "What is new?")]
TEXT = "Double quantization saves 0.37 bits per parameter [1], which is 3 GB for a 65B model. " * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "replies"


def ask(server: EndpointServer, folder: Path, **settings: Any) -> tuple[Reply, list[str]]:
    model = Endpoint("any-model", base_url=server.url, **{"api_key": CANARY, **settings})
    reply = Client(model, cache=Replies(folder), retries=0).stream(QUESTION)
    return reply, list(reply)


def test_the_second_time_it_comes_from_disk(folder: Path) -> None:
    with EndpointServer(answer(TEXT, usage=(70, 30), finish="length")) as server:
        first, _ = ask(server, folder)
        second, pieces = ask(server, folder)
        assert len(server.requests) == 1
    assert (first.cached, second.cached) == (False, True)
    assert len(pieces) > 3
    assert "".join(pieces) == first.text == second.text == TEXT
    assert first.usage == second.usage == Usage(70, 30)
    assert (second.model, second.finish) == (MODEL, "length")
    assert second.first_token is not None


def test_thinking_is_not_recorded(folder: Path) -> None:
    with EndpointServer(answer("<think>", "hm", "</think>", "Yes.")) as server:
        ask(server, folder)
        assert ask(server, folder)[1] == ["Yes."]


def test_what_decides_a_reply_is_in_its_key() -> None:
    def key(messages: list[Message] = QUESTION, options: dict[str, Any] | None = None, **settings: Any) -> str:
        model = Endpoint(**{"model": "m", "base_url": "http://127.0.0.1:9/v1", "api_key": "a", **settings})
        return key_of(model, messages, options or {})

    same = [key(), key(), key(api_key="b"), key(connect_seconds=3.0), key([Message("user", "What is new?")])]
    others = [
        key(model="n"),
        key(base_url="http://127.0.0.1:10/v1"),
        key(temperature=0.5),
        key(max_tokens=5),
        key(options={"max_tokens": 5}),
        key(options={"response_format": {"type": "json_object"}}),
        key([Message("user", "What is old?")]),
        key([Message("system", "What is new?")]),
        key([*QUESTION, *QUESTION]),
    ]
    assert len(set(same)) == 1
    assert len({*same, *others}) == 1 + len(others)


@pytest.mark.parametrize("behaviour", [wrong_key(), unavailable(), cut("Hel"), malformed("Hel"), empty(), stall("Hel")])
def test_what_went_wrong_is_not_kept(behaviour: Behaviour, folder: Path) -> None:
    with EndpointServer(behaviour, answer("Hello")) as server:
        model = Endpoint("any-model", base_url=server.url, api_key=CANARY)
        client = Client(model, cache=Replies(folder), retries=0, deadlines=Deadlines(between=0.2))
        with pytest.raises(ModelError):
            list(client.stream(QUESTION))
        assert not list(folder.glob("*"))
        reply = client.stream(QUESTION)
        assert (list(reply), reply.cached) == (["Hello"], False)


def test_what_was_stopped_or_left_is_not_kept(folder: Path) -> None:
    stop = threading.Event()
    with EndpointServer(answer("one", "two")) as server:
        client = Client(Endpoint("m", base_url=server.url, api_key=None), cache=Replies(folder))
        left = iter(client.stream(QUESTION))
        next(left)
        left.close()  # type: ignore[attr-defined]
        stopped = iter(client.stream(QUESTION, stop=stop))
        next(stopped)
        stop.set()
        with pytest.raises(ModelError):
            list(stopped)
    assert not list(folder.glob("*"))


def test_a_cached_reply_can_be_stopped(folder: Path) -> None:
    stop = threading.Event()
    with EndpointServer(answer(TEXT)) as server:
        ask(server, folder)
        model = Endpoint("any-model", base_url=server.url, api_key=None)
        pieces = iter(Client(model, cache=Replies(folder)).stream(QUESTION, stop=stop))
        next(pieces)
        stop.set()
        with pytest.raises(ModelError):
            next(pieces)


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", "null", '{"text": "x"}', '{"text": 1, "model": "m", "finish": null, "prompt_tokens": 1}', "\udcff"],
)
def test_a_damaged_file_counts_as_absent(damage: str, folder: Path) -> None:
    with EndpointServer(answer("Hello")) as server:
        ask(server, folder)
        (file,) = folder.glob("*.json")
        file.write_bytes(damage.encode(errors="surrogateescape"))
        reply, pieces = ask(server, folder)
        assert (pieces, reply.cached) == (["Hello"], False)
        assert ask(server, folder)[0].cached


def test_a_folder_that_can_t_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with EndpointServer(answer("Hello")) as server:
        assert ask(server, tmp_path / "file" / "replies")[1] == ["Hello"]


def test_no_key_and_no_leftovers_on_disk(folder: Path) -> None:
    with EndpointServer(answer("Hello")) as server:
        ask(server, folder)
    (file,) = folder.iterdir()
    assert CANARY not in file.read_text() + file.name
    assert json.loads(file.read_text())["text"] == "Hello"


def test_many_write_the_same_reply_and_nobody_reads_half_of_it(folder: Path) -> None:
    replies = Replies(folder)
    recorded = Recorded("x" * 100_000, "m", "stop", 1, 2, False)
    seen: list[Recorded | None] = []

    def work() -> None:
        for _ in range(20):
            replies.put("key", recorded)
            seen.append(replies.get("key"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [recorded] * 80
    assert [f.name for f in folder.iterdir()] == ["key.json"]
