"""One call to a chat endpoint: a client of its own, whose socket another thread can shut.

A client costs a tenth of a millisecond once the TLS context is there, and the SDK closes the connection after a stream
anyway. So none is shared: threads, event loops and stops can't get into each other's way.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rag.core.errors import ConfigError

if TYPE_CHECKING:
    import httpx


class Line:
    """A connection to be made for one request. Raises `ConfigError` for a key that can't be sent.

    `connected` tells whether it stands, TLS included; `hung_up` whether `hang_up` was called.
    """

    def __init__(self, base_url: str, api_key: str | None, connect_seconds: float, read_seconds: float) -> None:
        import httpx
        import openai

        key = (api_key or "").strip() or "none"
        if not re.fullmatch(r"[\x21-\x7e]+", key):
            # Such a header can't be sent, and what complains about it quotes it.
            raise ConfigError("The API key has white space in it, or a character that no key has: copy it again.")
        self.connected = self.hung_up = False
        self._socket: socket.socket | None = None
        parts = urlsplit(base_url)
        self._secure = parts.scheme == "https"
        timeout = httpx.Timeout(read_seconds, connect=connect_seconds)
        self._http = httpx.Client(
            timeout=timeout,
            verify=_tls(),
            # No proxy of the environment stands between this machine and itself.
            trust_env=not is_local(parts.hostname or ""),
            # Taken out of the address, which httpx logs.
            auth=(unquote(parts.username), unquote(parts.password or "")) if parts.username else None,
            # The address that the user named is the only one that gets the question.
            follow_redirects=False,
            event_hooks={"request": [self._watch]},
        )
        # Everything that the SDK would otherwise look up in the environment, which could be meant for another host.
        self.sdk = openai.OpenAI(
            api_key=key,
            admin_api_key="",
            base_url=bare(base_url),
            organization="",
            project="",
            webhook_secret="",
            timeout=timeout,
            max_retries=0,
            http_client=self._http,
        )
        self.sdk.organization = self.sdk.project = None
        self.sdk._custom_headers = {}
        # Here, for it imports half of the SDK the first time.
        self._completions = self.sdk.chat.completions.with_streaming_response

    @contextlib.contextmanager
    def post(self, request: Mapping[str, Any]) -> Iterator[httpx.Response]:
        """The response to a chat request as soon as its headers are there. Raises what the SDK raises."""
        rest = {k: v for k, v in request.items() if k not in ("model", "messages")}
        # By extra_body, for the SDK refuses parameters that only other servers know.
        with self._completions.create(
            model=request["model"], messages=request["messages"], extra_body=rest
        ) as response:
            yield response.http_response

    def hang_up(self) -> None:
        """Shut the connection, from any thread: the server sees its end at once, and who reads from it wakes up."""
        self.hung_up = True
        self._shut()

    def close(self) -> None:
        """Free the socket, when the call is over."""
        self._http.close()
        if self._socket is not None:
            self._socket.close()

    def _watch(self, request: httpx.Request) -> None:
        request.extensions["trace"] = self._trace

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore tells what it does (https://www.encode.io/httpcore/extensions/#trace), and hands over the stream."""
        if event.endswith("connect_tcp.complete"):
            # A duplicate, for the handshake of TLS takes the original away; both name the same connection.
            self._socket = info["return_value"].get_extra_info("socket").dup()
            if self.hung_up:
                self._shut()
        self.connected = self.connected or event.endswith(
            "start_tls.complete" if self._secure else "connect_tcp.complete"
        )

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)


def bare(url: str) -> str:
    """A URL without the user name and password that may stand before its host."""
    return re.sub(r"//[^/?#]*@", "//", url)


def is_local(host: str) -> bool:
    """Whether a host name or address means this machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes thirty milliseconds, which no call but the first should wait for.
    import httpx

    return httpx.create_ssl_context()
