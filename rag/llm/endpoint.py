"""Any OpenAI-compatible chat endpoint, asked through the `openai` SDK.

Each request has a client and an event loop of its own, in a thread: cancelling its task closes the connection at once,
wherever it stands, and threads and event loops of callers can't get into each other's way. A client costs a tenth of a
millisecond once the TLS context is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag.core.errors import ContextOverflow, ModelError, ModelServerError
from rag.llm import sdk
from rag.llm.events import read
from rag.llm.faults import model_error, words_of
from rag.llm.prompts import Message
from rag.llm.source import Request

if TYPE_CHECKING:
    import openai

REASONING_TOKENS = 4_000
"""Tokens that a model that is known to think gets beside those of its answer."""
_REASONING = re.compile(r"(?:.*/)?(?:o\d|gpt-5)(?![\d.])", re.IGNORECASE)
"""OpenAI's reasoning models, which refuse a temperature (https://platform.openai.com/docs/guides/reasoning)."""
_OPTIONAL = ("stream_options", "max_tokens", "temperature", "seed", "response_format")
"""What servers are known to refuse. `max_tokens` becomes `max_completion_tokens`, a `response_format` of a JSON schema
one of any JSON object; without the others a request does."""


class Endpoint:
    """A model behind an OpenAI-compatible chat endpoint. May be used by several threads at once.

    `base_url` is used as given (None: OpenAI's), `api_key` may be None where the server wants none. An optional
    parameter that the endpoint refuses by name is left out, or replaced, from then on; nothing else is tried again.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        max_tokens: int = 700,
        temperature: float = 0.0,
        connect_seconds: float = 10.0,
    ) -> None:
        self.model, self.max_tokens, self.temperature = model, max_tokens, temperature
        self.connect_seconds = connect_seconds
        self._url, self._key = sdk.checked_url(base_url), sdk.checked_key(api_key)
        reasons = _REASONING.match(model) is not None
        self._thinking_tokens = REASONING_TOKENS if reasons else 0
        self._refused: frozenset[str] = frozenset({"max_tokens", "temperature"} if reasons else ())
        # The SDK takes a second or two to import; better now than within the deadlines of the first call.
        import openai.resources.chat.completions.completions  # noqa: F401

    def __repr__(self) -> str:
        return f"Endpoint({self.model!r}, base_url={self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_key": "none", "_url": self.base_url}

    @property
    def base_url(self) -> str:
        """The base URL, without a password."""
        return sdk.bare(self._url)

    @property
    def host(self) -> str:
        """The host, and the port where one is given, as messages name it."""
        return urlsplit(self.base_url).netloc

    @property
    def settings(self) -> dict[str, Any]:
        """What decides a reply, beside the messages and options of a call."""
        names = ("model", "base_url", "max_tokens", "temperature")
        return {name: getattr(self, name) for name in names}

    def begin(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Request:
        """Send a request; `options` go to the endpoint, None unsets one."""
        request: dict[str, Any] = {
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **options,
        }
        if self._thinking_tokens and request["max_tokens"]:
            request["max_tokens"] += self._thinking_tokens
        return _Exchange(self, {k: v for k, v in request.items() if v is not None})

    async def send(self, request: dict[str, Any], to: Request) -> None:
        """Send a request and deliver what comes. Raises `ModelError`."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                client = await stack.enter_async_context(sdk.async_client(self._url, self._key, self.connect_seconds))
                response = await self._opened(client, request, stack)
                async for chunk in read(response, self.host, self.model, self._key):
                    to.deliver(chunk)
        except ModelError:
            raise
        except Exception as e:
            raise model_error(e, self.host, self.model) from e

    async def _opened(
        self, client: openai.AsyncOpenAI, request: dict[str, Any], stack: contextlib.AsyncExitStack
    ) -> Any:
        """The response to a request, without what the endpoint refuses by name."""
        from openai import APIStatusError

        dropped: frozenset[str] = frozenset()
        while True:
            body = _without(request, self._refused | dropped)
            # By extra_body, for the SDK refuses parameters that only other servers know.
            call = client.chat.completions.with_streaming_response.create(
                model=self.model, messages=body.pop("messages"), extra_body=body
            )
            try:
                response = await stack.enter_async_context(call)
            except APIStatusError as e:
                name = self._named(e, request, dropped | self._refused)
                if name is None:
                    raise
                dropped |= {name}
                continue
            # Only now is it known that this was the reason.
            self._refused |= dropped
            return response.http_response

    def _named(self, error: openai.APIStatusError, request: Mapping[str, Any], gone: frozenset[str]) -> str | None:
        """The optional parameter that a refusal names."""
        if error.status_code not in (400, 422):
            return None
        if isinstance(model_error(error, self.host, self.model), ContextOverflow):
            return None
        parameter, words = words_of(error.body)
        schema = request.get("response_format", {}).get("type") == "json_schema"
        for name in _OPTIONAL:
            # llama.cpp and vLLM name what they make of a response_format.
            also = "|grammar|json.schema|structured.output" if name == "response_format" else ""
            told = re.search(rf"\b({name}{also})\b", words, re.IGNORECASE)
            if not (parameter.startswith(name) if parameter else told) or name not in request:
                continue
            if name == "response_format" and schema and "json_schema" not in gone:
                return "json_schema"
            if name not in gone:
                return name
        return None

    def list_models(self) -> list[str]:
        """The names of the models that the endpoint offers, in its order. Raises `ModelError`.

        Waits `connect_seconds` for the list, at most.
        """
        try:
            with sdk.client(self._url, self._key, self.connect_seconds, self.connect_seconds) as client:
                return [str(model.id) for model in client.models.list()]
        except (AttributeError, TypeError, ValueError) as e:
            raise ModelServerError(f"{self.host} has no list of models at its base URL; is it that of the API?") from e
        except Exception as e:
            raise model_error(e, self.host, self.model) from e

    def fetch(self, url: str, body: dict[str, Any] | None, *, seconds: float) -> object:
        """The JSON at an address of the same server, by POST where there is a body; None where there is none."""
        try:
            with sdk.client(self._url, self._key, seconds, seconds) as client:
                if body is None:
                    return client.get(url, cast_to=object)
                return client.post(url, body=body, cast_to=object)
        except Exception:
            # Whatever goes wrong here goes wrong again, and is told, when the model is asked.
            return None


class _Exchange(Request):
    def __init__(self, endpoint: Endpoint, request: dict[str, Any]) -> None:
        self._endpoint, self._request = endpoint, request
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        super().__init__()

    def close(self) -> None:
        self.closed = True
        with contextlib.suppress(RuntimeError):  # its loop is closed: it has ended
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _disconnect(self) -> None:
        # A connection that was cancelled while it was being made belongs to nobody, and would be closed some time.
        for transport in list(getattr(self._loop, "_transports", {}).values()):
            transport.abort()
        await asyncio.sleep(0)

    def exchange(self) -> None:
        async def send() -> None:
            self._task = asyncio.current_task()
            try:
                if not self.closed:
                    await self._endpoint.send(self._request, self)
            finally:
                await self._disconnect()

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(send())


def _without(request: Mapping[str, Any], refused: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in request.items() if name not in refused}
    if "json_schema" in refused and "response_format" in kept:
        kept["response_format"] = {"type": "json_object"}
    if "max_tokens" in refused and "max_tokens" in request:
        kept["max_completion_tokens"] = request["max_tokens"]
    return kept
