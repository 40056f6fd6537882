"""Headers that keep the page from loading, sending or running anything that is not its own."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCRIPT = re.compile(rb"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.DOTALL)

# Gradio names its own site and pictures in the head of the page; a browser may open connections to what is named there.
# Its <base> would turn a link to a "#source" into another page where the address has a query.
_STRIPPED = re.compile(rb"<(?:meta|link)\b[^>]*https?://(?:raw\.|fonts\.|cdn|gradio\.|huggingface)[^>]*>|<base\b[^>]*>")

_NOBODY = "'none'"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: under that, a browser says of a form of ours that it comes from nowhere (Origin: null).
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def policy(html: bytes = b"", frames: Sequence[str] = ()) -> str:
    """The Content-Security-Policy for a page: only its own inline scripts, by their SHA-256, and only this server.

    Styles may be inline because Gradio sets them on elements. `frames` are the sites that may show the page in a frame.
    """
    bodies = [m["body"] for m in _SCRIPT.finditer(html) if b"src=" not in m["attributes"]]
    hashes = "".join(f" 'sha256-{base64.b64encode(hashlib.sha256(b).digest()).decode()}'" for b in bodies)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self'{hashes}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-src 'none'",
            f"frame-ancestors {' '.join(frames) or _NOBODY}",
        )
    )


class Headers:
    """ASGI middleware that adds the headers to each response, and strips foreign addresses from the head of a page."""

    def __init__(self, app: ASGIApp, frames: Sequence[str] = ()) -> None:
        self._app, self._frames = app, frames
        # The older header knows no list of sites.
        self._headers = _HEADERS if frames else (*_HEADERS, (b"x-frame-options", b"DENY"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; hold back an HTML response until it is whole, because its policy depends on its text."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def secured(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                kind = dict(message["headers"]).get(b"content-type", b"")
                message["headers"] = [*message["headers"], *self._headers]
                if kind.startswith(b"text/html") and scope["method"] == "GET":
                    start = message
                    return
                message["headers"].append((b"content-security-policy", policy(frames=self._frames).encode()))
            elif start is not None:
                body += message.get("body", b"")
                if message.get("more_body"):
                    return
                page = _STRIPPED.sub(b"", body)
                length = (b"content-length", str(len(page)).encode())
                kept = [h for h in start["headers"] if h[0] != b"content-length"]
                start["headers"] = [*kept, length, (b"content-security-policy", policy(page, self._frames).encode())]
                await send(start)
                await send({"type": "http.response.body", "body": page})
                return
            await send(message)

        await self._app(scope, receive, secured)
