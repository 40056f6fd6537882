"""A chat endpoint that does as its script says, over real HTTP with server-sent events, on a free loopback port.

    with EndpointServer(answer("Hello", " there")) as server:
        Endpoint("any", base_url=server.url, api_key="…")
        server.requests[0].body["messages"]

A script is behaviours in turn, of which the last one repeats, or one function that picks a behaviour for a `Request`.
A behaviour is a function of the `Exchange`; the functions below make those that endpoints are known for.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "scripted-1"
"""The model's name in answers; requests may name any."""


class HungUp(Exception):
    """The client is gone, or the server is closing."""


@dataclass
class Request:
    """What a client sent, and when; `hung_up` is set, and `hung_up_at` told, when it went away before the end."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    at: float = field(default_factory=time.monotonic)
    hung_up: threading.Event = field(default_factory=threading.Event)
    hung_up_at: float = 0.0


class Exchange:
    """One request and the means to answer it. Waiting and writing raise `HungUp` when the client is gone."""

    def __init__(self, handler: BaseHTTPRequestHandler, request: Request, closing: threading.Event) -> None:
        self.request = request
        self._handler, self._closing = handler, closing
        self._chunked = False

    def wait(self, seconds: float | threading.Event | threading.Semaphore) -> None:
        """Wait some seconds, or for an event, or for a semaphore."""
        end = time.monotonic() + (seconds if isinstance(seconds, float | int) else 60)
        while time.monotonic() < end:
            if isinstance(seconds, threading.Semaphore) and seconds.acquire(blocking=False):
                return
            if isinstance(seconds, threading.Event) and seconds.is_set():
                return
            if self._closing.is_set():
                raise HungUp
            readable, _, _ = select.select([self._handler.connection], [], [], 0.01)
            if readable and not self._handler.connection.recv(1, socket.MSG_PEEK):
                raise HungUp

    def reply(self, status: int, body: Any, headers: Mapping[str, str] = {}, kind: str = "application/json") -> None:
        """A whole response."""
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self._handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()
        self._handler.wfile.write(data)

    def begin(self, *, chunked: bool = True, kind: str = "text/event-stream") -> None:
        """The head of a stream. One that is not chunked ends with the connection, so that a cut looks like an end."""
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", kind)
        self._handler.send_header("Transfer-Encoding" if chunked else "Connection", "chunked" if chunked else "close")
        self._handler.end_headers()
        self._handler.wfile.flush()
        self._chunked = chunked

    def raw(self, text: str) -> None:
        """Bytes of a stream."""
        data = text.encode()
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)
        self._handler.wfile.flush()

    def event(self, data: Any) -> None:
        """A server-sent event."""
        self.raw(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n")

    def chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> None:
        """An event with a piece of the answer."""
        self.event(_completion("chat.completion.chunk", {"delta": delta, "finish_reason": finish}))

    def end(self) -> None:
        """The end of a stream."""
        if self._chunked:
            self._handler.wfile.write(b"0\r\n\r\n")
        else:
            self._handler.close_connection = True

    def cut(self) -> None:
        """Close the connection, whatever has been sent."""
        self._handler.close_connection = True
        with contextlib.suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)


Behaviour = Callable[[Exchange], None]


class EndpointServer:
    """The server, running in threads while its context is open.

    `url` is the base URL, `requests` is what came, in order; `models` is what GET /models lists, `routes` are the
    JSON replies of other paths; where `key` is set, any other gets 401.
    """

    def __init__(
        self,
        *script: Behaviour,
        choose: Callable[[Request], Behaviour] | None = None,
        key: str | None = None,
        models: Sequence[str] = (MODEL,),
        port: int = 0,
        routes: Mapping[str, Any] = {},
    ) -> None:
        self.routes = routes
        self.requests: list[Request] = []
        self.key, self.models = key, models
        self._script, self._choose = script or (answer("Hello."),), choose
        self._turn = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> EndpointServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer what came in on a connection."""
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, handler.path, headers, body)
        with self._lock:
            self.requests.append(request)
            behaviour = self._behaviour(request)
        try:
            behaviour(Exchange(handler, request, self._closing))
        except (HungUp, OSError):
            handler.close_connection = True
            request.hung_up_at = time.monotonic()
            request.hung_up.set()

    def _behaviour(self, request: Request) -> Behaviour:
        if request.path in self.routes:
            return lambda e: e.reply(200, self.routes[request.path])
        if not request.path.startswith("/v1/"):
            return page("<html>Not found</html>", 404)
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return wrong_key()
        if request.path == "/v1/models":
            return lambda e: e.reply(
                200, {"object": "list", "data": [{"id": m, "object": "model"} for m in self.models]}
            )
        if self._choose is not None:
            return self._choose(request)
        self._turn += 1
        return self._script[min(self._turn, len(self._script)) - 1]


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for them, so that none outlives its test
    request_queue_size = 64

    def __init__(self, *args: Any) -> None:
        self._connections: list[socket.socket] = []
        super().__init__(*args)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def hang_up(self) -> None:
        """Expect no more requests of clients that keep their connections."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what these tests are about."""


