"""A LlamaIndex model that says what a test has put into its queue, and remembers what it was asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
    MessageRole,
)
from pydantic import PrivateAttr

Reply = str | Sequence[str] | Exception | Callable[[str], str]
"""A text, which comes word by word; the pieces of one; an error; or a function of the prompt that gives a text."""


class QueuedLLM(CustomLLM):
    """Says each reply once, in turn; the last one again and again. `asked` holds the messages of each call, `options`
    its keyword arguments, `pieces` how many pieces of each reply were taken; `pause` are seconds before each."""

    name: str = "queued-1"
    usage: tuple[int, int] | None = None
    pause: float = 0.0
    _queue: list[Reply] = PrivateAttr()
    _asked: list[list[ChatMessage]] = PrivateAttr(default_factory=list)
    _options: list[dict[str, Any]] = PrivateAttr(default_factory=list)
    _pieces: list[int] = PrivateAttr(default_factory=list)

    def __init__(self, *replies: Reply, **fields: Any) -> None:
        super().__init__(**fields)
        self._queue = list(replies)

    def say(self, *replies: Reply) -> None:
        """Begin anew with these replies."""
        self._queue, self._asked, self._options, self._pieces = list(replies), [], [], []

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.name, is_chat_model=True)

    @property
    def asked(self) -> list[list[ChatMessage]]:
        return self._asked

    @property
    def options(self) -> list[dict[str, Any]]:
        return self._options

    @property
    def pieces(self) -> list[int]:
        return self._pieces

    def prompt(self, call: int = -1) -> str:
        """All that the model was sent in a call."""
        return "\n".join(str(m.content) for m in self._asked[call])

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[ChatResponse]:  # type: ignore[override]
        call = len(self._asked)
        self._asked.append(list(messages))
        self._options.append(kwargs)
        self._pieces.append(0)
        reply = self._queue[0] if len(self._queue) == 1 else self._queue.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            reply = reply(self.prompt())
        return self._said(call, _words(reply) if isinstance(reply, str) else reply)

    def _said(self, call: int, pieces: Sequence[str]) -> Iterator[ChatResponse]:
        text = ""
        for piece in pieces:
            text += piece
            self._pieces[call] += 1
            time.sleep(self.pause)
            counts = {}
            if self.usage:
                counts = {"prompt_tokens": self.usage[0], "completion_tokens": self.usage[1]}
            message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
            yield ChatResponse(message=message, delta=piece, additional_kwargs=counts)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        text = "".join(r.delta or "" for r in self.stream_chat([ChatMessage(prompt)], **kwargs))
        return CompletionResponse(text=text)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        for response in self.stream_chat([ChatMessage(prompt)], **kwargs):
            yield CompletionResponse(text=response.message.content or "", delta=response.delta)


def _words(text: str) -> list[str]:
    return text.replace(" ", "\x00 ").split("\x00")
