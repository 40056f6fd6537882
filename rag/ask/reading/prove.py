"""The proof of an answer: each figure and each name of a claim stands in the sentences that it cites.

Code proves what can be proved, and judges no English: an ordinary word that the abstract doesn't have is no fault. What
stands elsewhere in the same abstract is cited there. A claim that cites nothing gets the sentence that covers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from rag.ask.reading.checks import figures_of, missing_figures, missing_names, stands
from rag.ask.reading.names import NameSet
from rag.ask.reading.sources import Source, Sources
from rag.ask.reading.statements import Pairs, Parsed, Segment, Statement, plain
from rag.core.answer import Level
from rag.index.lexical import STOPWORDS, stem, terms, words

COVERED = 0.5
"""Share of a claim's words, by rarity, that a sentence of any source has to have to be cited for it."""
FOLLOWS = 0.2
"""The same for sentences of the papers that the sentence before it cites, or that the whole answer does."""
MISPLACED, BETTER = 0.1, 0.4
"""A cited sentence with less than the first share of a claim is replaced by one of the same abstract with more than the
second: a number that slipped."""
SLIPPED = 2.5
"""A claim goes to a sentence of another paper that covers so many times more of its words than any of those cited."""
UNRELATED, KNOWN = 0.15, 3
"""A claim of which the cited abstracts, title and all sentences, have less than this share of the words, has the wrong
paper for its source; where it has so many words at all that the collection knows, which translations don't. Of 40 true
claims of a strong reader the least had .34, of 46 with an exchanged paper half had less than .10. Where the collection
knows fewer, a claim in the language of its source is unrelated if not one of as many words is there."""
ENGLISH = 0.2
"""Share of stop words from which on a text is taken for English."""
ADDED = 3
"""Sentences that are added to the citations of one claim, at most."""
LONGEST = 3_000
"""Characters of a statement from which on it is no sentence of anybody's, and isn't proved."""
NO_SOURCE_GIVEN = "no source given"
_CONTRAST = re.compile(
    r"\b(?:unlike|whereas|than|versus|vs|compar\w*|contrast|both|while|like|differ\w*|instead|outperform\w*|beat\w*|"
    r"over|against|similar\w*|rather|as opposed)\b",
    re.IGNORECASE,
)

Sentence = tuple[Source, int]


@dataclass(slots=True)
class Proof:
    """A statement with the sentences that each of its segments rests on, and the verdict on it.

    `verdict` is None for what is no claim; "supported" where every figure and name is traced, "unsupported" where one
    is not in the source, "partly" where no source was given and none was found. `missing` are the figures and names.
    A second look may have put it right (`changed`), or found that it is to be left out (`dropped`).
    """

    statement: Statement
    cited: list[list[Sentence]]
    verdict: Level | None = None
    missing: tuple[str, ...] = ()
    reason: str = ""
    changed: bool = False
    dropped: bool = False


