"""What comes with a request: nobody reads another's session, and nobody fills memory or disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from rag.core.config import Config
from rag.core.errors import ConfigError
from rag.web import intake
from rag.web.intake import MAX_BODY, MAX_UPLOAD, QUOTA, QUOTA_OF_ALL, Intake, Quota
from rag.web.login import Login
from rag.web.sessions import open_sessions

pytestmark = pytest.mark.hostile

AUTH = "ada:correct horse,bob:battery staple"


def gradio() -> Starlette:
    """Says what Gradio would get: the session of a request, from wherever it stands."""

    async def told(request: Request) -> Response:
        body = await request.body()
        sent = json.loads(body) if body and request.headers.get("content-type") == "application/json" else {}
        session = request.path_params.get("session") or request.query_params.get("session_hash")
        event = {"event_id": "e1"} if request.url.path.endswith("/join") or request.url.path.endswith("/ask") else {}
        return JSONResponse({"session": session or sent.get("session_hash"), "sent": sent, "size": len(body), **event})

    paths = (
        "queue/join",
        "queue/data",
        "heartbeat/{session}",
        "call/ask",
        "call/ask/{event}",
        "cancel",
        "upload",
        "run",
    )
    return Starlette(routes=[Route(f"/gradio_api/{path}", told, methods=["GET", "POST"]) for path in paths])


def visitor(home: Path, name: str = "", **settings: Any) -> TestClient:
    config = Config(home=home, **settings)
    app = _apps.setdefault((home, str(settings)), Login(Intake(gradio(), config), config, open_sessions(config)))
    client = TestClient(app, base_url="http://127.0.0.1:7860")
    if name:
        client.post("/login", data={"username": name, "password": config.accounts[name]})
    return client


_apps: dict[Any, Any] = {}


@pytest.fixture
def both(home: Path) -> Iterator[tuple[TestClient, TestClient]]:
    yield visitor(home, "ada", auth=AUTH), visitor(home, "bob", auth=AUTH)


def sessions(client: TestClient, session: str) -> set[str]:
    """The names under which Gradio gets a session, by each of the ways there are."""
    return {
        client.post("/gradio_api/queue/join", json={"session_hash": session}).json()["session"],
        client.post("/gradio_api/run", json={"session_hash": session, "data": ["é"]}).json()["session"],
        client.get("/gradio_api/queue/data", params={"session_hash": session}).json()["session"],
        client.get(f"/gradio_api/heartbeat/{session}").json()["session"],
    }


def test_whoever_knows_the_name_of_anothers_session_gets_one_of_their_own(
    both: tuple[TestClient, TestClient],
) -> None:
    ada, bob = (sessions(client, "s3cr3t") for client in both)
    assert len(ada) == len(bob) == 1
    assert ada != bob


def test_readers_without_a_login_have_sessions_of_their_own_as_well(home: Path) -> None:
    found = [visitor(home, host="0.0.0.0", auth="none") for _ in range(2)]
    for client in found:
        client.get("/gradio_api/queue/data")  # The first answer brings the cookie.
    assert len({name for client in found for name in sessions(client, "s3cr3t")}) == 2


def test_a_program_without_cookies_finds_its_call_again(home: Path) -> None:
    client = visitor(home, host="0.0.0.0", auth="none")
    event = client.post("/gradio_api/call/ask", json={"data": []}).json()["event_id"]
    client.cookies.clear()
    assert client.get(f"/gradio_api/call/ask/{event}").status_code == 200


def test_the_result_of_a_call_is_for_who_made_it(both: tuple[TestClient, TestClient]) -> None:
    ada, bob = both
    assert bob.get("/gradio_api/call/ask/e1").status_code == 404
    ada.post("/gradio_api/call/ask", json={"data": []})
    assert bob.get("/gradio_api/call/ask/e1").status_code == 404
    assert ada.get("/gradio_api/call/ask/e1").status_code == 200
    for client, event in ((bob, ""), (ada, "e1")):
        reply = client.post("/gradio_api/cancel", json={"session_hash": "s", "fn_index": 0, "event_id": "e1"})
        assert reply.json()["sent"]["event_id"] == event, "only she may cancel it"


def test_what_is_sent_arrives_as_it_was(both: tuple[TestClient, TestClient]) -> None:
    sent = {"session_hash": "s", "data": ["😀", "é", None, 1e300, {"a": [1]}], "fn_index": 3}
    reply = both[0].post("/gradio_api/run", content=json.dumps(sent), headers={"content-type": "application/json"})
    assert {**reply.json()["sent"], "session_hash": "s"} == sent
    for body in (b"", b"{", b"[" * 100_000, b"\xff\xfe"):
        assert both[0].post("/gradio_api/run", content=body).json()["size"] == len(body)


def test_a_body_without_end_is_refused_before_it_is_in_memory(both: tuple[TestClient, TestClient]) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1 << 20
            yield b" " * (1 << 20)

    for content in (b" " * (MAX_BODY + 1), endless()):
        reply = both[0].post("/gradio_api/run", content=content)
        assert (reply.status_code, "more than 8,388,608 bytes" in reply.json()["detail"]) == (413, True)
    assert both[0].post("/gradio_api/run", content=b" " * MAX_BODY).status_code == 200


def test_an_upload_is_bounded_and_says_how_long_it_is(home: Path) -> None:
    client = visitor(home)
    assert client.post("/gradio_api/upload", content=b"x" * 1000).status_code == 200
    assert client.post("/gradio_api/upload", content=iter([b"x"])).status_code == 411
    too_much = {"content-length": str(MAX_UPLOAD + (2 << 20))}
    assert client.post("/gradio_api/upload", content=b"x", headers=too_much).status_code == 413


def test_nobody_fills_the_disk_with_uploads() -> None:
    now = 0.0
    quota = Quota(lambda: now)
    assert quota.takes("ada", QUOTA)
    assert not quota.takes("ada", 1)
    for n in range(QUOTA_OF_ALL // QUOTA - 1):
        assert quota.takes(f"reader {n}", QUOTA)
    assert not quota.takes("eve", QUOTA), "all of them together have a limit, too"
    now += intake.KEPT
    assert quota.takes("ada", QUOTA)


@pytest.mark.parametrize(
    ("settings", "name", "status"),
    [
        ({}, "", 200),
        ({"adders": "none"}, "", 403),
        ({"host": "0.0.0.0", "auth": "none"}, "", 403),
        ({"host": "0.0.0.0", "auth": "none", "adders": "all"}, "", 200),
        ({"host": "0.0.0.0", "auth": AUTH}, "ada", 403),
        ({"host": "0.0.0.0", "auth": AUTH, "adders": "ada"}, "ada", 200),
        ({"host": "0.0.0.0", "auth": AUTH, "adders": "ada"}, "bob", 403),
    ],
)
def test_who_may_add_papers_is_said_by_whoever_runs_the_server(
    home: Path, settings: dict[str, Any], name: str, status: int
) -> None:
    assert visitor(home, name, **settings).post("/gradio_api/upload", content=b"x").status_code == status


def test_adders_have_to_be_known() -> None:
    with pytest.raises(ConfigError, match=r"'eve'.*in neither"):
        Config(auth=AUTH, adders="ada,eve")
