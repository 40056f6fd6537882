"""Pages for the tests in Chromium: what serves them, and what must never happen on one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from chatting import DESKTOP, Open, faulty, question
from endpoint_server import MODEL, Behaviour, EndpointServer, Request, answer, stall
from playwright.sync_api import Browser, Page, expect
from serving import free_port, serving

if TYPE_CHECKING:
    from rag.service import Rag


@pytest.fixture(scope="session")
def real(collection: Rag, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    with serving(tmp_path_factory.mktemp("real"), arguments) as address:
        yield address


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("scripted")
    with serving(folder, ["tests/scripted.py", str(free_port()), str(folder / "home")]) as address:
        yield address


HELD = "Double quantization reduces the average memory footprint by quantizing the quantization constants"
INVENTED = "QLoRA was trained on 512 supercomputers of NASA"


def _behaviour(request: Request) -> Behaviour:
    """An answer with a claim that holds and one that doesn't; asked about memory, the start of one and then silence.

    Who asks for JSON, to understand a question or to suggest one, gets none that can be used.
    """
    if "response_format" in request.body:
        return answer("I have no JSON.")
    if "memory" in request.body["messages"][-1]["content"].partition("Question:")[2]:
        return stall(f"{HELD} [1]. ", "And then")
    return answer(f"{HELD} [1]. ", f"{INVENTED} [1].")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[EndpointServer]:
    with EndpointServer(choose=_behaviour) as server:
        yield server


@pytest.fixture(scope="session")
def generating(collection: Rag, endpoint: EndpointServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    arguments += ["--model", MODEL, "--base-url", endpoint.url]
    with serving(tmp_path_factory.mktemp("generating"), arguments) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens an address; afterwards nothing may have left this machine, failed, or been refused by the policy."""
    faults: list[str] = []
    contexts: list[Any] = []

    def open_page(address: str, size: dict[str, int] = DESKTOP, **options: Any) -> Page:
        context = browser.new_context(viewport=size, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda r: None if _local(r.url) else faults.append(f"requested {r.url}"))
        page.on("websocket", lambda s: faults.append(f"opened {s.url}"))
        page.on("pageerror", lambda e: faults.append(f"failed: {e}"))
        page.on("dialog", lambda d: faults.append(f"dialog: {d.message}"))
        page.on("console", lambda m: faults.append(f"console: {m.text}") if faulty(m) else None)
        page.goto(address)
        expect(question(page)).to_be_visible()
        page.locator("#history nav").wait_for(state="attached")  # the page has loaded, whatever else the machine does
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def _local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob", "about") or parts.hostname == "127.0.0.1"
