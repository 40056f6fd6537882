"""What a chat endpoint sends, streamed or not, read as chunks.

The events are read from the bytes and not by the SDK's stream, which neither tells an end from a cut connection nor
reads an answer that was not streamed although that was asked for.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.core.errors import ModelServerError, ModelUnreachable
from rag.llm.faults import status_error
from rag.llm.keys import Striking, without_keys

if TYPE_CHECKING:
    import httpx

LONGEST_LINE = 4_000_000
"""Bytes of one line of a stream, or of a whole response; more is no answer but an attack on the memory."""
_LINE = re.compile(rb"\r\n|\n|\r")
# Half a character, which JSON can spell ("\ud83d") and no file or tokenizer takes.
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a reply: its new text, and where it says so, the model's name, why the reply ends (in the endpoint's
    word), and the tokens of prompt and completion so far. `thinking`: the model wrote text that is no answer."""

    text: str = ""
    thinking: bool = False
    model: str | None = None
    finish: str | None = None
    tokens: tuple[int, int] | None = None


async def read(response: httpx.Response, host: str, model: str, key: str) -> AsyncIterator[Chunk]:
    """The chunks of a response to a chat request, each as soon as it is there.

    `host` and `model` are named in messages, `key` never is, and is struck out of what comes. Raises `ModelError` for
    what is no chat completion, for an error that comes in the middle of a stream, and for an end before the reply's;
    and what httpx raises.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    striking = Striking(key)
    finish, begun, written, ended = None, False, False, False
    async for payload, whole in _payloads(response.aiter_bytes()):
        begun, ended = True, whole
        if payload.startswith("[DONE]"):
            ended = True
            break
        chunk = _chunk(_event(payload, host, model, key))
        finish = finish or chunk.finish
        written = written or bool(chunk.text or chunk.thinking or chunk.finish or chunk.tokens)
        yield replace(
            chunk, text=striking.feed(chunk.text), model=Striking(key).feed(chunk.model or "", last=True) or None
        )
    if rest := striking.feed("", last=True):
        yield Chunk(rest)
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


async def _payloads(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, bool]]:
    """The JSON of a response that is one object, and True; or that of each of its events, and False.

    What it is shows in its first character: servers say text/event-stream of the one and application/json of the other.
    """
    start = b""
    async for chunk in chunks:
        start = (start + chunk).removeprefix(codecs.BOM_UTF8).lstrip()
        if start:
            break
    if start.startswith(b"{"):
        async for chunk in chunks:
            start = _bounded(start + chunk)
        yield start.decode(errors="replace"), True
    else:
        async for event in _events(start, chunks):
            yield event, False


async def _events(start: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of each server-sent event, by https://html.spec.whatwg.org/multipage/server-sent-events.html.

    A line ends in CR, LF, or both.
    """
    data: list[str] = []
    rest, returned = b"", False
    async for chunk in _after(start, chunks):
        fresh = chunk[1:] if returned and chunk.startswith(b"\n") else chunk  # the LF of a CR that was read before
        returned = chunk.endswith(b"\r")
        *lines, rest = _LINE.split(_bounded(rest + fresh))
        for line in (raw.decode(errors="replace") for raw in lines):
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif line.startswith("error:"):  # llama.cpp's field for a failure
                data.append(f'{{"error": {line[6:]}}}')
            elif not line and data:
                yield "\n".join(data)
                data = []
    if rest.startswith(b"data:"):
        data.append(rest[5:].decode(errors="replace").strip())
    if data:
        yield "\n".join(data)


async def _after(start: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield start
    async for chunk in chunks:
        yield chunk


def _bounded(held: bytes) -> bytes:
    if len(held) > LONGEST_LINE:
        raise ModelServerError("The endpoint sends more in one piece than any answer has. Look at its log.")
    return held


def _event(payload: str, host: str, model: str, key: str) -> dict[str, Any]:
    try:
        event = json.loads(payload)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise ModelServerError(
            f"{host} sent an event of {model} that is not a JSON object ({without_keys(payload, {key})[:80]!r}). Try "
            "again; if it stays, look at the server's log."
        )
    if error := event.get("error"):
        raise status_error(_status(error), without_keys(error, {key}), {}, host, model)
    return event


def _status(error: object) -> int:
    """The HTTP status that an error would have had at the beginning of the response."""
    code, kind = (_of(error, dict).get(name) for name in ("code", "type"))
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return 429 if re.search(r"rate_limit|quota", f"{code} {kind}") else 500


def _chunk(event: Mapping[str, Any]) -> Chunk:
    choice = _of(next(iter(_of(event.get("choices"), list)), None), dict)
    delta = _of(choice.get("delta") or choice.get("message"), dict)
    content = delta.get("content") or ""
    thinking = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(content, list):  # Mistral's thinking models send parts
        parts = [_of(part, dict) for part in content]
        thinking = thinking or any(part.get("type") != "text" for part in parts)
        content = "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
    # A refusal is no answer, and ends as what a filter withholds.
    finish, model = "content_filter" if delta.get("refusal") else choice.get("finish_reason"), event.get("model")
    return Chunk(
        _SURROGATE.sub("\ufffd", str(content)),
        bool(thinking),
        model if isinstance(model, str) else None,
        finish if isinstance(finish, str) else None,
        tokens(event.get("usage")),
    )


def tokens(usage: Any) -> tuple[int, int] | None:
    """Tokens of prompt and completion under the names that OpenAI's and Anthropic's answers use."""
    for names in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
        prompt, completion = (usage.get(n) if isinstance(usage, Mapping) else getattr(usage, n, None) for n in names)
        if isinstance(prompt, int) and isinstance(completion, int) and prompt + completion > 0:
            return prompt, completion
    return None


def _of(value: Any, kind: type[Any]) -> Any:
    """The value, or an empty one where it is of another kind."""
    return value if isinstance(value, kind) else kind()
