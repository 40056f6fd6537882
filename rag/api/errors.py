"""An error as an answer over HTTP: in OpenAI's form below `/v1`, as problem+json (RFC 9457) below `/api`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from math import ceil
from traceback import format_exception

from starlette.responses import JSONResponse, Response

from rag.core.errors import (
    Busy,
    ConfigError,
    IndexMismatch,
    Locked,
    Missing,
    ModelError,
    ModelRateLimit,
    ModelTimeout,
    RagError,
    StoreUnreachable,
    UsageError,
)
from rag.llm.keys import without_keys

_log = logging.getLogger("rag.api")

FAULT = "The server met an error of its own; its log has the details."

_STATUS: tuple[tuple[type[RagError], int], ...] = (
    (Missing, 404),
    (UsageError, 400),
    (IndexMismatch, 500),
    (ConfigError, 400),  # the request wants what nobody has set up
    (Busy, 429),
    (Locked, 409),
    (ModelRateLimit, 429),
    (ModelTimeout, 504),
    (ModelError, 502),
    (StoreUnreachable, 503),
)
"""The first that fits counts; what is none of them is a fault of the server, 500."""
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def status_of(error: RagError) -> int:
    """The HTTP status that stands for an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def refusal(
    path: str,
    status: int,
    sentence: str,
    headers: Mapping[str, str] | None = None,
    *,
    faults: list[dict[str, str]] | None = None,
) -> Response:
    """The answer that says `sentence`, in the form that callers of `path` know; `faults` name fields of the request."""
    if path.startswith("/v1/"):
        return JSONResponse({"error": openai_error(status, sentence)}, status, headers)
    if path.startswith("/api/"):
        problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": sentence}
        if faults:
            problem["errors"] = faults
        return JSONResponse(problem, status, headers, media_type="application/problem+json")
    return JSONResponse({"detail": sentence}, status, headers)


def openai_error(status: int, sentence: str) -> dict[str, str | None]:
    """What stands under "error" in OpenAI's form."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"message": sentence, "type": kind, "param": None, "code": _CODES.get(status)}


def refused(path: str, error: RagError, keys: Iterable[str]) -> Response:
    """The answer for an error of ours, without `keys`, and with the seconds to wait where it names them."""
    wait = getattr(error, "retry_after", None)
    headers = {"retry-after": f"{ceil(wait)}"} if wait else None
    return refusal(path, status_of(error), without_keys(str(error), keys), headers)


def log_fault(error: BaseException, keys: Iterable[str]) -> None:
    """Write to the log what went wrong and where, without `keys`."""
    _log.error("A call failed\n%s", without_keys("".join(format_exception(error)), keys))
