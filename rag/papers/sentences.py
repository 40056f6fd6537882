"""Abstracts to sentences, and sentences to passages, as spans of the abstract.

Offsets count characters of the cleaned abstract; `abstract[start:end]` is the sentence, without the space around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

CHUNKING = "sentences-3/passages-250"
"""Version of the rules below; part of the index fingerprint, so change it with them."""

# A full stop after one of these ends no sentence, whatever follows.
_NEVER_END = frozenset(
    """e.g i.e cf vs viz al fig figs eq eqs sec secs ref refs tab nos vol pp ch approx resp incl excl dr mr mrs ms
    prof st inc ltd corp jr sr dept univ est max avg wrt w.r.t a.k.a aka""".split()
)
# After these it does when a capital follows: "and so on, etc. We show", "by Smith et al. We show", "in 5 min. We show".
_MAY_END = frozenset({"al", "etc", "inc", "ltd", "corp", "min", "no"})
# After these it does when a word follows that begins sentences: "in the U.K. We show", not "the U.K. Diabetes Study".
_STATES = frozenset({"u.s", "u.k", "u.s.a", "e.u"})
# After these a number goes on: "Jan. 1, 1999", "28% v. 59%".
_BEFORE_NUMBER = frozenset("jan feb mar apr jun jul aug sep sept oct nov dec v p pp no nr".split())

_STOP = re.compile(r"""(?<![.!?])[.!?]++["'”’)\]]*(?=\s)|[。！？]+["'”’」』）)\]]*|\n\s*\n""")
_BEFORE_WORD = re.compile(r"[\s(\[\"'“]")
_LONGEST_WORD = 40  # characters before a stop that are looked at: the longest abbreviation has six
_FOLLOWING = re.compile(r"\s*([A-Z][\w'-]*)")
_OPENS = re.compile(r"""\s*["'“‘(\[<]*(?P<first>[^\W_]|[∼~<$\\+-])""")
_OPENS_WITH_CAPITAL = re.compile(r"""\s*["'“‘(\[]*(?P<first>[^\W\d_])""")
# A label of an enumeration that stands alone, "1." or "(2)": it belongs to what follows.
_LABEL = re.compile(r"""^[(\[]?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)\]]*$""", re.IGNORECASE)
# A decimal that a database has torn apart: "P<0. 001".
_SPLIT_ZERO = re.compile(r"(?:^|[^\d.])0$")
# A sentence may start in lower case only when it starts with a name written so ("vLLM serves …", "xFormers …").
_NAME = re.compile(r"\s*[a-z]+[A-Z0-9][\w-]*")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an abstract: `abstract[start:end]`."""

    start: int
    end: int


def split_sentences(text: str) -> list[Span]:
    """The sentences of `text`, in order, without overlap; together they hold every character that is not space."""
    spans: list[Span] = []
    start = 0
    for stop in _STOP.finditer(text):
        if _ends_sentence(text, start, stop):
            _append(spans, text, start, stop.end())
            start = stop.end()
    _append(spans, text, start, len(text))
    return spans


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    mark = stop.group()
    if not mark.strip() or mark[0] in "。！？":
        return True
    rest = stop.end()
    before = text[max(start, stop.start() - _LONGEST_WORD) : stop.start()]
    word = _BEFORE_WORD.split(before)[-1]
    # "1." and "CONCLUSION: 1." are labels of what follows.
    if _LABEL.match(word) and before.rpartition(": ")[2].strip(" ([") == word.strip("(["):
        return False
    if mark.startswith(".") and len(mark.rstrip("\"'”’)]")) == 1:
        known = word.lower().strip("([\"'“")
        number = re.match(r"\s*\d", text[rest : rest + 4])
        if number and (known in _BEFORE_NUMBER or _SPLIT_ZERO.search(word)):
            return False
        if known in _STATES:
            return _opens(_OPENS_WITH_CAPITAL.match(text, rest)) and _starts(text, rest)
        if known in _MAY_END:
            return _opens(_OPENS_WITH_CAPITAL.match(text, rest))
        if known in _NEVER_END:
            return False
        if re.fullmatch(r"(?:[A-Z]\.)*[A-Z]", word) and len(word) != 3 and _looks_like_initial(text, start, stop, rest):
            return False
    return _opens(_OPENS.match(text, rest)) or bool(_NAME.match(text, rest))


def _opens(match: re.Match[str] | None) -> bool:
    """Whether what stands there begins a sentence: in any script, and in lower case only where it is Greek."""
    return match is not None and (not match["first"].islower() or "α" <= match["first"] <= "ω")


def _looks_like_initial(text: str, start: int, stop: re.Match[str], rest: int) -> bool:
    """Whether "J." before a capital is part of a name ("J. Smith") and not the end ("see Appendix A. We …")."""
    before = text[max(start, stop.start() - _LONGEST_WORD) : stop.start() - 1].split()
    if before and before[-1].lower() in {"appendix", "section", "table", "figure", "type", "class", "vitamin", "plan"}:
        return False
    return bool(_FOLLOWING.match(text, rest)) and not _starts(text, rest)


def _starts(text: str, at: int) -> bool:
    """Whether a word follows that sentences begin with."""
    following = _FOLLOWING.match(text, at)
    return following is not None and following[1].lower() in _STARTERS


_STARTERS = frozenset(
    """the this that these those we our in on at for to from with by it its they their a an as when while however
    moreover furthermore additionally finally results experiments extensive compared if since although given
    using""".split()
)


def _append(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return
    begin = start + len(piece) - len(piece.lstrip())
    spans.append(Span(begin, begin + len(stripped)))


def passage_ranges(lengths: Sequence[int], budget: int) -> list[tuple[int, int]]:
    """Half-open ranges of sentence numbers: the fewest runs of sentences of about `budget` word pieces, evenly filled.

    `lengths` holds the word pieces of each sentence. A sentence that is longer than the budget stays in one piece;
    the embedding cuts it.
    """
    if not lengths:
        return []
    total = sum(lengths)
    count = max(1, -(-total // budget))
    ranges: list[tuple[int, int]] = []
    start = filled = 0
    for number, length in enumerate(lengths):
        filled += length
        if filled * count >= total * (len(ranges) + 1) or number == len(lengths) - 1:
            ranges.append((start, number + 1))
            start = number + 1
    return ranges