@dataclass(slots=True)
class Prover:
    """Proves the statements of one answer against its sources."""

    sources: Sources
    _names: dict[int, NameSet] = field(default_factory=dict)
    _last: list[Source] = field(default_factory=list)
    _all: dict[int, Source] = field(default_factory=dict)

    def prove(self, parsed: Parsed) -> list[Proof]:
        """A proof for each statement, in order."""
        statements = list(parsed.statements)
        for s in statements:
            for number, _ in (*s.pairs, *s.column):
                if source := self.sources.get(number):
                    self._all[source.number] = source
        rows: dict[int, Pairs] = {}
        for s in statements:
            if s.row is not None:
                rows[s.row] = (*rows.get(s.row, ()), *s.pairs)
        found = []
        block = -1
        for s in statements:
            if s.block != block:
                self._last, block = [], s.block
            found.append(self._proof(s, rows.get(s.row, ()) if s.row is not None else ()))
        for i, proof in enumerate(found[:-1]):
            if proof.reason == NO_SOURCE_GIVEN and found[i + 1].statement.row is not None:
                self._sum_up(proof, found[i + 1 :])
        return found

    def _sum_up(self, proof: Proof, following: Sequence[Proof]) -> None:
        """A sentence that leads to a table rests on what its cells cite, of each paper what has most of its words."""
        cells = list(takewhile(lambda p: p.statement.row is not None, following))
        cited = [sentence for p in cells for sentences in p.cited for sentence in sentences]
        best: dict[int, Sentence] = {}
        for source, n in cited:
            known = best.get(source.number)
            if known is None or self._cover(proof, source, n) > self._cover(proof, *known):
                best[source.number] = (source, n)
        sentences = list(best.values())
        if sentences and not self._lacking(proof.statement.text, sentences, proof.statement)[0]:
            proof.statement.segments.append(Segment(""))
            proof.cited.append(sentences)
            proof.verdict, proof.reason = "supported", ""

    def _cover(self, proof: Proof, source: Source, n: int) -> float:
        return self.sources.cover(proof.statement.text, source, n)

    def _proof(self, s: Statement, row: Pairs) -> Proof:
        text = s.text
        if len(text) > LONGEST:
            return Proof(s, [[] for _ in s.segments], "unsupported", reason="it is longer than any sentence")
        cited = [self._resolve(segment.pairs, text) for segment in s.segments]
        proof = Proof(s, cited)
        if any(cited):
            self._last = list({source.number: source for sentences in cited for source, _ in sentences}.values())
        if not s.is_claim:
            return proof
        if not any(cited):
            given = [] if s.row is None else self._resolve(row or s.column, text)
            if given:
                # A cell rests on what its row or its column cites, and needs no marker of its own.
                self._check(proof, [(text, given)], s, silent=True)
            else:
                self._find(proof, text)
            return proof
        self._check(proof, _joined(s.segments, cited), s)
        return proof

    def _resolve(self, pairs: Iterable[tuple[int, int]], text: str) -> list[Sentence]:
        found: dict[tuple[int, int], Sentence] = {}
        for number, n in pairs:
            source = self.sources.get(number)
            if source is None or not source.spans or n > len(source.spans):
                continue
            if n == 0:
                best = self.sources.best(text, [source])
                n = best[1] if best else 1
            found[number, n] = (source, n)
        return list(found.values())

    def _check(
        self, proof: Proof, segments: Sequence[tuple[str, list[Sentence]]], s: Statement, *, silent: bool = False
    ) -> None:
        """Hold each segment against the sentences that it cites; add those that it needs, where there are any."""
        missing: list[str] = []
        for text, sentences in segments:
            text = plain(text)
            if not silent:
                self._put_right(text, sentences)
            lacking, added = self._lacking(text, sentences, s)
            if not silent and (moved := self._elsewhere(text, sentences, s, lacking)):
                sentences[:], lacking, added = moved, [], []
            missing += lacking
            sentences += [a for a in added if a not in sentences] if not silent else []
        proof.missing = tuple(dict.fromkeys(missing))
        proof.verdict = "unsupported" if missing else "supported"
        if missing:
            proof.reason = f"not in the source: {', '.join(proof.missing)}"
        elif not s.is_absence and self._unrelated(s.text, [c for _, sentences in segments for c in sentences]):
            proof.verdict, proof.reason = "partly", "the source that is given shares next to nothing with it"

    def _elsewhere(
        self, text: str, sentences: Sequence[Sentence], s: Statement, lacking: Sequence[str]
    ) -> list[Sentence]:
        """The sentence of another paper that a claim was taken from, where its number slipped: with its abstract it has
        all figures and names, and of the other words most, and far more than the papers that are cited. `lacking` are
        the figures and names that those have not."""
        rest = text
        for word in lacking:
            rest = rest.replace(word, " ")
        cited = {source.number: source for source, _ in sentences}
        best = self.sources.best(rest, [p for p in self.sources.papers if p.number not in cited], COVERED)
        own = self.sources.best(rest, cited.values())
        if best is None or (own is not None and own[2] * SLIPPED > best[2]):
            return []
        moved = [(best[0], best[1])]
        missing, added = self._lacking(text, moved, s)
        return [] if missing else [*moved, *added]

    def _put_right(self, text: str, sentences: list[Sentence]) -> None:
        """Replace a single cited sentence that has nothing to do with a claim by the one of its abstract that has."""
        if len(sentences) != 1:
            return
        source, n = sentences[0]
        if self.sources.cover(text, source, n) > MISPLACED:
            return
        best = self.sources.best(text, [source], BETTER)
        if best is not None and len(missing_figures(text, figures_of(source.text(n)))) >= len(
            missing_figures(text, figures_of(source.text(best[1])))
        ):
            sentences[0] = (source, best[1])

    def _unrelated(self, text: str, cited: Sequence[Sentence]) -> bool:
        """Whether the papers that a claim cites are about something else altogether."""
        lexicon = self.sources.index.lexicon
        weight = {t: lexicon.idf(t) for t in set(terms(text)) if t in lexicon}
        papers = {source.number: source for source, _ in cited}.values()
        have = {t for p in papers for n in range(len(p.spans) + 1) for t in self.sources.terms_of(p, n)}
        if len(weight) >= KNOWN:
            return sum(w for t, w in weight.items() if t in have) < UNRELATED * sum(weight.values())
        wanted = set(terms(text))
        return len(wanted) >= KNOWN and not wanted & have and all(map(_english, (text, *map(_abstract, papers))))

    def _lacking(self, text: str, sentences: list[Sentence], s: Statement) -> tuple[list[str], list[Sentence]]:
        """The figures and names of a text that its papers don't have, and sentences beside those cited that do."""
        papers = list({source.number: source for source, _ in sentences}.values())
        given = [f for source, n in sentences for f in figures_of(source.text(n))]
        given += [f for source in papers for f in figures_of(source.paper.title)]
        years = {source.paper.year for source in papers}
        lacking: list[str] = []
        added: list[Sentence] = []
        # "No ten-year survival is given": what is not said has the figures of the question.
        asked = figures_of(self.sources.question) if s.is_absence else ()
        for figure in missing_figures(text, [*given, *asked]):
            if figure.value in years and not figure.unit:
                continue
            place = next(
                (
                    (source, n)
                    for source in papers
                    for n in range(1, len(source.spans) + 1)
                    if stands(figure, figures_of(source.text(n)))
                ),
                None,
            )
            if place is None:
                lacking.append(figure.text.strip())
            elif len(added) < ADDED:
                added.append(place)
        if not s.is_absence:
            lacking += self._lacking_names(text, papers)
        return lacking, added

    def _lacking_names(self, text: str, papers: Sequence[Source]) -> list[str]:
        known = self._name_set(papers)
        absent = missing_names(text, known)
        if absent and (contrast := _CONTRAST.search(text)):
            # "Unlike GPipe, Holmes …": the other paper has its own claim elsewhere. Not so what stands before.
            others = self._name_set(list(self._all.values()))
            absent = [n for n in absent if n.start < contrast.start() or not others.has(n)]
        if any(not n.strong for n in absent) and self._foreign(text):
            # German writes every noun with a capital.
            absent = [n for n in absent if n.strong]
        return [n.text for n in absent]

    def _foreign(self, text: str) -> bool:
        """Whether a text is in another language than the collection: it knows few of its lower-case words."""
        lexicon = self.sources.index.lexicon
        found = re.findall(r"(?<![^\W_])[^\W\d_A-Z]{2,}(?![^\W_])", text)
        known = [w for w in found if w in STOPWORDS or stem(w) in lexicon]
        return len(known) < len(found) / 2

    def _name_set(self, papers: Sequence[Source]) -> NameSet:
        key = hash(tuple(p.number for p in papers))
        if key not in self._names:
            self._names[key] = NameSet(t for p in papers for t in _texts(p))
        return self._names[key]

    def _find(self, proof: Proof, text: str) -> None:
        """Look for the sentence that a claim without a citation rests on."""
        for pool, least in (
            (self._last, FOLLOWS),
            (list(self._all.values()), FOLLOWS),
            (self.sources.papers, COVERED),
        ):
            best = self.sources.best(text, pool, least) if pool else None
            if best is None:
                continue
            sentences = [(best[0], best[1])]
            lacking, added = self._lacking(text, sentences, proof.statement)
            if not lacking:
                proof.statement.segments.append(Segment(""))
                proof.cited.append([*sentences, *(a for a in added if a not in sentences)])
                proof.verdict = "supported"
                return
        proof.verdict = "partly"
        proof.reason = NO_SOURCE_GIVEN


def _joined(segments: Sequence[Segment], cited: list[list[Sentence]]) -> list[tuple[str, list[Sentence]]]:
    """Each text with the sentences cited behind it; what stands behind the last citation goes with it."""
    found: list[tuple[str, list[Sentence]]] = []
    text = ""
    for segment, sentences in zip(segments, cited, strict=True):
        text += segment.text
        if sentences:
            found.append((text, sentences))
            text = ""
    if text.strip() and found:
        found[-1] = (found[-1][0] + text, found[-1][1])
    return found


def _abstract(source: Source) -> str:
    return source.paper.abstract


def _english(text: str) -> bool:
    found = words(text)
    return sum(word in STOPWORDS for word in found) >= ENGLISH * len(found)


def _texts(source: Source) -> Iterable[str]:
    yield source.paper.title
    yield source.paper.abstract
    yield " ".join(source.paper.authors)
    yield source.paper.venue or ""
