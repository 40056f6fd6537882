"""A thread that takes the chunks of any LlamaIndex model and queues them, so that nobody has to wait on the model."""

from __future__ import annotations

import contextlib
import contextvars
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple

from llama_index.core.llms import LLM, ChatMessage, ChatResponse


class Chunk(NamedTuple):
    """What a chunk of a stream says: the new text, and where it tells them the model's name, why the answer ends
    (in the endpoint's word), and the tokens of prompt and completion so far."""

    text: str
    model: str | None
    finish: str | None
    tokens: tuple[int, int] | None


class Pump:
    """One request to a model, sent when the pump is made.

    `items` gets each `Chunk` as it comes, then None for the end or the exception that was raised. `last` is when
    (`time.monotonic`) the model last wrote something, be it thinking; None while it hasn't.
    """

    def __init__(self, llm: LLM, messages: Sequence[ChatMessage], options: Mapping[str, Any]) -> None:
        self.items: SimpleQueue[Chunk | BaseException | None] = SimpleQueue()
        self.last: float | None = None
        self._llm, self._messages, self._options = llm, messages, options
        self._stream: Iterable[ChatResponse] | None = None
        self._closed = False
        # The caller's context goes with it: LlamaIndex keeps the current span there.
        context = contextvars.copy_context()
        # A daemon: a model object that can't be interrupted must not keep the program from ending.
        threading.Thread(target=context.run, args=(self._run,), name="rag-reading", daemon=True).start()

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as the stream tells: only those of our `Endpoint` do."""
        return bool(getattr(self._stream, "connected", True))

    def close(self) -> None:
        """Let go of the model: its stream is closed where it has a `close`, and what still comes is dropped."""
        self._closed = True
        # A generator that is running refuses with ValueError; its thread sees the flag at the next chunk.
        with contextlib.suppress(Exception):
            getattr(self._stream, "close", lambda: None)()

    def _run(self) -> None:
        seen = 0
        try:
            self._stream = self._open()
            for response in self._stream:
                if self._closed:
                    break
                content = response.message.content or ""
                # Some models give the whole text so far, and no delta.
                text = content[seen:] if response.delta is None else response.delta
                seen = len(content)
                # A chunk without text, such as one that only names the role, is no sign that the model is writing.
                if text or response.additional_kwargs.get("thinking_delta"):
                    self.last = time.monotonic()
                self.items.put(_chunk(text, response))
            self.items.put(None)
        except BaseException as e:
            self.items.put(e)
        finally:
            if self._closed:  # perhaps before there was a stream to close
                self.close()

    def _open(self) -> Iterable[ChatResponse]:
        if self._closed:
            return ()
        try:
            return self._llm.stream_chat(self._messages, **self._options)
        except NotImplementedError:
            return (self._llm.chat(self._messages, **self._options),)


# Half a character, which JSON can spell ("\ud83d") and no file or tokenizer takes.
_SURROGATE = re.compile("[\ud800-\udfff]")


def _chunk(text: str, response: ChatResponse) -> Chunk:
    raw = response.raw
    choices = _get(raw, "choices")
    choice = choices[0] if isinstance(choices, Sequence) and choices else None
    finish = _get(choice, "finish_reason")
    model = _get(raw, "model")
    return Chunk(
        _SURROGATE.sub("\ufffd", text),
        model if isinstance(model, str) else None,
        finish if isinstance(finish, str) else None,
        _tokens(response.additional_kwargs) or _tokens(_get(raw, "usage")),
    )


def _tokens(usage: Any) -> tuple[int, int] | None:
    """Tokens of prompt and completion under the names that OpenAI's and Anthropic's answers use."""
    for names in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
        prompt, completion = (_get(usage, name) for name in names)
        if isinstance(prompt, int) and isinstance(completion, int) and prompt + completion > 0:
            return prompt, completion
    return None


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