def _handler(server: EndpointServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 30

        def do_POST(self) -> None:
            server.handle(self)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


# --- answers ----------------------------------------------------------------------------------------------------------


def answer(
    *pieces: str,
    usage: tuple[int, int] | None = (7, 3),
    finish: str | None = "stop",
    done: bool = True,
    thinking: Sequence[str] = (),
    pause: float = 0.0,
    steps: threading.Semaphore | None = None,
) -> Behaviour:
    """An answer in these pieces, streamed if the request wants it. Usage comes as an event with empty choices.

    `thinking` is told as `reasoning_content`; `pause` is the seconds before each piece; each takes one of `steps`.
    """

    def play(e: Exchange) -> None:
        if not (e.request.body or {}).get("stream"):
            message = {"role": "assistant", "content": "".join(pieces)}
            if thinking:
                message["reasoning_content"] = "".join(thinking)
            whole = _completion("chat.completion", {"message": message, "finish_reason": finish})
            e.reply(200, whole | ({"usage": _usage(usage)} if usage else {}))
            return
        e.begin()
        e.chunk({"role": "assistant", "content": ""})
        for name, texts in (("reasoning_content", thinking), ("content", pieces)):
            for text in texts:
                e.wait(steps or pause)
                e.chunk({name: text})
        if finish:
            e.chunk({}, finish)
        if usage and (e.request.body.get("stream_options") or {}).get("include_usage"):
            e.event({**_completion("chat.completion.chunk", None), "usage": _usage(usage)})
        if done:
            e.event("[DONE]")
        e.end()

    return play


def empty() -> Behaviour:
    """A completion without text."""
    return answer()


def page(html: str = "<html>Welcome</html>", status: int = 200) -> Behaviour:
    """Not an API at all."""
    return lambda e: e.reply(status, html, kind="text/html")


def not_streamed(text: str) -> Behaviour:
    """A server that can't stream answers in one piece, whatever was asked."""
    message = {"role": "assistant", "content": text}
    return lambda e: e.reply(
        200, _completion("chat.completion", {"message": message, "finish_reason": "stop"}) | {"usage": _usage((7, 3))}
    )


# --- refusals ---------------------------------------------------------------------------------------------------------


def error(status: int, message: str, headers: Mapping[str, str] = {}, **fields: Any) -> Behaviour:
    """An error response with a body as OpenAI's."""
    body = {"error": {"message": message, "type": None, "param": None, "code": None, **fields}}
    return lambda e: e.reply(status, body, headers)


def wrong_key() -> Behaviour:
    """401 that repeats the key, as many servers do."""

    def play(e: Exchange) -> None:
        key = e.request.headers.get("authorization", "").removeprefix("Bearer ")
        error(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")(e)

    return play


def unknown_model() -> Behaviour:
    return error(404, "The model `x` does not exist or you do not have access to it.", code="model_not_found")


def rate_limit(retry_after: float | str | None = None) -> Behaviour:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return error(429, "Rate limit reached. Add a payment method at …/billing.", headers, code="rate_limit_exceeded")


def quota() -> Behaviour:
    return error(429, "You exceeded your current quota, please check your plan.", code="insufficient_quota")


def unavailable(status: int = 503) -> Behaviour:
    return error(status, "The server is overloaded.", type="server_error")


def overflow() -> Behaviour:
    message = "This model's maximum context length is 512 tokens. However, your messages resulted in 600 tokens."
    return error(400, message, code="context_length_exceeded", param="messages")


def overflow_of_llama_cpp() -> Behaviour:
    message = "request (600 tokens) exceeds the available context size (512 tokens), try increasing it"
    return error(400, message, code=400, type="exceed_context_size_error", n_prompt_tokens=600, n_ctx=512)


def refusing(*names: str, then: Behaviour, by_param: bool = True) -> Behaviour:
    """400 for each of these parameters while the request has it."""

    def play(e: Exchange) -> None:
        name = next((n for n in names if n in e.request.body), None)
        if name is None:
            then(e)
        else:
            error(400, f"Unsupported parameter: '{name}' is not supported.", param=name if by_param else None)(e)

    return play


# --- misbehaviour -----------------------------------------------------------------------------------------------------


def slow(seconds: float, then: Behaviour) -> Behaviour:
    """Nothing, not even the head of a response, for some seconds."""

    def play(e: Exchange) -> None:
        e.wait(seconds)
        then(e)

    return play


def stall(*pieces: str, seconds: float = 60.0) -> Behaviour:
    """Silence after the head of the stream, the role, and these pieces."""
    return _pieces(pieces, lambda e: e.wait(seconds))


def pings(count: int, every: float, then: Sequence[str] = ()) -> Behaviour:
    """Keep-alive comments before the pieces."""

    def play(e: Exchange) -> None:
        e.begin()
        for _ in range(count):
            e.raw(": ping\n\n")
            e.wait(every)
        for piece in then:
            e.chunk({"content": piece})
        e.chunk({}, "stop")
        e.event("[DONE]")
        e.end()

    return play


def cut(*pieces: str, chunked: bool = True) -> Behaviour:
    """The connection closes after these pieces; not chunked, that looks like an end."""
    return _pieces(pieces, Exchange.cut, chunked=chunked)


def malformed(*pieces: str, event: str = '{"choices": [{"del') -> Behaviour:
    """An event that is broken JSON after these pieces."""
    return _pieces(pieces, lambda e: (e.event(event), e.end()))


def error_in_stream(*pieces: str, message: str = "The engine crashed.", **fields: Any) -> Behaviour:
    """An error object after these pieces."""
    return _pieces(pieces, lambda e: (e.event({"error": {"message": message, **fields}}), e.end()))


def _pieces(pieces: Iterable[str], then: Callable[[Exchange], object], *, chunked: bool = True) -> Behaviour:
    def play(e: Exchange) -> None:
        e.begin(chunked=chunked)
        e.chunk({"role": "assistant", "content": ""})
        for piece in pieces:
            e.chunk({"content": piece})
        then(e)

    return play


def _completion(kind: str, choice: Mapping[str, Any] | None) -> dict[str, Any]:
    choices = [] if choice is None else [{"index": 0, **choice}]
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": MODEL, "choices": choices}


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
