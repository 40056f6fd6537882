"""Takes a model's thinking out of its answer while it streams.

Reasoning models think aloud before they answer, and servers that don't know their format pass it on as answer text:
`<think>…</think>` (Qwen, DeepSeek), `[THINK]…[/THINK]` (Mistral), OpenAI's harmony channels
(https://github.com/openai/harmony). Some chat templates write the opening tag into the prompt, so that only the closing
one arrives.
"""

from __future__ import annotations

import re

_BLOCKS = {f"<{name}>": f"</{name}>" for name in ("think", "thinking", "thought", "reasoning")} | {
    "[think]": "[/think]",
    "<|channel|>analysis<|message|>": "<|channel|>final<|message|>",
    "<|channel|>commentary<|message|>": "<|channel|>final<|message|>",
}
_ORPHANS = tuple(close for close in _BLOCKS.values() if close[1] == "/")
_DROPPED = ("<|start|>assistant", "<|channel|>final<|message|>", "<|end|>", "<|return|>")
# Tags count at the start of a line only: an answer may well say that a model "puts its reasoning between <think> tags".
_AT_START = (*_BLOCKS, *_ORPHANS, *_DROPPED)
_ANYWHERE = _DROPPED
_LONGEST = max(map(len, (*_AT_START, *_BLOCKS.values())))
_LINE_START = re.compile(r"(?:^|\n)[ \t]*\Z")


class Thinking:
    """Reads pieces of text, gives those of the answer. Holds back only what may yet turn out to be a tag.

    `answer` is the answer so far. It may be shorter than what was given out: when a closing tag comes whose opening
    one was never seen, all before it was thinking.
    """

    def __init__(self) -> None:
        self.answer = ""
        self._held = ""
        self._close = ""
        self._opened = False

    def feed(self, piece: str) -> str:
        """The answer text that is certain after this piece; "" when there is none."""
        self._held += piece
        return self._drain(last=False)

    def end(self) -> str:
        """What was held back, when no more pieces come. Thinking that was never closed stays thinking."""
        return self._drain(last=True)

    def _drain(self, *, last: bool) -> str:
        given = ""
        while self._held:
            if self._close:
                if not self._skip_thinking():
                    break
                continue
            text, tag = self._until_tag(last)
            if not self.answer:
                text = text.lstrip()
            self.answer += text
            given += text
            if tag is None:
                break
            self._held = self._held[len(tag) :]
            if tag in _BLOCKS:
                self._close, self._opened = _BLOCKS[tag], True
            elif tag in _ORPHANS and not self._opened:
                self.answer = given = ""
        return given

    def _skip_thinking(self) -> bool:
        """Drop thinking up to its closing tag; False where that hasn't come yet."""
        place = self._held.lower().find(self._close)
        if place < 0:
            self._held = self._held[-(len(self._close) - 1) :]
            return False
        self._held = self._held[place + len(self._close) :]
        self._close = ""
        return True

    def _until_tag(self, last: bool) -> tuple[str, str | None]:
        """Take the text before the next tag off what is held, and name the tag; None where there is no whole tag."""
        held = self._held.lower()
        for place in range(len(held)):
            if held[place] not in "<[":
                continue
            rest = held[place : place + _LONGEST]
            tags = _AT_START if self._starts_line(place) else _ANYWHERE
            tag = next((t for t in tags if rest.startswith(t)), None)
            if tag or (not last and any(t.startswith(rest) for t in tags)):
                text, self._held = self._held[:place], self._held[place:]
                return text, tag
        text, self._held = self._held, ""
        return text, None

    def _starts_line(self, place: int) -> bool:
        before = self.answer[-40:] + self._held[:place]
        return bool(_LINE_START.search(before)) or not before.strip()
