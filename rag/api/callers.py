"""Who calls, as the login says, which stands before everything here."""

from __future__ import annotations

from starlette.requests import Request

OWNER = "x-rag-owner"
"""The header in which the login passes on whose a request is; what a request itself says there is dropped."""
LOCAL = "local"
"""Whoever works at this machine, where nobody logs in."""


def caller(request: Request) -> str:
    """`user-NAME` or `key-NAME` of a login, `LOCAL`, else the address: that of a reader without a name is one's own."""
    owner = request.headers.get(OWNER, "")
    if owner == LOCAL or owner.startswith(("user-", "key-")):
        return owner
    return request.client.host if request.client else ""


def counted(request: Request) -> None:
    """Count a call that takes time, where the caller is not at this machine. `Busy` where there were too many."""
    if (name := caller(request)) != LOCAL:
        request.app.state.limit.count(name)
