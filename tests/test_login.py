"""The door of the page: who comes in, as whom, and what becomes of the others."""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hostile import HOSTILE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from typer.testing import CliRunner

from rag.cli.app import app as command
from rag.core.config import Config
from rag.core.errors import ConfigError, StoreError, UsageError
from rag.web import sessions
from rag.web.login import FOREIGN, OUTSIDE, REBOUND, WRONG, Login, owner, require
from rag.web.sessions import (
    GUESSES,
    GUESSES_OF_ADDRESS,
    GUESSES_OF_NAME,
    KEY_FILE,
    LIFETIME,
    WINDOW,
    Failures,
    Sessions,
    open_sessions,
    session_key,
)

pytestmark = pytest.mark.hostile

PASSWORD = "correct horse"
OTHER = "battery: staple"
AUTH = f"alice:{PASSWORD}, bob.b-1:{OTHER}"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "user-agent": "Mozilla/5.0"}


def app() -> Starlette:
    """Answers every path with the owner of the request."""

    def who(request: Request) -> JSONResponse:
        headers = request.headers
        answer = JSONResponse({"owner": owner(request), "said": headers.getlist("x-rag-owner")})
        answer.headers["believed"] = str([headers.get(name) for name in ("x-forwarded-host", "x-gradio-server")])
        return answer

    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    return Starlette(routes=[Route("/{path:path}", who, methods=methods)])


def door(home: Path, **settings: Any) -> ASGIApp:
    config = Config(home=home, **settings)
    return Login(app(), config, open_sessions(config))


def visitor(door: ASGIApp, address: str = "http://127.0.0.1:7860", client: str = "192.0.2.1") -> TestClient:
    return TestClient(door, base_url=address, follow_redirects=False, client=(client, 5000))


@pytest.fixture
def guarded(home: Path) -> Iterator[TestClient]:
    yield visitor(door(home, auth=AUTH))


def log_in(client: TestClient, name: str = "alice", password: str = PASSWORD, **fields: str) -> httpx.Response:
    return client.post("/login", data={"username": name, "password": password, **fields}, headers=BROWSER)


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


# ---- The setting


def test_names_and_passwords_are_read_from_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(f"RAG_AUTH='{AUTH}'\n")
    assert Config.load().accounts == {"alice": PASSWORD, "bob.b-1": OTHER}
    monkeypatch.setenv("RAG_AUTH", "none")
    assert Config.load().accounts == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("alice", "name:password"),
        (":canary-word", "name:password"),
        ("al ice:canary-word", "a name has"),
        ("../x:canary-word", "a name has"),
        ("älice:canary-word", "a name has"),
        ("alice:canary", "8 to 200"),
        (f"alice:{'canary' * 40}", "8 to 200"),
        ("alice:canary\x07word", "visible"),
        ("alice:canary-word,", "name:password"),
        ("alice:canary-word,none", "name:password"),
        ("alice:canary-word,alice:canary-words", "twice"),
    ],
)
def test_what_is_wrong_with_the_setting_is_said_without_the_password(
    monkeypatch: pytest.MonkeyPatch, value: str, reason: str
) -> None:
    if "\x07" not in value:
        monkeypatch.setenv("RAG_AUTH", value)
        with pytest.raises(ConfigError, match="RAG_AUTH is set"):
            Config.load()
    with pytest.raises(ConfigError, match=reason) as caught:
        Config(auth=value)
    assert "canary" not in f"{caught.value}{caught.value.__cause__}"


def test_passwords_are_not_shown() -> None:
    assert PASSWORD not in repr(Config(auth=AUTH))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST"])
def test_this_machine_alone_needs_no_login(host: str) -> None:
    require(Config(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "papers.example", "localhost.evil.example"])
def test_a_host_that_others_reach_needs_one_or_to_be_told_that_it_needs_none(host: str) -> None:
    with pytest.raises(ConfigError, match=r"RAG_AUTH to name:password.*RAG_AUTH=none"):
        require(Config(host=host))
    require(Config(host=host, auth=AUTH))
    require(Config(host=host, auth="none"))


