"""Code, maths, links and addresses in a model's text.

Code and maths pass unread only where a reader's Markdown takes them for the same: else a link or a tag could hide in
them. The rules are those of CommonMark, https://spec.commonmark.org/0.31.2/#code-spans and #fenced-code-blocks.
"""

from __future__ import annotations

import re

SPAN = 300
"""Characters within which code, maths and links that were opened are closed."""
REMOVED = "(address removed)"
ADDRESS = re.compile(r"(?:(?:https?)?://|www\.(?=\w))[^\s<>\[\]()`|]+", re.IGNORECASE)
_SCHEMES = ("https://", "http://", "://", "www.")
TARGET = r"\((?:[^()\n]|\([^()\n]{0,100}\)){0,300}"
OPEN_TARGET = re.compile(rf"{TARGET}(?:\([^()\n]{{0,100}})?$")
"""The start of a link's target, of which more may come."""
MARKDOWN_LINK = re.compile(rf"\[(?P<text>[^\[\]\n]{{0,200}})\]{TARGET}\)")
OPEN_LINK = re.compile(rf"\[[^\[\]\n]{{0,200}}(?:\](?:{TARGET}(?:\([^()\n]{{0,100}})?)?)?$")
_MARKUP = re.compile(r"\]\(|\]:|://|`|<(?:[/!?]|[a-z].*[>\"'=\n])", re.IGNORECASE | re.DOTALL)
"""What Markdown would read as a link, a definition, code or HTML."""
_OWN_TAG = re.compile(r"</?(?:sources?|conversation|answer)\b[^<>\n]{0,300}>", re.IGNORECASE)
_OWN_TAGS = ("<source", "</source", "<conversation", "</conversation", "<answer", "</answer")

Undecided = None
"""More of the text is needed to tell."""


def may_be_address(text: str) -> bool:
    """Whether `text` may be the beginning of the beginning of an address."""
    return any(scheme.startswith(text.lower()) for scheme in _SCHEMES)


def address(match: re.Match[str]) -> str:
    """The address that was matched, without the punctuation of the sentence around it."""
    return match.group().rstrip(".,;:!?*_'\"")


def without_addresses(text: str, abstracts: str) -> str:
    """`text` with the addresses left out that the abstracts don't have."""
    return ADDRESS.sub(lambda m: m.group() if held(address(m), abstracts) else REMOVED, text)


def held(address: str, abstracts: str) -> bool:
    """Whether the abstracts have this address, and not only a longer one."""
    whole = re.escape(address.rstrip("/")) + r"/?[.,;:!?*_'\"]*(?![^\s<>\[\]()`|])"
    return re.search(whole, abstracts) is not None


def code_span(text: str, ticks: int, *, final: bool) -> int | None:
    """How many characters the code that `text` opens with so many backticks takes; 0 where it is none.

    It ends on its line, with as many backticks. A bar would end it too, were it in a table.
    """
    line = text[:SPAN].partition("\n")[0]
    close = re.compile(rf"(?<!`)`{{{ticks}}}(?!`)").search(line, ticks)
    more = not final and len(line) == len(text) < SPAN
    if close is None or (close.end() == len(line) and more):
        return Undecided if more else 0
    inner = line[ticks : close.start()]
    return 0 if "|" in inner and _MARKUP.search(inner) else close.end()


def maths_span(text: str, opening: str, *, final: bool) -> int | None:
    """How many characters the maths takes that `text` opens with this sign; 0 where it is none.

    Markdown knows no maths, so what it would read as markup is none.
    """
    closing = {"\\(": "\\)", "\\[": "\\]"}.get(opening, opening)
    window = text[:SPAN].partition("\n\n")[0]
    end = window.find(closing, len(opening))
    if end < 0:
        return Undecided if not final and len(window) == len(text) < SPAN else 0
    return 0 if _MARKUP.search(window[:end]) else end + len(closing)


def closes(line: str, fence: str) -> bool:
    """Whether a line, with or without its end, closes the code block that `fence` opened."""
    return bool(re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}[ \t]*\n?", line))


def tag(text: str, *, final: bool) -> tuple[int, str] | None:
    """The size of the tag that `text` begins with, where it is a line break or one of those that our prompts have, and
    what replaces it; size 0 for any other."""
    lower = text[:SPAN].lower()
    own = _OWN_TAG.match(text)
    if own:
        return own.end(), ""
    if line_break := re.match(r"<br ?/?>", lower):
        return line_break.end(), " "
    unclosed = lower == "<" or any(name.startswith(lower) or lower.startswith(name) for name in _OWN_TAGS)
    unclosed = unclosed and ">" not in lower and "\n" not in lower
    if not final and len(lower) < SPAN and (unclosed or re.fullmatch("<br? ?/?", lower)):
        return Undecided
    return 0, ""
