"""What may come with a request: a body of bounded size, files within a quota, and a session of its sender's own.

Gradio keeps what a page holds under a `session_hash` that the page chooses and that stands in addresses, and the result
of a call under an `event_id`. Whoever knew another's could read what is theirs. Here the session that Gradio gets is
made of both the owner's name and the session that was sent, and an event is given to the one who began it alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.api.app import is_ours
from rag.api.errors import refusal
from rag.core.config import Config
from rag.web.login import may_add, named_owner

MAX_BODY = 8 << 20
"""Bytes of a request that is no upload: a history of the largest size has a million characters."""
MAX_UPLOAD = 200 << 20
"""Bytes of the files that come with one request: a hundred thousand abstracts."""
QUOTA, QUOTA_OF_ALL = 500 << 20, 2 << 30
"""Bytes that one reader, and all of them together, may upload within `KEPT`."""
KEPT = 2 * 3600
"""Seconds that Gradio keeps an uploaded file at most (`delete_cache` in rag.web.page)."""
GONE = "rag.gone"
"""In the scope of a request that begins a call: a `threading.Event`, set when nobody reads what comes of it."""
_EVENTS = 10_000  # The owners of so many calls are remembered.
_FORM = 1 << 20  # bytes of an upload beside its files

TOO_LARGE = "The request has more than {:,} bytes, the most that is read here."
NO_LENGTH = "An upload has to say how long it is (Content-Length)."
FULL = "There is no room for more files just now; add the ones that are here, or try again in an hour or two."
NOT_YOURS = "There is no such call of yours on this server."
READ_ONLY = "Papers are added by whoever runs this server, and by those whom they name in RAG_ADDERS."

_SESSION = re.compile(r"(/(?:heartbeat|stream)/)([^/]+)")
_RESULT = re.compile(r"/call/(?:v2/)?[^/]+/([^/]+)/?$")
_BEGINS = re.compile(r"/(?:queue/join|call/(?:v2/)?[^/]+)/?$")
_STREAM = re.compile(r"/queue/data/?$")
_UPLOAD = re.compile(r"/upload/?$|^/api/v1/ingest/?$")


class Intake:
    """ASGI middleware behind `Login`: refuses what is too large, and gives each owner sessions of their own."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app, self._config = app, config
        self._quota = Quota()
        self._events: OrderedDict[str, tuple[str, str]] = OrderedDict()  # to each its owner and its session
        self._gone: OrderedDict[str, threading.Event] = OrderedDict()  # of sessions that wait for an answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        owner = named_owner(request)
        answer: Response | None = None
        streamed = ""  # the session whose answers this request waits for
        if scope["method"] == "POST" and _UPLOAD.search(scope["path"]):
            answer = self._upload(request, owner)
        elif (found := _RESULT.search(scope["path"])) and scope["method"] == "GET":
            whose, streamed = self._events.get(found[1], (None, ""))
            answer = None if whose == owner else JSONResponse({"detail": NOT_YOURS}, 404)
        elif scope["method"] not in ("GET", "HEAD"):
            body = await _body(request)
            if body is None:
                answer = refusal(scope["path"], 413, TOO_LARGE.format(MAX_BODY), {"connection": "close"})
            else:
                body, session = self._bound(body, owner, begins=_BEGINS.search(scope["path"]) is not None)
                receive = _replayed(body, receive)
                if session:
                    scope = {**scope, GONE: self._waiting(session)}
                    send = self._noting(send, owner, session)
        elif _STREAM.search(scope["path"]):
            streamed = bound(request.query_params.get("session_hash", ""), owner)
        if answer is not None:
            await answer(scope, receive, send)
            return
        try:
            await self._app(_bound_address(scope, owner), receive, send)
        finally:
            if gone := self._gone.pop(streamed, None):
                gone.set()

    def _upload(self, request: Request, owner: str) -> Response | None:
        """Why files may not come; None where they may. Gradio shows the text of a refusal."""
        size = request.headers.get("content-length", "")
        if not may_add(self._config, owner):
            return _shown(request, 403, READ_ONLY)
        if not size.isdecimal():
            return _shown(request, 411, NO_LENGTH)
        if int(size) > MAX_UPLOAD + _FORM:
            return _shown(request, 413, TOO_LARGE.format(MAX_UPLOAD))
        return None if self._quota.takes(owner, int(size)) else _shown(request, 429, FULL)

    def _bound(self, body: bytes, owner: str, *, begins: bool) -> tuple[bytes, str]:
        """A body with the owner's session in place of what was sent, and events of theirs only; the session where it
        begins a call."""
        try:
            sent = json.loads(body) if body.strip() else None
        except (ValueError, RecursionError):
            return body, ""  # no JSON: it can name no session
        if not isinstance(sent, dict) or not (begins or {"session_hash", "event_id"} & sent.keys()):
            return body, ""
        if begins or sent.get("session_hash") is not None:
            sent["session_hash"] = bound(str(sent.get("session_hash") or secrets.token_hex(16)), owner)
        if "event_id" in sent and self._events.get(str(sent["event_id"]), ("",))[0] != owner:
            sent["event_id"] = ""
        return json.dumps(sent).encode(), sent["session_hash"] if begins else ""

    def _waiting(self, session: str) -> threading.Event:
        """What is set when nobody waits for the answers of a session any more."""
        gone = self._gone.setdefault(session, threading.Event())
        while len(self._gone) > _EVENTS:
            self._gone.popitem(last=False)
        return gone

    def _noting(self, send: Send, owner: str, session: str) -> Send:
        """Remember whose the call is that a response begins."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.body" and (found := _event(message.get("body", b""))):
                self._events[found] = owner, session
                while len(self._events) > _EVENTS:
                    self._events.popitem(last=False)
            await send(message)

        return noted


class Quota:
    """How much was uploaded of late, by whom."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: deque[tuple[float, str, int]] = deque()

    def takes(self, owner: str, size: int) -> bool:
        """Whether there is room for so many bytes of an owner; they are counted then."""
        now = self._clock()
        while self._taken and self._taken[0][0] <= now - KEPT:
            self._taken.popleft()
        theirs = sum(taken for _, whose, taken in self._taken if whose == owner)
        if theirs + size > QUOTA or sum(taken for *_, taken in self._taken) + size > QUOTA_OF_ALL:
            return False
        self._taken.append((now, owner, size))
        return True


