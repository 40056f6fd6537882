"""The number of papers that an answer states."""

from __future__ import annotations

import re

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_ONES += "seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = {word: n for n, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_WORDS |= {f"{ten}{dash}{one}": _WORDS[ten] + _WORDS[one] for ten in _TENS for one in _ONES[1:10] for dash in "- "}
_WORDS |= {"no": 0, "none": 0, "dozen": 12}
_SPELT = "|".join(sorted(_WORDS, key=len, reverse=True))
_NUMBER = rf"(?:{_SPELT}|\d{{1,3}}(?:,\d{{3}})+|\d++)(?![\w.%×-]*\d)(?![%×])"
_PAPERS = r"(?:papers?|abstracts?|articles?|studies|study|works?|publications?)"
_THE = r"(?:(?:all|the|these|those)\s+)*"
_WHOLE = rf"(?:among|from|across|all|in|of|through|considered|searched|first|last|other|another)\s+{_THE}"
_STATED = re.compile(
    rf"(?<![\w.])(?P<share>{_NUMBER})\s+(?:out\s+)?of\s+(?:the\s+|these\s+|all\s+)*{_NUMBER}"
    rf"|(?<![\w.-])(?P<whole>{_WHOLE})?(?P<papers>{_NUMBER})"
    rf"\s+(?:[a-z][\w-]*\s+){{0,3}}?{_PAPERS}\b"
    rf"|\b(?:there\s+(?:are|is)|i\s+(?:found|count(?:ed)?)|(?:total|number|count)(?:\s+of\s+[\w\s]{{1,60}}?)?(?:\s+is)?"
    rf"|the\s+answer\s+is)\s*:?\s+(?:exactly\s+|only\s+|of\s+|just\s+|a\s+total\s+of\s+)*(?P<said>{_NUMBER})\b"
    rf"|^\W*+(?:(?:yes|only|just|exactly|in)\W+)*(?P<lead>(?:{_SPELT})\b(?=\s*(?:[:.,;–—]|$|of\s+them|do(?:es)?\b|fits?\b))|\d+(?=\s*(?:[:;–—]|\.?\s*$)))",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip


def stated_count(text: str, searched: int = 0) -> int | None:
    """The first number of papers that a plain text states, as in "4 of 82 papers fit", "there are four papers" or
    "Four: GPipe, …"; None where it states none. `searched` papers were looked at, which is not what is asked for."""
    for match in _STATED.finditer(text):
        if match["whole"]:
            continue
        found = match["share"] or match["papers"] or match["said"] or match["lead"]
        number = _value(found)
        if not (match["papers"] and number == searched):
            return number
    return None


def _value(number: str) -> int:
    folded = " ".join(number.lower().split())
    return _WORDS[folded] if folded in _WORDS else int(folded.replace(",", ""))
