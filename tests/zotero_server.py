"""A library that speaks as much of Zotero's web API as we ask, with answers that a test can script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class ZoteroServer:
    """Items by key, each with the version of the library at which it last changed.

    `requests` are the paths with their queries, `keys` the API keys that came with them. `fail` are statuses that the
    next requests get instead of an answer; `on_page` is called before a page of items is answered.
    """

    def __init__(self) -> None:
        self.version = 0
        self.items: dict[str, dict[str, Any]] = {}
        self.path = "/users/0"
        self.server_id: str | None = None
        self.requests: list[str] = []
        self.keys: list[str | None] = []
        self.fail: list[int] = []
        self.body: bytes | None = None
        self.on_page: Any = lambda: None
        self.address = ""

    def put(self, key: str, **data: Any) -> None:
        """Add or change an item."""
        self.version += 1
        fields = {"itemType": "journalArticle", **data}
        self.items[key] = {"key": key, "version": self.version, "data": {"key": key, **fields}}

    def delete(self, key: str) -> None:
        """Take an item away."""
        self.version += 1
        del self.items[key]

    def fetched(self) -> list[str]:
        """The queries of the pages of items that were asked for since the last call."""
        pages = [urlsplit(r).query for r in self.requests if "format=json" in r]
        self.requests.clear()
        return pages

    def answer(self, path: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        self.requests.append(path)
        self.keys.append(headers.get("Zotero-API-Key"))
        if self.fail:
            return self.fail.pop(0), {"Retry-After": "0", "Location": f"{self.address}/elsewhere"}, b"no"
        if self.body is not None:
            return 200, {}, self.body
        asked = urlsplit(path)
        if asked.path != f"{self.path}/items/top":
            return 404, {}, b"Not found"
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        own = {"Zotero-Server-ID": self.server_id} if self.server_id else {}
        if query["format"] == "versions":
            if headers.get("If-Modified-Since-Version") == str(self.version):
                return 304, own, b""
            found: Any = {key: item["version"] for key, item in self.items.items()}
            return 200, {**own, "Last-Modified-Version": str(self.version)}, json.dumps(found).encode()
        self.on_page()
        changed = [item for item in self.items.values() if item["version"] > int(query.get("since", 0))]
        start, limit = int(query["start"]), int(query["limit"])
        own |= {"Last-Modified-Version": str(self.version), "Total-Results": str(len(changed))}
        return 200, own, json.dumps(changed[start : start + limit]).encode()


@contextmanager
def serving() -> Iterator[ZoteroServer]:
    """A server on this machine, at its `address`."""
    zotero = ZoteroServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = zotero.answer(self.path, self.headers)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    zotero.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield zotero
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
