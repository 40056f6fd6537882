"""Text of a model through `Draft`, whatever the pieces it comes in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rag.ask.writing.draft import Draft

SIZES = (1, 2, 3, 7)
SOURCES = range(1, 5)


@dataclass(frozen=True)
class Drafted:
    """What became of a text: all that holds, what was shown while it came, the claims and the sources they cite."""

    text: str
    shown: str
    claims: tuple[tuple[str, tuple[int, ...]], ...]


def drafted(
    text: str,
    *,
    known: Collection[int] = SOURCES,
    abstracts: str = "",
    strict: bool = False,
    left_out: Collection[str] = (),
) -> Drafted:
    """`text` as it comes whole; fails where it comes out otherwise in pieces of 1, 2, 3 or 7 characters.

    A claim that cites sources 1 and 2 is followed by "⟨1⟩⟨2⟩". Claims that are `left_out` are.
    """
    whole = _fed([text], known, abstracts, strict, left_out)
    for size in SIZES:
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert _fed(pieces, known, abstracts, strict, left_out) == whole, f"in pieces of {size}"
    return whole


def _fed(pieces: list[str], known: Collection[int], abstracts: str, strict: bool, left_out: Collection[str]) -> Drafted:
    claims: list[tuple[str, tuple[int, ...]]] = []

    def settle(claim: str, cited: tuple[int, ...]) -> str | None:
        claims.append((claim, cited))
        if claim in left_out:
            return None
        return " " + "".join(f"⟨{n}⟩" for n in cited) if cited else ""

    draft = Draft(settle, known, abstracts, strict=strict)
    shown = "".join([*map(draft.feed, pieces), draft.finish()])
    return Drafted(draft.text, shown, tuple(claims))