def test_where_there_is_no_page_keys_are_enough() -> None:
    keys = f"notebook:{OTHER * 3}"
    require(Config(host="0.0.0.0", api_keys=keys), page=False)
    with pytest.raises(ConfigError, match="RAG_AUTH"):
        require(Config(host="0.0.0.0", api_keys=keys))
    assert OTHER not in repr(Config(api_keys=keys))


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("canary-canary-canary", "name:key"),
        ("notebook:canary", "16 to 200"),
        ("a:canary-canary-canary,a:canary-canary-canary2", "twice"),
        ("alice:canary-canary-canary", "both name 'alice'"),
    ],
)
def test_what_is_wrong_with_the_keys_is_said_without_them(keys: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        Config(api_keys=keys, auth=AUTH)
    assert "canary" not in f"{caught.value}{caught.value.__cause__}"


# ---- Logging in


@pytest.mark.parametrize(
    "path", ["/", "/?q=x", "/config", "/gradio_api/mcp/", "/gradio_api/file=x", "/login/x", "//login"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nobody_passes_without_a_login(guarded: TestClient, path: str, method: str) -> None:
    reply = guarded.request(method, f"http://127.0.0.1:7860{path}", headers={"x-rag-owner": "user-alice"})
    assert reply.status_code == 401
    assert "owner" not in reply.text
    if method != "HEAD":
        assert reply.json() == {"detail": OUTSIDE}


def test_only_the_form_and_its_style_are_open(guarded: TestClient) -> None:
    assert guarded.get("/login", headers=BROWSER).status_code == 200
    assert guarded.get("/login.css").headers["content-type"].startswith("text/css")
    assert guarded.get("/logout", headers=BROWSER).status_code == 401


def test_a_browser_logs_in_and_gets_to_the_page_it_asked_for(guarded: TestClient) -> None:
    reply = guarded.get("/?q=What%20is%20%22QLoRA%22%3F&x=1", headers=BROWSER)
    assert reply.status_code == 401
    (field,) = re.findall(r'name="next" value="([^"]*)"', reply.text)
    reply = log_in(guarded, next=field.replace("&amp;", "&"))
    assert (reply.status_code, reply.headers["location"]) == (303, "/?q=What%20is%20%22QLoRA%22%3F&x=1")
    assert guarded.get("/").json() == {"owner": "user-alice", "said": ["user-alice"]}
    assert guarded.get("/login?next=/x", headers=BROWSER).headers["location"] == "/x"


@pytest.mark.parametrize(
    ("page", "leads_to"),
    [
        ("/?q=x", "/?q=x"),
        ("/a/b#c", "/a/b#c"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
        ("/\u2028", "/"),
        ("/login", "/"),
        ("/logout", "/"),
    ],
)
def test_after_a_login_one_stays_on_this_site(guarded: TestClient, page: str, leads_to: str) -> None:
    assert log_in(guarded, next=page).headers["location"] == leads_to


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(guarded: TestClient, home: Path) -> None:
    cookie = log_in(guarded).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={LIFETIME}"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    safe = visitor(door(home, auth=AUTH), "https://papers.example")
    assert "Secure" in log_in(safe).headers["set-cookie"].split("; ")


def test_a_program_gets_an_answer_that_is_no_redirection(guarded: TestClient) -> None:
    reply = guarded.post("/login", data={"username": "bob.b-1", "password": OTHER})
    assert (reply.status_code, reply.json()) == (200, {"success": True})
    assert guarded.get("/").json()["owner"] == "user-bob.b-1"


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", OTHER), ("alice", ""), ("eve", PASSWORD), ("eve", ""), ("", ""), ("ALICE", PASSWORD)],
)
def test_a_wrong_name_and_a_wrong_password_are_told_alike(guarded: TestClient, name: str, password: str) -> None:
    reply = log_in(guarded, name, password)
    assert reply.status_code == 401
    assert WRONG in reply.text
    assert "set-cookie" not in reply.headers
    assert password == "" or password not in reply.text
    assert guarded.post("/login", data={"username": name, "password": password}).json() == {"detail": WRONG}
    assert guarded.get("/", headers=basic(name, password)).json() == {"detail": WRONG}


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_names_and_addresses_stay_text(guarded: TestClient, payload: str) -> None:
    for reply in (
        log_in(guarded, payload, payload, next=f"/{payload}"),
        guarded.get("/", params={"q": payload, "next": payload}, headers=BROWSER),
        guarded.get("/login", params={"next": payload}, headers=BROWSER),
        guarded.get("/login", params={"next": f"/{payload}"}, headers=BROWSER),
    ):
        tags = " ".join(re.findall(r"<(\w+)", reply.text))
        assert tags.replace("p p", "p") == (
            "html head meta meta meta title link link body main h1 p form input label input label input button"
        )


def test_a_form_that_is_far_too_long_is_not_read(guarded: TestClient) -> None:
    assert log_in(guarded, next="/" + "x" * 100_000).status_code == 401


# ---- Programs


def test_programs_may_send_name_and_password_with_each_request(guarded: TestClient) -> None:
    assert guarded.get("/", headers=basic("alice", PASSWORD)).json()["owner"] == "user-alice"
    assert guarded.post("/gradio_api/mcp/", headers=basic("bob.b-1", OTHER)).json()["owner"] == "user-bob.b-1"


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic 4pyT", "Basic //8=", "Basic YWxpY2U="])
def test_authorization_that_makes_no_sense_is_a_failed_login(guarded: TestClient, header: str) -> None:
    assert guarded.get("/", headers={"authorization": header}).json() == {"detail": WRONG}


def test_another_kind_of_authorization_is_none(guarded: TestClient) -> None:
    assert guarded.get("/", headers={"authorization": "Bearer x"}).json() == {"detail": OUTSIDE}


def test_programs_are_told_how_and_browsers_open_no_window_of_their_own(guarded: TestClient) -> None:
    assert guarded.get("/").headers["www-authenticate"].startswith("Basic ")
    assert "www-authenticate" not in guarded.get("/", headers=BROWSER).headers
    assert "www-authenticate" not in guarded.get("/", headers={"user-agent": "Mozilla/5.0"}).headers


# ---- Sessions


def test_a_login_survives_a_restart(home: Path, guarded: TestClient) -> None:
    log_in(guarded)
    again = visitor(door(home, auth=AUTH))
    again.cookies = guarded.cookies
    assert again.get("/").json()["owner"] == "user-alice"


@pytest.mark.parametrize("auth", [f"alice:another {PASSWORD}", f"carol:{PASSWORD}"])
def test_a_changed_password_or_a_removed_name_ends_the_login(home: Path, guarded: TestClient, auth: str) -> None:
    log_in(guarded)
    again = visitor(door(home, auth=auth))
    again.cookies = guarded.cookies
    assert again.get("/").status_code == 401


def test_a_cookie_is_of_its_owner_and_of_its_server(tmp_path: Path) -> None:
    accounts = {"alice": PASSWORD, "bob": PASSWORD}
    ours = Sessions(accounts, session_key(tmp_path / "a"))
    cookie = ours.issue("alice")
    assert ours.name(cookie) == "alice"
    assert Sessions(accounts, session_key(tmp_path / "b")).name(cookie) is None
    assert Sessions(accounts, session_key(tmp_path / "b")).cookie != ours.cookie
    for forged in (
        "bob" + cookie.removeprefix("alice"),
        cookie[:-1],
        cookie + "x",
        "alice",
        "alice..",
        "..",
        "",
        "é.a.b",
    ):
        assert ours.name(forged) is None


def test_a_login_ends_after_thirty_days(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Sessions({"alice": PASSWORD}, b"key")
    cookie = ours.issue("alice")
    now = sessions.time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + LIFETIME - 5)
    assert ours.name(cookie) == "alice"
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + LIFETIME + 5)
    assert ours.name(cookie) is None


def test_logging_out(guarded: TestClient) -> None:
    log_in(guarded)
    assert "alice" in guarded.get("/logout", headers=BROWSER).text
    assert guarded.get("/").status_code == 200, "asking for the form logs nobody out"
    reply = guarded.post("/logout", headers=BROWSER)
    assert (reply.status_code, reply.headers["location"]) == (303, "/login")
    assert guarded.get("/").status_code == 401


def test_the_secret_is_its_owners_alone_and_made_anew_where_it_is_damaged(home: Path) -> None:
    key = session_key(home)
    file = home / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert session_key(home) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"")
    assert len(session_key(home)) == len(key)
    assert session_key(home) != key


def test_a_home_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError, match=r"session\.key can't be"):
        session_key(tmp_path / "home")


