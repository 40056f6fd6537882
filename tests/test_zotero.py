"""Papers of a live Zotero library, from a scripted server on this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner
from zotero_server import ZoteroServer, serving

from rag.cli.app import app
from rag.core.errors import PaperError, UsageError
from rag.index.library import read_papers
from rag.papers import zotero

TRAPS = {
    "title": "Moth traps in hedges",
    "abstractNote": "Traps caught 412 moths.",
    "creators": [
        {"creatorType": "author", "firstName": "Tam", "lastName": "Odgers"},
        {"creatorType": "author", "name": "Lorn Moth Group"},
        {"creatorType": "editor", "firstName": "Not", "lastName": "Author"},
    ],
    "date": "May 2018",
    "publicationTitle": "Moth Letters",
    "DOI": "10.5555/moth.1",
    "url": "https://moths.example/1",
    "tags": [{"tag": "moths"}, {"tag": "traps", "type": 1}],
    "extra": "PMID: 7\nCitation Key: odgersTraps",
}
LIGHT = {"title": "Night light", "abstractNote": "Amber light drew 35% fewer moths.", "date": "2019-04-01"}


@pytest.fixture
def server() -> Iterator[ZoteroServer]:
    with serving() as found:
        found.put("AAAA1111", **TRAPS)
        found.put("BBBB2222", **LIGHT)
        yield found


def fetch(server: ZoteroServer, folder: Path, source: str = "zotero:", **kwargs: Any) -> list[dict[str, Any]]:
    file = zotero.fetch(source, folder, base_url=server.address, **kwargs)
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_an_item_becomes_a_paper(server: ZoteroServer, tmp_path: Path) -> None:
    server.put("CCCC3333", itemType="attachment", title="A PDF")
    server.put("DDDD4444", itemType="note", note="A thought")
    server.put("EEEE5555", abstractNote="Nobody gave it a title.")
    traps, light = fetch(server, tmp_path)
    assert traps == {
        "id": "odgersTraps",
        "title": "Moth traps in hedges",
        "abstract": "Traps caught 412 moths.",
        "authors": ["Tam Odgers", "Lorn Moth Group"],
        "year": 2018,
        "venue": "Moth Letters",
        "doi": "10.5555/moth.1",
        "url": "https://moths.example/1",
        "keywords": ["moths", "traps"],
        "zotero": "AAAA1111",
    }
    assert (light["id"], light["year"]) == ("BBBB2222", 2019)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("zotero:", "/users/0"),
        ("zotero:local", "/users/0"),
        ("zotero:collection/ABCD2345", "/users/0/collections/ABCD2345"),
        ("zotero:local/collection/ABCD2345", "/users/0/collections/ABCD2345"),
        ("zotero:user/123", "/users/123"),
        ("zotero:user/123/collection/ABCD2345", "/users/123/collections/ABCD2345"),
        ("zotero:group/5", "/groups/5"),
    ],
)
def test_which_library_is_asked(server: ZoteroServer, tmp_path: Path, source: str, path: str) -> None:
    server.path = path
    assert len(fetch(server, tmp_path, source)) == 2
    assert all(request.startswith(f"{path}/items/top?") for request in server.requests)


@pytest.mark.parametrize(
    "source", ["zotero:user", "zotero:user/me", "zotero:group/5/ABC", "zotero:https://evil.example"]
)
def test_a_source_that_names_no_library(source: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no Zotero library"):
        zotero.fetch(source, tmp_path)


def test_where_libraries_are() -> None:
    assert zotero.library("zotero:").address == "http://127.0.0.1:23119/api/users/0/items/top"
    assert zotero.library("zotero:group/5").address == "https://api.zotero.org/groups/5/items/top"
    assert zotero.library("zotero:group/5").name == "zotero-group-5"


def test_only_what_changed_is_fetched(server: ZoteroServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    assert server.fetched() == ["format=json&since=0&limit=100&start=0&sort=dateAdded"]
    fetch(server, tmp_path)
    assert len(server.requests) == 1, "one question, and nothing has changed"
    assert server.fetched() == []
    server.put("CCCC3333", title="Seed rooms", abstractNote="Rooms stayed dry.")
    server.delete("BBBB2222")
    assert [p["zotero"] for p in fetch(server, tmp_path)] == ["AAAA1111", "CCCC3333"]
    assert server.fetched() == ["format=json&since=2&limit=100&start=0&sort=dateAdded"]


def test_an_item_that_has_changed(server: ZoteroServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    server.put("BBBB2222", **{**LIGHT, "title": "Night light, corrected"})
    assert [p["title"] for p in fetch(server, tmp_path)] == ["Moth traps in hedges", "Night light, corrected"]


def test_an_item_that_is_no_paper_any_more(server: ZoteroServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    server.put("BBBB2222", itemType="note", note="It was a thought.")
    assert [p["zotero"] for p in fetch(server, tmp_path)] == ["AAAA1111"]


def test_a_library_of_several_pages(server: ZoteroServer, tmp_path: Path) -> None:
    for n in range(230):
        server.put(f"N{n:07}", title=f"Paper {n}", abstractNote="Text.")
    assert len(fetch(server, tmp_path)) == 232
    assert len(server.fetched()) == 3


def test_a_library_that_changes_while_it_is_read(server: ZoteroServer, tmp_path: Path) -> None:
    changes = iter([True])
    server.on_page = lambda: server.put("CCCC3333", title="New", abstractNote="Text.") if next(changes, False) else None
    assert [p["zotero"] for p in fetch(server, tmp_path)] == ["AAAA1111", "BBBB2222", "CCCC3333"]
    server.on_page = lambda: server.put("DDDD4444", title="Newer", abstractNote="Text.")
    server.version += 1
    with pytest.raises(PaperError, match="changes all the time"):
        fetch(server, tmp_path)


def test_another_database_on_this_machine_is_read_anew(server: ZoteroServer, tmp_path: Path) -> None:
    server.server_id = "one"
    fetch(server, tmp_path)
    server.server_id, server.items, server.version = "two", {}, 0
    server.put("CCCC3333", title="Other", abstractNote="Text.")
    server.version = 2  # as the other's, by chance
    assert [p["zotero"] for p in fetch(server, tmp_path)] == ["CCCC3333"]


def test_a_damaged_copy_is_fetched_anew(server: ZoteroServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    (tmp_path / "zotero.jsonl").write_text("{broken")
    assert len(fetch(server, tmp_path)) == 2


def test_the_key_goes_to_the_web_api_only(server: ZoteroServer, tmp_path: Path) -> None:
    fetch(server, tmp_path, key="sesame")
    server.path = "/users/123"
    assert set(server.keys) == {None}
    fetch(server, tmp_path, "zotero:user/123", key="sesame")
    assert server.keys[-1] == "sesame"
    server.version += 1
    server.fail = [302]
    with pytest.raises(PaperError, match="status 302"):
        fetch(server, tmp_path, "zotero:user/123", key="sesame")
    assert not any("elsewhere" in request for request in server.requests)


def test_a_server_that_is_busy_is_asked_again(
    server: ZoteroServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(zotero, "time", SimpleNamespace(sleep=waited.append))
    server.fail = [429, 503]
    assert len(fetch(server, tmp_path)) == 2
    assert len(waited) == 2
    server.fail = [503] * 9
    with pytest.raises(PaperError, match="status 503"):
        fetch(server, tmp_path / "other")


@pytest.mark.parametrize(
    ("source", "status", "says"),
    [
        ("zotero:", 403, "Allow other applications"),
        ("zotero:user/123", 403, "RAG_ZOTERO_KEY"),
        ("zotero:group/123", 404, "no such library"),
        ("zotero:user/123", 500, "status 500"),
    ],
)
def test_a_refusal_says_what_to_do(server: ZoteroServer, tmp_path: Path, source: str, status: int, says: str) -> None:
    server.fail = [status]
    with pytest.raises(PaperError, match=says) as raised:
        fetch(server, tmp_path, source, key="sesame")
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"\xff", b"17"])
def test_what_is_not_zotero(server: ZoteroServer, tmp_path: Path, body: bytes) -> None:
    server.body = body
    with pytest.raises(PaperError, match="is this Zotero's address"):
        fetch(server, tmp_path)


def test_zotero_is_not_running(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(PaperError, match="start it, and try again"):
        zotero.fetch("zotero:", tmp_path, base_url=f"http://127.0.0.1:{port}")


def test_rag_ingest_zotero(server: ZoteroServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_ZOTERO_BASE_URL", server.address)
    monkeypatch.setenv("RAG_ZOTERO_KEY", "sesame")
    server.path = "/groups/5"
    result = CliRunner().invoke(app, ["ingest", "zotero:group/5", "-c", "moths"])
    assert result.exit_code == 0, result.output
    assert "2 papers in moths: 2 added" in result.stdout
    papers = read_papers(home / "collections" / "moths" / "papers.jsonl")
    assert [(p.title, p.key, p.year) for p in papers] == [
        ("Moth traps in hedges", "odgersTraps", 2018),
        ("Night light", "BBBB2222", 2019),
    ]
    server.delete("BBBB2222")
    result = CliRunner().invoke(app, ["ingest", "zotero:group/5", "-c", "moths"])
    assert "1 paper in moths: 0 added, 0 changed, 1 removed, 1 unchanged" in result.stdout
