"""Any OpenAI-compatible chat endpoint as a LlamaIndex `LLM`. With its neighbours `endpoint_*` the only user of the SDK.

LlamaIndex's own adapters refuse unknown model names, fail at every second `asyncio.run`, and their streams can't be
stopped from outside. Here every call has a connection of its own, the async methods run the sync ones in a thread, and
a stream's `close()` shuts the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_chat_callback
from pydantic import PrivateAttr

from rag.core.errors import ConfigError, ContextOverflow, ModelError, ModelServerError, ModelStopped
from rag.llm.endpoint_chunks import read
from rag.llm.endpoint_errors import ours, words_of
from rag.llm.endpoint_line import Line, bare

if TYPE_CHECKING:
    import httpx
    import openai

OPENAI = "https://api.openai.com/v1"
"""Where requests go when no base URL is given."""

__all__ = ["OPENAI", "Endpoint", "Stream", "list_models", "ours"]

# What servers are known to refuse, and what replaces it; None: the request does without.
_OPTIONAL: dict[str, str | None] = {
    "stream_options": None,
    "max_tokens": "max_completion_tokens",
    "temperature": None,
    "seed": None,
    "response_format": None,
}
_ROLES = {"chatbot": "assistant", "model": "assistant"}


class Stream:
    """The chunks of an answer; iterable once. `close()`, from any thread, shuts the connection at once.

    `connected` tells whether the connection stands yet. Not a generator, since one that waits for its next chunk can't
    be closed from another thread. Iterating raises `ModelError`, after `close()` `ModelStopped`.
    """

    def __init__(self, line: Line, chunks: Generator[ChatResponse, None, None]) -> None:
        self._line, self._chunks = line, chunks

    @property
    def connected(self) -> bool:
        return self._line.connected

    def __iter__(self) -> Iterator[ChatResponse]:
        return self

    def __next__(self) -> ChatResponse:
        return next(self._chunks)

    def close(self) -> None:
        self._line.hang_up()
        with contextlib.suppress(ValueError):  # another thread is in it, and is waking up
            self._chunks.close()


class Endpoint(CustomLLM):
    """A model behind an OpenAI-compatible chat endpoint. May be used by several threads and event loops at once.

    `base_url` is used as given (None: OpenAI's), `api_key` may be None where the server wants none. `context_window`
    and `max_tokens` count tokens. `connect_seconds` bounds the connecting, `read_seconds` each silence of the server.
    The key is no field, so that nothing which prints or stores the settings has it; pickling leaves it behind.

    Each chunk of a stream has the new text in `.delta`, the endpoint's event in `.raw`, text of a thinking model in
    `.additional_kwargs["thinking_delta"]`, and the token counts in `.additional_kwargs` of the last. Keyword arguments
    of a call go to the endpoint. Every call raises `ModelError`; nothing is tried again, but for one thing: an optional
    parameter that the endpoint refuses by name is left out, or renamed, from then on.
    """

    model: str
    base_url: str
    context_window: int
    max_tokens: int
    temperature: float
    connect_seconds: float
    read_seconds: float
    _url: str = PrivateAttr()
    _key: str | None = PrivateAttr()
    _refused: frozenset[str] = PrivateAttr(default=frozenset())

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        context_window: int = 8192,
        max_tokens: int = 700,
        temperature: float = 0.0,
        connect_seconds: float = 10.0,
        read_seconds: float = 600.0,
        **options: Any,
    ) -> None:
        url = base_url or OPENAI
        shown = bare(url)
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ConfigError(f"The base URL is {shown!r}: give one such as http://127.0.0.1:8080/v1.")
        super().__init__(
            model=model,
            base_url=shown,
            context_window=context_window,
            max_tokens=max_tokens,
            temperature=temperature,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            **options,
        )
        self._url, self._key = url, api_key
        # The SDK takes seconds to import; better now than within the deadlines of the first call.
        self._line().close()

    @classmethod
    def class_name(cls) -> str:
        return "PaperRagEndpoint"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=self.context_window, num_output=self.max_tokens, is_chat_model=True, model_name=self.model
        )

    @property
    def host(self) -> str:
        """The host, and the port where one is given, as messages name it."""
        return urlsplit(self.base_url).netloc

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._chat(self._line(), messages, kwargs)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Stream:  # type: ignore[override]
        """The answer as it comes. The request is sent when the first chunk is asked for."""
        line = self._line()
        request = self._request(messages, kwargs, stream=True)

        # LlamaIndex's callbacks want a generator to follow.
        @llm_chat_callback()
        def told(llm: Endpoint, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
            return llm._chunks(line, request)

        return Stream(line, told(self, messages, **kwargs))

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return _completion(self.chat([ChatMessage(prompt)], **kwargs))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Generator[CompletionResponse, None, None]:
        with contextlib.closing(self.stream_chat([ChatMessage(prompt)], **kwargs)) as stream:
            yield from map(_completion, stream)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        line = self._line()

        @llm_chat_callback()
        def told(llm: Endpoint, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
            return llm._chat(line, messages, kwargs)

        try:
            response: ChatResponse = await asyncio.to_thread(told, self, messages, **kwargs)
            return response
        except asyncio.CancelledError:
            line.hang_up()
            raise

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncGenerator[ChatResponse, None]:
        return _from_thread(self.stream_chat(messages, **kwargs))

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return _completion(await self.achat([ChatMessage(prompt)], **kwargs))

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> AsyncGenerator[CompletionResponse, None]:
        async def completions() -> AsyncGenerator[CompletionResponse, None]:
            async with contextlib.aclosing(await self.astream_chat([ChatMessage(prompt)], **kwargs)) as chunks:
                async for chunk in chunks:
                    yield _completion(chunk)

        return completions()

    def _line(self) -> Line:
        return Line(self._url, self._key, self.connect_seconds, self.read_seconds)

    def _request(self, messages: Sequence[ChatMessage], options: Mapping[str, Any], *, stream: bool) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": _ROLES.get(m.role.value, m.role.value), "content": m.content or ""} for m in messages
            ],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }
        if stream:
            request |= {"stream": True, "stream_options": {"include_usage": True}}
        # None unsets a setting for one call.
        return {k: v for k, v in {**request, **options}.items() if v is not None}

    def _chat(self, line: Line, messages: Sequence[ChatMessage], options: Mapping[str, Any]) -> ChatResponse:
        *_, last = self._chunks(line, self._request(messages, options, stream=False))
        return last.model_copy(update={"delta": None})

    def _chunks(self, line: Line, request: dict[str, Any]) -> Generator[ChatResponse, None, None]:
        try:
            with contextlib.closing(line), self._opened(line, request) as response:
                yield from read(response, self.host, self.model, self._key)
        except Exception as e:
            if line.hung_up:
                raise ModelStopped(f"The answer of {self.model} at {self.host} was stopped; ask again.") from None
            if isinstance(e, ModelError):
                raise
            raise ours(e, self.host, self.model) from e

    @contextlib.contextmanager
    def _opened(self, line: Line, request: dict[str, Any]) -> Generator[httpx.Response, None, None]:
        """The response to a request, without what the endpoint refuses by name."""
        from openai import APIStatusError

        dropped: frozenset[str] = frozenset()
        with contextlib.ExitStack() as stack:
            while True:
                try:
                    response = stack.enter_context(line.post(_without(request, self._refused | dropped)))
                    break
                except APIStatusError as e:
                    name = None if line.hung_up else self._named(e, request, dropped | self._refused)
                    if name is None:
                        raise
                    dropped |= {name}
            # Only now is it known that this was the reason.
            self._refused |= dropped
            yield response

    def _named(self, error: openai.APIStatusError, request: Mapping[str, Any], gone: frozenset[str]) -> str | None:
        """The optional parameter that a refusal names."""
        meant = ours(error, self.host, self.model)
        if error.status_code not in (400, 422) or isinstance(meant, ContextOverflow):
            return None
        parameter, words = words_of(error.body)
        for name in _OPTIONAL:
            # llama.cpp and vLLM name what they make of a response_format.
            also = "|grammar|json.schema|structured.output" if name == "response_format" else ""
            told = re.search(rf"\b({name}{also})\b", words, re.IGNORECASE)
            named = parameter.startswith(name) if parameter else told
            if named and name in request and name not in gone:
                return name
        return None


def list_models(endpoint: Endpoint) -> list[str]:
    """The names of the models that the endpoint offers, in its order. Raises `ModelError`.

    Waits `connect_seconds` for the list, at most.
    """
    line = endpoint._line()
    try:
        with contextlib.closing(line):
            listed = line.sdk.models.list(timeout=endpoint.connect_seconds)
            return [str(model.id) for model in listed]
    except (AttributeError, TypeError, ValueError) as e:  # the SDK takes whatever comes
        raise ModelServerError(
            f"{endpoint.host} sent no list of models when {endpoint.model} was looked for. Is the base URL that of the "
            "API? It often ends in /v1."
        ) from e
    except Exception as e:
        raise ours(e, endpoint.host, endpoint.model) from e


async def _from_thread(stream: Stream) -> AsyncGenerator[ChatResponse, None]:
    end = object()
    try:
        while (chunk := await asyncio.to_thread(next, stream, end)) is not end:
            yield chunk  # type: ignore[misc]
    finally:
        stream.close()


def _completion(response: ChatResponse) -> CompletionResponse:
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        additional_kwargs=response.additional_kwargs,
    )


def _without(request: Mapping[str, Any], refused: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in request.items() if name not in refused}
    renamed = {new: request[old] for old in refused if (new := _OPTIONAL[old]) and old in request}
    return {**renamed, **kept}
