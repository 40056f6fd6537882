"""Where the figures of a sentence stand, and how other words may write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.ask.figures import Figure, figures

_ENDS = re.compile(r"\s*(?:-|–|—|to|and)\s*$")
_UNITS = {"x": r"\s*-?(?:x|×|times|folds?)", "%": r"\s*(?:\\?%|per\s?cent)"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands: the text before and after it, and the figure as it is written, with its range.

    `patterns` are regular expressions that find it, or both ends of a range, in other words.
    """

    figure: Figure
    before: str
    after: str
    written: str
    patterns: tuple[str, ...]


def places(text: str) -> Iterator[Place]:
    """The figures of a sentence that are amounts; of a range, or a series, the last stands for all."""
    found = figures(text)
    for n, figure in enumerate(found):
        if figure.named or not figure.text.strip() or text[figure.start - 1 : figure.start] in ("$", "-", "("):
            continue
        start, patterns = figure.start, [_pattern(figure)]
        if n and _ENDS.search(text[found[n - 1].end : start]) and text[found[n - 1].end : start].strip() != "and":
            first = found[n - 1]
            if first.unit != figure.unit or len(text[first.end : start]) > 6:
                continue
            start, patterns = first.start, [_pattern(first), *patterns]
        after = found[n + 1] if n + 1 < len(found) else None
        if after and _ENDS.fullmatch(text[figure.end : after.start]):
            continue  # The other end of the range, or of the series, asks for both.
        yield Place(figure, text[:start], text[figure.end :], text[start : figure.end], tuple(patterns))


def _pattern(figure: Figure) -> str:
    """The figure as other words may write it."""
    digits = re.match(r"[\d.,]*\d", figure.text)
    if digits is None:
        return rf"\b{re.escape(figure.text)}\b|\b{figure.value:g}\b"
    number = re.escape(digits[0]).replace(",", ",?")
    if figure.unit in _UNITS and re.search(r"[x×%]|time|fold|cent", figure.text):
        return rf"(?<![\d.,]){number}{_UNITS[figure.unit]}"
    rest = re.sub(r"\\?\s+|\\-", r"[\\s-]*", re.escape(figure.text[digits.end() :]))
    return rf"(?<![\d.,]){number}{rest}(?![\d]|[.,]\d)"
