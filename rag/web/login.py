"""The door of the page: who comes in, and as whom.

Gradio has a login of its own, which its MCP server can't pass and which forgets everybody at a restart. This one is
middleware: nothing behind it, Gradio's or ours, answers anybody who isn't let in, and each request that gets through
says whose it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.api.app import UNGUARDED, is_ours
from rag.api.callers import LOCAL, OWNER
from rag.api.errors import refusal
from rag.core.config import Config
from rag.core.errors import ConfigError, RagError
from rag.web.origins import from_another_site, to_loopback
from rag.web.sessions import LIFETIME, Failures, Sessions

if TYPE_CHECKING:
    import gradio as gr

_HERE = Path(__file__).parent
_CLAIMS = (b"x-forwarded-host", b"x-gradio-server")
_READER = "rag_reader"
_READER_SECONDS = 365 * 24 * 3600
_READER_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_MAX_FORM = 20_000  # bytes
_MAX_NAME = 64

# Gradio asks its own server for this once, before it says that the page is ready; it answers true or false.
_OPEN = "/gradio_api/startup-events"

FOREIGN = (
    "This request comes from a page of another site, and those may not use Paper RAG. If it is this page, behind a "
    "proxy with another name: set RAG_HOSTS to that name."
)
REBOUND = (
    "This page is served to its own machine, by the names localhost and 127.0.0.1 alone. To serve it under another "
    "name, set RAG_AUTH to name:password."
)
NO_KEY = (
    "This needs a key of RAG_API_KEYS, sent as “Authorization: Bearer KEY”; or name and password of RAG_AUTH as HTTP "
    "Basic authorization."
)
OUTSIDE = "Nobody is logged in. Reload the page to log in; programs send name and password as HTTP Basic authorization."
WRONG = "The name or the password is wrong."
SLOW = "There were too many failed logins; try again in {} seconds."


def owner(request: gr.Request | Request) -> str:
    """Whose request this is: `user-NAME` after a login, `local` on this machine without one, else a reader's id.

    Never what the request itself says: `Login` sets it. KeyError where the request did not pass it.
    """
    return str(request.headers[OWNER])


def named_owner(request: gr.Request | Request) -> str:
    """`owner`, but "" for a reader who sent no id: a program without cookies gets a new one with each request."""
    found = owner(request)
    return found if not found.startswith("reader-") or _READER in request.cookies else ""


def may_add(config: Config, owner: str) -> bool:
    """Whether an owner may add papers."""
    return config.may_add(re.sub("^(?:user|key)-", "", owner))


def require(config: Config, *, page: bool = True) -> None:
    """Raises `ConfigError` where others can reach the server and nothing says who of them may use it."""
    if not config.loopback and not config.auth and (page or not config.api_keys):
        raise ConfigError(
            f"The host {config.host} is one that others can reach. Set RAG_AUTH to name:password, in the environment "
            "or in .env, so that they have to log in; or RAG_AUTH=none, so that everybody may use the page."
        )


@dataclass(frozen=True)
class _Refusal:
    status: int
    sentence: str
    headers: dict[str, str] = field(default_factory=dict)

    def as_json(self, path: str = "") -> Response:
        # Gradio's page shows what is in `detail`.
        return refusal(path, self.status, self.sentence, self.headers)

    def as_page(self, page: str, name: str = "") -> Response:
        return HTMLResponse(_login_page(page, name, self.sentence), self.status, self.headers)


class Login:
    """ASGI middleware: asks for a login where there are `sessions`, and tells the page whose each request is.

    A browser gets a form and keeps a signed cookie; programs may send the cookie or HTTP Basic.
    """

    def __init__(self, app: ASGIApp, config: Config, sessions: Sessions | None) -> None:
        self._app = app
        self._alone = config.loopback and sessions is None
        self._sessions = sessions
        self._keys = config.keys
        self._hosts = frozenset(name.lower() for name in config.hosts)
        self._failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under the name of its owner, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":  # Nothing here speaks WebSocket.
            await self._http(Request(self._as_reached(scope), receive), send)

    def _as_reached(self, scope: Scope) -> Scope:
        """The request without what it says of a proxy, unless that is a name by which we are known to be reached.

        Gradio makes the addresses of its answers of these headers, and anybody can send them.
        """
        claimed = [value for name, value in scope["headers"] if name in _CLAIMS]
        known = all(re.sub(r":\d+$", "", value.decode("latin-1")).lower() in self._hosts for value in claimed)
        kept = scope["headers"] if known else [(name, value) for name, value in scope["headers"] if name not in _CLAIMS]
        return {**scope, "headers": kept}

    async def _http(self, request: Request, send: Send) -> None:
        path = request.url.path
        if self._alone and not to_loopback(request.headers):
            answer: Response | str = _Refusal(403, REBOUND).as_json(path)
        elif from_another_site(request.headers):
            answer = _Refusal(403, FOREIGN).as_json(path)
        elif path in UNGUARDED:
            answer = ""
        elif is_ours(path) and (name := self._named_by_key(request)):
            answer = f"key-{name}"
        elif is_ours(path) and self._keys and self._sessions is None:
            answer = _Refusal(401, NO_KEY).as_json(path)
        elif self._sessions is None:
            await self._unguarded(request, send)
            return
        else:
            answer = await self._answer(request, self._sessions)
        if isinstance(answer, Response):
            answer.headers["cache-control"] = "no-store"
            await answer(request.scope, request.receive, send)
        else:
            await self._app(_owned(request.scope, answer), request.receive, send)

    def _named_by_key(self, request: Request) -> str:
        """The name of the key that a request brings; "" without one. The time it takes tells nothing about any."""
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        given = hashlib.sha256(sent.strip().encode("utf-8", "surrogateescape")).digest()
        found = ""
        for name, key in self._keys.items():
            if hmac.compare_digest(given, hashlib.sha256(key.encode()).digest()) and scheme.lower() == "bearer":
                found = name
        return found

    async def _unguarded(self, request: Request, send: Send) -> None:
        if self._alone:
            await self._app(_owned(request.scope, LOCAL), request.receive, send)
            return
        known = request.cookies.get(_READER, "")
        reader = known if _READER_ID.fullmatch(known) else secrets.token_urlsafe(16)
        cookie = _cookie(request, _READER, reader, _READER_SECONDS).encode()

        async def remembered(message: Message) -> None:
            if message["type"] == "http.response.start" and reader != known:
                message["headers"] = [*message["headers"], (b"set-cookie", cookie)]
            await send(message)

        await self._app(_owned(request.scope, f"reader-{reader}"), request.receive, remembered)

    async def _answer(self, request: Request, sessions: Sessions) -> Response | str:
        """The answer of the door, or the owner of a request that may pass."""
        path, method = request.url.path, request.method
        if path == "/login.css":
            return Response((_HERE / "login.css").read_bytes(), media_type="text/css")
        if path == _OPEN:
            return ""
        if path == "/login" and method == "POST":
            return await self._log_in(request, sessions)
        user = sessions.name(request.cookies.get(sessions.cookie, ""))
        if user is None and (basic := _basic(request)):
            if refused := self._refused(request, sessions, *basic):
                return refused.as_json(path)
            user = basic[0]
        if user is None and is_ours(path):
            return _Refusal(401, NO_KEY, {"www-authenticate": "Bearer"}).as_json(path)
        if user is None or path == "/login":
            return _outside(request, user)
        if path == "/logout" and method in ("GET", "POST"):
            return _log_out(request, sessions, user)
        return f"user-{user}"

    async def _log_in(self, request: Request, sessions: Sessions) -> Response:
        form = await _form(request)
        name, page = form.get("username", "").strip()[:_MAX_NAME], _own_page(form.get("next", ""))
        browser = _from_browser(request)
        if refusal := self._refused(request, sessions, name, form.get("password", "")):
            return refusal.as_page(page, name) if browser else refusal.as_json()
        # gradio_client takes a redirection for a failure.
        answer: Response = RedirectResponse(page, 303) if browser else JSONResponse({"success": True})
        answer.headers["set-cookie"] = _cookie(request, sessions.cookie, sessions.issue(name), LIFETIME)
        return answer

    def _refused(self, request: Request, sessions: Sessions, name: str, password: str) -> _Refusal | None:
        address = request.client.host if request.client else ""
        if wait := self._failures.wait(address, name):
            return _Refusal(429, SLOW.format(wait), {"retry-after": str(wait)})
        if sessions.authentic(name, password):
            self._failures.passed(address, name)
            return None
        self._failures.add(address, name)
        return _Refusal(401, WRONG)


def _owned(scope: Scope, name: str) -> Scope:
    headers = [(key, value) for key, value in scope["headers"] if key.lower() != OWNER.encode()]
    return {**scope, "headers": [*headers, (OWNER.encode(), name.encode())]}


def _outside(request: Request, user: str | None) -> Response:
    """For one who is not logged in, or is, and asks for the form nevertheless."""
    at_form = request.url.path == "/login"
    page = _own_page(request.query_params.get("next", "") if at_form else _address(request.scope))
    if user is not None:
        return RedirectResponse(page, 303)
    if request.method in ("GET", "HEAD") and _from_browser(request):
        return HTMLResponse(_login_page(page), 200 if at_form else 401)
    # A browser would ask for name and password in a window of its own.
    is_browser = request.headers.get("user-agent", "").startswith("Mozilla/")
    challenge = {} if is_browser else {"www-authenticate": 'Basic realm="Paper RAG", charset="UTF-8"'}
    return _Refusal(401, OUTSIDE, challenge).as_json()


def _log_out(request: Request, sessions: Sessions, user: str) -> Response:
    if request.method == "GET":
        return HTMLResponse(_filled("logout.html", name=escape(user)))
    try:
        sessions.revoke(request.cookies.get(sessions.cookie, ""))
    except RagError as error:
        return _Refusal(500, str(error)).as_json()
    answer: Response = RedirectResponse("/login", 303) if _from_browser(request) else JSONResponse({"success": True})
    answer.headers["set-cookie"] = _cookie(request, sessions.cookie, "", 0)
    return answer


def _login_page(page: str, name: str = "", problem: str = "") -> str:
    notice = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    focus = {"first": "" if name else "autofocus", "second": "autofocus" if name else ""}
    return _filled("login.html", problem=notice, next=escape(page), name=escape(name), **focus)


def _filled(file: str, **values: str) -> str:
    return Template((_HERE / file).read_text(encoding="utf-8")).substitute(values)


def _from_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _basic(request: Request) -> tuple[str, str] | None:
    """Name and password of HTTP Basic authorization (RFC 7617)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


async def _form(request: Request) -> dict[str, str]:
    """The fields of a posted form; none where it is longer than any of ours."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM:
            return {}
    fields: dict[str, Any] = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def _address(scope: Scope) -> str:
    """Path and query of a request, as they were sent."""
    query: bytes = scope["query_string"]
    path: bytes = scope.get("raw_path") or b"/"
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def _own_page(address: str) -> str:
    """`address` where it leads to a page here, else the front page.

    Browsers read "//host" and "/\\host" as another site, and leave out the tabs and line ends in between.
    """
    here = re.fullmatch(r"/(?:[!-.0-\[\]-~][!-\[\]-~]{0,8000})?", address)
    return "/" if not here or re.match(r"/log(in|out)\b", address) else address


def _cookie(request: Request, name: str, value: str, seconds: int) -> str:
    """A `Set-Cookie` header. Links from other sites, as to `/?q=…`, must bring it along: hence Lax and not Strict."""
    secure = "; Secure" if request.url.scheme == "https" else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
