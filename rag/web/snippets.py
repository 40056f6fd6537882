"""What a search found of a paper: its words marked, and the part of the abstract that has most of them."""

from __future__ import annotations

from collections.abc import Sequence

from rag.index.searching import places
from rag.web.markdown import shown

WIDTH = 200
"""Characters of an abstract that a row of a list shows."""


def marked(text: str, words: Sequence[str]) -> str:
    """The text as HTML, with the words of a search between <mark> tags."""
    html, at = "", 0
    for start, end in places(words, text):
        html += f"{shown(text[at:start])}<mark>{shown(text[start:end])}</mark>"
        at = end
    return html + shown(text[at:])


def snippet(abstract: str, words: Sequence[str]) -> str:
    """The part of an abstract with most different words of a search, marked; "" where it has none of them."""
    found = places(words, abstract)
    if not found:
        return ""

    def different(first: int) -> int:
        return len({abstract[a:b].casefold() for a, b in found if first <= a and b <= first + WIDTH})

    first = max((a for a, _ in found), key=different)
    # Some words before it, to be read as a sentence.
    start = abstract.rfind(" ", 0, max(0, first - WIDTH // 4)) + 1 if first > WIDTH // 4 else 0
    end = len(abstract) if start + WIDTH >= len(abstract) else abstract.rfind(" ", first, start + WIDTH)
    end = end if end > first else min(len(abstract), start + WIDTH)
    before, after = "… " if start else "", " …" if end < len(abstract) else ""
    return f"{before}{marked(abstract[start:end], words)}{after}"
