"""Number exactness: the share of the figures of the vital nuggets that an answer gives.

A figure is taken from the words of the gold span that the nugget matches (else of the abstract, else from the nugget's
own text), and is given where the answer has the same one after spelling and units are normalised (rag.figures): "2.5x"
for "2.5-fold", "1,000" for "1000". Pooled over the figures. After the exact match of numbers in DROP (Dua et al. 2019,
arXiv:1903.00161).
"""

from __future__ import annotations

import re

from rag.evaluation.items import Item, Nugget
from rag.evaluation.metrics.metric import Case, Metric, Share
from rag.evaluation.metrics.nugget_recall import vital
from rag.figures import Figure, figures, same

_NAMES = re.compile(r"(?:double|triple|quadruple)\b|half[\s-]precision", re.IGNORECASE)
"""Words that name more often than they count: "double quantization", "triple modular redundancy"."""


def exactness(case: Case) -> Share | None:
    """How many figures of the vital nuggets the answer gives, and how many they have."""
    wanted = _distinct([f for n in vital(case) for f in of_nugget(case, n)])
    if not wanted:
        return None
    silent = case.abstained or case.failed
    given = [] if silent else _given(case.plain)
    return float(sum(any(same(g, w) for g in given) for w in wanted)), float(len(wanted))


def of_nugget(case: Case, nugget: Nugget) -> list[Figure]:
    """The figures of a nugget, as its paper gives them."""
    paper = case.papers.get(case.item.paper_of(nugget)) if case.item.gold_papers or nugget.paper_id else None
    texts = [*_spans(case.item, nugget), *([paper.abstract] if paper else [])]
    for text in texts:
        if places := _matches(nugget, text):
            return [f for f in _given(text) if any(f.start < b and a < f.end for a, b in places)]
    return _given(nugget.text)


def _given(text: str) -> list[Figure]:
    """The figures of a text, without the digits and words of names."""
    return [f for f in figures(text) if not f.named and not _NAMES.match(text, f.start)]


def _spans(item: Item, nugget: Nugget) -> list[str]:
    if not item.gold_papers and not nugget.paper_id:
        return []
    return [s.text for s in item.gold_spans if s.paper_id == item.paper_of(nugget)]


def _matches(nugget: Nugget, text: str) -> list[tuple[int, int]]:
    """Where the first alias or pattern that a text has stands in it."""
    aliases = (r"\s+".join(re.escape(word) for word in alias.split()) for alias in nugget.aliases)
    for pattern in (*aliases, *nugget.patterns):
        if found := [m.span() for m in re.finditer(pattern, text, re.IGNORECASE) if m.group()]:
            return found[:1]
    return []


def _distinct(found: list[Figure]) -> list[Figure]:
    """Each figure once, though several nuggets share it."""
    return list({(f.value, f.unit): f for f in found}.values())


NUMBER_EXACTNESS = Metric("number_exactness", exactness, "no vital nugget has a figure")
