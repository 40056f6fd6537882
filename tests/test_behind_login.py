"""The endpoints of the page behind the login, as programs of both kinds use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from serving import free_port, serving

from rag.web.login import NO_KEY, OUTSIDE

if TYPE_CHECKING:
    from rag.service import Rag

ALICE = ("alice", "correct: horse é")
QUESTION = "What does double quantization save in QLoRA?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def address(collection: Rag, folder: Path) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAG_AUTH", ":".join(ALICE))
        with serving(folder, arguments) as address:
            yield address


def test_no_path_answers_without_a_login(address: str) -> None:
    for path in ("", "config", "gradio_api/info", "theme.css", "assets/x.js", "no-such-page"):
        reply = httpx.get(address + path)
        assert (reply.status_code, reply.json()) == (401, {"detail": OUTSIDE})
        assert "default-src 'self'" in reply.headers["content-security-policy"]
    for path in ("v1/chat/completions", "api/v1/ask", "mcp", "metrics"):
        reply = httpx.post(address + path, json={"data": [QUESTION]})
        assert (reply.status_code, NO_KEY in reply.text) == (401, True)
    assert httpx.get(f"{address}v1/models", auth=ALICE).json()["data"][0]["id"] == "paper-rag/papers"
    for path in ("gradio_api/queue/join", "gradio_api/call/ask", "gradio_api/upload", "gradio_api/run/ask"):
        assert httpx.post(address + path, json={"data": [QUESTION]}).status_code == 401


def test_gradio_client_logs_in_and_calls_by_name(address: str) -> None:
    from gradio_client import Client
    from gradio_client.exceptions import AuthenticationError

    client = Client(address, auth=ALICE, verbose=False, analytics_enabled=False)
    assert client.predict(QUESTION, api_name="/ask")["citations"]
    assert client.predict("qlora", api_name="/papers")["found"] == 1
    for auth in (("alice", "wrong"), None):
        with pytest.raises(AuthenticationError):
            Client(address, auth=auth, verbose=False, analytics_enabled=False)


def test_the_documentation_says_what_each_parameter_is(address: str) -> None:
    named = httpx.get(f"{address}gradio_api/info", auth=ALICE).json()["named_endpoints"]
    assert list(named) == ["/ask", "/papers", "/compare"]
    for endpoint in named.values():
        assert len(endpoint["description"]) > 60
        assert all(len(p["python_type"]["description"]) > 30 for p in endpoint["parameters"])
        assert endpoint["returns"][0]["type"]["type"] == "object"


def test_the_password_is_nowhere(address: str, folder: Path) -> None:
    assert ALICE[1] not in (folder / "server.log").read_text()
    for path in ("", "config", "gradio_api/info", "login"):
        assert ALICE[1] not in httpx.get(address + path, auth=ALICE).text


def test_a_login_leads_to_the_page_that_was_asked_for(address: str) -> None:
    browser = {"accept": "text/html"}
    with httpx.Client(base_url=address, headers=browser) as client:
        asked = client.get("/?q=GPipe%3F")
        assert asked.status_code == 401
        page = re.search(r'name="next" value="([^"]*)"', asked.text)
        assert page
        form = {"username": ALICE[0], "password": ALICE[1], "next": page[1]}
        reply = client.post("/login", data=form, headers={"origin": address.rstrip("/")})
        assert (reply.status_code, reply.headers["location"]) == (303, "/?q=GPipe%3F")
        assert "Paper RAG" in client.get(reply.headers["location"]).text
        client.post("/logout")
        assert client.get("/").status_code == 401
