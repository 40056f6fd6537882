"""Text in Markdown."""

from __future__ import annotations

import re

NOT_SAID = "No sentence clearly says."
"""What stands in a cell of a table for which no sentence was found."""

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")


def as_it_is(text: str) -> str:
    """`text` as Markdown that shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()]|\([^()]*\))*\)")
_DEFINITION = re.compile(r"^[ \t>*+-]*\[[^\[\]]+\]:[ \t]*\S.*$", re.MULTILINE)
_BY_NAME = re.compile(r"!?\[(?!\d+\]|\^)([^\[\]]+)\]\[(?!\d+\])[^\[\]]*\]")
_ADDRESS = re.compile(
    r"<?(?:\b(?:https?|ftp|file|data|javascript|vbscript|mailto):(?=\S)|\bwww\.)[^\s>|]*>?", re.IGNORECASE
)
_TAG = re.compile(r"(?<!\\)<(?=[A-Za-z/!?])(?!br>)")


def without_links(markdown: str) -> str:
    """Markdown that a model wrote, without links, images, addresses and HTML: of a link its text stays."""
    text = _DEFINITION.sub("", markdown)
    for _ in range(3):  # a link in the text of another
        text = _LINK.sub(r"\1", text)
    text = _ADDRESS.sub("(link left out)", _BY_NAME.sub(r"\1", text))
    return _TAG.sub(r"\\<", text).replace("![", "!\\[")
