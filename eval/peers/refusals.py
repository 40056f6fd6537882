"""Whether an answer in a peer's own words declines to answer. Where there is a doubt the peer gets its benefit."""

from __future__ import annotations

import re

from eval.peers.sources import SAID_NOTHING

_GIVE = (
    r"(?:provid|contain|mention|giv|sa[yi]|stat|specif|includ|discuss|address|offer|cover|answer|indicat|report"
    r"|describ|disclos|list|detail|hav|reveal|relat|refer|explain|know|exist)"
)
_SOURCE = r"(?:sources?|abstracts?|papers?|documents?|passages?|texts?|contexts?|information|collection)"
_LACKING = r"(?:\w+ ){0,2}(?:information|mention|details?|data|answers?|evidence|references?)"
_REFUSES = re.compile(
    rf"\b(?:do|does|did)(?:\s+not|n['’]t)\s+(?:\w+ly\s+|any\w*\s+)?{_GIVE}"
    r"|\b(?:is|are|was|were)(?:\s+not|n['’]t)\s+(?:\w+ly\s+)?"
    r"(?:provided|mentioned|given|stated|specified|included|discussed|addressed|available|found|reported|disclosed)"
    rf"|\b(?:is|are) no {_LACKING}\b"
    rf"|\bno {_LACKING}\b.{{0,40}}\b(?:provided|given|available|found|{_SOURCE})\b"
    rf"|\bnone of (?:the|these|them)\b.{{0,40}}\b(?:{_SOURCE}|helpful)\b|\bnot helpful\b"
    r"|\b(?:cannot|can['’]t|can not|unable to|not possible to)\s+(?:be\s+)?"
    r"(?:answer|determin|find|found|provid|tell|say)"
    r"|^\W*(?:i['’]m|i am) (?:\w+ )?sorry\b",
    re.IGNORECASE,
)
_SAYS_NO = re.compile(
    rf"{_REFUSES.pattern}|\bcannot\b|\b(?:can|could)(?: not|n?['’]t)\b|\bno (?:{_LACKING}|{_SOURCE})\b"
    rf"|\b{_SOURCE}\b[^.]{{0,60}}\b(?:do|does|did|is|are|has|have)(?: not|n['’]t)\b"
    r"|\bnot (?:available|found|given|known|clear|enough|relevant|related|applicable|mentioned|specified|stated)\b"
    r"|\bnone of\b|\bunable\b|\bunclear\b|\bunknown\b|\bunrelated\b|\binsufficient\b|\bsorry\b",
    re.IGNORECASE,
)


def abstains(text: str, *, cites: bool) -> bool:
    """Whether a text declines to answer; `cites` says whether it refers to a source that it was given.

    It does when it is empty; when it cites nothing and says anywhere that it can't ("the sources do not …", "does not
    mention", "no information", "cannot", "unclear", …); and, citing or not, when its first sentence says that the
    sources don't have it ("The provided sources do not mention … [1][2]"), whatever else follows. A mere "not" won't
    do: "it did not scale because …" without a citation is an answer, and mostly an invented one.
    """
    if text.strip().rstrip(".").casefold() in ("", SAID_NOTHING.casefold()):
        return True
    if not cites and _SAYS_NO.search(text):
        return True
    first = re.split(r"(?<=[.!?])\s+(?=[A-Z\"“])|\n", text.strip(), maxsplit=1)[0]
    return bool(_REFUSES.search(first))
