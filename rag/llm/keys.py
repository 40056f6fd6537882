"""Keys that an endpoint sends back: struck out of all that it says, however they are written."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

STRUCK = "[key]"
_SHORTEST = 16
_LOOKS_LIKE = re.compile(r"\b(?:sk-|gsk_|xai-|nvapi-|hf_)[\w*.-]{6,}")
"""What looks like a key of the known providers, also one that is masked in part."""


@lru_cache
def forms(key: str) -> tuple[str, ...]:
    """The ways in which a text can hold a key, the longest first: as it is, and in base64 at each of three places.

    None of a short one: "ollama" and "lm-studio" are no secrets, and words of answers.
    """
    if len(key) < _SHORTEST:
        return ()
    raw = key.encode()
    found = {key}
    for before in range(3):
        # Of the first and last character only some bits are the key's.
        whole = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        inner = whole[(0, 2, 3)[before] : len(whole) - ((before + len(raw)) % 3 != 0)]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return tuple(sorted(found, key=len, reverse=True))


def without_keys(value: Any, keys: Iterable[str]) -> Any:
    """What an error says, a text or a structure of texts, without each key and all that looks like one."""
    keys = tuple(keys)
    if isinstance(value, str):
        for form in (form for key in keys for form in (*forms(key), key)):
            value = value.replace(form, STRUCK) if len(form) > 4 else value
        return _LOOKS_LIKE.sub(STRUCK, value)
    if isinstance(value, Mapping):
        return {without_keys(k, keys): without_keys(v, keys) for k, v in value.items()}
    return [without_keys(v, keys) for v in value] if isinstance(value, list) else value


class Striking:
    """Strikes a key out of a text that comes in pieces: what may be the beginning of one is held until more comes."""

    def __init__(self, key: str) -> None:
        self._forms = forms(key)
        self._held = ""

    def feed(self, piece: str, *, last: bool = False) -> str:
        """As much of the text as is known to hold no key; all of it at the `last` piece."""
        text = self._held + piece
        for form in self._forms:
            text = text.replace(form, STRUCK)
        held = 0 if last else max((_begun(text, form) for form in self._forms), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]


def _begun(text: str, form: str) -> int:
    """How many characters at the end of a text are the beginning of `form`."""
    return next((n for n in range(min(len(form) - 1, len(text)), 0, -1) if form.startswith(text[-n:])), 0)
