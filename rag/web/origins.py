"""Which site a request comes from, and which name it was sent to: what browsers tell, and no page can forge."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from rag.core.config import is_loopback


def from_another_site(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin made the request.

    Browsers add `Origin` to what a page posts, and to what it reads from elsewhere; programs and links have none. It is
    compared with the name that the browser used, which a proxy passes on as `X-Forwarded-Host`: a page can add that
    header only if it is allowed to, which needs a request that is refused here.
    """
    origin = headers.get("origin")
    if origin is None:
        return False
    own = _name(f"//{headers.get('x-forwarded-host', headers.get('host', '')).partition(',')[0].strip()}")
    return not own or _name(origin) != own


def to_loopback(headers: Mapping[str, str]) -> bool:
    """Whether the request was sent to a name that only this machine has.

    Another name, although the server listens on loopback, is one that somebody else's name server leads there: that way
    a web page reads what its visitor's machine serves (DNS rebinding).
    """
    name = _name(f"//{headers.get('host', '')}").partition(" ")[0]
    return is_loopback(name) or name.endswith(".localhost")


def _name(address: str) -> str:
    """Host and port of an address, apart from the ports that browsers leave out; "" for what is none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    return f"{parts.hostname} {'' if port in (None, 80, 443) else port}" if parts.hostname else ""
