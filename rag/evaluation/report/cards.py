"""Every item of every run as values that the page's template can show: what was wanted beside what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.evaluation.items import KINDS, Item, Message, Nugget
from rag.evaluation.metrics.metric import Case
from rag.evaluation.metrics.nugget_recall import holds
from rag.evaluation.outcome import DEPTH, OUTCOMES, WORDS, Outcome, outcome
from rag.evaluation.report.about import labels
from rag.evaluation.report.overlap import Piece, pieces
from rag.evaluation.report.prose import to_html
from rag.evaluation.report.table import UNDEFINED, figure
from rag.evaluation.runs import Run, Scored


@dataclass(frozen=True, slots=True)
class Fact:
    """A nugget, and whether the answer has it."""

    nugget: Nugget
    found: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage of a paper, wanted or quoted: its pieces, covered where the other side has them too."""

    marker: int
    title: str
    gold: bool
    pieces: tuple[Piece, ...]
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
    """One item of one run. `html` is the answer, made safe."""

    anchor: str
    number: int
    run: str
    scored: Scored
    outcome: Outcome
    html: str
    facts: tuple[Fact, ...]
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
    def history(self) -> tuple[Message, ...]:
        """The conversation before."""
        return self.item.history

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


def _card(number: int, place: int, label: str, scored: Scored) -> Card:
    item, answer = scored.item, scored.answer
    titles = _titles(scored)
    cited = {c.paper_id for c in answer.citations}
    shown = answer.retrieved[: max(DEPTH, len(item.gold_papers))]
    there = {r.paper_id for r in shown}
    case = Case(item, answer, {}, lambda claim, quotes: False, scored.failed)
    return Card(
        anchor=f"r{number + 1}-{place + 1}",
        number=number,
        run=label,
        scored=scored,
        outcome=outcome(scored),
        html="" if scored.failed else to_html(answer.answer),
        facts=tuple(Fact(n, holds(case, n)) for n in item.nuggets),
        wanted=_wanted(scored, titles),
        quoted=_quoted(scored),
        hits=tuple(Hit(r.title, r.score, r.paper_id in item.gold_papers, r.paper_id in cited) for r in shown),
        absent=tuple(titles[p] for p in item.gold_papers if p not in there),
        scores=tuple((m, UNDEFINED if s is None else figure(s[0] / s[1])) for m, s in scored.scores.items()),
    )


def _titles(scored: Scored) -> Mapping[str, str]:
    """The titles of the gold papers; the id where an item leaves them out."""
    item = scored.item
    known = dict(zip(item.gold_papers, item.gold_titles, strict=False))
    return {p: known.get(p) or p for p in (*item.gold_papers, *(s.paper_id for s in item.gold_spans))}


def _wanted(scored: Scored, titles: Mapping[str, str]) -> tuple[Quote, ...]:
    quotes = scored.answer.citations
    return tuple(
        Quote(
            marker=0,
            title=titles[span.paper_id],
            gold=True,
            pieces=pieces(
                span.text, span.start, [(c.start, c.end) for c in quotes if c.paper_id == span.paper_id and c.quote]
            ),
        )
        for span in scored.item.gold_spans
    )


def _quoted(scored: Scored) -> tuple[Quote, ...]:
    item = scored.item
    return tuple(
        Quote(
            marker=c.marker,
            title=c.title,
            gold=c.paper_id in item.gold_papers,
            pieces=pieces(c.quote, c.start, [(s.start, s.end) for s in item.gold_spans if s.paper_id == c.paper_id]),
            doubtful=not c.supported,
        )
        for c in scored.answer.citations
    )
