"""What might be asked next, of one paper, of two, or of all: to be tried before it is offered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.ask.aspects import kinds
from rag.ask.finding import Finder
from rag.ask.suggesting.cues import details
from rag.ask.suggesting.subject import Sentence, Subject, nameable, own_name, sentences
from rag.ask.suggesting.terms import in_general, of_nouns, terms_of, topics_of, written
from rag.core.answer import Kind
from rag.index.embedding import Floats
from rag.index.lexical import STOPWORDS, stem, words

WORDS = 12
"""Of a title in a question; with more nobody reads the question behind it."""
CHARACTERS = 160
"""Of a question."""
FEWEST, MOST = 2, 15
"""Papers of a list: one is none, and of more a researcher would ask something narrower."""
LONG = 300
"""Characters of a sentence that says something about a thing, and not about many."""
LONGEST = 115
"""Characters of a comparison: two titles in one sentence are too many."""
NEAR = 5
"""Papers near one, at most."""
REMOTE, RELATED, ALIKE = 0.25, 0.5, 0.62
"""Cosines below which two papers have nothing in common, are no neighbours, and are not compared. Read off 36 papers of
two collections with their five nearest."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question, and what its answer must cite: each of `papers` (rows), and of each where `quotes` has sentences of
    it one of these. Two candidates of one `pattern` are alike. `term` is what a list is of.
    """

    pattern: str
    kind: Kind
    text: str
    papers: tuple[int, ...]
    quotes: tuple[tuple[Sentence, ...], ...] = ()
    term: str = ""


@dataclass(slots=True)
class Candidates:
    """Makes candidates out of the papers of one index; with `allowed`, of these rows only."""

    finder: Finder
    allowed: frozenset[int] | None = None
    _subjects: dict[int, Subject | None] = field(default_factory=dict)
    _near: dict[int, dict[int, float]] = field(default_factory=dict)

    def subject(self, row: int) -> Subject | None:
        """The paper in `row` as questions see it; None where no question could name it."""
        if row not in self._subjects:
            self._subjects[row] = self._read(row)
        return self._subjects[row]

    def _read(self, row: int) -> Subject | None:
        paper = self.finder.index.papers[row]
        name = own_name(self.finder.names, row)
        if not (name and _introduced(name, paper.title, paper.abstract)):
            name = ""
        if not name and not (nameable(paper.title) and 3 <= len(paper.title.split()) <= WORDS):
            return None
        return Subject(paper, name, sentences(paper))

    def of_one(self, row: int) -> Iterator[Candidate]:
        """What one sentence of this paper answers."""
        subject = self.subject(row)
        if subject is None:
            return
        for asked in details(subject):
            yield Candidate(asked.pattern, "single", asked.text, (row,), (asked.sentences,))
        yield from self._mentioned(row, subject)

    def _mentioned(self, row: int, subject: Subject) -> Iterator[Candidate]:
        """What the paper says of things that other papers are about."""
        called = f"the paper on {subject.name}" if subject.name else subject.title
        for sentence in subject.sentences:
            for term in topics_of(sentence.text) if len(sentence.text) <= LONG else ():
                pattern = written(term)
                rows = [] if pattern.search(subject.paper.title) else self._writing(term, pattern)
                if len(rows) > 1 and (of_nouns(term) or self._subject(term, rows)):
                    about = in_general(term, [self.finder.index.papers[r].abstract for r in rows])
                    text = f"What does {called} say about {about}?"
                    yield Candidate("about", "single", text, (row,), ((sentence,),))

    def of_two(self, row: int) -> Iterator[Candidate]:
        """This paper beside those nearest to it."""
        for other in self.near(row, ALIKE):
            yield from self.compared(row, other)

    def near(self, row: int, least: float = RELATED) -> list[int]:
        """The papers on much the same as this one, the nearest first, with a cosine of `least` or more."""
        if row not in self._near:
            ranking = self.finder.rank(self.finder.index.papers[row].title)
            rows = [int(r) for r in ranking.rows[: 2 * NEAR] if int(r) != row and self._may(int(r))][:NEAR]
            self._near[row] = {r: self.cosine(row, r) for r in rows}
        alike = self._near[row]
        return sorted((r for r in alike if alike[r] >= least), key=lambda r: -alike[r])

    def cosine(self, row: int, other: int) -> float:
        """The cosine of the means of two papers' passages."""
        a, b = (self._mean(r) for r in (row, other))
        return float(a @ b)

    def _mean(self, row: int) -> Floats:
        index = self.finder.index
        first, last = index.passage_starts[row : row + 2]
        mean: Floats = np.asarray(index.passage_vectors[first:last], np.float32).sum(axis=0)
        return mean / np.float32(max(float(np.linalg.norm(mean)), 1e-9))

    def compared(self, row: int, other: int) -> Iterator[Candidate]:
        """Two papers side by side: by an aspect on which both have a sentence, else as a whole."""
        a, b = self.subject(row), self.subject(other)
        if a is None or b is None or row == other:
            return
        first, second = a.name or a.title, b.name or b.title
        if len(first) + len(second) > LONGEST:
            return
        for aspect, form in _ASPECTS:
            quotes = tuple(tuple(s for s in side.sentences if _tells(aspect, s.text)) for side in (a, b))
            if all(quotes):
                yield Candidate("compare", "comparison", form.format(first, second), (row, other), quotes)
        yield Candidate("compare", "comparison", f"How do {first} and {second} differ?", (row, other))

    def of_all(self, row: int) -> Iterator[Candidate]:
        """The papers that share a term with this one, the rarest term first."""
        paper = self.finder.index.papers[row]
        found = []
        text = f"{paper.abstract} On {paper.title}."
        names = (t for t in terms_of(_LINK.sub(" ", paper.abstract)) if " " not in t and "-" not in t)
        for term in sorted({*topics_of(text), *names}):
            pattern = written(term)
            rows = self._writing(term, pattern)
            if FEWEST <= len(rows) <= MOST and row in rows:
                found.append((not pattern.search(paper.title), abs(len(rows) - FAVOURITE), term, rows))
        for _, _, term, rows in sorted(found):
            if not self._subject(term, rows):
                continue
            texts = [self.finder.index.papers[r].abstract for r in rows]
            yield Candidate("list", "list", _listed(term, texts), (row,), term=term)

    def _writing(self, term: str, pattern: re.Pattern[str]) -> list[int]:
        """The rows of the papers that write a term; none where very many might."""
        stems = [stem(w) for w in words(term) if w not in STOPWORDS]
        lexicon = self.finder.index.lexicon
        if not stems or min(lexicon.frequency(s) for s in stems) > COMMON:
            return []
        rows = np.flatnonzero(lexicon.scores([min(stems, key=lexicon.frequency)]))
        papers = self.finder.index.papers
        return [int(r) for r in rows if self._may(int(r)) and pattern.search(f"{papers[r].title} {papers[r].abstract}")]

    def _subject(self, term: str, rows: Sequence[int]) -> bool:
        """Whether papers are on the term, and don't only mention it: one has it in its title, or two say it twice. A
        name is one where two papers write it alike ("SHARe" is a word)."""
        pattern, papers = written(term), [self.finder.index.papers[r] for r in rows]
        if " " not in term and "-" not in term:
            return sum(term in p.abstract for p in papers) > 1
        if any(pattern.search(p.title) for p in papers):
            return True
        return sum(len(pattern.findall(p.abstract)) > 1 for p in papers) > 1

    def _may(self, row: int) -> bool:
        return self.allowed is None or row in self.allowed


