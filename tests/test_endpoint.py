"""A chat endpoint over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import socket
import subprocess
import sys
import threading
import time
import traceback
from base64 import b64encode
from collections.abc import Iterator

import pytest
from endpoint_server import (
    MODEL,
    Behaviour,
    EndpointServer,
    Request,
    answer,
    cut,
    error,
    error_in_stream,
    malformed,
    not_streamed,
    overflow,
    overflow_of_llama_cpp,
    page,
    quota,
    rate_limit,
    refusing,
    slow,
    stall,
    unavailable,
    unknown_model,
    wrong_key,
)
from llama_index.core.llms import ChatMessage
from serving import ROOT, free_port

from rag.core.errors import (
    ConfigError,
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
from rag.llm.client import Client
from rag.llm.endpoint import Endpoint
from rag.llm.events import Chunk
from rag.llm.faults import model_error
from rag.llm.llamaindex import ClientLLM
from rag.llm.prompts import Message
from rag.llm.window import UNKNOWN

CANARY = "secret.canary.0123456789"
QUESTION = [Message("system", "Be brief."), Message("user", "What is new?")]


def endpoint(server: EndpointServer, **settings: object) -> Endpoint:
    return Endpoint("any-model", base_url=server.url, api_key=CANARY, **settings)  # type: ignore[arg-type]


def chunks(model: Endpoint, **options: object) -> list[Chunk]:
    """All chunks of a reply; raises what went wrong."""
    request = model.begin(QUESTION, options)
    found: list[Chunk] = []
    while (item := request.items.get(timeout=30)) is not None:
        if not isinstance(item, Chunk):
            raise item
        found.append(item)
    return found


def said(model: Endpoint, **options: object) -> str:
    return "".join(c.text for c in chunks(model, **options))


# --- answers ----------------------------------------------------------------------------------------------------------


def test_a_streamed_answer() -> None:
    with EndpointServer(answer("Hel", "lo", " [1].")) as server:
        found = chunks(endpoint(server))
    assert [c.text for c in found if c.text] == ["Hel", "lo", " [1]."]
    assert found[-1].tokens == (7, 3)
    assert found[-1].model == MODEL
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.body == {
        "model": "any-model",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is new?"}],
        "max_tokens": 700,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert request.headers["authorization"] == f"Bearer {CANARY}"


def test_a_server_that_cannot_stream() -> None:
    with EndpointServer(not_streamed("Hello")) as server:
        assert said(endpoint(server)) == "Hello"


@pytest.mark.parametrize("behaviour", [answer("Hello", done=False), answer("Hello", finish=None)])
def test_one_of_the_two_marks_of_the_end_is_enough(behaviour: Behaviour) -> None:
    with EndpointServer(behaviour) as server:
        assert said(endpoint(server)) == "Hello"


def test_thinking_is_not_answer_text() -> None:
    with EndpointServer(answer("Yes.", thinking=["Let me", " see"])) as server:
        found = chunks(endpoint(server))
    assert [c.text for c in found if c.text] == ["Yes."]
    assert [c.thinking for c in found if c.thinking or c.text] == [True, True, False]


@pytest.mark.parametrize("name", ["o3-mini", "gpt-5-nano", "openai/o1"])
def test_a_reasoning_model_gets_room_to_think_and_no_temperature(name: str) -> None:
    with EndpointServer() as server:
        said(Endpoint(name, base_url=server.url), max_tokens=50)
    body = server.requests[0].body
    assert body["max_completion_tokens"] > 1_000
    assert not {"temperature", "max_tokens"} & set(body)


def test_options_of_a_call_reach_the_endpoint() -> None:
    schema = {"type": "json_object"}
    with EndpointServer(answer("{}")) as server:
        said(endpoint(server), response_format=schema, max_tokens=9, temperature=None, top_k=1)
    body = server.requests[0].body
    assert (body["response_format"], body["max_tokens"], body["top_k"]) == (schema, 9, 1)
    assert "temperature" not in body


def test_line_and_paragraph_separators_inside_a_text() -> None:
    with EndpointServer(answer("a\u2028b\x85c\r\nd\n\ne")) as server:
        assert said(endpoint(server)) == "a\u2028b\x85c\r\nd\n\ne"


def test_a_piece_arrives_before_the_server_sends_the_next() -> None:
    steps = threading.Semaphore(0)
    with EndpointServer(answer("one", "two", steps=steps)) as server:
        stream = iter(Client(endpoint(server)).stream(QUESTION))
        for piece in ("one", "two"):
            steps.release()
            assert next(stream) == piece
        stream.close()  # type: ignore[attr-defined]


def test_the_base_url_is_kept_as_given() -> None:
    with EndpointServer(answer("Hello")) as server:
        said(Endpoint("m", base_url=server.url + "/", api_key=None))
        with pytest.raises(ModelUnknown, match="/v1"):
            said(Endpoint("m", base_url=server.url.removesuffix("/v1"), api_key=None))
    assert [r.path for r in server.requests] == ["/v1/chat/completions", "/chat/completions"]


@pytest.mark.parametrize("url", ["localhost:8080/v1", "127.0.0.1", "ftp://127.0.0.1/v1", "http:///v1"])
def test_an_impossible_base_url(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL"):
        Endpoint("m", base_url=url, api_key=None)


def test_without_a_base_url_it_is_openais() -> None:
    assert Endpoint("m", base_url=None, api_key=CANARY).host == "api.openai.com"


def test_the_models_on_offer() -> None:
    with EndpointServer(models=("a", "b"), key=CANARY) as server:
        assert endpoint(server).list_models() == ["a", "b"]
        with pytest.raises(ModelAuthError):
            Endpoint("m", base_url=server.url, api_key="another").list_models()


def test_a_server_without_a_list_of_models(deaf: str) -> None:
    with EndpointServer(choose=lambda _: page()) as server, pytest.raises(ModelServerError, match="no list of models"):
        Endpoint("m", base_url=server.url + "/v1", api_key=None).list_models()
    with pytest.raises(ModelTimeout):
        Endpoint("m", base_url=f"http://{deaf}", api_key=None, connect_seconds=0.2).list_models()


# --- the environment --------------------------------------------------------------------------------------------------


def test_nothing_of_the_environment_reaches_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies are not asked on the way to this machine, and what is meant for OpenAI stays at home."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", CANARY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Gateway: {CANARY}")
    with EndpointServer(answer("Hello")) as server:
        model = Endpoint("m", base_url=server.url, api_key=None)
        assert said(model) == "Hello"
        assert model.list_models() == [MODEL]
    assert CANARY not in str(server.requests)
    assert not any(name.startswith("openai-") for r in server.requests for name in r.headers)


def test_a_remote_endpoint_is_reached_by_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with EndpointServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ModelUnknown, match=r"models\.example"):
            said(Endpoint("m", base_url="http://models.example/v1", api_key=None))
    assert [r.path for r in proxy.requests] == ["http://models.example/v1/chat/completions"]


def test_the_sdk_is_imported_when_an_endpoint_is_made() -> None:
    code = "import sys, rag.llm.endpoint, rag.llm.client; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "kind", "says"),
    [
        (wrong_key(), ModelAuthError, "OPENAI_API_KEY"),
        (error(403, "Your country is not supported."), ModelAuthError, "country"),
        (unknown_model(), ModelUnknown, "RAG_MODEL"),
        (error(400, "messages: unknown role"), ModelUnknown, "unknown role"),
        (error(404, "File Not Found"), ModelUnknown, "base URL.* /v1"),
        (error(301, "", {"Location": "http://127.0.0.2/v1"}), ModelUnknown, "redirects"),
        (rate_limit(), ModelRateLimit, "Wait a little"),
        (rate_limit(9), ModelRateLimit, "Wait 9 seconds"),
        (quota(), QuotaExhausted, "billing"),
        (error(402, "Insufficient Balance"), QuotaExhausted, "billing"),
        (unavailable(500), ModelServerError, "500"),
        (unavailable(503), ModelServerError, "503: The server is overloaded"),
        (page("<html>Bad gateway</html>", 502), ModelServerError, r"\(502\)"),
        (overflow(), ContextOverflow, "RAG_CONTEXT"),
        (overflow_of_llama_cpp(), ContextOverflow, "512 tokens"),
        (page(), ModelServerError, "text/html"),
        (lambda e: e.reply(200, {"choices": []}), ModelServerError, "an empty application/json"),
        (lambda e: (e.begin(), e.event("[DONE]"), e.end()), ModelServerError, "an empty text/event-stream"),
        (lambda e: (e.begin(), e.end()), ModelServerError, "but text/event-stream"),
        (lambda e: (e.begin(), e.event({"choices": [7], "usage": 3}), e.end()), ModelUnreachable, "cut"),
        (malformed(), ModelServerError, "not a JSON object"),
        (malformed(event="[1, 2]"), ModelServerError, "not a JSON object"),
        (malformed("Hel"), ModelServerError, "not a JSON object"),
        (error_in_stream("Hel"), ModelServerError, "engine crashed"),
        (error_in_stream(message="slow down", code="rate_limit_exceeded"), ModelRateLimit, "slow down"),
        (error_in_stream(message="the context size is exceeded", code=400), ContextOverflow, "RAG_CONTEXT"),
        (cut(), ModelUnreachable, "connection"),
        (cut("Hel"), ModelUnreachable, "connection"),
        (cut("Hel", chunked=False), ModelUnreachable, "cut the connection"),
    ],
)
def test_each_misbehaviour_has_its_error(behaviour: Behaviour, kind: type[ModelError], says: str) -> None:
    with EndpointServer(behaviour) as server:
        with pytest.raises(ModelError, match=says) as caught:
            chunks(endpoint(server))
        assert len(server.requests) == 1
    assert type(caught.value) is kind
    assert endpoint(server).host in str(caught.value)
    assert "any-model" in str(caught.value)
    assert caught.value.__cause__ is not caught.value
    assert str(caught.value).endswith((".", "/v1."))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("soon", None), (None, None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)],
)
def test_how_long_an_endpoint_asks_to_wait(value: str | None, seconds: float | None) -> None:
    with EndpointServer(rate_limit(value)) as server, pytest.raises(ModelRateLimit) as caught:
        said(endpoint(server))
    assert caught.value.retry_after == seconds


def test_nobody_listens() -> None:
    with pytest.raises(ModelUnreachable, match=r"refused.*Start the server"):
        said(Endpoint("m", base_url=f"http://127.0.0.1:{free_port()}/v1", api_key=None))


def test_a_plain_server_behind_https() -> None:
    with EndpointServer() as server, pytest.raises(ModelUnreachable, match="SSL"):
        said(Endpoint("m", base_url=server.url.replace("http:", "https:"), api_key=None))


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address that takes connections, and then does nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}/v1"


def test_a_handshake_that_hangs(deaf: str) -> None:
    model = Endpoint("m", base_url=f"https://{deaf}", api_key=None, connect_seconds=0.2)
    with pytest.raises(ModelTimeout, match=r"0\.2 seconds.*connect"):
        said(model)


# --- parameters that an endpoint doesn't know -------------------------------------------------------------------------


@pytest.mark.parametrize("by_param", [True, False])
@pytest.mark.parametrize("name", ["stream_options", "temperature", "response_format"])
def test_a_refused_parameter_is_left_out_from_then_on(name: str, by_param: bool) -> None:
    with EndpointServer(refusing(name, then=answer("Yes"), by_param=by_param)) as server:
        model = endpoint(server)
        for _ in range(2):
            assert said(model, response_format={"type": "json_object"}) == "Yes"
    assert [name in r.body for r in server.requests] == [True, False, False]


def test_two_refused_parameters_of_which_one_has_a_new_name() -> None:
    with EndpointServer(refusing("max_tokens", "temperature", then=answer("Yes"))) as server:
        model = endpoint(server, max_tokens=50)
        assert [said(model) for _ in range(2)] == ["Yes", "Yes"]
    assert len(server.requests) == 4
    assert server.requests[-1].body["max_completion_tokens"] == 50
    assert not {"max_tokens", "temperature"} & set(server.requests[-1].body)


def test_what_a_refusal_did_not_mean_is_not_remembered() -> None:
    with EndpointServer(error(400, "The temperature of the seas"), error(400, "No."), answer("Yes")) as server:
        model = endpoint(server)
        with pytest.raises(ModelUnknown, match=r"No\b"):
            said(model)
        said(model)
    assert ["temperature" in r.body for r in server.requests] == [True, False, True]


def test_an_overflow_is_not_taken_for_a_refused_parameter() -> None:
    message = "'max_tokens' is too large: 700. This model's maximum context length is 512 tokens."
    with EndpointServer(error(400, message)) as server, pytest.raises(ContextOverflow):
        said(endpoint(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("words", [None, "'grammar' is not supported"])
def test_a_refused_schema_becomes_plain_json_and_then_nothing(words: str | None) -> None:
    def choose(request: Request) -> Behaviour:
        wanted = request.body.get("response_format", {}).get("type")
        if wanted == "json_schema" or (wanted and words):
            return error(
                400, words or "response_format json_schema is unavailable", param=None if words else "response_format"
            )
        return answer("{}")

    with EndpointServer(choose=choose) as server:
        model = endpoint(server)
        for _ in range(2):
            assert said(model, response_format={"type": "json_schema", "json_schema": {}}) == "{}"
    kinds = [r.body.get("response_format", {}).get("type") for r in server.requests]
    last = None if words else "json_object"
    assert kinds == ["json_schema", "json_object", *([None] if words else []), last]


# --- stopping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [slow(60, answer("Hello")), stall(), stall("Hel")])
def test_close_ends_the_request_from_another_thread(behaviour: Behaviour) -> None:
    with EndpointServer(behaviour) as server:
        request = endpoint(server).begin(QUESTION, {})
        while not server.requests:
            time.sleep(0.01)
        time.sleep(0.1)
        at = time.monotonic()
        request.close()
        assert server.requests[0].hung_up.wait(2)
        assert server.requests[0].hung_up_at - at < 1


def test_close_in_the_middle_of_a_handshake(deaf: str) -> None:
    request = Endpoint("m", base_url=f"https://{deaf}").begin(QUESTION, {})
    time.sleep(0.2)
    request.close()
    assert isinstance(request.items.get(timeout=2), BaseException)


def test_a_request_that_was_closed_at_once_asks_nothing_or_ends(deaf: str) -> None:
    with EndpointServer(stall()) as server:
        endpoint(server).begin(QUESTION, {}).close()
        time.sleep(0.2)
        assert all(r.hung_up.wait(2) for r in server.requests)


# --- threads ----------------------------------------------------------------------------------------------------------


def test_several_threads_at_once() -> None:
    def echo(e: object) -> None:
        answer(*e.request.body["messages"][0]["content"], pause=0.01)(e)  # type: ignore[attr-defined]

    got: dict[str, str] = {}
    with EndpointServer(echo) as server:
        client = Client(endpoint(server))

        def ask(text: str) -> None:
            got[text] = "".join(client.stream([Message("user", text)]))

        threads = [threading.Thread(target=ask, args=(f"text number {n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == {f"text number {n}": f"text number {n}" for n in range(8)}


# --- as a LlamaIndex model --------------------------------------------------------------------------------------------


def test_a_client_is_a_llama_index_model() -> None:
    async def use(model: ClientLLM) -> str | None:
        return (await model.achat([ChatMessage("Hi")])).message.content

    with EndpointServer(answer("Hel", "lo")) as server:
        model = ClientLLM(Client(endpoint(server), context=8_192))
        assert model.complete("Hi").text == "Hello"
        *pieces, last = model.stream_complete("Hi")
        assert [c.delta for c in pieces] == ["Hel", "lo"]
        assert (last.text, last.delta) == ("Hello", "")
        assert last.raw == {"model": MODEL, "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
        assert [asyncio.run(use(model)) for _ in range(2)] == ["Hello", "Hello"]
    assert (model.metadata.context_window, model.metadata.model_name) == (8_192, "any-model")


def test_a_cancelled_task_ends_the_request() -> None:
    async def cancelled(model: ClientLLM) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.achat([ChatMessage("Hi")]), 0.3)

    with EndpointServer(slow(60, answer("Hello"))) as server:
        with contextlib.suppress(ModelStopped):
            asyncio.run(cancelled(ClientLLM(Client(endpoint(server), context=8_192))))
        assert server.requests[0].hung_up.wait(2)


# --- the context window -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "replies", "tokens"),
    [
        ("m", {"/v1/models": {"data": [{"id": "m", "max_model_len": 32_768}]}}, 32_768),
        ("m", {"/v1/models": {"data": [{"id": "other", "max_model_len": 32_768}]}}, UNKNOWN),
        ("m", {"/props": {"default_generation_settings": {"n_ctx": 4_096}}}, 4_096),
        ("m", {"/api/show": {"model_info": {"llama.context_length": 131_072}}}, 4_096),
        ("m", {"/api/show": {"model_info": {"x": 1}, "parameters": "stop x\nnum_ctx   16384"}}, 16_384),
        ("m", {"/props": [1], "/v1/models": 3}, UNKNOWN),
    ],
)
def test_how_much_a_model_reads_is_asked_for(model: str, replies: dict[str, object], tokens: int) -> None:
    with EndpointServer(routes=replies) as server:
        assert Client(Endpoint(model, base_url=server.url)).context == tokens


def test_how_much_openai_s_models_read_is_known_and_a_dead_server_tells_nothing() -> None:
    assert Client(Endpoint("gpt-4o-mini")).context == 128_000
    assert Client(Endpoint("gpt-9")).context == UNKNOWN
    assert Client(Endpoint("m", base_url=f"http://127.0.0.1:{free_port()}/v1")).context == UNKNOWN


# --- no key -----------------------------------------------------------------------------------------------------------


def test_the_settings_have_no_key() -> None:
    model = Endpoint("m", base_url=f"http://user:{CANARY}@127.0.0.1:9/v1", api_key=CANARY)
    for text in (repr(model), str(model), str(model.settings), str(pickle.loads(pickle.dumps(model)).__dict__)):
        assert "127.0.0.1:9" in text
        assert CANARY not in text


@pytest.mark.parametrize("key", [CANARY, "sk-proj-canary0123456789"])
def test_no_key_in_what_is_printed(key: str, caplog: pytest.LogCaptureFixture) -> None:
    def echo(status: int) -> Behaviour:
        return error(status, f"The key {key} is not for this.", code=key, param=key)

    script = [echo(s) for s in (400, 401, 403, 404, 429, 500)]
    script += [
        malformed(event=f"{{{key}"),
        error_in_stream(message=f"no {key}"),
        page(key),
        page(key, 502),
        cut(),
        answer("Hi"),
    ]
    with caplog.at_level(logging.DEBUG), EndpointServer(*script) as server:
        model = Endpoint("m", base_url=server.url, api_key=key)
        for _ in script[:-1]:
            with pytest.raises(ModelError) as caught:
                chunks(model)
            printed = "".join(traceback.format_exception(caught.value))
            assert key not in printed
            assert "proj-canary" not in printed
            assert key not in repr(caught.value.__cause__)
        chunks(model)
        said(model)
    with pytest.raises(ModelUnreachable) as refused:
        said(model)
    assert key not in "".join(traceback.format_exception(refused.value))
    assert caplog.records
    assert key not in caplog.text


def test_a_password_in_the_base_url_is_sent_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), EndpointServer(answer("Hi"), unavailable()) as server:
        model = Endpoint("m", base_url=server.url.replace("//", "//me:canary%20word@"), api_key=None)
        said(model)
        with pytest.raises(ModelServerError) as caught:
            said(model)
        assert server.requests[0].headers["authorization"] == f"Basic {b64encode(b'me:canary word').decode()}"
    assert "canary" not in caplog.text + "".join(traceback.format_exception(caught.value)) + repr(model)


@pytest.mark.parametrize("key", ["canary\ncanary", "canary’s", "ca nary", "canary\x00"])
def test_a_key_that_can_t_be_sent(key: str) -> None:
    with pytest.raises(ConfigError, match="copy it again") as caught:
        Endpoint("m", base_url="http://127.0.0.1:9/v1", api_key=key)
    assert "ary" not in "".join(traceback.format_exception_only(caught.value))


def test_white_space_around_a_key_does_no_harm() -> None:
    with EndpointServer(key=CANARY) as server:
        assert said(Endpoint("m", base_url=server.url, api_key=f" {CANARY}\n")) == "Hello."


def test_a_key_of_another_sdk_is_struck_out_by_its_looks() -> None:
    assert "hidden" not in str(model_error(RuntimeError("bad key sk-ant-hidden0123"), "host", "model"))


def test_our_own_errors_pass_as_they_are() -> None:
    mine = ModelTimeout("late")
    assert model_error(mine, "host", "model") is mine
