"""Which figures and names of a claim do not stand in a text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rag.ask.figures import Figure, figures, same
from rag.ask.reading.names import Name, NameSet, names

SMALL = 12
"""Counts in words up to this may be the writer's own ("its two parts"); so may digits before a word for the sources."""
_SHARE = re.compile(r"hal(?:f|ves?|ved|ving)|quarter|third|fourth|fifth|tenth", re.IGNORECASE)
_SOURCES_AFTER = re.compile(
    r"\s*(?:of\s+(?:the|these|those|them)\b|(?:\w+\s+)?(?:papers?|abstracts?|sources?|stud(?:y|ies)|works?|methods?|"
    r"approaches|systems|categories|groups|themes|ways)\b)",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def figures_of(text: str) -> tuple[Figure, ...]:
    """The figures of a text; remembered, since each sentence is held against several claims."""
    return tuple(figures(text))


def claimed_figures(text: str) -> list[Figure]:
    """The figures of a claim that have to be in its source: without names, shares in words and the writer's counts."""
    found = []
    for figure in figures_of(text):
        if figure.named or (figure.word and _SHARE.search(figure.text)):
            continue
        if figure.word and not figure.unit and figure.value <= SMALL:
            continue
        if not figure.unit and figure.value <= 100 and _SOURCES_AFTER.match(text, figure.end):
            continue
        found.append(figure)
    return found


def stands(figure: Figure, given: Iterable[Figure]) -> bool:
    """Whether one of the figures of a text bears out a claimed one, rounded perhaps."""
    return any(same(figure, g) or _rounded(figure, g) for g in given)


def _rounded(claimed: Figure, given: Figure) -> bool:
    """ "47%" for 47.1%, "twice" for 1.97x: with fewer decimals, the unit the same, and nearly the same."""
    if claimed.named or given.named or claimed.unit != given.unit or not given.value:
        return False
    if claimed.word and claimed.unit == "x":
        return math.isclose(claimed.value, given.value, rel_tol=0.1)
    near = abs(claimed.value - given.value) <= 0.025 * given.value
    return near and _digits(claimed) < _digits(given) and _rounds_to(given.value, claimed.value)


def _digits(figure: Figure) -> int:
    """Significant digits as written."""
    found = re.search(r"[\d.,]+", figure.text)
    return len(re.sub(r"\D", "", found.group()).strip("0")) if found else 0


def _rounds_to(exact: float, rounded: float) -> bool:
    size = math.floor(math.log10(abs(exact)))
    return any(math.isclose(round(exact, n - size), rounded, rel_tol=1e-6) for n in range(6))


def is_derived(figure: Figure, others: Sequence[Figure]) -> bool:
    """Whether a figure is the difference, the sum or the ratio of two others of the same claim: "from 84% to 87%, 3
    points more"."""
    pairs = [(a.value, b.value) for a in others for b in others if a is not b and a.unit == b.unit and b.value]
    tolerance = 0.5 * 10.0**-figure.decimals + 1e-9
    for a, b in pairs:
        results = [abs(a - b), a + b]
        if figure.unit == "x":
            results = [a / b]
        elif figure.unit == "%":
            results += [abs(a - b) / b * 100]
        if any(abs(figure.value - result) <= tolerance for result in results):
            return True
    return False


def missing_figures(text: str, given: Sequence[Figure], year: int | None = None) -> list[Figure]:
    """The figures of a claim that none of `given` bears out; `year` is that of the paper."""
    claimed = claimed_figures(text)
    absent = [f for f in claimed if not stands(f, given) and not (year and f.value == year and not f.unit)]
    present = [f for f in claimed if f not in absent]
    return [f for f in absent if not is_derived(f, present)]


def missing_names(text: str, known: NameSet) -> list[Name]:
    """The names of a claim that the texts of `known` don't have; not those that the claim itself spells out."""
    return [n for n in names(text) if not known.has(n) and not _spelt_out(n, text)]


def _spelt_out(name: Name, text: str) -> bool:
    """Whether a capitalised word is part of what an acronym behind it in round brackets stands for: "Mixture of Experts
    (MoE)"; the acronym itself is looked for."""
    after = re.match(r"[\w\s-]{0,60}?\(([A-Z]\w{1,7})\)", text[name.start :])
    return not name.strong and after is not None and name.text[0] in after[1]
