"""Which characters of a span others cover, so that what was wanted and what was quoted can be seen to agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, and whether it is covered."""

    text: str
    covered: bool


def pieces(text: str, start: int, others: Iterable[tuple[int, int]]) -> tuple[Piece, ...]:
    """`text`, which begins at `start`, cut where the spans `others` begin and end."""
    end = start + len(text)
    spans = [(max(a, start), min(b, end)) for a, b in others if a < end and b > start]
    cuts = sorted({start, end, *(p for span in spans for p in span)})
    return tuple(
        Piece(text[a - start : b - start], any(s <= a and b <= e for s, e in spans)) for a, b in pairwise(cuts)
    )
