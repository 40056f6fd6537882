"""Citation recall and precision as in ALCE (Gao et al. 2023, arXiv:2305.14627, section 3), with our support check.

The recall of a statement is 1 where all that it cites, taken together, supports it, and 0 where it cites nothing or an
unknown marker. A citation is precise where the recall of its statement is 1 and it is not irrelevant; it is irrelevant
where it does not support the statement alone, and the others do without it. Of an answer both are means, recall over
its statements, precision over its citations, one of each marker of each statement; of a system, means over answers.

An unknown marker counts as a citation, which is never precise: so says the paper's text; its code leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.core.answer import Citation
from rag.evaluation.metrics.metric import Case, Share, Supports
from rag.evaluation.statements import Statement

Marked = Mapping[int, Sequence[Citation]]
"""What each marker stands for."""


def recall(case: Case) -> Share | None:
    """The share of the statements that what they cite supports."""
    marked = _marked(case)
    held = [holds(s, marked, case.supports) for s in case.statements]
    return (sum(held) / len(held), 1.0) if held else None


def precision(case: Case) -> Share | None:
    """The share of the citations of statements that are precise."""
    marked = _marked(case)
    found = [p for s in case.statements for p in precise(s, marked, case.supports)]
    return (sum(found) / len(found), 1.0) if found else None


def holds(statement: Statement, marked: Marked, supports: Supports) -> bool:
    """Whether all that a statement cites, taken together, supports it."""
    known = statement.markers and all(m in marked for m in statement.markers)
    return bool(known) and supports(statement.text, _of(statement.markers, marked))


def precise(statement: Statement, marked: Marked, supports: Supports) -> list[bool]:
    """Whether each citation of a statement is precise, in the order of its markers."""
    markers = statement.markers
    if len(markers) < 2 or not holds(statement, marked, supports):
        return [holds(statement, marked, supports) for _ in markers]
    found = []
    for marker in markers:
        alone = supports(statement.text, _of((marker,), marked))
        others = _of([m for m in markers if m != marker], marked)
        found.append(alone or not supports(statement.text, others))
    return found


def _marked(case: Case) -> dict[int, list[Citation]]:
    found: dict[int, list[Citation]] = {}
    for c in case.citations:
        found.setdefault(c.marker, []).append(c)
    return found


def _of(markers: Sequence[int], marked: Marked) -> list[Citation]:
    return [c for m in markers for c in marked[m]]
