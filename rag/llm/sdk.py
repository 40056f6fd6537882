"""Clients of the `openai` SDK that take nothing from the environment. The only module that makes them."""

from __future__ import annotations

import functools
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from rag.core.errors import ConfigError, ModelServerError

if TYPE_CHECKING:
    import httpx
    import openai

C = TypeVar("C", "openai.AsyncOpenAI", "openai.OpenAI")

OPENAI = "https://api.openai.com/v1"
"""Where requests go when no base URL is given."""


def checked_url(url: str | None) -> str:
    """The base URL of an endpoint; OpenAI's for None. Raises `ConfigError` for one that is no address."""
    url = url or OPENAI
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError(f"The base URL is {bare(url)!r}: give one such as http://127.0.0.1:8080/v1.")
    return url


def checked_key(key: str | None) -> str:
    """The key as it is sent, "none" for None. Raises `ConfigError`, without quoting it, for one that can't be sent."""
    key = (key or "").strip() or "none"
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigError("The API key has white space in it, or a character that no key has: copy it again.")
    return key


def async_client(url: str, key: str | None, connect_seconds: float) -> openai.AsyncOpenAI:
    """A client for one request: its connection is closed with the response, and silence is the caller's to bound."""
    import httpx
    import openai

    timeout = httpx.Timeout(None, connect=connect_seconds)
    hooks = {"response": [_abounded]}
    limits = httpx.Limits(max_keepalive_connections=0)
    http = httpx.AsyncClient(timeout=timeout, limits=limits, event_hooks=hooks, **_transport(url))
    return _isolated(openai.AsyncOpenAI(http_client=http, timeout=timeout, **_settings(url, key)))


def client(url: str, key: str | None, connect_seconds: float, read_seconds: float) -> openai.OpenAI:
    """A client for many short requests, which keeps its connection until it is closed."""
    import httpx
    import openai

    timeout = httpx.Timeout(read_seconds, connect=connect_seconds)
    http = httpx.Client(timeout=timeout, event_hooks={"response": [_bounded]}, **_transport(url))
    return _isolated(openai.OpenAI(http_client=http, timeout=timeout, **_settings(url, key)))


LARGEST = 64 << 20
"""Bytes of one response: an embedding of thousands of passages has some ten million."""


class _Bounded:
    """The body of a response, which breaks off where there is more than any answer has. Sync or async, as the one of
    httpx is."""

    def __init__(self, body: Any, response: Any) -> None:
        self._body, self._host, self._size = body, response.url.host, 0
        if response.headers.get("content-encoding", "identity") != "identity":
            # It was asked not to: a packed one of a megabyte can fill the memory.
            raise ModelServerError(f"{self._host} packs its answers although that is not wanted. Look at its settings.")

    def _counted(self, part: bytes) -> bytes:
        self._size += len(part)
        if self._size > LARGEST:
            raise ModelServerError(f"{self._host} sends more than any answer has. Look at its log.")
        return part

    def __iter__(self) -> Iterator[bytes]:
        return map(self._counted, self._body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield self._counted(part)

    def close(self) -> None:
        self._body.close()

    async def aclose(self) -> None:
        await self._body.aclose()


def _bounded(response: httpx.Response) -> None:
    import httpx

    class Body(_Bounded, httpx.SyncByteStream, httpx.AsyncByteStream):
        """What httpx takes for a body."""

    response.stream = Body(response.stream, response)


async def _abounded(response: httpx.Response) -> None:
    _bounded(response)


def _transport(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "headers": {"accept-encoding": "identity"},
        "verify": _tls(),
        # No proxy of the environment stands between this machine and itself.
        "trust_env": not is_local(parts.hostname or ""),
        # Taken out of the address, which httpx logs.
        "auth": (unquote(parts.username), unquote(parts.password or "")) if parts.username else None,
        # The address that the user named is the only one that gets the question.
        "follow_redirects": False,
    }


def _settings(url: str, key: str | None) -> dict[str, Any]:
    # All that the SDK would otherwise look up in the environment, which could be meant for another host.
    none = {"admin_api_key": "", "organization": "", "project": "", "webhook_secret": ""}
    return {"api_key": checked_key(key), "base_url": bare(url), "max_retries": 0, **none}


def _isolated(made: C) -> C:
    made.organization = made.project = None
    made._custom_headers = {}
    return made


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
