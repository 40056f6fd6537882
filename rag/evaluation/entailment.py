"""Whether the quotes that a statement cites support it: our own check, which here sees nothing but them.

ALCE asks a model of entailment (TRUE, Honovich et al. 2022). Ours is the proof of a model's answers
(rag.ask.reading): a statement is supported by what it quotes where it stands there as it is, or where every figure
of it stands there, every name of it in the papers, and a good part of its words in either. It is free and gives the
same verdict every time; it does not understand, and takes a claim for supported that turns a sentence round.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rag.ask.reading.checks import figures_of, missing_figures, missing_names
from rag.ask.reading.names import NameSet
from rag.core.answer import Citation
from rag.index.lexical import terms
from rag.papers import Paper

VERBATIM_WORDS = 3
"""A shorter text is no statement that a quote could hold as it is."""
COVERED = 0.4
"""Share of the words of a statement, by their rarity in the collection, that quotes and titles have to have. Of claims
that models wrote of the seeds' abstracts .98 of the supported ones are found so, and .57 of the others refused; of
claims written to be hard (paraphrases; roles swapped, sentences turned round) .78 and .50. With .5: .97 and .70; .64
and .53."""


class Entailment:
    """Says of a statement and citations whether they support it (`metrics.metric.Supports`). Safe to use from several
    threads."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = {p.id: p for p in papers}
        held = Counter(t for p in papers for t in set(terms(f"{p.title} {p.abstract}")))
        self._rarity = {t: math.log1p((len(papers) - n + 0.5) / (n + 0.5)) for t, n in held.items()}
        self._unseen = math.log1p(2 * len(papers) + 1)
        self._names = lru_cache(maxsize=256)(self._name_set)

    def __call__(self, statement: str, citations: Sequence[Citation]) -> bool:
        """Whether the quotes support the statement. A quote that its abstract lacks supports nothing."""
        found = [c for c in citations if self._exact(c)]
        return bool(found) and self.supported(statement, [c.quote for c in found], [c.paper_id for c in found])

    def supported(self, statement: str, quotes: Sequence[str], ids: Iterable[str]) -> bool:
        """Whether quotes of the papers with these ids support a statement."""
        if any(verbatim(statement, quote) for quote in quotes):
            return True
        ids = tuple(sorted(set(ids)))
        texts = [*quotes, *(self._papers[id].title for id in ids)]
        given = [figure for text in texts for figure in figures_of(text)]
        if missing_figures(statement, given) or missing_names(statement, self._names(ids)):
            return False
        return self.cover(statement, texts) >= COVERED

    def cover(self, statement: str, texts: Iterable[str]) -> float:
        """The share of a statement's words that the texts have, each weighted by how rare it is."""
        wanted = {t: self._rarity.get(t, self._unseen) for t in set(terms(statement))}
        held = {t for text in texts for t in terms(text)}
        total = sum(wanted.values())
        return sum(w for t, w in wanted.items() if t in held) / total if total else 0.0

    def _name_set(self, ids: tuple[str, ...]) -> NameSet:
        return NameSet(t for p in map(self._papers.__getitem__, ids) for t in (p.title, p.abstract, *p.authors))

    def _exact(self, citation: Citation) -> bool:
        paper = self._papers.get(citation.paper_id)
        if paper is None or citation.start < 0 or not citation.quote.strip():
            return False
        return paper.abstract[citation.start : citation.end] == citation.quote


def verbatim(statement: str, quote: str) -> bool:
    """Whether a statement stands in a quote word for word, whatever the case, spaces, quotation marks and Markdown."""
    inner, outer = _flat(statement).strip(" .,;:"), _flat(quote)
    if len(inner.split()) < VERBATIM_WORDS:
        return False
    return re.search(rf"(?<![\w.-]){re.escape(inner)}(?![\w-]|[.,]\d)", outer) is not None


def _flat(text: str) -> str:
    kept = re.sub(r"[\"“”‘’'`*_\\]", "", unicodedata.normalize("NFKC", text))
    return " ".join(kept.casefold().split())
