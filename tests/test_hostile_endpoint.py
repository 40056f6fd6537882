"""An endpoint that means harm, or has learnt its protocol badly: no key gets out, memory is bounded, words are said."""

from __future__ import annotations

import base64
import gzip
import json
import time
import tracemalloc
from collections.abc import Callable

import pytest
from endpoint_server import Behaviour, EndpointServer, Exchange, answer, error

from rag.ask.reading.brackets import citation_at
from rag.core.config import Config
from rag.core.errors import ModelError, ModelRateLimit, ModelServerError
from rag.llm.client import Client
from rag.llm.endpoint import Endpoint
from rag.llm.keys import Striking, forms
from rag.llm.prompts import Message
from rag.service import Rag, build

pytestmark = pytest.mark.hostile

KEY = "Xk7-canary_0123456789/abcDEF+tail"
WORDS = "Double quantization saves 0.37 bits."


def asked(behaviour: Behaviour) -> tuple[str, str]:
    """The text of the reply, and the name of its model."""
    with EndpointServer(behaviour) as server:
        source = Endpoint("m", base_url=server.url, api_key=KEY)
        reply = Client(source, retries=0).stream([Message("user", "Q?")])
        list(reply)
        return reply.text, reply.model


def written(*raw: str, kind: str = "text/event-stream") -> Behaviour:
    """A stream of exactly these texts."""

    def play(e: Exchange) -> None:
        e.begin(kind=kind)
        for text in raw:
            e.raw(text)
        e.end()

    return play


def event(text: str, finish: str | None = None) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}, 'finish_reason': finish}]})}"


WHOLE = json.dumps({"choices": [{"message": {"content": WORDS}, "finish_reason": "stop"}]})


# ---- Keys

ENCODED = {
    "plain": lambda before: before + KEY,
    "base64": lambda before: base64.b64encode((before + KEY + " and more").encode()).decode(),
    "base64 for addresses": lambda before: base64.urlsafe_b64encode((before + KEY).encode()).decode(),
}


@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer "])
@pytest.mark.parametrize("way", ENCODED)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_key_that_an_endpoint_echoes_is_struck_out_however_it_is_cut(way: str, before: str, size: int) -> None:
    text = ENCODED[way](before)
    striking = Striking(KEY)
    pieces = [striking.feed(f"{text} "[i : i + size]) for i in range(0, len(text) + 1, size)]
    found = "".join(pieces) + striking.feed("", last=True)
    assert "[key]" in found
    assert not any(form in found for form in forms(KEY))


def test_what_is_no_key_stays_as_it_is() -> None:
    for key in (KEY, "none", "ollama"):
        striking = Striking(key)
        text = f"Xk7-canary, ollama and none. {KEY[:-1]}"
        assert striking.feed(text) + striking.feed("", last=True) == text


def test_neither_text_nor_model_nor_error_has_the_key() -> None:
    def play(e: Exchange) -> None:
        e.begin()
        for piece in ("Your key is ", KEY[:9], KEY[9:], "."):
            e.event({"model": f"m-{KEY}", "choices": [{"delta": {"content": piece}, "finish_reason": None}]})
        e.event("[DONE]")
        e.end()

    assert asked(play) == ("Your key is [key].", "m-[key]")
    for text in (f"Bad key {KEY}", base64.b64encode(KEY.encode()).decode()):
        with pytest.raises(ModelError) as caught:
            asked(error(400, text))
        assert not any(form in str(caught.value) for form in forms(KEY))


# ---- Memory


def packed(status: int) -> Behaviour:
    bomb = gzip.compress(b" " * 300_000_000, 1)

    def play(e: Exchange) -> None:
        e._handler.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Encoding", "gzip")):
            e._handler.send_header(name, value)
        e._handler.send_header("Content-Length", str(len(bomb)))
        e._handler.end_headers()
        e._handler.wfile.write(bomb)

    return play


