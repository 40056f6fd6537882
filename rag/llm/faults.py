"""What an endpoint says went wrong, in words of ours.

Errors are told by status, by the codes in the body, and by the names of exception classes, so that whatever the SDK of
a caller's model is built on, its errors are understood too, and nothing has to be imported to understand them.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rag.core.errors import (
    ContextOverflow,
    ModelAuthError,
    ModelError,
    ModelRateLimit,
    ModelServerError,
    ModelTimeout,
    ModelUnknown,
    ModelUnreachable,
    QuotaExhausted,
)
from rag.llm.keys import without_keys

SAID = 300
"""Characters of the endpoint's own words that a message quotes."""
LONGEST = 10_000
"""Characters of them that are looked at."""

_OVERFLOW = re.compile(
    r"context[ _]?(?:length|window|size|limit)|(?:prompt|input) is too (?:long|large)"
    r"|too many (?:input |prompt )?tokens|maximum (?:number of )?(?:input|prompt) tokens",
    re.IGNORECASE,
)
# OpenAI's ordinary rate limit mentions "billing" in its advice, so only codes may; and Gemini calls its limit a minute
# a quota, but says when to come back.
_QUOTA = re.compile(
    r"insufficient[ _](?:quota|balance|credits?|funds)|billing_(?:hard_limit|not_active)|credit balance is too low"
    r"|exceeded your current quota(?!.*retry in)",
    re.IGNORECASE | re.DOTALL,
)
_DAY = 24 * 3600
_NO_CONNECTION = {"ConnectionError", "NetworkError", "ProtocolError", "APIConnectionError", "gaierror", "SSLError"}
_TIMEOUT = {"TimeoutException", "APITimeoutError", "TimeoutError", "Timeout"}


def model_error(error: BaseException, host: str, model: str) -> ModelError:
    """The error of the tree that says what an SDK's, httpx's or socket's error means; raise it `from` that error.

    `host` and `model` are named in the message. The key that a request carried is struck out of the message and, in
    place, out of the texts of the error and of what caused it, for a traceback prints those too. A `ModelError` is
    returned as it is.
    """
    if isinstance(error, ModelError):
        return error
    chain = list(_chain(error))
    secrets = _strike_keys(chain)
    names = {c.__name__ for e in chain for c in type(e).__mro__}
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if isinstance(status, int):
        return status_error(status, getattr(error, "body", str(error)), getattr(response, "headers", {}), host, model)
    allowed = _timeouts(error)
    if "ConnectTimeout" in names:
        return ModelTimeout(
            f"{host} did not take the connection for {model}{_within(allowed.get('connect'))} (deadline: connect). "
            "Is the server up? Try again later."
        )
    if names & _TIMEOUT:
        return ModelTimeout(
            f"{host} was silent while {model} was asked{_within(allowed.get('read'))}. Try again, or allow it more "
            "seconds."
        )
    reason = _short(without_keys(str(chain[-1]), secrets)) or type(chain[-1]).__name__
    if "ConnectionRefusedError" in names:
        reason = "connection refused"
    if names & {"ConnectError", "gaierror", "SSLError", "ConnectionRefusedError"}:
        return ModelUnreachable(
            f"{host} can't be reached for {model} ({reason}). Start the server, or correct the base URL."
        )
    if names & _NO_CONNECTION:
        return ModelUnreachable(f"The connection to {host} broke while {model} was asked ({reason}). Try again.")
    what = f"{type(error).__name__}: {_short(without_keys(str(error), secrets))}"
    return ModelError(f"{model} at {host} failed ({what}). Try another model.")


