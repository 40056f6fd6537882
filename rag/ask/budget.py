"""How many words of quotes an answer has, and what of a comparison is kept within them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.ask.answering import SideEvidence, is_long
from rag.ask.coverage import SENTENCES, Aspect, Coverage
from rag.papers import Paper
from rag.papers.passages import Span

WORDS = {"named": 106, "described": 150, "several": 95}
"""Words of quotes for a paper: one that is named, one that is described, each of several that fit."""
SIDE_WORDS = {2: 115, 3: 75, 4: 56}
"""Words of quotes for each side of a comparison, by their number, so that the whole stays under 260."""
ALL_WORDS = 225
"""Words of the titles and quotes of a comparison; with markers, and what is said of absent sides, under 260."""


def fitted(sides: Sequence[SideEvidence], papers: Sequence[Paper]) -> list[SideEvidence]:
    """The sides without the sentences that score least, until titles and quotes have at most ALL_WORDS words.

    `papers` are those of the index, whose rows the sides hold.
    """
    kept = {n: s.paper for n, s in enumerate(sides) if s.paper is not None}
    left = ALL_WORDS - sum(len(papers[p.row].title.split()) for p in kept.values())
    while sum(e.words for p in kept.values() for e in p.sentences) > left:
        spare = [(min(p.sentences, key=lambda e: e.score), n) for n, p in kept.items() if len(p.sentences) > 1]
        if not spare:
            break
        least, side = min(spare, key=lambda pair: pair[0].score)
        paper = kept[side]
        sentences = tuple(e for e in paper.sentences if e is not least)
        kept[side] = replace(paper, sentences=sentences, rest=(*paper.rest, least))
    return [replace(s, paper=kept.get(n)) for n, s in enumerate(sides)]


def filled(
    sides: Sequence[SideEvidence], aspects: Sequence[Aspect], papers: Sequence[Paper], coverage: Coverage
) -> list[SideEvidence]:
    """The sides, fitted, with a cell for each aspect; none where nothing is in them, or more than ALL_WORDS words.

    Where that is too long, a cell has one sentence, and a long one of two cells is told once.
    """
    own = {s.paper.row: papers[s.paper.row] for s in sides if s.paper is not None}
    encoded = [(aspect, coverage.encode(aspect)) for aspect in aspects]
    left = ALL_WORDS - sum(len(paper.title.split()) for paper in own.values())
    for brief, most in ((False, SENTENCES), (False, 1), (True, SENTENCES), (True, 1)):
        cells = {row: tuple(coverage.said(*a, row, most).spans for a in encoded) for row in own}
        texts = [text for row, paper in own.items() for text in _told(cells[row], paper.abstract, once=brief)]
        if texts and sum(len(text.split()) for text in texts) <= left:
            return [
                replace(s, cells=cells[s.paper.row], brief=brief) if s.paper is not None else s
                for s in fitted(sides, papers)
            ]
    return []


def _told(cells: Sequence[Sequence[Span]], abstract: str, *, once: bool) -> list[str]:
    """The sentences that a row shows; `once` says that a long one stands once, however many cells have it."""
    texts = [abstract[s.start : s.end] for cell in cells for s in cell]
    return [text for n, text in enumerate(texts) if not (once and text in texts[:n] and is_long(text))]