def test_without_a_login_no_secret_is_made(home: Path) -> None:
    visitor(door(home)).get("/")
    assert not home.exists()


def test_a_copied_cookie_is_worth_nothing_after_the_logout(home: Path) -> None:
    ada = visitor(door(home, auth=AUTH))
    log_in(ada)
    name, stolen = next(iter(ada.cookies.items()))
    other = log_in(visitor(door(home, auth=AUTH))).cookies  # of another browser, which stays logged in
    ada.post("/logout", headers=BROWSER)
    for again in (door(home, auth=AUTH), ada.app):  # also in a process that is started later
        thief = visitor(again)
        for cookie in (stolen, *(stolen[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")):
            assert thief.get("/", headers={"cookie": f"{name}={cookie}"}).status_code == 401
        assert thief.get("/", headers={"cookie": f"{name}={other[name]}"}).status_code == 200


def test_a_logout_that_cannot_be_noted_says_so(guarded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(guarded)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    reply = guarded.post("/logout")
    assert (reply.status_code, "nobody is logged out" in reply.text) == (500, True)


# ---- Guessing


def test_ten_failures_a_minute_and_no_more(home: Path) -> None:
    both = door(home, auth=AUTH)
    guesser = visitor(both)
    for n in range(GUESSES):
        reply = log_in(guesser, password=f"wrong {n}") if n % 2 else guesser.get("/", headers=basic("alice", "wrong"))
        assert reply.status_code == 401
    for reply in (log_in(guesser), guesser.get("/", headers=basic("alice", PASSWORD))):
        assert reply.status_code == 429
        assert 0 < int(reply.headers["retry-after"]) <= WINDOW
        assert f"try again in {reply.headers['retry-after']} seconds" in reply.text
    assert log_in(visitor(both, client="192.0.2.2")).status_code == 303


def test_who_is_logged_in_stays_so_whatever_others_guess_at_his_address(guarded: TestClient) -> None:
    log_in(guarded)
    for n in range(GUESSES + 1):
        log_in(guarded, password=f"wrong {n}")
    assert guarded.get("/").status_code == 200


def test_a_minute_later_one_may_try_again_and_a_network_is_one_address() -> None:
    now = 100.0
    failures = Failures(lambda: now)
    for n in range(GUESSES):
        failures.add(f"2001:db8::{n}", "alice")
        now += 1
    assert failures.wait("2001:db8::ffff", "alice") == WINDOW - GUESSES
    assert failures.wait("2001:db8::ffff", "bob") == 0, "others may be behind the same proxy"
    assert failures.wait("2001:db8:0:1::1", "alice") == 0
    assert failures.wait("", "alice") == 0
    now += WINDOW - GUESSES
    assert failures.wait("2001:db8::ffff", "alice") == 0
    failures.add("2001:db8::1", "alice")
    assert failures.wait("2001:db8::ffff", "alice") > 0


def test_guesses_at_one_name_are_counted_wherever_they_come_from() -> None:
    failures = Failures(lambda: 100.0)
    failures.passed("192.0.2.1", "alice")
    for n in range(GUESSES_OF_NAME):
        assert failures.wait(f"10.0.0.{n}", "alice") == 0
        failures.add(f"10.0.0.{n}", "alice")
    assert failures.wait("10.0.1.1", "alice") > WINDOW
    assert failures.wait("10.0.1.1", "bob") == 0
    assert failures.wait("192.0.2.1", "alice") == 0, "she herself, where she was before, is not shut out"


def test_an_address_may_not_try_a_word_on_all_names() -> None:
    failures = Failures(lambda: 100.0)
    for n in range(GUESSES_OF_ADDRESS):
        failures.add("192.0.2.1", f"name {n}")
    assert failures.wait("192.0.2.1", "alice") == WINDOW


def test_failures_are_not_remembered_without_bound() -> None:
    failures = Failures()
    for _ in range(GUESSES):
        failures.add("192.0.2.1", "alice")
    for n in range(15_000):
        failures.add(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"name {n}")
    assert failures.wait("192.0.2.1", "alice") == 0


# ---- Whose a request is


@pytest.mark.parametrize("said", [{}, {"x-rag-owner": "user-alice"}, {"X-RAG-Owner": "user-alice"}])
def test_this_machine_without_a_login_has_one_owner(home: Path, said: dict[str, str]) -> None:
    reply = visitor(door(home)).get("/", headers=said)
    assert reply.json() == {"owner": "local", "said": ["local"]}
    assert "set-cookie" not in reply.headers


def test_where_everybody_may_read_each_reader_has_a_name_of_chance(home: Path) -> None:
    everybody = door(home, host="0.0.0.0", auth="none")
    one, two = visitor(everybody), visitor(everybody)
    first = one.get("/", headers={"x-rag-owner": "user-alice"})
    assert {"HttpOnly", "SameSite=Lax"} <= set(first.headers["set-cookie"].split("; "))
    name = first.json()["owner"]
    assert re.fullmatch(r"reader-[\w-]{22}", name)
    assert first.json()["said"] == [name]
    again = one.get("/")
    assert again.json()["owner"] == name
    assert "set-cookie" not in again.headers
    assert two.get("/").json()["owner"] != name
    forged = visitor(everybody).get("/", headers={"cookie": "rag_reader=../../x"})
    assert re.fullmatch(r"reader-[\w-]{22}", forged.json()["owner"])


# ---- Other sites


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/login", "/logout", "/gradio_api/queue/join", "/"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:3000", "http://papers.example.evil.example", "http://[", "x"],
)
def test_pages_of_other_sites_may_not_use_the_page(home: Path, origin: str, path: str, method: str) -> None:
    for settings in ({}, {"auth": AUTH}, {"host": "0.0.0.0", "auth": "none"}):
        reply = visitor(door(home, **settings)).request(method, path, headers={"origin": origin})
        assert (reply.status_code, reply.json()) == (403, {"detail": FOREIGN})


def test_a_page_without_an_origin_is_of_another_site_than_a_server_without_a_name(home: Path) -> None:
    client = visitor(door(home, host="0.0.0.0", auth="none"))
    assert client.post("/", headers={"origin": "null", "host": ""}).status_code == 403


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("http://127.0.0.1:7860", {"origin": "http://127.0.0.1:7860"}),
        ("http://papers.example", {"origin": "http://papers.example"}),
        ("http://Papers.Example", {"origin": "http://papers.example"}),
        ("http://[::1]:7860", {"origin": "http://[::1]:7860"}),
        ("http://10.0.0.7:7860", {"origin": "https://papers.example", "x-forwarded-host": "papers.example"}),
    ],
)
def test_pages_of_this_site_may(home: Path, address: str, headers: dict[str, str]) -> None:
    client = visitor(door(home, host="0.0.0.0", auth="none", hosts="papers.example"), address)
    assert client.post("/", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["x-forwarded-host", "X-Gradio-Server"])