def status_error(status: int, body: object, headers: Mapping[str, str], host: str, model: str) -> ModelError:
    """The error that a response of this HTTP status and decoded body means."""
    code, said = _said(body)
    wait = _seconds(headers)
    words = f"{code} {said}"
    told = f"{status}: {said}" if said else str(status)
    if status in (400, 413, 422, 500) and (_OVERFLOW.search(words) or status == 413):
        return ContextOverflow(
            f"The prompt does not fit the context of {model} at {host} ({told}). Set RAG_CONTEXT to its size in tokens."
        )
    if status == 402 or (status in (400, 403, 429) and _QUOTA.search(words)):
        return QuotaExhausted(
            f"{host} says that the account has no credit left for {model} ({told}). Check its billing."
        )
    if status == 429:
        pause = "a little" if wait is None else _duration(wait)
        return ModelRateLimit(
            f"{host} gets too many requests for {model} ({told}). Wait {pause}, then try again.", retry_after=wait
        )
    if status == 401:
        # Not its words: they tend to repeat the key.
        return ModelAuthError(
            f"{host} refuses the key for {model} (401). Set OPENAI_API_KEY to one that is valid there."
        )
    if status == 403:
        return ModelAuthError(f"{host} does not let this key use {model} ({told}). Use another model or another key.")
    if status == 404 and "model" in words:
        return ModelUnknown(f"{host} does not know the model {model} ({told}). Set RAG_MODEL to one that it has.")
    if status == 404:
        return ModelUnknown(
            f"{host} has nothing there when {model} is asked for ({told}). Correct the path of the base URL, which "
            "often ends in /v1."
        )
    if 300 <= status < 400:
        return ModelUnknown(f"{host} redirects requests for {model} elsewhere ({status}). Correct the base URL.")
    if status >= 500 or status in (408, 409, 425):
        return ModelServerError(f"{host} failed to run {model} ({told}). Try again later.", retry_after=wait)
    return ModelUnknown(f"{host} refuses the request to {model} ({told}). Correct the model's name or the settings.")


def words_of(body: object) -> tuple[str, str]:
    """The parameter that a refusal names ("" where none), and all that it says, for looking a name up in it."""
    error = _error(body)
    parameter = error.get("param") if isinstance(error, Mapping) else None
    return str(parameter or ""), error if isinstance(error, str) else json.dumps(error, default=str)


def _error(body: object) -> object:
    # The SDK takes the envelope {"error": …} off, where there is one.
    return body.get("error", body) if isinstance(body, Mapping) else body


def _said(body: object) -> tuple[str, str]:
    """The codes in a body, and its message."""
    error = _error(body)
    if isinstance(error, Mapping):
        codes = " ".join(str(error.get(name) or "") for name in ("code", "type"))
        message = next((error[name] for name in ("message", "detail", "error") if error.get(name)), "")
        return codes, _short(message if isinstance(message, str) else json.dumps(message, default=str))
    # A page of HTML says nothing to a reader.
    return "", "" if error is None or str(error).lstrip().startswith("<") else _short(str(error))


def _short(text: str) -> str:
    text = without_keys(" ".join(text[:LONGEST].split()), ()).rstrip(".")
    return text if len(text) <= SAID else text[: SAID - 1] + "…"


def _seconds(headers: Mapping[str, str]) -> float | None:
    """What Retry-After asks for (RFC 9110, 10.2.3): seconds or a date; OpenAI also sends milliseconds."""
    value = headers.get("retry-after") or headers.get("Retry-After") or ""
    try:
        seconds = float(headers["retry-after-ms"]) / 1000 if "retry-after-ms" in headers else float(value)
    except ValueError:
        seconds = math.nan
        with contextlib.suppress(ValueError, OverflowError, TypeError):
            if date := email.utils.parsedate_tz(value):
                seconds = email.utils.mktime_tz(date) - time.time()
    # What is no number, or more than a day, is a slip of the endpoint's.
    return max(0.0, seconds) if seconds <= _DAY else None


def _duration(seconds: float) -> str:
    """Seconds in words: "12 seconds", "5 minutes", "3 hours"."""
    for size, name in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{math.ceil(seconds / size)} {name}s"
    count = math.ceil(seconds)
    return f"{count} second{'' if count == 1 else 's'}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _strike_keys(chain: list[BaseException]) -> set[str]:
    """Strike the key of the request out of everything that these exceptions would print; returns it."""
    secrets = {secret for error in chain for secret in _secrets(error)}
    for error in chain:
        error.args = tuple(without_keys(a, secrets) for a in error.args)
        for name in ("message", "body"):
            if hasattr(error, name):
                setattr(error, name, without_keys(getattr(error, name), secrets))
    return secrets


def _secrets(error: BaseException) -> Iterator[str]:
    try:
        request = getattr(error, "request", None)
    except RuntimeError:  # httpx: no request was set
        return
    if authorization := getattr(request, "headers", {}).get("authorization"):
        yield authorization.partition(" ")[2] or authorization


def _timeouts(error: BaseException) -> Mapping[str, Any]:
    """The seconds that httpx was told to wait."""
    try:
        timeouts = getattr(getattr(error, "request", None), "extensions", {}).get("timeout")
    except RuntimeError:
        return {}
    return timeouts or {}


def _within(seconds: float | None) -> str:
    return "" if seconds is None else f" within {seconds:g} seconds"
