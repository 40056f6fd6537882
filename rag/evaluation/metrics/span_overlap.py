"""Quotes against the gold spans, in characters of the abstracts.

Precision = the share of the quoted characters (a character that is quoted twice counts once) that lie in a gold span.
Recall = the share of the gold spans of which quotes have half of the characters or more. After the snippet measures
of BioASQ (Tsatsaronis et al. 2015, doi:10.1186/s12859-015-0564-6), there over articles' offsets. Quotes of borderline
papers count neither way.
"""

from __future__ import annotations

from collections import defaultdict

from rag.evaluation.metrics.metric import Case, Share

ENOUGH = 0.5
"""The share of a gold span that quotes must have."""


def precision(case: Case) -> Share | None:
    """The share of the quoted characters that lie in a gold span."""
    quoted, gold = _quoted(case), _gold(case)
    whole = sum(map(len, quoted.values()))
    if not gold or not whole:
        return None
    return sum(len(places & gold[paper]) for paper, places in quoted.items() if paper in gold) / whole, 1.0


def recall(case: Case) -> Share | None:
    """The share of the gold spans that are quoted for at least half of their length."""
    spans, quoted = set(case.item.gold_spans), _quoted(case)
    if not spans:
        return None
    found = [len(quoted[s.paper_id] & set(range(s.start, s.end))) >= ENOUGH * (s.end - s.start) for s in spans]
    return sum(found) / len(found), 1.0


def _quoted(case: Case) -> defaultdict[str, set[int]]:
    """The characters that are quoted of each paper."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for c in case.citations:
        if c.paper_id not in case.item.borderline_papers:
            found[c.paper_id].update(range(c.start, c.end))
    return found


def _gold(case: Case) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for s in case.item.gold_spans:
        found.setdefault(s.paper_id, set()).update(range(s.start, s.end))
    return found
