"""Text in Markdown."""

from __future__ import annotations

import re

NOT_SAID = "No sentence clearly says."
"""What stands in a cell of a table for which no sentence was found."""

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")


def as_it_is(text: str) -> str:
    """`text` as Markdown that shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
