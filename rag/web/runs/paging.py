"""Buttons that choose what of a long list is shown."""

from __future__ import annotations

from collections.abc import Callable

from rag.web.bridge import button
from rag.web.markdown import shown

PAGE = 20
"""Items that are shown at a time."""


def heading(words: str, focus: str = "") -> str:
    """A heading to which the focus goes where `focus` is not what it was before; see `scripts/focus.js`."""
    attribute = f' data-focus="{shown(focus)}"' if focus else ""
    return f'<h2 tabindex="-1"{attribute}>{shown(words)}</h2>'


def pages(act: str, count: int, first: int, value: Callable[[int], str]) -> str:
    """Which of `count` things are shown, and buttons for those before and after; `value` is that of a first one."""
    if not count:
        return ""
    last = min(first + PAGE, count)
    before = button(act, value(max(0, first - PAGE)), "Previous 20") if first else ""
    after = button(act, value(first + PAGE), f"Next {min(PAGE, count - last)}") if last < count else ""
    said = f"{first + 1:,} to {last:,} of {count:,}" if first < count else f"none of {count:,}"
    return f'<p class="pages"><span>{said}</span> {before} {after}</p>'
