"""What a user gets when the endpoint misbehaves: quotes and a warning, or without falling back the right error."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import (
    Behaviour,
    EndpointServer,
    answer,
    cut,
    empty,
    error,
    error_in_stream,
    malformed,
    overflow,
    overflow_of_llama_cpp,
    page,
    pings,
    quota,
    rate_limit,
    refusing,
    slow,
    stall,
    unavailable,
    unknown_model,
    wrong_key,
)
from serving import free_port
from writers import assert_honest

from rag import Answer, Config, Rag, Text, build
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
from rag.llm import client as reading

CANARY = "canary-0123456789-never-to-be-seen"
QUESTION = "What does double quantization save in QLoRA?"
BEGUN = "We use QLoRA to finetune more than 1,000 models [1]. It al"
BROKE_OFF = "The reply broke off here"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAUSE", 0.05)


@pytest.fixture(scope="module")
def server() -> Iterator[EndpointServer]:
    """One server, whose behaviour is that of the module's `play`; so that one `Rag` may ask it."""
    with EndpointServer(choose=lambda request: PLAYING[0]) as running:
        yield running


PLAYING: list[Behaviour] = [answer("Hello.")]


class Opened:
    """A `Rag` for each set of settings, with deadlines of a second."""

    def __init__(self, home: Path, url: str) -> None:
        self._config = Config(
            home=home,
            model="any",
            base_url=url,
            api_key=CANARY,
            context=8_192,
            first_token=1,
            between_tokens=1,
            total=30,
        )
        self._made: dict[str, Rag] = {}

    def __call__(self, **settings: Any) -> Rag:
        config = replace(self._config, **settings)
        return self._made.setdefault(repr(config), build(config))

    def close(self) -> None:
        for rag in self._made.values():
            rag.close()


@pytest.fixture(scope="module")
def opened(collection: Rag, collection_home: Path, server: EndpointServer) -> Iterator[Opened]:
    made = Opened(collection_home, server.url)
    yield made
    made.close()


def silent_about_the_key(*things: object) -> None:
    for thing in things:
        assert CANARY not in f"{thing} {thing!r}"


CASES: dict[str, tuple[Behaviour, type[ModelError], int]] = {
    "wrong key": (wrong_key(), ModelAuthError, 4),
    "forbidden": (error(403, "This key may not use the model."), ModelAuthError, 4),
    "unknown model": (unknown_model(), ModelUnknown, 3),
    "malformed request": (error(400, "messages: wrong shape"), ModelUnknown, 3),
    "rate limit": (rate_limit(), ModelRateLimit, 6),
    "rate limit, soon": (rate_limit(0.01), ModelRateLimit, 6),
    "rate limit, an hour": (rate_limit(3600), ModelRateLimit, 6),
    "quota": (quota(), QuotaExhausted, 6),
    "no credit": (error(402, "Insufficient balance"), QuotaExhausted, 6),
    "unavailable": (unavailable(), ModelServerError, 8),
    "bad gateway": (page("<html>Bad gateway</html>", 502), ModelServerError, 8),
    "no API": (page(), ModelServerError, 8),
    "empty": (empty(), ModelServerError, 8),
    "only thinking": (answer("<think>It is hard.</think>"), ModelServerError, 8),
    "overflow": (overflow(), ContextOverflow, 8),
    "overflow of llama.cpp": (overflow_of_llama_cpp(), ContextOverflow, 8),
    "slow first token": (slow(20, answer("Hello.")), ModelTimeout, 7),
    "silent stream": (stall(), ModelTimeout, 7),
    "pings only": (pings(200, 0.1), ModelTimeout, 7),
    "cut before text": (cut(), ModelUnreachable, 5),
    "cut at once": (lambda e: e.cut(), ModelUnreachable, 5),
    "malformed before text": (malformed(), ModelServerError, 8),
    "error in the stream": (error_in_stream(), ModelServerError, 8),
}
BROKEN: dict[str, tuple[Behaviour, type[ModelError], int]] = {
    "stall": (stall(BEGUN, seconds=20), ModelTimeout, 7),
    "cut": (cut(BEGUN), ModelUnreachable, 5),
    "cut without chunks": (cut(BEGUN, chunked=False), ModelUnreachable, 5),
    "malformed": (malformed(BEGUN), ModelServerError, 8),
    "error": (error_in_stream(BEGUN), ModelServerError, 8),
}


