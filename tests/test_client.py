"""How a model is read: deadlines, stops, retries, thinking; on our endpoint over HTTP and on any LlamaIndex model."""

from __future__ import annotations

import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from endpoint_server import (
    MODEL,
    Behaviour,
    EndpointServer,
    answer,
    cut,
    empty,
    error_in_stream,
    malformed,
    overflow,
    pings,
    quota,
    rate_limit,
    slow,
    stall,
    unavailable,
    unknown_model,
    wrong_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
)
from serving import free_port

from rag.core.errors import (
    ContextOverflow,
    ModelAuthError,
    ModelError,
    ModelRateLimit,
    ModelServerError,
    ModelStopped,
    ModelTimeout,
    ModelUnknown,
    ModelUnreachable,
    QuotaExhausted,
)
from rag.llm import client as module
from rag.llm.client import Client, Deadlines, Reply, Usage
from rag.llm.endpoint import Endpoint
from rag.llm.llamaindex import LlamaIndexSource
from rag.llm.prompts import Message
from rag.llm.thinking import Thinking

CANARY = "secret.canary.0123456789"
QUESTION = [Message("system", "Be brief."), Message("user", "What is new?")]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.05)


def client(server: EndpointServer, **options: Any) -> Client:
    return Client(Endpoint("any-model", base_url=server.url, api_key=CANARY), **options)


def read(script: Sequence[Behaviour], **options: Any) -> tuple[Reply, list[str], EndpointServer]:
    """A reply to these behaviours in turn, its pieces, and the server that was asked."""
    with EndpointServer(*script) as server:
        reply = client(server, **options).stream(QUESTION)
        return reply, list(reply), server


# --- what a reply tells -----------------------------------------------------------------------------------------------


def test_a_reply() -> None:
    reply, pieces, _ = read([answer("Hel", "lo", " [1].")])
    assert pieces == ["Hel", "lo", " [1]."]
    assert reply.text == "Hello [1]."
    assert reply.usage == Usage(7, 3)
    assert (reply.model, reply.finish, reply.cached) == (MODEL, "stop", False)
    assert reply.first_token is not None
    assert 0 < reply.first_token < 30


def test_the_model_is_asked_when_the_first_piece_is() -> None:
    with EndpointServer() as server:
        reply = client(server).stream(QUESTION)
        assert (reply.text, reply.model, reply.first_token) == ("", "any-model", None)
        assert server.requests == []
        assert list(reply) == ["Hello."]
        assert list(reply) == []
        assert len(server.requests) == 1


def test_the_limit_of_tokens_is_told() -> None:
    reply, _, _ = read([answer("Hello, my", finish="length")])
    assert (reply.finish, reply.text) == ("length", "Hello, my")


def test_usage_is_estimated_where_the_endpoint_tells_none() -> None:
    reply, _, _ = read([answer("x" * 400, usage=None)])
    assert reply.usage.estimated
    assert reply.usage.completion_tokens == 101
    assert 4 <= reply.usage.prompt_tokens <= 8


def test_usage_adds_up() -> None:
    assert Usage(1, 2) + Usage(3, 4) == Usage(4, 6)
    assert (Usage(1, 2) + Usage(3, 4, estimated=True)).estimated
    assert sum([Usage(1, 2)] * 3, Usage()) == Usage(3, 6)


def test_options_reach_the_model() -> None:
    with EndpointServer() as server:
        list(client(server).stream(QUESTION, max_tokens=5, response_format={"type": "json_object"}))
    assert server.requests[0].body["max_tokens"] == 5
    assert server.requests[0].body["response_format"] == {"type": "json_object"}


def test_each_piece_is_handed_out_before_the_next_is_sent_and_at_once() -> None:
    steps = threading.Semaphore(0)
    delays = []
    with EndpointServer(answer("one", "two", "three", steps=steps)) as server:
        pieces = iter(client(server).stream(QUESTION))
        for text in ("one", "two", "three"):
            at = time.monotonic()
            steps.release()
            assert next(pieces) == text
            delays.append(time.monotonic() - at)
        assert list(pieces) == []
    # The first has to make the connection. The fastest of the others: the machine may be busy.
    assert min(delays[1:]) < 0.05


