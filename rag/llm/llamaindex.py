"""LlamaIndex models as a source of replies, and our client as a LlamaIndex model."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.llms import (
    LLM,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CustomLLM,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from pydantic import PrivateAttr

from rag.llm.client import Client, Reply
from rag.llm.events import Chunk, tokens
from rag.llm.prompts import Message, Role
from rag.llm.source import Request


class LlamaIndexSource:
    """Any LlamaIndex `LLM`, asked through its `stream_chat`, or where it has none through its `chat`."""

    def __init__(self, llm: LLM) -> None:
        if not isinstance(llm, LLM):
            raise TypeError(f"llm is {type(llm).__name__}: give a LlamaIndex LLM, or name a model by RAG_MODEL.")
        self.llm = llm

    @property
    def model(self) -> str:
        """The name that the model gives itself."""
        return self.llm.metadata.model_name or self.llm.class_name()

    @property
    def host(self) -> str:
        """The class of the model: where it runs only it knows."""
        return str(getattr(self.llm, "host", None) or self.llm.class_name())

    @property
    def context_window(self) -> int:
        """The tokens that the model says it reads."""
        return self.llm.metadata.context_window

    @property
    def settings(self) -> Mapping[str, Any]:
        """The fields of the model."""
        return self.llm.to_dict()

    def begin(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Request:
        """Send a request; `options` are keyword arguments of the model's method."""
        return _Call(self.llm, [ChatMessage(role=m.role, content=m.content) for m in messages], options)


class _Call(Request):
    def __init__(self, llm: LLM, messages: Sequence[ChatMessage], options: Mapping[str, Any]) -> None:
        self._llm, self._messages, self._options = llm, messages, options
        super().__init__()

    def exchange(self) -> None:
        # Closed by this thread only, at the next chunk: closing a generator that another thread runs can crash Python.
        stream, seen = self._stream_chat(), 0
        try:
            for response in stream:
                if self.closed:
                    break
                content = response.message.content or ""
                # Some models give the whole text so far, and no delta.
                text = content[seen:] if response.delta is None else response.delta
                seen = len(content)
                self.deliver(_chunk(text, response))
        finally:
            with contextlib.suppress(Exception):
                getattr(stream, "close", lambda: None)()

    def _stream_chat(self) -> Iterable[ChatResponse]:
        if self.closed:
            return ()
        try:
            return self._llm.stream_chat(self._messages, **self._options)
        except NotImplementedError:
            return (self._llm.chat(self._messages, **self._options),)


def _chunk(text: str, response: ChatResponse) -> Chunk:
    raw = response.raw
    choices = _get(raw, "choices")
    choice = choices[0] if isinstance(choices, Sequence) and choices else None
    finish, model = _get(choice, "finish_reason"), _get(raw, "model")
    return Chunk(
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        bool(response.additional_kwargs.get("thinking_delta")),
        model if isinstance(model, str) else None,
        finish if isinstance(finish, str) else None,
        tokens(response.additional_kwargs) or tokens(_get(raw, "usage")),
    )


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


_ROLES: dict[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
}


class ClientLLM(CustomLLM):
    """A client as a LlamaIndex model, for LlamaIndex programs and the systems that we compare with."""

    max_tokens: int = 700
    _client: Client = PrivateAttr()

    def __init__(self, client: Client, **fields: Any) -> None:
        super().__init__(**fields)
        self._client = client

    @property
    def model(self) -> str:
        """The name of the model. Unlike `metadata`, it never asks the endpoint how much the model reads."""
        return self._client.model

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=self._client.context,
            num_output=self.max_tokens,
            is_chat_model=True,
            model_name=self._client.model,
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._whole(messages, **kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
        return self._pieces(messages, **kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return _completion(self._whole([ChatMessage(prompt)], **kwargs))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Generator[CompletionResponse, None, None]:
        return (_completion(chunk) for chunk in self._pieces([ChatMessage(prompt)], **kwargs))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return await self._awaited(messages, **kwargs)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return _completion(await self._awaited([ChatMessage(prompt)], **kwargs))

    # What the methods above share has no callback of LlamaIndex, for each reply is to be counted once.

    def _pieces(
        self, messages: Sequence[ChatMessage], *, stop: threading.Event | None = None, **kwargs: Any
    ) -> Generator[ChatResponse, None, None]:
        """The reply in pieces; then a response without a new piece, which has the whole text and its tokens."""
        asked = [Message(_ROLES.get(m.role, "user"), m.content or "") for m in messages]
        reply = self._client.stream(asked, stop=stop, **{"max_tokens": self.max_tokens, **kwargs})
        with contextlib.closing(reply):
            for piece in reply:
                yield _response(reply.text, piece, None)
        yield _response(reply.text, "", _raw(reply))

    def _whole(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        *_, last = self._pieces(messages, **kwargs)
        return last.model_copy(update={"delta": None})

    async def _awaited(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._whole, messages, stop=stop, **kwargs)
        finally:
            stop.set()


def _response(text: str, delta: str, raw: Mapping[str, Any] | None) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta, raw=raw)


def _raw(reply: Reply) -> dict[str, Any]:
    """The name of the model and the tokens under the names of OpenAI's responses, as LlamaIndex's counter reads them.

    Tokens that are our estimate are left out: LlamaIndex makes its own.
    """
    usage = reply.usage
    counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    return {"model": reply.model, **({} if usage.estimated else {"usage": counts})}


def _completion(response: ChatResponse) -> CompletionResponse:
    return CompletionResponse(text=response.message.content or "", delta=response.delta, raw=response.raw)