@pytest.mark.parametrize("case", CASES)
def test_the_abstracts_are_quoted_with_a_warning(opened: Opened, server: EndpointServer, case: str) -> None:
    PLAYING[0] = CASES[case][0]
    rag = opened()
    begin = time.monotonic()
    found = rag.ask(QUESTION)
    assert time.monotonic() - begin < 10
    assert_honest(found, rag)
    assert (found.mode, found.abstained, found.claims) == ("quoting", False, ())
    assert "“QLoRA introduces a number of innovations" in found.answer
    (warning,) = found.warnings
    assert f"127.0.0.1:{server.port}" in warning
    assert len(warning.split(". ")) >= 2, "what happened, and the remedy"
    silent_about_the_key(found, found.to_json(), rag, rag.config)


@pytest.mark.parametrize("case", CASES)
def test_without_falling_back_the_error_is_told(opened: Opened, server: EndpointServer, case: str) -> None:
    behaviour, kind, code = CASES[case]
    PLAYING[0] = behaviour
    begin = time.monotonic()
    with pytest.raises(ModelError) as raised:
        opened(fallback=False).ask(QUESTION)
    assert time.monotonic() - begin < 10
    assert isinstance(raised.value, kind)
    assert raised.value.exit_code == code
    assert f"127.0.0.1:{server.port}" in str(raised.value)
    assert raised.value.partial == ""
    chain: BaseException | None = raised.value
    while chain is not None:
        silent_about_the_key(chain)
        chain = chain.__cause__ or chain.__context__


@pytest.mark.parametrize("case", BROKEN)
def test_what_had_come_is_kept_and_marked(opened: Opened, server: EndpointServer, case: str) -> None:
    PLAYING[0] = BROKEN[case][0]
    rag = opened()
    found = rag.ask(QUESTION)
    assert_honest(found, rag)
    kept, _, quoted = found.answer.partition(BROKE_OFF)
    assert kept.startswith("We use QLoRA to finetune more than 1,000 models [1].")
    assert re.search(r"> “[^”]+” \[\d\]", quoted)
    assert found.claims[0].verdict == "supported"
    (warning,) = found.warnings
    assert f"127.0.0.1:{server.port}" in warning
    silent_about_the_key(found, found.to_json())


@pytest.mark.parametrize("case", BROKEN)
def test_what_had_come_is_in_the_error(opened: Opened, case: str) -> None:
    behaviour, kind, code = BROKEN[case]
    PLAYING[0] = behaviour
    with pytest.raises(kind) as raised:
        opened(fallback=False).ask(QUESTION)
    assert raised.value.exit_code == code
    assert raised.value.partial == BEGUN


def test_a_refused_connection(collection: Rag, collection_home: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    with build(Config(home=collection_home, model="any", base_url=url, api_key=CANARY)) as rag:
        found = rag.ask(QUESTION)
        assert_honest(found, rag)
        assert found.mode == "quoting"
        assert f"127.0.0.1:{port}" in found.warnings[0]
    with (
        build(Config(home=collection_home, model="any", base_url=url, api_key=CANARY, fallback=False)) as rag,
        pytest.raises(ModelUnreachable),
    ):
        rag.ask(QUESTION)


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (slow(20, answer("Hello.")), "first token"),
        (stall(BEGUN, seconds=20), "between tokens"),
        (answer(*["word "] * 300, pause=0.1), "total"),
    ],
)
def test_deadlines_are_kept(opened: Opened, behaviour: Behaviour, says: str) -> None:
    PLAYING[0] = behaviour
    rag = opened(fallback=False, total=1 if says == "total" else 30)
    begin = time.monotonic()
    with pytest.raises(ModelTimeout, match=says):
        rag.ask(QUESTION)
    assert 0.9 < time.monotonic() - begin < 4


SOON = 5
"""Seconds. It takes a twentieth of one on an idle machine; on a busy one any thread may wait for its turn. Without the
stop it would be 30."""