# --- retries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "tokens"),
    [
        ([unavailable(500)], 7),
        ([unavailable(503), unavailable(503)], 7),
        ([rate_limit()], 7),
        ([cut()], 7),
        ([malformed()], 7),
        ([error_in_stream()], 7),
        ([empty()], 14),
        ([empty(), unavailable(503)], 14),
    ],
)
def test_what_a_second_attempt_helps_against(first: list[Behaviour], tokens: int) -> None:
    reply, pieces, server = read([*first, answer("Hello")])
    assert pieces == ["Hello"]
    assert len(server.requests) == len(first) + 1
    assert reply.usage.prompt_tokens == tokens, "an empty answer costs as well"


@pytest.mark.parametrize(
    ("behaviour", "kind", "requests"),
    [
        (wrong_key(), ModelAuthError, 1),
        (unknown_model(), ModelUnknown, 1),
        (quota(), QuotaExhausted, 1),
        (overflow(), ContextOverflow, 1),
        (rate_limit(60), ModelRateLimit, 1),
        (rate_limit(), ModelRateLimit, 3),
        (unavailable(), ModelServerError, 3),
        (malformed(), ModelServerError, 3),
        (cut(), ModelUnreachable, 3),
        (empty(), ModelServerError, 2),
        (answer("<think>I wonder", finish="length"), ModelServerError, 1),
    ],
)
def test_what_is_tried_again_and_how_often(behaviour: Behaviour, kind: type[ModelError], requests: int) -> None:
    with EndpointServer(behaviour) as server:
        with pytest.raises(ModelError) as caught:
            list(client(server).stream(QUESTION))
        assert len(server.requests) == requests
    assert type(caught.value) is kind or kind is ModelServerError
    assert isinstance(caught.value, kind)
    assert caught.value.partial == ""
    assert re.search(r"127\.0\.0\.1:\d+", str(caught.value))
    assert "any-model" in str(caught.value)
    printed = "".join(traceback.format_exception(caught.value))
    assert CANARY not in printed
    assert "openai." in printed or kind in (ModelServerError, ModelUnreachable), "what the SDK said is still there"


def test_without_retries_one_request_is_made() -> None:
    with EndpointServer(unavailable()) as server:
        with pytest.raises(ModelServerError):
            list(client(server, retries=0).stream(QUESTION))
        assert len(server.requests) == 1


def test_the_pause_that_an_endpoint_asks_for_is_made() -> None:
    _, pieces, server = read([rate_limit(0.5), answer("Hello")])
    assert pieces == ["Hello"]
    assert 0.5 <= server.requests[1].at - server.requests[0].at < 3


def test_pauses_grow() -> None:
    with EndpointServer(unavailable()) as server, pytest.raises(ModelServerError):
        list(client(server).stream(QUESTION))
    first, second, third = (r.at for r in server.requests)
    assert second - first >= 0.04
    assert third - second >= 0.08


def test_a_server_that_comes_up_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.5)
    port = free_port()
    pieces: list[str] = []
    model = Endpoint("m", base_url=f"http://127.0.0.1:{port}/v1", api_key=None)
    thread = threading.Thread(target=lambda: pieces.extend(Client(model).stream(QUESTION)))
    thread.start()
    time.sleep(0.2)
    with EndpointServer(port=port):
        thread.join(10)
    assert pieces == ["Hello."]


def test_a_server_that_stays_down() -> None:
    model = Endpoint("m", base_url=f"http://127.0.0.1:{free_port()}/v1", api_key=None)
    with pytest.raises(ModelUnreachable, match="Start the server"):
        list(Client(model).stream(QUESTION))


