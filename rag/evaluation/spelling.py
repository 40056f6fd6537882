"""Whether a text says what a nugget looks for, in any of the usual spellings: a right answer in other words than the
abstract's is right, and one with another figure is wrong."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product

_SIGNS = str.maketrans({**dict.fromkeys("‐‑‒–—−", "-"), **dict.fromkeys("\u00a0\u2009\u202f", " "), "’": "'", "‘": "'"})
_PERCENT = re.compile(r"(?<=\d)[\s-]*(?:percent|per\s+cent|pct)\b", re.IGNORECASE)
_FIGURE = r"(\d++(?:[.,]\d++)*+)"
_FACTOR = re.compile(
    rf"\bfactor\s+of\s+(?:about\s+|around\s+|roughly\s+|nearly\s+|up\s+to\s+)?{_FIGURE}|{_FIGURE}(?:[\s-]*folds?\b|\s*×"
    rf"|\s*x\b(?!\s*\d)|[\s-]*times\b)",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_SMALL = re.compile(r"(?<![\w.,-])(?:[1-9]|1[0-2])(?![\w%×]|[.,]\d)")
_CLASS = re.compile(r"\[|\(\?")


def says(text: str, expression: str) -> bool:
    """Whether an expression is found in a text, in one of its spellings, and not inside a longer figure."""
    ways = (expression, _loose(expression)) if "-" in expression else (expression,)
    return any(_found(way, spelt) for spelt in spellings(text) for way in dict.fromkeys(ways))


def alias(text: str) -> str:
    """An alias as an expression. It begins where a word does; its last word may go on (a plural)."""
    words = re.split(r"[\s-]+", text.strip().translate(_SIGNS)) if re.search(r"\w-\w", text) else text.split()
    joint = r"[\s-]+" if re.search(r"\w-\w", text) else r"\s+"
    start = r"(?<!\w)" if re.match(r"\w", "".join(words)) else ""
    return start + joint.join(re.escape(word) for word in words)


@lru_cache(maxsize=1024)
def spellings(text: str) -> tuple[str, ...]:
    """A text as it is, and in other spellings: signs, per cent, "2.5x" and "2.5-fold", hyphens, numbers, 1,000."""
    flat = " ".join(text.split())
    plain = _PERCENT.sub("%", flat.translate(_SIGNS))
    found = [flat, plain, flat.casefold()]  # casefold: "straße" is "STRASSE"
    for times, hyphen, numbers in product(("x", "×", " times"), (True, False), ("as they are", "figures", "words")):
        way = _FACTOR.sub(lambda m, times=times: f"{m[1] or m[2]}{times}", plain)  # type: ignore[misc]
        way = way if hyphen else re.sub(r"(?<=\w)-(?=\w)", " ", way)
        if numbers == "figures":
            way = _THOUSANDS.sub("", _WORD.sub(lambda m: str(_WORDS.index(m[0].lower()) + 1), way))
        elif numbers == "words":
            way = _SMALL.sub(lambda m: _WORDS[int(m[0]) - 1], way)
        found.append(way)
    return tuple(dict.fromkeys(found))


def _loose(expression: str) -> str:
    """An expression whose hyphens may be spaces; one with classes or groups that look around is left as it is."""
    return expression if _CLASS.search(expression) else re.sub(r"\\?-", r"[\\s-]", expression)


def _found(expression: str, text: str) -> bool:
    return any(_whole(match, text) for match in re.finditer(expression, text, re.IGNORECASE))


def _whole(match: re.Match[str], text: str) -> bool:
    """Whether the figures at the ends of a match are not parts of longer ones: 3.65 in 13.65, 40 in 4000."""
    start, end = match.span()
    if start == end:
        return True
    cut_before = text[start].isdigit() and re.search(r"\d[.,]?$", text[max(0, start - 2) : start])
    cut_behind = text[end - 1].isdigit() and re.match(r"[.,]?\d", text[end : end + 2])
    return not (cut_before or cut_behind)
