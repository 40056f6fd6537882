"""Nugget recall: the share of the facts of the reference that an answer holds.

Strict vital recall = vital nuggets found / vital nuggets, as in TREC's AutoNuggetizer (Pradeep et al. 2025,
arXiv:2504.15068) after Voorhees 2003; a nugget is found by its aliases and patterns, not by a model. In a comparison it
has to stand in what is said of its own paper: in sentences that cite it, or that cite nothing. Who begins by agreeing
with a false premise has not corrected it. 0 where the answer is silent. The means are over questions.
"""

from __future__ import annotations

import re

from rag.evaluation.items import Nugget
from rag.evaluation.metrics.metric import Case, Share

_AGREES = re.compile(
    r"\W*(?:yes|yeah|indeed|certainly|exactly|correct|right|(?:you are|you're|that is|that's) (?:right|true))\b",
    re.IGNORECASE,
)


def holds(case: Case, nugget: Nugget) -> bool:
    """Whether the answer has a nugget, in its Markdown or in its plain text; never where it is silent."""
    if case.silent:
        return False
    if case.item.kind == "false_premise" and _AGREES.match(case.plain):
        return False
    if case.item.kind == "comparison" and case.statements:
        return nugget.found_in(_said_of(case, case.item.paper_of(nugget)))
    return nugget.found_in(case.text) or nugget.found_in(case.plain)


def _said_of(case: Case, paper: str) -> str:
    """The sentences of an answer that cite a paper, or nothing at all."""
    own = {c.marker for c in case.citations if c.paper_id == paper}
    return " ".join(s.text for s in case.statements if not s.markers or own & {*s.markers})


def vital(case: Case) -> tuple[Nugget, ...]:
    """The nuggets without which an answer is wrong or incomplete."""
    return tuple(n for n in case.item.nuggets if n.importance == "vital")


def vital_recall(case: Case) -> Share | None:
    """The share of the vital nuggets that the answer has."""
    wanted = vital(case)
    return (sum(holds(case, n) for n in wanted) / len(wanted), 1.0) if wanted else None


def nugget_recall(case: Case) -> Share | None:
    """The share of all nuggets that the answer has."""
    wanted = case.item.nuggets
    return (sum(holds(case, n) for n in wanted) / len(wanted), 1.0) if wanted else None


def all_vital(case: Case) -> Share | None:
    """1 where the answer has every vital nugget, else 0."""
    wanted = vital(case)
    return (float(all(holds(case, n) for n in wanted)), 1.0) if wanted else None