@pytest.mark.parametrize("behaviour", [cut("Hel", "lo"), malformed("Hel", "lo"), error_in_stream("Hel", "lo")])
def test_what_has_been_handed_out_is_kept_and_not_tried_again(behaviour: Behaviour) -> None:
    with EndpointServer(behaviour) as server:
        reply = client(server).stream(QUESTION)
        got = []
        with pytest.raises(ModelError) as caught:
            got.extend(reply)
            pytest.fail("no error")
        assert len(server.requests) == 1
    assert caught.value.partial == reply.text == "Hello"


# --- deadlines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "deadlines", "name", "partial"),
    [
        (slow(60, answer("Hello")), Deadlines(first=0.3), "first token", ""),
        (stall(), Deadlines(first=0.3), "first token", ""),
        (pings(600, 0.05), Deadlines(first=0.3), "first token", ""),
        (stall("Hel"), Deadlines(between=0.3), "between tokens", "Hel"),
        (answer(*["a "] * 600, pause=0.05), Deadlines(total=0.3), "total", "a a"),
        (slow(60, answer("Hello")), Deadlines(total=0.3), "total", ""),
        (answer("Hi", thinking=["hm"] * 600, pause=0.05), Deadlines(first=0.2, total=0.6), "total", ""),
    ],
)
def test_deadlines(behaviour: Behaviour, deadlines: Deadlines, name: str, partial: str) -> None:
    with EndpointServer(behaviour) as server:
        client(server)  # what is imported once isn't timed
        start = time.monotonic()
        with pytest.raises(ModelTimeout, match=rf"0\.\d seconds \(deadline: {name}\)") as caught:
            list(client(server, deadlines=deadlines).stream(QUESTION))
        assert time.monotonic() - start < 2
        assert caught.value.partial.startswith(partial)
        assert server.requests[0].hung_up.wait(1)
        assert len(server.requests) == 1
    assert f"127.0.0.1:{server.port}" in str(caught.value)


def test_a_connection_that_is_not_taken() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        model = Endpoint("m", base_url=f"https://127.0.0.1:{deaf.getsockname()[1]}/v1", connect_seconds=0.2)
        with pytest.raises(ModelTimeout, match=r"0\.2 seconds \(deadline: connect\)"):
            list(Client(model).stream(QUESTION))


def test_pings_and_thinking_don_t_hurt() -> None:
    assert read([pings(3, 0.05, ["Hel", "lo"])])[1] == ["Hel", "lo"]
    assert read([answer("Hello", thinking=["hm"] * 10, pause=0.05)], deadlines=Deadlines(first=0.4))[1] == ["Hello"]


def test_a_slow_reader_is_not_the_model_s_fault() -> None:
    with EndpointServer(answer("one", "two")) as server:
        pieces = iter(client(server, deadlines=Deadlines(first=0.5, between=0.2)).stream(QUESTION))
        assert next(pieces) == "one"
        time.sleep(0.5)
        assert list(pieces) == ["two"]


# --- stopping ---------------------------------------------------------------------------------------------------------


SOON = 5
"""Seconds; a twentieth of one on an idle machine, and 30 if nothing stopped it. A busy machine lets threads wait."""


@pytest.mark.parametrize(
    ("behaviour", "partial"),
    [
        (slow(60, answer("Hello")), ""),
        (stall(), ""),
        (stall("Hel"), "Hel"),
        (answer(*["a "] * 600, pause=0.05), "a a"),
        (rate_limit(15), ""),
    ],
)
def test_a_stop_ends_it_soon(behaviour: Behaviour, partial: str) -> None:
    stop = threading.Event()
    times = []
    with EndpointServer(behaviour) as server:

        def stop_it() -> None:
            while not server.requests:
                time.sleep(0.01)
            time.sleep(0.4)
            times.append(time.monotonic())
            stop.set()

        timer = threading.Thread(target=stop_it)
        reply = client(server).stream(QUESTION, stop=stop)
        timer.start()
        with pytest.raises(ModelStopped) as caught:
            list(reply)
        assert time.monotonic() - times[0] < SOON
        if behaviour.__qualname__.startswith(("slow", "_pieces", "answer")):
            assert server.requests[0].hung_up.wait(SOON)
            assert server.requests[0].hung_up_at - times[0] < SOON
        timer.join()
        assert len(server.requests) == 1
    assert caught.value.partial.startswith(partial)
    assert caught.value.exit_code == 130


