"""Evidence as the numbered sources of a prompt, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.ask.answering import PaperEvidence
from rag.ask.evidence import Evidence
from rag.index.index import Index
from rag.llm.prompts import source

CHARACTERS_A_TOKEN = 3.6
"""Of abstracts, by the tokenizers of Llama 3 and Qwen 2.5, less a tenth to be on the safe side."""
OVERHEAD = 30
"""Tokens of a source beside its title and sentences."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a prompt: source n is the paper in `rows[n - 1]`; `text` is what the model reads."""

    rows: tuple[int, ...]
    text: str

    @property
    def numbers(self) -> range:
        """The numbers that a marker may have."""
        return range(1, len(self.rows) + 1)


def tokens(text: str) -> int:
    """About how many tokens a model makes of `text`."""
    return int(len(text) / CHARACTERS_A_TOKEN) + 1


def gather(papers: Sequence[PaperEvidence], index: Index, budget: int) -> Sources:
    """The sentences of `papers` in the order of their abstracts, as many as `budget` tokens hold.

    The best sentence of each paper comes first, then what was selected as evidence, then the rest of the abstracts, so
    that the lowest-ranked are the first to be dropped. At least one sentence is kept.
    """
    kept: set[tuple[int, int]] = set()
    left = budget
    for paper, evidence in _ranked(papers):
        first = not any(row == paper.row for row, _ in kept)
        title = tokens(index.papers[paper.row].title) + OVERHEAD if first else 0
        cost = tokens(_text(evidence, index)) + title
        if kept and cost > left:
            continue
        kept.add((paper.row, evidence.number))
        left -= cost
    shown = [p for p in papers if any(row == p.row for row, _ in kept)]
    parts = []
    for number, paper in enumerate(shown, 1):
        own = sorted((e for e in (*paper.sentences, *paper.rest) if (paper.row, e.number) in kept), key=_place)
        text = " ".join(_text(e, index) for e in own)
        parts.append(source(number, index.papers[paper.row].title, text))
    return Sources(tuple(p.row for p in shown), "\n".join(parts))


def _ranked(papers: Sequence[PaperEvidence]) -> list[tuple[PaperEvidence, Evidence]]:
    def by_score(evidence: Sequence[Evidence]) -> list[Evidence]:
        return sorted(evidence, key=lambda e: -e.score)

    best = [(p, by_score(p.sentences)[0]) for p in papers if p.sentences]
    chosen = [(p, e) for p in papers for e in by_score(p.sentences)[1:]]
    rest = [(p, e) for p in papers for e in by_score(p.rest)]
    return [*best, *sorted(chosen, key=lambda pair: -pair[1].score), *rest]


def _place(evidence: Evidence) -> int:
    return evidence.span.start


def _text(evidence: Evidence, index: Index) -> str:
    abstract = index.papers[evidence.row].abstract
    return abstract[evidence.span.start : evidence.span.end]
