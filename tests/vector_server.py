"""A server that speaks the embeddings protocol over real HTTP on this machine, and misbehaves as it is told.

A text's vector counts its words, each at a place that its hash names: so texts that share words are near each other.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def vector(text: str, dimensions: int, salt: str = "") -> list[float]:
    """The vector of a text, not of unit length."""
    found = [0.01] * dimensions
    for word in re.findall(r"\w+", text.lower()):
        found[hashlib.sha256((salt + word).encode()).digest()[0] % dimensions] += 1
    return found


class VectorServer:
    """What it serves can be changed while it runs: `dimensions`, `salt` (another model), `key` (the only valid one).

    `spoil` turns the list of vectors into what is sent instead. `failures` are statuses, or (status, headers, body),
    that the next requests get, one each. `requests` are the bodies that came, `keys` their keys.
    """

    def __init__(self) -> None:
        self.dimensions, self.salt, self.key = 48, "", ""
        self.spoil: Callable[[list[list[float]]], Any] = lambda vectors: vectors
        self.failures: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, in order."""
        return [text for request in self.requests for text in request["input"]]

    def start(self) -> None:
        """Serve, at the port of before where there was one."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the response."""
        self.requests.append(body)
        self.keys.append(key)
        if path != "/v1/embeddings":
            return 404, {}, {"error": {"message": f"no such path {path}"}}
        if self.key and key != self.key:
            return 401, {}, {"error": {"message": f"Incorrect API key provided: {key}", "code": "invalid_api_key"}}
        if self.failures:
            failure = self.failures.pop(0)
            return failure if isinstance(failure, tuple) else (failure, {}, {"error": {"message": "told to fail"}})
        dimensions = body.get("dimensions", self.dimensions)
        vectors = self.spoil([vector(text, dimensions, self.salt) for text in body["input"]])
        if not isinstance(vectors, list):
            return 200, {}, vectors
        # Backwards, as the protocol allows: the index counts.
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)][::-1]
        usage = {"prompt_tokens": len(data), "total_tokens": len(data)}
        return 200, {}, {"object": "list", "model": body["model"], "data": data, "usage": usage}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                status, headers, reply = server.answer(self.path, key, body)
                sent = reply.encode() if isinstance(reply, str) else json.dumps(reply).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
