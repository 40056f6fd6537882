"""Questions about several papers: those that write a rare term, how many they are, and how two of them differ."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rag.ask.suggesting.terms import terms_of, written
from rag.evaluation.drafting.asking import vital
from rag.evaluation.drafting.facts import VAGUE, gist
from rag.evaluation.drafting.source import Source, drafted, listed
from rag.evaluation.drafting.splits import SplitRule, common
from rag.evaluation.items import Item, Kind, Span
from rag.index.lexical import STOPWORDS, stem, words
from rag.papers import Paper

FEWEST, MOST = 2, 8
"""Papers that share a term: fewer are no list, and with more the term is a subject of the whole collection."""
_COUNTS = ("None", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
TERMS = 300
"""Terms that are looked at: each is searched for in all papers."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term, the rows of the papers whose abstracts write it, and of those that come close to it."""

    text: str
    rows: tuple[int, ...]
    near: tuple[int, ...]

    @property
    def quoted(self) -> str:
        """The term as a question says it: a phrase in quotation marks, a name without."""
        return f"“{self.text}”" if " " in self.text or "-" in self.text else self.text


def shared_terms(papers: Sequence[Paper], seed: int) -> list[Term]:
    """Rare terms that at least two abstracts write, in an order that `seed` gives; one of them has it twice or in its
    title, so that it is about it."""
    having: dict[str, set[int]] = defaultdict(set)
    for row, paper in enumerate(papers):
        for term in terms_of(paper.abstract):
            having[term].add(row)
    likely = sorted(t for t, rows in having.items() if FEWEST <= len(rows) <= MOST)
    random.Random(seed).shuffle(likely)
    stems = [{stem(w) for w in words(f"{p.title} {p.abstract}")} for p in papers]
    found = (_term(text, papers, stems) for text in likely[:TERMS])
    return [term for term in found if term is not None]


def _term(text: str, papers: Sequence[Paper], stems: Sequence[set[str]]) -> Term | None:
    """The term with the papers that write it, whatever the case, hyphens and the plural."""
    pattern, about = written(text), False
    rows: list[int] = []
    near: list[int] = []
    own = {stem(w) for w in words(text)}
    for row in (r for r, held in enumerate(stems) if own <= held):
        count, titled = len(pattern.findall(papers[row].abstract)), bool(pattern.search(papers[row].title))
        (rows if count else near).append(row)
        about |= count > 1 or (titled and count > 0)
    if not about or not FEWEST <= len(rows) <= MOST or len(near) > len(rows):
        return None
    return Term(text, tuple(rows), tuple(near))


def lists(terms: Sequence[Term], papers: Sequence[Paper], held: dict[int, Source], rule: SplitRule) -> Iterator[Item]:
    """For every term whose papers are of one split: which papers have it, or how many do, in turn."""
    for n, term in enumerate(terms):
        gold = [held[row] for row in term.rows if row in held]
        split = common([papers[row].id for row in term.rows], rule)
        if split is None or len(gold) != len(term.rows):
            continue
        spans = [span for source in gold for span in _spans(source, term.text)]
        if {s.paper_id for s in spans} != {s.paper.id for s in gold}:
            continue  # A term that runs over two sentences.
        names = listed([s.title for s in gold])
        kind: Kind = "count" if n % 3 == 2 else "list"
        ask = ("Which papers mention {}?", "List the papers that mention {}.", "How many papers mention {}?")[n % 3]
        yield drafted(
            kind,
            f"{kind}/term",
            ask.format(term.quoted),
            f"{_COUNTS[len(gold)]}: {names}." if kind == "count" else f"{names}.",
            split,
            gold=gold,
            spans=spans,
            borderline_papers=tuple(papers[row].id for row in term.near),
        )


def _spans(source: Source, term: str) -> list[Span]:
    pattern = written(term)
    return [source.span(s) for s in source.sentences if pattern.search(s.text)]


def comparisons(terms: Sequence[Term], held: dict[int, Source]) -> Iterator[Item]:
    """Two papers that say what they are, and share a rare term, or are things of the same sort by their own words."""
    seen: Counter[int] = Counter()
    for term in terms:
        rows = [row for row in term.rows if row in held and seen[row] < 2 and gist(held[row])]
        pairs = [(a, b) for i, a in enumerate(rows) for b in rows[i + 1 :] if held[a].split == held[b].split]
        if pairs:
            seen.update(pairs[0])
            yield _comparison(held[pairs[0][0]], held[pairs[0][1]])
    kinds = {row: {*words(g.what)} - STOPWORDS - VAGUE for row, source in held.items() if (g := gist(source))}
    likely = [(len(kinds[a] & kinds[b]), a, b) for a, b in combinations(kinds, 2) if held[a].split == held[b].split]
    for alike, a, b in sorted(likely, key=lambda pair: -pair[0]):
        if alike and not seen[a] and not seen[b]:
            seen.update((a, b))
            yield _comparison(held[a], held[b])


def _comparison(a: Source, b: Source) -> Item:
    sides = [(s, g) for s in (a, b) if (g := gist(s))]
    said = "; ".join(f"{s.called('writer')} {_does(s, g.verb)} {g.article} {g.what}" for s, g in sides)
    return drafted(
        "comparison",
        "comparison/term",
        f"How do {a.called('writer')} and {b.called('writer')} differ?",
        f"{said}.",
        a.split,
        gold=(a, b),
        spans=[s.span(g.sentence) for s, g in sides],
        nuggets=[vital(g.what, paper_id=s.paper.id) for s, g in sides],
    )


def _does(source: Source, verb: str) -> str:
    return "is" if source.name else f"{verb}s"
