"""Whether the quotes that a statement cites support it: our own check of claims, which here sees nothing but them.

ALCE asks a model of entailment (TRUE, Honovich et al. 2022). Ours is the one that checks the claims of our generating
mode: it is free, gives the same verdict every time, and its agreement with labelled pairs is published in
eval/NOTES.md. It was tuned on abstracts of machine learning, and is strict on paraphrases.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from rag.ask.names import Names
from rag.ask.writing.checking import alone, clauses
from rag.core.answer import Citation
from rag.core.threads import one_thread
from rag.papers.passages import Span
from rag.service import Rag

VERBATIM_WORDS = 3
"""A shorter text is no statement that a quote could hold as it is."""
READINGS = 64
"""Statements that are kept as the check reads them: one is held against several sets of quotes in a row."""

Quotes = Mapping[int, tuple[Span, ...]]
"""What is quoted of the paper in each row."""


class Entailment:
    """Says of a statement and citations whether they support it (`metrics.metric.Supports`). Safe to use from several
    threads. Holds a verdict for every pair that it was asked about, so that it is good for one run."""

    def __init__(self, rag: Rag) -> None:
        self._checker = rag.checker()
        self._index = self._checker.index
        self._names = Names(self._index.papers)
        self._read = lru_cache(maxsize=READINGS)(self._checker.read)
        self._verdicts: dict[tuple[str, tuple[tuple[int, int, int], ...]], bool] = {}
        self._guard = threading.Lock()

    def __call__(self, statement: str, citations: Sequence[Citation]) -> bool:
        """Whether one paper's quotes support the statement, or those of several do clause by clause.

        A statement that stands in a quote as it is needs no check. A quote that its abstract lacks supports nothing.
        """
        quotes = self._quotes(citations)
        key = (statement, tuple(sorted((row, s.start, s.end) for row, spans in quotes.items() for s in spans)))
        with self._guard:
            known = self._verdicts.get(key)
        if known is None:
            known = self._judge(statement, quotes)
            with self._guard:
                self._verdicts[key] = known
        return known

    def _quotes(self, citations: Sequence[Citation]) -> Quotes:
        found: dict[int, set[tuple[int, int]]] = {}
        for c in citations:
            row = self._index.rows.get(c.paper_id)
            if row is None or c.start < 0 or not c.quote.strip():
                continue
            if self._index.papers[row].abstract[c.start : c.end] == c.quote:
                found.setdefault(row, set()).add((c.start, c.end))
        return {row: tuple(Span(*span) for span in sorted(spans)) for row, spans in found.items()}

    def _judge(self, statement: str, quotes: Quotes) -> bool:
        abstracts = {row: self._index.papers[row].abstract for row in quotes}
        if any(verbatim(statement, abstracts[row][s.start : s.end]) for row, spans in quotes.items() for s in spans):
            return True
        return any(self._bears(statement, row, quotes) for row in quotes) or self._together(statement, quotes)

    def _bears(self, text: str, row: int, quotes: Quotes) -> bool:
        """Whether what is quoted of one paper supports a text."""
        with one_thread():
            return self._checker.bears(self._read(text), row, quotes[row])

    def _together(self, statement: str, quotes: Quotes) -> bool:
        """Whether each clause is borne out by one of several papers; what has but one clause ("Both …"), by all."""
        rows = tuple(quotes)
        if len(rows) < 2:
            return False
        parts = clauses(statement)
        enough = any if len(parts) > 1 else all
        return all(
            enough(self._bears(alone(part, row, rows, self._names), row, quotes) for row in rows) for part in parts
        )


def verbatim(statement: str, quote: str) -> bool:
    """Whether a statement stands in a quote word for word, whatever the case, spaces, quotation marks and Markdown."""
    inner, outer = _flat(statement).strip(" .,;:"), _flat(quote)
    if len(inner.split()) < VERBATIM_WORDS:
        return False
    return re.search(rf"(?<![\w.-]){re.escape(inner)}(?![\w-]|[.,]\d)", outer) is not None


def _flat(text: str) -> str:
    kept = re.sub(r"[\"“”‘’'`*_\\]", "", unicodedata.normalize("NFKC", text))
    return " ".join(kept.casefold().split())
