"""HTML fragments of one run: what it came to, its figures and plots, and its items to read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from rag.web.bridge import button
from rag.web.markdown import shown
from rag.web.markup import SITE
from rag.web.runs import pictures
from rag.web.runs.paging import PAGE, heading, pages

if TYPE_CHECKING:
    from rag.evaluation.outcome import Outcome
    from rag.evaluation.report.cards import Card
    from rag.evaluation.runs import Run

FAILURES = "!right"
ACT = "run-items"


@dataclass(frozen=True, slots=True)
class View:
    """Which items of a run are shown: those of a kind ("": all) and outcome, twenty from `first` (0: the first)."""

    outcome: str = FAILURES
    kind: str = ""
    first: int = 0

    @classmethod
    def of(cls, value: str) -> View:
        """The view that a button stands for; what is none is the usual one."""
        parts = value.split(" ")
        known = len(parts) > 2 and re.fullmatch("[0-9]{1,6}", parts[2])
        return cls(parts[0], parts[1], int(parts[2])) if known else cls()

    def __str__(self) -> str:
        return f"{self.outcome} {self.kind} {self.first}"

    def has(self, card: Card) -> bool:
        """Whether it shows an item, on one of its pages."""
        of_outcome = self.outcome in ("", card.outcome) or (self.outcome == FAILURES and card.outcome != "right")
        return of_outcome and self.kind in ("", card.item.kind)


def title(name: str, visit: str) -> str:
    """The heading over a run, to which the focus goes; `visit` is another each time it is opened."""
    return f'<div class="evaluation">{heading(name, f"run {visit}")}</div>'


def figures(run: Run) -> str:
    """What a run came to, in a sentence, figures by kind with their intervals, plots, and what was run."""
    drawn = "".join(_figures(run))
    return f'<section class="evaluated evaluation results" aria-label="Run {shown(run.name)}">{drawn}</section>'


def _figures(run: Run) -> Iterator[str]:
    from rag.evaluation.report import parts, plots, tables
    from rag.evaluation.report.about import manifests, sentence

    address = f"{SITE}runs/{quote(run.name, safe='')}.html"
    yield f'<p class="lead">{shown(sentence(run))}</p>'
    yield (
        f'<p class="links"><a href="{address}" target="_blank">Open the whole report</a> '
        f'<a href="{address}" download>Download it</a> <span class="aside">one HTML file that holds all it needs</span>'
        "</p>"
    )
    yield "<h3>By kind of question, with 95% intervals</h3>"
    yield f'<div class="plots">{"".join(pictures.figure(p) for p in plots.by_kind([run]))}</div>'
    yield parts.table(tables.by_kind([run]), "Figures by kind")
    yield f"<h3>Where answers were lost</h3>{_legend(tables.outcomes(run)['all'])}"
    yield f'<div class="plots wide">{"".join(pictures.figure(p) for p in plots.lost([run]))}</div>'
    yield _folded("The counts by kind", parts.table(tables.lost([run]), "What became of the questions"))
    yield _folded("All figures", parts.table(tables.results([run]), "All figures"))
    meanings = "".join(f"<div><dt>{shown(m)}</dt><dd>{shown(what)}</dd></div>" for m, what in tables.meanings([run]))
    yield _folded("What the metrics are", f'<dl class="terms">{meanings}</dl>')
    yield _folded("Speed", parts.table(tables.speed([run]), "Speed"))
    yield _folded("What was run", parts.table(manifests([run]), "What was run"))


def _legend(counts: Counter[Outcome]) -> str:
    """What the colours of the bars are."""
    from rag.evaluation.outcome import OUTCOMES, WORDS

    keys = "".join(
        f"<li>{pictures.swatch(f'--outcome-{n}')} {WORDS[o]}</li>" for n, o in enumerate(OUTCOMES) if counts[o]
    )
    return f'<ul class="legend">{keys}</ul>'


def _folded(title: str, html: str) -> str:
    return f'<details class="fold"><summary>{title}</summary>{html}</details>'


def items(cards: Sequence[Card], view: View, visit: str = "") -> str:
    """Those items of a run that a view shows, to be opened, and buttons for other views.

    The focus goes to their heading where `visit` is another than before.
    """
    from rag.evaluation.report import parts

    found = [card for card in cards if view.has(card)]
    part = found[view.first : view.first + PAGE]
    listed = "".join(parts.item(card) for card in part) or '<p class="aside">No item is like that.</p>'
    top = heading("Items", visit)
    turning = pages(ACT, len(found), view.first, lambda first: str(replace(view, first=first)))
    return (
        f'<section class="evaluated evaluation items" aria-label="Items">{top}{_filters(cards, view)}'
        f"{turning}{listed}{turning if len(part) > PAGE // 2 else ''}</section>"
    )


def _filters(cards: Sequence[Card], view: View) -> str:
    from rag.evaluation.items import KINDS
    from rag.evaluation.outcome import OUTCOMES, WORDS

    outcomes = Counter(c.outcome for c in cards if view.kind in ("", c.item.kind))
    kinds = Counter(c.item.kind for c in cards if replace(view, kind="").has(c))
    became: list[tuple[str, str, int]] = [(FAILURES, "not right", outcomes.total() - outcomes["right"])]
    became += [("", "all", outcomes.total())]
    became += [(o, WORDS[o], outcomes[o]) for o in reversed(OUTCOMES) if outcomes[o]]
    asked: list[tuple[str, str, int]] = [("", "all kinds", kinds.total())]
    asked += [(k, k.replace("_", " "), kinds[k]) for k in KINDS if kinds[k]]
    return _group("Outcome", became, view, "outcome") + _group("Kind", asked, view, "kind")


def _group(name: str, choices: Sequence[tuple[str, str, int]], view: View, field: str) -> str:
    # The field is said, too: of the two buttons that stand for the view that is shown, the one that was used gets the
    # focus back.
    wanted = [(replace(view, first=0, **{field: value}), words, n) for value, words, n in choices]
    buttons = "".join(
        button(ACT, f"{to} {field}", f"{shown(words)} ({n:,})", pressed=getattr(to, field) == getattr(view, field))
        for to, words, n in wanted
    )
    return f'<div class="filter" role="group" aria-label="{name}"><span>{name}</span> {buttons}</div>'