def test_a_name_that_a_request_claims_is_not_believed(home: Path, header: str) -> None:
    """Gradio would make the addresses of its answers of it."""
    for hosts, believed in (("", False), ("papers.example", False), ("evil.example", True)):
        client = visitor(door(home, host="0.0.0.0", auth="none", hosts=hosts))
        reply = client.get("/", headers={header: "evil.example"})
        assert ("evil.example" in reply.headers["believed"]) is believed
    client = visitor(door(home, host="0.0.0.0", auth="none"))
    assert client.post("/", headers={"origin": "http://evil.example", header: "evil.example"}).status_code == 403


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:7860", "127.0.0.1:7860", "[::1]:7860", "papers.localhost:1"])
def test_the_names_of_this_machine_are_served(home: Path, name: str) -> None:
    assert visitor(door(home)).get("/", headers={"host": name}).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["evil.example", "evil.example:7860", "192.168.0.7", "127.0.0.1.evil.example", "localhost.evil.example", "[", ""],
)
def test_a_name_that_leads_here_by_somebody_elses_name_server_is_not(home: Path, name: str) -> None:
    for headers in ({"host": name}, {"host": name, "x-forwarded-host": "localhost"}):
        reply = visitor(door(home)).get("/", headers=headers)
        assert (reply.status_code, reply.json()) == (403, {"detail": REBOUND})
    guarded = visitor(door(home, auth=AUTH))
    assert guarded.get("/", headers={"host": name, **basic("alice", PASSWORD)}).status_code == 200


def test_there_is_no_flag_for_a_password() -> None:
    """The processes of a machine are listed with their flags."""
    reply = CliRunner().invoke(command, ["serve", "--auth", AUTH])
    assert reply.exit_code == UsageError.exit_code
    assert "No such option" in reply.output