_LINK = re.compile(r"https?://\S+|\bgithub\.com\S+")
FAVOURITE = 5
"""Papers of the list that is offered first."""
COMMON = 200
"""Papers with the rarer word of a term, above which they are not read through: it takes too long."""
_ASPECTS = (
    ("speedups", "What speedups do {} and {} report?"),
    ("memory savings", "How much memory do {} and {} save?"),
    ("hardware", "What hardware are {} and {} tested on?"),
    ("accuracy results", "What accuracy do {} and {} report?"),
)
_CLAIMED = {
    "speedups": re.compile(
        r"\b(?:speed-?up|faster|accelerat\w+|throughput)\b.*\d\s*(?:[x×]|times)|\d\s*(?:[x×]|times)\s.*\b(?:speed-?up|faster|accelerat\w+|throughput)\b",
        re.IGNORECASE,
    ),
    "memory savings": re.compile(
        r"\b(?:reduc\w+|sav\w+|lower\w*|decreas\w+|cut\w*|less)\b.*\b(?:memory|footprint)\b.*\d\s*(?:[x×%]|times)|\d\s*(?:[x×%]|times)\s.*\b(?:sav\w+|less|lower|reduc\w+)\b.*\bmemory\b",
        re.IGNORECASE,
    ),
    "hardware": re.compile(
        r"\b(?:on|using|with|across)\s[^.;]*?\b(?:A100|H100|H800|V100|A800|A10|A6000|T4|P100|RTX|GTX|TPU\w*|MI250X?|Jetson|GPUs?)\b"
    ),
    "accuracy results": re.compile(r"\baccurac\w+\b.*\d\s*%|\d\s*%.*\baccurac\w+", re.IGNORECASE),
}


def _tells(aspect: str, sentence: str) -> bool:
    """Whether a sentence tells what a comparison by this aspect asks of its paper."""
    return bool(kinds(aspect, sentence) and _CLAIMED[aspect].search(sentence))


_BRINGS = (
    r"\b(?:introduc|present|propos|develop|design|describ|call|nam|dubb|term|releas|implement|creat|devis|build|offer)"
    r"(?:e|es|ed|s|ing)?,?\s+(?:(?!(?:by|on|for|of|in|to|with|from|at|via)\b)[\w-]+,?\s+){0,6}?"
)


_GENRES = frozenset({"SoK", "HowTo", "LitReview"})
"""What stands before the colon of a title and names no system."""


def _introduced(name: str, title: str, abstract: str) -> bool:
    """Whether the paper is the one that brings the name: by its title, or in so many words of its abstract."""
    own = rf"{re.escape(name)}(?![\w-])"
    if name in _GENRES:
        return False
    brought = bool(re.search(_BRINGS + own, abstract, re.IGNORECASE))
    titled = bool(re.search(rf"^{own}:|\({own}\)$" + ("" if name.isupper() else rf"|\bwith {own}$"), title))
    if name.isalpha() and name.istitle():
        return brought and len(re.findall(rf"\b{own}", f"{title} {abstract}")) > 2  # "Hopper" may be anything.
    return titled or (brought and not name.isupper())


def _listed(term: str, texts: Sequence[str]) -> str:
    """Which papers have the term: a name is mentioned, any other thing is what they are about."""
    if " " not in term and "-" not in term:
        return f"Which papers mention {term}?"
    return f"Which papers are about {in_general(term, texts)}?"
