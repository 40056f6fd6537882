"""Quote exactness: the share of the quotes that are, to the character, what the abstract has between their offsets.

Our own: exact where abstract[start:end] == quote, and the quote is not empty. Pooled over all quotes of all answers,
those of answers that abstain too: they are shown as well.
"""

from __future__ import annotations

from rag.core.answer import Citation
from rag.evaluation.metrics.metric import Case, Share


def exactness(case: Case) -> Share | None:
    """How many of an answer's quotes are exact, and how many it has."""
    quotes = () if case.failed else case.answer.citations
    return (float(sum(_exact(case, c) for c in quotes)), float(len(quotes))) if quotes else None


def _exact(case: Case, citation: Citation) -> bool:
    paper = case.papers.get(citation.paper_id)
    # A negative offset would count from the end.
    inside = paper is not None and 0 <= citation.start < citation.end
    return inside and paper is not None and paper.abstract[citation.start : citation.end] == citation.quote
