"""The evidence beside the chat: which sentences of which papers stand behind an answer, and whether they still do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from rag.core.answer import Answer, Citation
from rag.core.paper import Paper
from rag.web.drawing import Span, macro

_NEAREST = 5
_VERDICTS = {
    "quote": ("good", "✓ exact quote"),
    "supported": ("good", "✓ supports the claim"),
    "partly": ("part", "◐ supports part of the claim"),
    "unsupported": ("bad", "✕ does not support the claim"),
}
"""Style and words for what a sentence is to the claims that cite it."""
_LOST = ("bad", "✕ not found in the abstract")

empty = macro("sources", "empty")
_panel, _cited, _near = (macro("sources", name) for name in ("panel", "cited", "near"))


@dataclass
class _Card:
    """A cited paper: what cites it, parted by whether the abstract still has it; the markers of each verdict."""

    title: str
    paper: Paper | None
    exact: list[Citation] = field(default_factory=list)
    lost: list[Citation] = field(default_factory=list)
    verdicts: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def spans(self) -> list[Span]:
        return [(c.start, c.end) for c in self.exact]

    @property
    def quotes(self) -> list[str]:
        return [f"“{c.quote}” ({self.title})" for c in self.exact]


def needed(answers: Iterable[Answer]) -> set[str]:
    """The ids of the papers that `panel` shows for `answers`."""
    return {source.paper_id for a in answers for source in (a.citations or a.retrieved[:_NEAREST])}


def panel(answers: Sequence[Answer], papers: Mapping[str, Paper]) -> str:
    """The sources of a conversation, newest answer first and open, earlier ones folded under their question.

    Answers are numbered from 1 as in the chat. A paper that is not in `papers` any more is named without its abstract.
    """
    if not answers:
        return empty()
    earlier = reversed(list(enumerate(answers[:-1], start=1)))
    return _panel(
        Markup(_sources(answers[-1], len(answers), papers)),
        [(a.question, Markup(_sources(a, turn, papers))) for turn, a in earlier if a.citations],
    )


def _sources(answer: Answer, turn: int, papers: Mapping[str, Paper]) -> str:
    if not answer.citations:
        found = [papers[r.paper_id] for r in answer.retrieved[:_NEAREST] if r.paper_id in papers]
        return _near(found) if found else empty()
    cards: dict[str, _Card] = {}
    for c in answer.citations:
        paper = papers.get(c.paper_id)
        card = cards.setdefault(c.paper_id, _Card(c.title, paper))
        exact = paper is not None and bool(c.quote) and paper.abstract[c.start : c.end] == c.quote
        (card.exact if exact else card.lost).append(c)
        level = answer.verdict(c.marker) or ("quote" if c.supported else "unsupported")
        card.verdicts.setdefault(_VERDICTS[level] if exact else _LOST, []).append(c.marker)
    return _cited(list(cards.values()), turn, answer.state == "nearest")