def test_a_stop_before_the_start_asks_nothing() -> None:
    stop = threading.Event()
    stop.set()
    with EndpointServer() as server:
        with pytest.raises(ModelStopped):
            list(client(server).stream(QUESTION, stop=stop))
        assert server.requests == []


def test_who_stops_iterating_hangs_up() -> None:
    with EndpointServer(stall("Hel")) as server:
        pieces = iter(client(server).stream(QUESTION))
        assert next(pieces) == "Hel"
        pieces.close()  # type: ignore[attr-defined]
        assert server.requests[0].hung_up.wait(1)


# --- any LlamaIndex model ---------------------------------------------------------------------------------------------


class Foreign(CustomLLM):
    """A model that does what a function says, and knows nothing of deadlines."""

    play: Callable[[], Iterator[str]]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="foreign-1")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="".join(self.play()))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        def pieces() -> CompletionResponseGen:
            text = ""
            for piece in self.play():
                text += piece
                yield CompletionResponse(text=text, delta=piece)

        return pieces()


def test_any_model_is_read() -> None:
    reply = Client(LlamaIndexSource(Foreign(play=lambda: iter(["Hel", "lo"])))).stream(QUESTION)
    assert list(reply) == ["Hel", "lo"]
    assert (reply.model, reply.finish, reply.usage.estimated) == ("foreign-1", None, True)


def _sleeping(*pieces: str, seconds: float) -> Callable[[], Iterator[str]]:
    def play() -> Iterator[str]:
        yield from pieces
        time.sleep(seconds)
        yield "late"

    return play


@pytest.mark.parametrize(
    ("pieces", "deadlines", "name"),
    [
        ((), Deadlines(first=0.2), "first token"),
        (("Hel",), Deadlines(between=0.2), "between tokens"),
        (("Hel",), Deadlines(total=0.2), "total"),
    ],
)
def test_deadlines_hold_for_any_model(pieces: tuple[str, ...], deadlines: Deadlines, name: str) -> None:
    model = LlamaIndexSource(Foreign(play=_sleeping(*pieces, seconds=20)))
    start = time.monotonic()
    with pytest.raises(ModelTimeout, match=f"foreign-1.*{name}") as caught:
        list(Client(model, deadlines=deadlines).stream(QUESTION))
    assert time.monotonic() - start < SOON
    assert caught.value.partial == "".join(pieces)


def test_a_stop_holds_for_any_model() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    start = time.monotonic()
    with pytest.raises(ModelStopped):
        list(Client(LlamaIndexSource(Foreign(play=_sleeping("Hel", seconds=20)))).stream(QUESTION, stop=stop))
    assert time.monotonic() - start < SOON


def test_a_model_that_can_t_stream() -> None:
    class Whole(Foreign):
        def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
            raise NotImplementedError

    assert list(Client(LlamaIndexSource(Whole(play=lambda: iter(["Hel", "lo"])))).stream(QUESTION)) == ["Hello"]


def test_a_model_that_gives_the_whole_text_each_time() -> None:
    class Cumulative(Foreign):
        def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
            for text in ("Hel", "Hello", "Hello."):
                raw = {"usage": {"input_tokens": 5, "output_tokens": 2}, "model": "other-2"}
                yield ChatResponse(message=ChatMessage(text, role="assistant"), raw=raw)

    reply = Client(LlamaIndexSource(Cumulative(play=lambda: iter([])))).stream(QUESTION)
    assert list(reply) == ["Hel", "lo", "."]
    assert (reply.usage, reply.model) == (Usage(5, 2), "other-2")


