"""What a chat endpoint sends, read as LlamaIndex's chunks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from llama_index.core.llms import ChatMessage, ChatResponse

from rag.core.errors import ModelServerError, ModelUnreachable
from rag.llm.endpoint_errors import answered, hushed

if TYPE_CHECKING:
    import httpx


def read(response: httpx.Response, host: str, model: str, key: str | None) -> Iterator[ChatResponse]:
    """The chunks of a response to a chat request, streamed or not, each as soon as it is there.

    `host` and `model` are named in messages, `key` never is. Raises `ModelError` for what is no chat completion, for an
    error that is told in mid-stream, and for an end before the answer's; and what httpx raises.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    whole = kind == "application/json"  # not streamed: as asked, or because the server can't
    payloads = iter([response.read().decode(errors="replace")]) if whole else events(response.iter_bytes())
    text, finish, ended, begun, written = "", None, whole, False, False
    for payload in payloads:
        begun = True
        if payload.startswith("[DONE]"):
            ended = True
            break
        event = _event(payload, host, model, key)
        content, thinking, reason = _content(event)
        text, finish = text + content, finish or reason
        usage = _usage(event)
        if content or thinking or reason or usage:
            written = True
            yield ChatResponse(
                message=ChatMessage(role="assistant", content=text),
                delta=content,
                raw=event,
                additional_kwargs={**usage, **({"thinking_delta": thinking} if thinking else {})},
            )
    if not begun:
        raise ModelServerError(
            f"{host} sent no answer of {model}, but {kind or 'nothing'}. Is the base URL that of the API? It often "
            "ends in /v1."
        )
    if ended and not written:
        raise ModelServerError(f"{host} sent no answer of {model}, but an empty {kind}. Ask again, or look at its log.")
    # A stream that just ends may have been cut by a proxy; servers that leave one of the two marks out exist.
    if not ended and finish is None:
        raise ModelUnreachable(f"{host} cut the connection before {model} was done. Try again.")


def _event(payload: str, host: str, model: str, key: str | None) -> dict[str, Any]:
    secrets = {key} if key else set()
    try:
        event = json.loads(payload)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise ModelServerError(
            f"{host} sent an event of {model} that is not a JSON object ({hushed(payload, secrets)[:80]!r}). Try "
            "again; if it stays, look at the server's log."
        )
    if error := event.get("error"):
        raise answered(_status(error), hushed(error, secrets), {}, host, model)
    return event


def _status(error: object) -> int:
    """The HTTP status that an error would have had, were it not told in mid-stream."""
    code, kind = (_of(error, dict).get(name) for name in ("code", "type"))
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return 429 if re.search(r"rate_limit|quota", f"{code} {kind}") else 500


def _content(event: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """The new answer text, the new thinking, and why it ends, of a chunk or of a whole completion."""
    choice = next(iter(_of(event.get("choices"), list)), None)
    choice = _of(choice, dict)
    delta = _of(choice.get("delta") or choice.get("message"), dict)
    content = delta.get("content") or delta.get("refusal") or ""
    thinking = delta.get("reasoning_content") or delta.get("reasoning") or ""
    if isinstance(content, list):  # Mistral's thinking models send parts
        parts = [_of(part, dict) for part in content]
        thinking = "".join(json.dumps(part) for part in parts if part.get("type") != "text")
        content = "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
    reason = choice.get("finish_reason")
    return str(content), str(thinking), reason if isinstance(reason, str) else None


def _usage(event: Mapping[str, Any]) -> dict[str, int]:
    usage = _of(event.get("usage"), dict)
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: usage[name] for name in names if isinstance(usage.get(name), int)}


def _of(value: Any, kind: type[Any]) -> Any:
    """The value, or an empty one where it is of another kind."""
    return value if isinstance(value, kind) else kind()


def events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each server-sent event as soon as its last byte is there; comments and other fields are left out.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html. An event named "error", and llama.cpp's
    field of that name, come as a JSON object with the one member "error".
    """
    data: list[str] = []
    failed = False
    for line in _lines(chunks):
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            failed = failed or field == "error" or (field == "event" and value == "error")
            if field in ("data", "error"):
                data.append(value)
            continue
        if data:
            yield _payload(data, failed)
        data, failed = [], False
    if data:
        yield _payload(data, failed)


def _payload(data: list[str], failed: bool) -> str:
    text = "\n".join(data)
    return f'{{"error": {text}}}' if failed and not text.lstrip().startswith('{"error"') else text


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.rstrip(b"\r").decode(errors="replace") for line in lines)
    if rest:
        yield rest.decode(errors="replace")
