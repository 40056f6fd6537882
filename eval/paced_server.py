"""A chat endpoint in this process that streams one answer at a fixed pace, and notes when it wrote each piece."""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "paced"


class PacedServer:
    """The server, running in threads while its context is open.

    `url` is the base URL of its API. `written` has, for each piece of all its answers, the moment
    (`time.perf_counter`) just before it went to the socket, and the piece.
    """

    def __init__(self, answer: str, tokens_a_second: float) -> None:
        self.pieces = pieces(answer)
        self.written: list[tuple[float, str]] = []
        self._pause = 1 / tokens_a_second
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> PacedServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Stream the answer. By the clock and not by pauses, so that it takes as long whatever else goes on."""
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        start = time.perf_counter()
        for number, piece in enumerate(self.pieces, 1):
            time.sleep(max(0.0, start + number * self._pause - time.perf_counter()))
            self.written.append((time.perf_counter(), piece))
            _send(handler, _event({"content": piece}))
        _send(handler, _event({}, "stop"))
        usage = {"prompt_tokens": 1, "completion_tokens": len(self.pieces), "total_tokens": 1 + len(self.pieces)}
        _send(handler, {**_event({}), "choices": [], "usage": usage})
        _send(handler, "[DONE]")
        handler.close_connection = True


def pieces(text: str) -> list[str]:
    """A text in pieces of the size of tokens: up to six letters with the space before them, or one other character."""
    return re.findall(r"\s?(?:[^\W\d_]{1,6}|\S|$)", text)[:-1]


def _event(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice]}


def _send(handler: BaseHTTPRequestHandler, data: dict[str, Any] | str) -> None:
    text = data if isinstance(data, str) else json.dumps(data)
    handler.wfile.write(f"data: {text}\n\n".encode())
    handler.wfile.flush()


def _handler(server: PacedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            server.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