class _Status(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status_code = status


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (_Status(401), ModelAuthError),
        (_Status(404), ModelUnknown),
        (_Status(429), ModelRateLimit),
        (_Status(503), ModelServerError),
        (ConnectionRefusedError("refused"), ModelUnreachable),
        (ConnectionResetError("reset"), ModelUnreachable),
        (TimeoutError("slow"), ModelTimeout),
        (KeyError("choices"), ModelError),
    ],
)
def test_errors_of_any_model_become_ours(raised: Exception, kind: type[ModelError]) -> None:
    def play() -> Iterator[str]:
        raise raised
        yield ""

    with pytest.raises(ModelError, match="foreign-1") as caught:
        list(Client(LlamaIndexSource(Foreign(play=play))).stream(QUESTION))
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised


# --- thinking ---------------------------------------------------------------------------------------------------------

THOUGHTS = [
    ("<think>hm</think>Yes.", "Yes."),
    ("<think>\nhm <b>\n</think>\n\nYes.", "Yes."),
    ("\n<THINK>hm</Think> Yes.", "Yes."),
    ("<thinking>a</thinking>Yes.", "Yes."),
    ("<reasoning>a</reasoning>Yes.", "Yes."),
    ("[THINK]a[/THINK]Yes.", "Yes."),
    ("<think>a</think><think>b</think>Yes.", "Yes."),
    ("Yes.\n<think>more</think>And no.", "Yes.\nAnd no."),
    ("hm, hm\n</think>\n\nYes.", "Yes."),
    ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>", "Yes."),
    ("<|channel|>final<|message|>Yes.", "Yes."),
    ("<think>hm</think>", ""),
    ("<think>never closed", ""),
    # What only looks like it.
    ("It writes <think> and </think> around it.", "It writes <think> and </think> around it."),
    ("a < b and c <| d [1]", "a < b and c <| d [1]"),
    ("[1] says so", "[1] says so"),
    ("<thin air> is", "<thin air> is"),
    ("<", "<"),
    ("Yes.\n<th", "Yes.\n<th"),
]


@pytest.mark.parametrize(("text", "expected"), THOUGHTS)
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_thinking_is_left_out_however_it_is_split(text: str, expected: str, size: int) -> None:
    thinking = Thinking()
    for start in range(0, len(text), size):
        thinking.feed(text[start : start + size])
    thinking.end()
    assert thinking.answer == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from(["Yes", " ", "\n", "<", "[", "think>", "THINK]", "/", "|end|>", "é", "<|", "a."])))
def test_pieces_make_up_the_answer_and_splitting_changes_nothing(pieces: list[str]) -> None:
    split, whole = Thinking(), Thinking()
    given_out = "".join(split.feed(p) for p in pieces) + split.end()
    whole.feed("".join(pieces))
    whole.end()
    assert split.answer == whole.answer
    assert given_out.endswith(split.answer)


def test_nothing_is_held_back_without_need() -> None:
    thinking = Thinking()
    assert [thinking.feed(p) for p in ("The", " answer", " is a", " < b", " [", "1]", "\n", "It")] == [
        "The", " answer", " is a", " < b", " [", "1]", "\n", "It",
    ]  # fmt: skip
    assert thinking.feed("\n<") == "\n"
    assert thinking.feed("b") == "<b"


def test_thinking_in_the_text_of_a_reply() -> None:
    reply, pieces, _ = read([answer("<th", "ink>let me", " see</thi", "nk>\n\nYe", "s.")])
    assert pieces == ["Ye", "s."]
    assert reply.text == "Yes."


def test_thinking_that_was_recognised_too_late_is_not_in_the_text() -> None:
    reply, pieces, _ = read([answer("let me see", "\n</think>\n", "Yes.")])
    assert pieces == ["let me see", "Yes."]
    assert reply.text == "Yes."
