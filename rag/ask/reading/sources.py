"""The papers that a model reads: numbered, with numbered sentences, as many as its context holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rag.core.paper import Paper
from rag.index.index import Index
from rag.index.lexical import terms
from rag.llm.prompts import data
from rag.papers.sentences import Span

CHARACTERS_A_TOKEN = 3.4
"""Of numbered abstracts, by the tokenizers of Llama 3 and Qwen 2.5, less a tenth to be on the safe side."""
AUTHORS = 3
"""Authors that are named to the model, before "et al."."""


@dataclass(frozen=True, slots=True)
class Source:
    """One paper as the model reads it. `shown` are the numbers, from 1, of the sentences that it gets."""

    number: int
    row: int
    paper: Paper
    spans: tuple[Span, ...]
    shown: tuple[int, ...]

    def text(self, sentence: int) -> str:
        """A sentence by its number, from 1."""
        span = self.spans[sentence - 1]
        return self.paper.abstract[span.start : span.end]

    def rendered(self) -> str:
        """The source as it stands in the prompt: data that can't close its own tag."""
        title = data(self.paper.title).replace('"', "”")
        year = f' year="{self.paper.year}"' if self.paper.year else ""
        names = ", ".join(self.paper.authors[:AUTHORS]) + (" et al." if len(self.paper.authors) > AUTHORS else "")
        authors = f' authors="{data(names).replace(chr(34), "”")}"' if names else ""
        lines = [f"[{self.number}.{n}] {data(' '.join(self.text(n).split()))}" for n in self.shown]
        body = "\n".join(lines) or "(no abstract)"
        return f'<source id="{self.number}" title="{title}"{year}{authors}>\n{body}\n</source>'


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of one prompt. Source n is `papers[n - 1]`; `left_out` is how many papers did not fit. `question` is
    what they are read for, where it is one question."""

    index: Index
    papers: tuple[Source, ...]
    left_out: int = 0
    question: str = ""
    _terms: dict[tuple[int, int], frozenset[str]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What the model reads."""
        return rendered(self.papers)

    def get(self, number: int) -> Source | None:
        """The source of that number."""
        return self.papers[number - 1] if 1 <= number <= len(self.papers) else None

    def span(self, number: int, sentence: int) -> tuple[int, Span] | None:
        """The row and the span of a sentence; None where there is none of that number."""
        source = self.get(number)
        if source is None or not 1 <= sentence <= len(source.spans):
            return None
        return source.row, source.spans[sentence - 1]

    def cover(self, claim: str, source: Source, sentence: int) -> float:
        """The share of the words of a claim, by their rarity in the collection, that a sentence covers.

        What only the title says counts half: every sentence of the paper would have it.
        """
        weight = {t: self.index.lexicon.idf(t) for t in set(terms(claim))}
        shared = weight.keys() & self.terms_of(source, sentence)
        also = (weight.keys() & self.terms_of(source, 0)) - shared
        total = sum(weight.values())
        return (sum(weight[t] for t in shared) + 0.5 * sum(weight[t] for t in also)) / total if shared else 0.0

    def best(self, claim: str, sources: Iterable[Source], least: float = 0.0) -> tuple[Source, int, float] | None:
        """The sentence among `sources` that covers most of a claim, and its share; None where none has more than
        `least`."""
        found: tuple[Source, int, float] | None = None
        for source in sources:
            for n in range(1, len(source.spans) + 1):
                cover = self.cover(claim, source, n)
                if cover > least and (found is None or cover > found[2]):
                    found = (source, n, cover)
        return found

    def terms_of(self, source: Source, sentence: int) -> frozenset[str]:
        """The stems of the content words of a sentence; of the title for 0."""
        key = (source.number, sentence)
        if key not in self._terms:
            self._terms[key] = frozenset(terms(source.text(sentence) if sentence else source.paper.title))
        return self._terms[key]


def rendered(papers: Iterable[Source]) -> str:
    """Some sources as they stand in a prompt."""
    return "\n".join(source.rendered() for source in papers)


def tokens(text: str) -> int:
    """About how many tokens a model makes of `text`."""
    # Outside the Latin script a character is about a token.
    wide = 0 if text.isascii() else sum(ord(c) > 0x2E7F for c in text)
    return math.ceil((len(text) - wide) / CHARACTERS_A_TOKEN) + wide


def gather_sources(rows: Sequence[int], index: Index, question: str, *, most: int, budget: int) -> Sources:
    """The papers in `rows`, best first, as sources: at most `most`, and as many as `budget` tokens hold.

    The lowest-ranked are left out first. Where not even the first fits as a whole, its sentences that share most with
    the question are kept, and at least one.
    """
    kept: list[Source] = []
    left = budget
    wanted = list(dict.fromkeys(rows))[:most]
    for row in wanted:
        paper, spans = index.papers[row], tuple(index.sentences(row))
        whole = Source(len(kept) + 1, row, paper, spans, tuple(range(1, len(spans) + 1)))
        cost = tokens(whole.rendered()) + 1
        if cost <= left:
            kept.append(whole)
            left -= cost
        elif not kept:
            kept.append(_shortened(whole, index, question, budget))
            break
        else:
            break
    return Sources(index, tuple(kept), len(wanted) - len(kept), question)


def _shortened(source: Source, index: Index, question: str, budget: int) -> Source:
    asked = set(terms(question))

    def shares(n: int) -> float:
        return sum(index.lexicon.idf(t) for t in asked & set(terms(source.text(n))))

    ranked = sorted(source.shown, key=lambda n: -shares(n))
    shown: tuple[int, ...] = tuple(ranked[:1])
    for n in ranked[1:]:
        more = Source(source.number, source.row, source.paper, source.spans, tuple(sorted((*shown, n))))
        if tokens(more.rendered()) > budget:
            break
        shown = more.shown
    return Source(source.number, source.row, source.paper, source.spans, shown)
