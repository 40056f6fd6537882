"""What became of one item of a run: right, or the first thing that went wrong with it.

The metrics say how much is lost; this says where, for tables, for filters, and for what got better or worse between
two runs. What an item may be wrong in, in the order in which it is looked for:

    error                   the system raised an error instead of answering
    answered_unanswerable   the collection does not say, and the answer does not say so
    not_retrieved           a gold paper is neither among the first ten retrieved nor cited
    refused                 it abstains though the collection answers, with every gold paper retrieved, or without
                            having looked (nothing was retrieved)
    extra                   a list that has more papers too many than too few; an answer that cites mostly others
    not_cited               a gold paper was retrieved and is not cited
    incomplete              every gold paper is cited, and a vital nugget is missing
    side_not_named          the facts are there, but a side that the collection lacks is not said to be missing
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from rag.evaluation.items import SETS, Item
from rag.evaluation.metrics.abstention import astray
from rag.evaluation.runs import Scored

Outcome = Literal[
    "right",
    "side_not_named",
    "incomplete",
    "not_cited",
    "extra",
    "refused",
    "not_retrieved",
    "answered_unanswerable",
    "error",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""In the order of tables: from right over what answering lost to what retrieval lost."""

WORDS: Mapping[Outcome, str] = {
    "right": "right",
    "side_not_named": "absent side not named",
    "incomplete": "vital nugget missing",
    "not_cited": "retrieved, not cited",
    "extra": "papers that do not belong",
    "refused": "refused",
    "not_retrieved": "not retrieved",
    "answered_unanswerable": "answered the unanswerable",
    "error": "error",
}
"""What readers are told."""

DEPTH = 10
"""How many retrieved papers count as found."""
LIST_F1 = 0.7
"""A list below this is wrong: it has less than about seven in ten of its papers, or three in ten too many. Of an
overview, the share of the key papers."""


def outcome(scored: Scored) -> Outcome:
    """What became of an item. It is right where none of the other outcomes holds."""
    item, answer = scored.item, scored.answer
    if scored.failed:
        return "error"
    if not item.answerable:
        return "right" if answer.abstained else "answered_unanswerable"
    if not (answer.abstained or _wrong(scored)):
        return "side_not_named" if _value(scored, "missing_named", 1.0) < 1 else "right"
    if answer.abstained and not answer.retrieved:
        return "refused"
    lost = _lost(scored)
    if lost - {r.paper_id for r in answer.retrieved[:DEPTH]}:
        return "not_retrieved"
    if answer.abstained:
        return "refused"
    if len(_extra(scored)) > len(lost) if item.kind in SETS else _right_and_astray(scored):
        return "extra"
    return "not_cited" if lost else "incomplete"


def failed(scored: Scored) -> bool:
    """Whether an item is not right."""
    return outcome(scored) != "right"


def _wrong(scored: Scored) -> bool:
    """Whether what an answer says falls short: a list by its F1, any other by its vital nuggets.

    An item with neither is wrong where it leaves out a gold paper, as for the metric accuracy.
    """
    return _short(scored) or (
        scored.item.kind not in (*SETS, "overview") and astray(scored.scores.get("gold_citation_precision"))
    )


def _right_and_astray(scored: Scored) -> bool:
    return not _short(scored)


def _short(scored: Scored) -> bool:
    item = scored.item
    name = {"list": "list_f1", "count": "list_f1", "overview": "overview_recall"}.get(item.kind, "all_vital")
    if scored.scores.get(name) is not None:
        return _value(scored, name, 1.0) < (1 if name == "all_vital" else LIST_F1)
    return bool(_lost(scored))


def _lost(scored: Scored) -> set[str]:
    """The gold papers that an answer does not cite."""
    return set(scored.item.gold_papers) - _cited(scored)


def _extra(scored: Scored) -> set[str]:
    item: Item = scored.item
    return _cited(scored) - set(item.gold_papers) - set(item.borderline_papers)


def _cited(scored: Scored) -> set[str]:
    answer = scored.answer
    return set() if answer.abstained and answer.state != "nearest" else {c.paper_id for c in scored.answer.citations}


def _value(scored: Scored, name: str, undefined: float) -> float:
    share = scored.scores.get(name)
    return undefined if share is None else share[0] / share[1]
