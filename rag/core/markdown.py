"""Text as Markdown that shows it as it is."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")


def as_it_is(text: str) -> str:
    """`text` on one line as Markdown that shows every sign of it."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
