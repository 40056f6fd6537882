"""What is a claim, and what is talk: told by their wording."""

from __future__ import annotations

import re

MIN_WORDS = 3
"""Fewer words make no claim: "In summary", "GPipe"."""


def plain(text: str) -> str:
    """`text` without the Markdown of emphasis, headings, bullets and code, on one line."""
    text = re.sub(r"^\s*(?:[-*+•]\s+|\d{1,2}[.)]\s+|#{1,6}\s+|>\s+|[,;]\s*)", "", text)
    text = re.sub(r"\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", "", text)
    return " ".join(text.split()).strip(" |,;")


_NO_CLAIM = re.compile(
    r"^(?:(?:sure|certainly|of course|okay|here (?:is|are)|let me know|i hope|feel free|please|in summary|answer)\b"
    r"[^.]{0,60}$|[^0-9]*:$)",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"\b(?:reach|beat|outperform|achiev|reduc|improv|surpass|exceed|sav|prov|support|requir)\w*\b", re.IGNORECASE
)


def is_claim(text: str) -> bool:
    """Whether `text` says something that can be true or false, and is no heading, introduction or courtesy.

    A figure by itself does, as in the cell of a table, and so does a result that is followed by a colon.
    """
    if re.search(r"\d", text):
        return not re.fullmatch(r"\W*\d{1,2}\W*", text)  # the number of a list
    return len(re.findall(r"[^\W_]+", text)) >= MIN_WORDS and (not _NO_CLAIM.match(text) or bool(_RESULT.search(text)))


_SOURCE = r"(?:the\s+|these\s+|this\s+|any\s+of\s+the\s+|its\s+)?(?:given\s+|provided\s+|above\s+)*(?:sources?|abstracts?|papers?|texts?|context|excerpts?|documents?|collection|information)(?:\s+(?:above|given|provided|itself))?(?:\s+(?:of|on|for)\s+[^.]{1,60}?)?"
_SAY = r"(?:say|state|mention|specify|provide|give|contain|include|discuss|describe|address|answer|explain|report|indicate|disclose|reveal|speak|cover|offer|list|detail|compare)"
_ABSENT = re.compile(
    rf"\b{_SOURCE}\s+(?:do|does|did)(?:\s+not|n['’]t)\s+(?:\w+\s+){{0,2}}?{_SAY}\b"
    rf"|\b(?:is|are|was|were)(?:\s+not|n['’]t)\s+(?:\w+\s+){{0,2}}?(?:mentioned|stated|specified|given|provided|reported|discussed|described|disclosed|available|included|addressed)\b"
    rf"|\b(?:there\s+is\s+)?no\s+(?:\w+\s+){{0,2}}?(?:information|mention|details?|answer|data|evidence)\b"
    rf"|\bnone\s+of\s+{_SOURCE}\s+{_SAY}s?\b"
    rf"|\b(?:i\s+(?:do\s+not|don['’]t|cannot|can['’]t|am\s+unable|could\s+not|couldn['’]t))\b|\bcannot\s+be\s+(?:answered|determined)\b"
    rf"|\b(?:it\s+is\s+)?(?:unclear|unknown|unspecified|impossible\s+to\s+(?:say|tell|determine|answer))\b",
    re.IGNORECASE,
)  # fmt: skip


def says_absent(text: str) -> bool:
    """Whether `text` says that something is not said: "The abstract does not mention a learning rate."."""
    return bool(_ABSENT.search(text))