def endless(status: int) -> Behaviour:
    def play(e: Exchange) -> None:
        e._handler.send_response(status)
        e._handler.send_header("Content-Type", "application/json")
        e._handler.send_header("Connection", "close")
        e._handler.end_headers()
        for _ in range(300):
            e._handler.wfile.write(b" " * 1_000_000)

    return play


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(("make", "said"), [(packed, "packs its answers"), (endless, "sends more|more in one piece")])
def test_a_reply_without_end_is_not_held_in_memory(make: Callable[[int], Behaviour], status: int, said: str) -> None:
    behaviour = make(status)
    tracemalloc.start()
    with pytest.raises(ModelError, match=said):
        asked(behaviour)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000_000


# ---- Streams as some servers write them


@pytest.mark.parametrize(
    "behaviour",
    [
        written(*(f"{event(w)}\r\r" for w in WORDS.split(" ", 1)[:1]), f"{event(WORDS[6:], 'stop')}\r\r"),
        written(f"{event(WORDS, 'stop')}\r", "\n\r\n", "data: [DONE]\r\n\r\n"),
        written(f"\ufeff{event(WORDS, 'stop')}\n\n"),
        written("\n\n", f"{event(WORDS, 'stop')}\n\n", kind="application/json"),
        written(f"{event(WORDS, 'stop')}\n\n", kind="text/plain"),
        written(WHOLE),
        written(f"\ufeff{WHOLE}", kind="application/json"),
    ],
    ids=["CR", "CR and LF apart", "BOM", "said to be JSON", "said to be text", "whole, said to be a stream", "whole"],
)
def test_a_reply_is_read_by_what_it_is(behaviour: Behaviour) -> None:
    assert asked(behaviour)[0] == WORDS


# ---- In words


def test_a_refusal_is_told_as_one() -> None:
    def play(e: Exchange) -> None:
        e.begin()
        e.chunk({"refusal": "I can't help with that."})
        e.chunk({}, "stop")
        e.event("[DONE]")
        e.end()

    with pytest.raises(ModelServerError, match="refused to answer"):
        asked(play)
    with pytest.raises(ModelServerError, match="content filter withheld"):
        asked(answer(finish="content_filter"))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("inf", "Wait a little"),
        ("nan", "Wait a little"),
        ("1e300", "Wait a little"),
        ("-5", "Wait 0 seconds"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "Wait a little"),
        ("99999999999999999999999 Jan 2030", "Wait a little"),
        ("1", "Wait 1 second,"),
        ("21.3", "Wait 22 seconds"),
        ("300", "Wait 5 minutes"),
        ("10000", "Wait 3 hours"),
    ],
)
def test_how_long_to_wait_is_said_in_words(header: str, words: str) -> None:
    with pytest.raises(ModelRateLimit, match=words) as caught:
        asked(error(429, "Slow down.", {"Retry-After": header}))
    assert caught.value.retry_after is None or 0 <= caught.value.retry_after <= 24 * 3600


# ---- Replies that are hard to read


@pytest.mark.parametrize("piece", [". ", "1,", "[1", "[1, 1, ", "!", "J. ", "A. ", "| ", "and "])
def test_no_reply_takes_long_to_be_read_and_proved(collection: Rag, piece: str) -> None:
    text = (piece * 24_000)[:23_900]
    with EndpointServer(answer(*(text[i : i + 500] for i in range(0, len(text), 500)))) as server:
        config = Config(home=collection.config.home, model="m", base_url=server.url, context=8192)
        with build(config) as rag:
            rag.index()
            start = time.process_time()
            assert rag.ask("What does QLoRA save?").citations
            assert time.process_time() - start < 8


def test_brackets_full_of_numbers_are_read_at_once() -> None:
    start = time.process_time()
    assert citation_at("[" + "1, " * 39 + "x]", final=True) is None
    assert time.process_time() - start < 0.2
