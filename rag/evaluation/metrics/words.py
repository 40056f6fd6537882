"""Length: how many words an answer has, quotes and titles too, without markers and the rules of tables.

Our own. Neither good nor bad in itself: what pastes whole abstracts shows here.
"""

from __future__ import annotations

import re

from rag.evaluation.metrics.metric import Case, Share


def words(case: Case) -> Share | None:
    """The number of words; a word has a letter or a digit."""
    if case.failed:
        return None
    return float(sum(bool(re.search(r"[^\W_]", w)) for w in case.plain.split())), 1.0
