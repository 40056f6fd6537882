"""Counts: "in how many abstracts …", "count the papers that …", wherever in the question they are asked for."""

from __future__ import annotations

import re

_PAPERS = r"(?:papers|works|abstracts|articles|studies|publications)"
_THEM = r"(?:(?:of\s+)?(?:all\s+)?(?:the|these|those|our|your|this\s+collection['’]s)\s+)?"
_CUE = re.compile(
    rf"""\b(?:
      (?P<inside>(?:in|for|by|across)\s+)?how\s+many\s+{_THEM}(?:(?!do\b|does\b|did\b)[\w-]+\s+){{0,2}}?{_PAPERS}\b(?P<rest>.*)
    | (?:count|tally)\s+(?:up\s+|me\s+)?(?:all\s+|every\s+)?{_THEM}(?:(?!of\b)[\w-]+\s+){{0,2}}?(?:{_PAPERS}|paper)\b.*
    | number\s+of\s+{_THEM}(?:[\w-]+\s+)?{_PAPERS}\s+(?:here\b|in\s+(?:the|this|your|our)\s+collection|that\b|which\b|on\b|about\b|where\b|dealing\b|with\b|using\b).*
    | (?<!\w)(?<!\w\s)(?<!,\s)how\s+many\s+of\s+(?:these|those|them)\b.*
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_OTHERS = re.compile(
    r"\s*(?:(?:were|was|are|is|have|has|had|do|does|did|can|could)\s+)?(?:the\s+)?(?:authors?|they|it|he|she|(?:this|that|the)\s+(?:survey|review|study|paper|work|article|report)|surveyed|reviewed|cited)\b",
    re.IGNORECASE,
)
"""What "how many papers" goes on with where it asks what one paper holds: "did the authors read"."""
_EARLIER = re.compile(
    r"\b(?P<this>(?:exactly|just|precisely|only)?\s*\b(?:this|that|these|those|such\s+an?|such))\b(?P<noun>\s+(?!in\b|that\b|which\b)[\w-]+)?|\bit\b",
    re.IGNORECASE,
)
_WRITTEN = re.compile(r"\b[A-Z][\w+-]*[A-Z0-9][\w+-]*(?:\s+(?:[A-Z]?\d[\w-]*|[A-Z][\w-]*))*|\b\d+-bit\b")


_LATER = re.compile(
    rf"[.;:!?]\s+(?P<asked>(?:in\s+|on\s+)?(?:which|what)\s+{_THEM}(?:(?!are\b|is\b|do\b|does\b)[\w-]+\s+){{0,2}}?{_PAPERS}\b.*)",
    re.IGNORECASE | re.DOTALL,
)


def of_one(text: str) -> bool:
    """Whether the papers that are counted are those that one paper holds: "how many studies did the authors read"."""
    match = _CUE.search(text)
    return bool(match and match.group("rest") and not match.group("inside") and _OTHERS.match(match.group("rest")))


def asked_count(text: str) -> str:
    """The part of a question from where it asks for a number of papers; "" where it does not.

    What a sentence before it named stands in for "this card" and the like.
    """
    match = _CUE.search(text)
    return "" if match is None or of_one(text) else _with_earlier(match.group(), text[: match.start()])


def asked_later(text: str) -> str:
    """The part of a question that asks "which papers …" after a sentence that leads to it; "" where there is none."""
    match = _LATER.search(text)
    return "" if match is None else _with_earlier(match.group("asked"), text[: match.start("asked")])


def _with_earlier(asked: str, before: str) -> str:
    named = _WRITTEN.findall(before) if re.search(r"[.;:!?]\s", before) else []
    return _EARLIER.sub(f" {named[-1]} ", asked, count=1) if named else asked