def _shown(request: Request, status: int, sentence: str) -> Response:
    if is_ours(request.url.path):
        return refusal(request.url.path, status, sentence, {"connection": "close"})
    return PlainTextResponse(sentence, status, {"connection": "close"})


def bound(session: str, owner: str) -> str:
    """The name under which Gradio keeps a session that `owner` calls `session`; nobody else's has the same."""
    return hashlib.sha256(f"{owner}\n{session}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _bound_address(scope: Scope, owner: str) -> Scope:
    """The same request, with the owner's session in its path and query."""
    path = _SESSION.sub(lambda m: m[1] + bound(m[2], owner), scope["path"])
    query = scope["query_string"].decode("latin-1")
    if "session_hash" in query:
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode([(name, bound(value, owner) if name == "session_hash" else value) for name, value in pairs])
    return {**scope, "path": path, "raw_path": None if path != scope["path"] else scope.get("raw_path"),
            "query_string": query.encode("latin-1")}  # fmt: skip


async def _body(request: Request) -> bytes | None:
    """The whole body; None where it is too large."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or int(said) > MAX_BODY:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` for the app behind: the body at once, then what else comes."""
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


def _event(body: bytes) -> str:
    try:
        sent: Any = json.loads(body) if body[:1] == b"{" else None
    except ValueError:
        return ""
    return str(sent.get("event_id") or "") if isinstance(sent, dict) else ""
