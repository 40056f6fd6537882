"""The chat page where a model writes, served as a user serves it, over a scripted endpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import endpoint_server as play
import httpx
import pytest
from endpoint_server import EndpointServer
from serving import free_port, serving

from rag import build
from rag.core.answer import Text
from rag.core.config import Config
from rag.core.options import Options
from rag.web import chat
from rag.web.state import ConversationState
from rag.web.stopping import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from rag.service import Rag

CANARY = "canary-key-0123456789"
ASKED = "What does double quantization save in QLoRA?"
HELD = "Double quantization reduces the average memory footprint by quantizing the quantization constants"
INVENTED = "QLoRA was trained on 512 supercomputers of NASA"


class Endpoint:
    """A server whose behaviour each test sets in `then`."""

    then: play.Behaviour = staticmethod(play.answer(f"{HELD} [1]. ", f"{INVENTED} [1]."))

    def __init__(self) -> None:
        self.server = EndpointServer(choose=lambda _: self.then, key=CANARY)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    with endpoint.server:
        yield endpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def address(collection: Rag, endpoint: Endpoint, folder: Path) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    arguments += ["--model", play.MODEL, "--base-url", endpoint.server.url, "--no-fallback"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", CANARY)
        patch.setenv("RAG_BETWEEN_TOKENS", "1")
        with serving(folder, arguments) as address:
            yield address


@pytest.fixture
def client(address: str) -> Any:
    from gradio_client import Client

    return Client(address, verbose=False, analytics_enabled=False)


def test_serving_says_who_writes_and_asks_no_model_yet(address: str, endpoint: Endpoint, folder: Path) -> None:
    assert not any(r.path.endswith("/completions") for r in endpoint.server.requests)
    page = httpx.get(address).text
    assert play.MODEL in page
    assert "checked against the abstracts" in page
    assert f"Answers are written by {play.MODEL}, and checked." in (folder / "server.log").read_text()


def test_neither_key_nor_address_of_the_model_is_on_the_page(address: str, endpoint: Endpoint) -> None:
    for path in ("", "config", "gradio_api/info"):
        text = httpx.get(address + path).text
        assert CANARY not in text
        assert endpoint.server.url.removeprefix("http://") not in text


def test_ask_returns_a_checked_answer(client: Any, endpoint: Endpoint) -> None:
    value = client.predict(ASKED, api_name="/ask")
    assert value["mode"] == "generating"
    assert [c["verdict"] for c in value["claims"]] == ["supported", "unsupported"]
    held, invented = value["claims"]
    assert f"{HELD} [1]. {INVENTED} [2] [unsupported]." in value["answer"]
    assert (held["markers"], invented["markers"]) == ([1], [2])


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (play.error(401, f"Incorrect key: {CANARY}."), "refuses the key"),
        (play.stall(f"{HELD} [1]. ", "And then"), "deadline: between tokens"),
    ],
)
def test_a_model_error_is_a_sentence(
    client: Any, endpoint: Endpoint, folder: Path, behaviour: play.Behaviour, sentence: str
) -> None:
    from gradio_client.exceptions import AppError

    endpoint.then = behaviour
    with pytest.raises(AppError, match=sentence) as caught:
        client.predict(ASKED, api_name="/ask")
    assert CANARY not in str(caught.value)
    log = (folder / "server.log").read_text()
    assert CANARY not in log
    assert "Traceback" not in log


def test_a_stop_ends_the_request_to_the_model(collection: Rag, endpoint: Endpoint) -> None:
    endpoint.then = play.stall(f"{HELD} [1]. ", "And then")
    config = Config(home=collection.config.home, model="m", base_url=endpoint.server.url, api_key=CANARY)
    stop, shown = Stop(), threading.Event()
    with build(config) as rag:
        views = chat.converse(rag, ASKED, ConversationState("an-id"), Options(), stop)
        for view in views:
            if "Double quantization" in view.messages[-1]["content"] and not shown.is_set():
                shown.set()
                stop.ask()
    assert shown.is_set()
    assert "incomplete" in view.messages[-1]["content"]
    assert endpoint.server.requests[-1].hung_up.wait(5)


def test_leaving_a_stream_ends_the_request_to_the_model(collection: Rag, endpoint: Endpoint) -> None:
    endpoint.then = play.stall(f"{HELD} [1]. ", "And then")
    config = Config(home=collection.config.home, model="m", base_url=endpoint.server.url, api_key=CANARY)
    with build(config) as rag:
        events = rag.stream(ASKED)
        assert any(isinstance(event, Text) for event in events)
        events.close()  # type: ignore[attr-defined]
        assert endpoint.server.requests[-1].hung_up.wait(5)


# ---- Callers who go, and those who wait for them


def dripping(e: play.Exchange) -> None:
    """A word every fifth of a second, for a minute."""
    play.answer(*["And "] * 300, pause=0.2)(e)


@pytest.mark.hostile
@pytest.mark.parametrize("way", ["run", "call", "page"])
def test_a_caller_who_goes_stops_the_model(address: str, endpoint: Endpoint, way: str) -> None:
    endpoint.then = dripping
    before = len(endpoint.server.requests)
    left = httpx.Timeout(None, read=2)
    with httpx.Client(base_url=f"{address}gradio_api/", timeout=left) as client, pytest.raises(httpx.ReadTimeout):
        if way == "run":
            client.post("run/ask", json={"data": [ASKED, "[]", "[]", "", "[]", "[]"]})
        elif way == "call":
            event = client.post("call/ask", json={"data": [ASKED, "[]", "[]", "", "[]", "[]"]}).json()["event_id"]
            read_to_the_end(client, f"call/ask/{event}")
        else:
            client.post("queue/join", json=typed(client.get(f"{address}config").json(), ASKED))
            read_to_the_end(client, "queue/data?session_hash=a-session")
    end = time.monotonic() + 10
    while len(endpoint.server.requests) == before and time.monotonic() < end:
        time.sleep(0.05)
    assert endpoint.server.requests[-1].hung_up.wait(12)


def read_to_the_end(client: httpx.Client, path: str) -> None:
    """Until nothing comes for two seconds, as a reader's browser that is closed in the middle of it."""
    end = time.monotonic() + 4
    with client.stream("GET", path) as response:
        for _ in response.iter_bytes():
            if time.monotonic() > end:
                raise httpx.ReadTimeout("enough")


def typed(config: dict[str, Any], question: str) -> dict[str, Any]:
    """What the page sends when a question is typed."""
    box = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "question")
    asks = next(d for d in config["dependencies"] if [box, "submit"] in [list(t) for t in d["targets"]])
    data = [question, *[None] * (len(asks["inputs"]) - 1)]
    return {"data": data, "fn_index": asks["id"], "session_hash": "a-session", "trigger_id": box}


@pytest.mark.hostile
def test_who_needs_no_model_does_not_wait_for_those_who_do(address: str, endpoint: Endpoint) -> None:
    endpoint.then = dripping
    with ThreadPoolExecutor(6) as pool, httpx.Client(base_url=f"{address}gradio_api/", timeout=8) as client:
        body = {"data": [ASKED, "[]", "[]", "", "[]", "[]"]}
        asked = [pool.submit(lambda: client.post("run/ask", json=body)) for _ in range(6)]
        time.sleep(3)
        start = time.monotonic()
        assert client.post("run/papers", json={"data": ["", 1, "", "[]", "[]"]}).json()["data"][0]["found"]
        assert time.monotonic() - start < 3
        for one in asked:
            assert isinstance(one.exception(), httpx.ReadTimeout)
