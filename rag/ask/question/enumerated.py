"""Sides that a question enumerates: "for A's retraining, for B's training, for training C, and for D"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.ask.names import Mention
from rag.ask.question.query import Side
from rag.index.lexical import STOPWORDS, words

_SEPARATOR = re.compile(r"\s*(?:[,;]\s*(?:and|or|&)\b|[,;]|\b(?:and|or)\b|&)\s*", re.IGNORECASE)
_PREPOSITION = re.compile(r"^(?:for|of|in|by|with|on|from|at)\s+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|that\s+of)\s+", re.IGNORECASE)
_OF_A_PAPER = re.compile(
    r"\b(?:papers?|work|study|system|method|approach|scheme|framework|analysis|benchmark|survey|library|engine|one)\W*$",
    re.IGNORECASE,
)
_END = re.compile(r"[?!:]|\.(?=\s|$)|\s[-–—]\s")
_NO_ITEM = re.compile(r"(?:what|which|how|why|who|where|when|whether|by|respectively|each|both)\b", re.IGNORECASE)
_OTHERS = re.compile(r"(?:other|others|more|all|similar|such|previous|existing)\b", re.IGNORECASE)
_PREDICATE = re.compile(
    r"\s+(?:(?:each|both|all)\b|(?:differ|compare|do|does|did|is|are|was|were|has|have|use|uses|get|gets|reach|report)\w*\b).*$",
    re.IGNORECASE | re.DOTALL,
)


def enumerated(text: str, mentions: Sequence[Mention], absent: Callable[[str], bool]) -> tuple[Side, ...]:
    """The sides of an enumeration of three or more in which at least two papers are named; none where there is none.

    An item that names no paper is a side where it stands between two that do, or is built as they are; `absent` tells
    whether it is a name that no paper owns.
    """
    if len(mentions) < 2:
        return ()
    items = _items(text, mentions)
    named = [i for i, (at, item) in enumerate(items) if _mention(at, item, mentions)]
    if len(items) < 3 or len(named) < 2 or named[0] > 0:
        return ()
    head = _PREPOSITION.match(items[named[1]][1]) if len(named) > 1 else None
    sides: list[Side] = []
    for i, (at, item) in enumerate(items):
        mention = _mention(at, item, mentions)
        if mention is not None:
            sides.append(_named(text, at, item, mention))
            continue
        built_alike = head is not None and item.lower().startswith(head.group().lower())
        if i < named[-1] or built_alike or (_ARTICLE.match(item) and _OF_A_PAPER.search(item)):
            described = _ARTICLE.sub("", _PREPOSITION.sub("", item, count=1), count=1)
            name = len(described.split()) < 3 and absent(described)
            if not name and (len([w for w in words(described) if w not in STOPWORDS]) < 2 or _OTHERS.match(described)):
                return ()
            sides.append(Side(described, (), name))
    return tuple(sides)


def _items(text: str, mentions: Sequence[Mention]) -> list[tuple[int, str]]:
    """What commas and "and" part, from the item that names the first paper on, with where each begins.

    Brackets are kept whole; the enumeration ends with its clause.
    """
    masked = re.sub(r"\([^()]*\)", lambda m: "(" + "x" * (len(m.group()) - 2) + ")", text)
    for m in mentions:
        masked = masked[: m.start] + "x" * (m.end - m.start) + masked[m.end :]
    end = _END.search(masked, mentions[0].end)
    stop = end.start() if end else len(masked)
    cuts = [m for m in _SEPARATOR.finditer(masked, 0, stop) if m.group().strip()]
    bounds = [0, *(edge for m in cuts for edge in m.span()), stop]
    found = [(a, text[a:b]) for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
    found = [(a, item) for a, item in found if a + len(item) > mentions[0].start]
    kept: list[tuple[int, str]] = []
    for at, item in found:
        if kept and _NO_ITEM.match(item):
            break
        kept.append((at, item))
    if kept and not _mention(*kept[-1], mentions):
        kept[-1] = (kept[-1][0], _PREDICATE.sub("", kept[-1][1]))
    return kept


def _mention(at: int, item: str, mentions: Sequence[Mention]) -> Mention | None:
    return next((m for m in mentions if at <= m.start < at + len(item)), None)


def _named(text: str, at: int, item: str, mention: Mention) -> Side:
    """A side that is named: by its name alone, or where several papers own it with the words around it."""
    if len(mention.rows) == 1:
        return Side(text[mention.start : mention.end], mention.rows, True)
    before = [m.end() for m in re.finditer(r"\b(?:the|a|an)\s+", text[at : mention.start], re.IGNORECASE)]
    start = at + before[-1] if before else mention.start
    after = _PREDICATE.sub("", text[mention.end : at + len(item)])
    return Side(text[start : mention.end] + after.rstrip(), mention.rows, True)
