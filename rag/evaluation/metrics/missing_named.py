"""Missing sides named: of the sides of a comparison that the collection lacks, the share said to be absent.

Our own. A side is named where `answer.missing` has it (one name contains the other, whatever the case); of a system
without that field, where a sentence of its text names the side and says that something is not there. A mean over
questions; 0 where the answer failed.
"""

from __future__ import annotations

import re

from rag.evaluation.metrics.metric import Case, Share
from rag.evaluation.statements import says_absent

_LACKING = re.compile(
    r"\b(?:no|none\s+of\s+the|without\s+any?)\s+(?:\w+\s+){0,2}?(?:papers?|abstracts?|sources?|documents?|entry|texts?|context)\b"
    r"|\b(?:not|never|neither|nor|\w+n['’]t)\s+(?:\w+\s+){0,3}?(?:in|found|find|covered?|part|present|among|contain|have|hold|include[ds]?"
    r"|mention(?:ed|s)?|address(?:ed|es)?|represented|know|compared?|say|state)\b"
    r"|\b(?:has|have|holds?|says?|contains?)\s+nothing\b|\bnothing\s+(?:on|about|in)\b"
    r"|\b(?:missing|absent|lacks?|lacking|unavailable)\b",
    re.IGNORECASE,
)  # fmt: skip


def named(case: Case) -> Share | None:
    """The share of the absent sides that the answer names as such."""
    missing = case.item.missing
    if not missing:
        return None
    if case.failed:
        return 0.0, 1.0
    called = [m.casefold() for m in case.answer.missing if m.strip()]
    found = [_called(m, called) if called else _said(m, case) for m in missing]
    return sum(found) / len(found), 1.0


def _called(side: str, called: list[str]) -> bool:
    return any(c in side.casefold() or side.casefold() in c for c in called)


def _said(side: str, case: Case) -> bool:
    from rag.papers.sentences import split_sentences

    for line in case.plain.split("\n"):
        for span in split_sentences(line):
            sentence = line[span.start : span.end]
            if side.casefold() in sentence.casefold() and (says_absent(sentence) or _LACKING.search(sentence)):
                return True
    return False