@pytest.mark.parametrize("fallback", [True, False])
@pytest.mark.parametrize("behaviour", [slow(30, answer("Hello.")), stall(seconds=30), stall(BEGUN, seconds=30)])
def test_a_stop_ends_the_answer_and_the_request(
    opened: Opened, server: EndpointServer, behaviour: Behaviour, fallback: bool
) -> None:
    PLAYING[0] = behaviour
    rag = opened(fallback=fallback, first_token=30, between_tokens=30)
    rag.papers()
    asked, stop = len(server.requests), threading.Event()
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            rag.ask(QUESTION, stop=stop)
        except BaseException as e:
            errors.append(e)

    thread = threading.Thread(target=ask)
    thread.start()
    while len(server.requests) == asked:
        time.sleep(0.01)
    time.sleep(0.2)
    stopped = time.monotonic()
    stop.set()
    thread.join(10)
    assert time.monotonic() - stopped < SOON
    assert isinstance(errors[0], ModelStopped)
    assert errors[0].exit_code == 130
    assert server.requests[asked].hung_up.wait(SOON), "the server was not told"
    assert len(server.requests) == asked + 1, "nothing is tried again after a stop"


def test_leaving_a_stream_ends_the_request(opened: Opened, server: EndpointServer) -> None:
    PLAYING[0] = stall(BEGUN, seconds=30)
    rag = opened(between_tokens=30, first_token=30)
    asked = len(server.requests)
    events = rag.stream(QUESTION)
    assert any(isinstance(event, Text) for event in events)
    events.close()  # type: ignore[attr-defined]
    assert server.requests[asked].hung_up.wait(1)


def test_a_model_that_thinks_aloud_is_not_quoted(opened: Opened) -> None:
    PLAYING[0] = answer(
        "<think>", "We use QLoRA to lie [1].", "</think>", "We use QLoRA to finetune more than 1,000 models."
    )
    found = opened().ask(QUESTION)
    assert found.answer.startswith("We use QLoRA to finetune more than 1,000 models [1].")
    assert "lie" not in found.answer


def test_an_answer_that_was_cut_at_its_limit_says_so(opened: Opened) -> None:
    PLAYING[0] = answer("We use QLoRA to finetune more than 1,000 models [1]. It al", finish="length")
    found = opened().ask(QUESTION)
    assert any("limit of tokens" in w for w in found.warnings)


def test_parameters_that_are_refused_are_left_out(opened: Opened) -> None:
    PLAYING[0] = refusing(
        "stream_options", "temperature", then=answer("We use QLoRA to finetune more than 1,000 models.")
    )
    assert opened().ask(QUESTION).mode == "generating"


def test_an_endpoint_that_fails_at_understanding_is_not_asked_again(opened: Opened, server: EndpointServer) -> None:
    PLAYING[0] = wrong_key()
    asked = len(server.requests)
    found = opened().ask("What distinguishes the two systems for graph neural network training?")
    assert found.mode == "quoting"
    assert len(found.warnings) == 1
    assert len(server.requests) == asked + 1


def test_a_list_without_its_judge_is_the_plain_list(opened: Opened, collection: Rag) -> None:
    PLAYING[0] = unavailable()
    found = opened().ask("list papers on serving")
    assert found.answer == collection.ask("list papers on serving").answer
    assert found.mode == "quoting"
    assert len(found.warnings) == 1


def test_the_next_question_is_answered_again(opened: Opened) -> None:
    PLAYING[0] = cut(BEGUN)
    rag = opened()
    assert BROKE_OFF in rag.ask(QUESTION).answer
    PLAYING[0] = answer("We use QLoRA to finetune more than 1,000 models [1].")
    assert rag.ask(QUESTION).warnings == ()


def test_no_failure_and_no_key_is_in_the_cache(opened: Opened, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cache")
    rag = opened(cache=str(folder))
    for behaviour in (cut(BEGUN), unavailable(), empty(), error_in_stream(BEGUN), wrong_key()):
        PLAYING[0] = behaviour
        rag.ask(QUESTION)
        assert list(folder.iterdir()) == []
    PLAYING[0] = answer("We use QLoRA to finetune more than 1,000 models [1].")
    rag.ask(QUESTION)
    (file,) = folder.iterdir()
    silent_about_the_key(file.read_text(), file.name)
    PLAYING[0] = wrong_key()
    replayed = rag.ask(QUESTION)
    assert replayed.warnings == ()
    assert isinstance(replayed, Answer)


def test_half_a_character_does_no_harm(opened: Opened) -> None:
    def play(exchange: Any) -> None:
        exchange.begin()
        exchange.raw(
            'data: {"choices": [{"index": 0, "delta": {"content": "We use QLoRA \\ud83d to finetune more"}}]}\n\n'
        )
        exchange.raw("data: [DONE]\n\n")
        exchange.end()

    PLAYING[0] = play
    found = opened().ask(QUESTION)
    json.dumps(found.to_json(), ensure_ascii=False).encode()
    assert re.search("QLoRA", found.answer)
