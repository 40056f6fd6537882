"""Every item of every run as values that the template can show: what was wanted beside what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.evaluation.items import KINDS, Item, Nugget
from rag.evaluation.metrics.metric import Case
from rag.evaluation.metrics.nugget_recall import holds
from rag.evaluation.outcome import DEPTH, OUTCOMES, WORDS, Outcome, outcome
from rag.evaluation.report.prose import to_html
from rag.evaluation.runs import Run, Scored
from rag.evaluation.table import UNDEFINED, figure, labels

Pieces = tuple[tuple[str, bool], ...]
"""A text in pieces, each with whether the other side has it, too."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage of a paper, wanted (`marker` 0) or quoted."""

    marker: int
    title: str
    gold: bool
    pieces: Pieces
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper among those retrieved."""

    title: str
    score: float
    gold: bool
    cited: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One item of one run. `html` is the answer, made safe; `facts` are the nuggets, and whether it has them."""

    anchor: str
    number: int
    run: str
    scored: Scored
    outcome: Outcome
    html: str
    facts: tuple[tuple[Nugget, bool], ...]
    wanted: tuple[Quote, ...]
    quoted: tuple[Quote, ...]
    hits: tuple[Hit, ...]
    absent: tuple[str, ...]
    scores: tuple[tuple[str, str], ...]

    @property
    def item(self) -> Item:
        """What was asked."""
        return self.scored.item

    @property
    def words(self) -> str:
        """The outcome as readers are told."""
        return WORDS[self.outcome]

    @property
    def standalone(self) -> str:
        """How the question was understood, where that differs from it."""
        answer = self.scored.answer
        return answer.standalone_question if answer.standalone_question.strip() != self.item.question.strip() else ""


def cards(runs: Sequence[Run]) -> list[Card]:
    """The items of all runs: what failed first, the worst of it before, each in the order of kinds and ids."""
    found = [
        _card(number, place, label, scored)
        for number, (run, label) in enumerate(zip(runs, labels(runs), strict=True))
        for place, scored in enumerate(run.scored)
    ]
    return sorted(found, key=lambda c: (-OUTCOMES.index(c.outcome), KINDS.index(c.item.kind), c.item.id, c.number))


def pieces(text: str, start: int, others: Iterable[tuple[int, int]]) -> Pieces:
    """`text`, which begins at `start`, cut where the spans `others` begin and end; each with whether they cover it."""
    end = start + len(text)
    spans = [(max(a, start), min(b, end)) for a, b in others if a < end and b > start]
    cuts = sorted({start, end, *(p for span in spans for p in span)})
    return tuple((text[a - start : b - start], any(s <= a and b <= e for s, e in spans)) for a, b in pairwise(cuts))


def _card(number: int, place: int, label: str, scored: Scored) -> Card:
    item, answer = scored.item, scored.answer
    known = dict(zip(item.gold_papers, item.gold_titles, strict=False))
    titles = {p: known.get(p) or p for p in (*item.gold_papers, *(s.paper_id for s in item.gold_spans))}
    cited = {c.paper_id for c in answer.citations}
    shown = answer.retrieved[: max(DEPTH, len(item.gold_papers))]
    there = {r.paper_id for r in shown}
    case = Case(item, answer, {}, lambda claim, quotes: False, scored.failed)
    quotes = [(c.paper_id, (c.start, c.end)) for c in answer.citations if c.quote]
    spans = [(s.paper_id, (s.start, s.end)) for s in item.gold_spans]
    return Card(
        anchor=f"r{number + 1}-{place + 1}",
        number=number,
        run=label,
        scored=scored,
        outcome=outcome(scored),
        html="" if scored.failed else to_html(answer.answer),
        facts=tuple((n, holds(case, n)) for n in item.nuggets),
        wanted=tuple(
            Quote(0, titles[s.paper_id], True, pieces(s.text, s.start, [at for p, at in quotes if p == s.paper_id]))
            for s in item.gold_spans
        ),
        quoted=tuple(
            Quote(
                c.marker,
                c.title,
                c.paper_id in item.gold_papers,
                pieces(c.quote, c.start, [at for p, at in spans if p == c.paper_id]),
                doubtful=not c.supported,
            )
            for c in answer.citations
        ),
        hits=tuple(Hit(r.title, r.score, r.paper_id in item.gold_papers, r.paper_id in cited) for r in shown),
        absent=tuple(titles[p] for p in item.gold_papers if p not in there),
        scores=tuple((m, UNDEFINED if s is None else figure(s[0] / s[1])) for m, s in scored.scores.items()),
    )
