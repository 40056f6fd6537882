"""Number exactness: the share of the figures of the vital nuggets that an answer gives.

A figure is taken from the words of the gold spans that the nugget matches (else of the abstract, else from the nugget's
own text), and is given where the answer has the same one after spelling and units are normalised
(rag.ask.figures): "2.5x"
for "2.5-fold", "1,000" for "1000". Where several aliases or patterns match there, the one counts that the answer does
best by; where one of them matches no figure, the nugget is not about one. Pooled over the figures. After the exact
match of numbers in DROP (Dua et al. 2019, arXiv:1903.00161).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.ask.figures import Figure, figures, same
from rag.evaluation.items import Nugget
from rag.evaluation.metrics.metric import Case, Share
from rag.evaluation.metrics.nugget_recall import vital

_NAMES = re.compile(r"(?:double|triple|quadruple)\b|half[\s-]precision", re.IGNORECASE)
"""Words that name more often than they count: "double quantization", "triple modular redundancy"."""

_OPENING = re.compile(r"(?:^|[.!?\n]\s*)[A-Z]\w*\s$")
"""A word that may have its capital from the sentence, not from a name: "Beyond 4096"."""


def exactness(case: Case) -> Share | None:
    """How many figures of the vital nuggets the answer gives, and how many they have."""
    given = () if case.silent else _figures(case.plain)
    wanted: dict[tuple[float, str], bool] = {}
    for nugget in vital(case):
        ways = [{(w.value, w.unit): any(same(g, w) for g in given) for w in way} for way in of_nugget(case, nugget)]
        if ways:
            # A figure that several nuggets share counts once.
            best = max(ways, key=lambda way: sum(way.values()) / len(way))
            wanted.update(best)
    return (float(sum(wanted.values())), float(len(wanted))) if wanted else None


def of_nugget(case: Case, nugget: Nugget) -> list[tuple[Figure, ...]]:
    """The figures of a nugget in each way in which its paper may be found to say it; none where one has no figure."""
    item = case.item
    about = item.paper_of(nugget) if item.gold_papers or nugget.paper_id else ""
    texts = [s.text for s in item.gold_spans if s.paper_id == about]
    texts += [case.papers[about].abstract] if about in case.papers else []
    ways = [_way(expression, texts) for expression in nugget.expressions]
    found = [way for way in ways if way is not None] or [_figures(nugget.text)]
    return found if all(found) else []


def _way(pattern: str, texts: Sequence[str]) -> tuple[Figure, ...] | None:
    """The figures in the words of the first text that a pattern matches; None where it matches none."""
    for text in texts:
        if (m := re.search(pattern, text, re.IGNORECASE)) and m.group():
            return tuple(f for f in _figures(text) if f.start < m.end() and m.start() < f.end)
    return None


def _figures(text: str) -> tuple[Figure, ...]:
    """The figures of a text, without the digits and words of names."""
    return tuple(
        f
        for f in figures(text)
        if not (f.named and not _OPENING.search(text[: f.start])) and not _NAMES.match(text, f.start)
    )
