"""From an understood question to what answers it: which papers, which sentences, or nothing."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.ask.answering import Findings, PaperEvidence, SideEvidence
from rag.ask.aspects import kinds
from rag.ask.budget import SIDE_WORDS, WORDS, filled, fitted
from rag.ask.confidence import Confidence
from rag.ask.coverage import Coverage, asked_aspects
from rag.ask.evidence import Evidence, SentenceScorer, asks_figure, select
from rag.ask.hints import favoured, named_rows, wants_original
from rag.ask.membership import Candidates, Membership
from rag.ask.names import Names
from rag.ask.question import Query, Side, restricted, understand, understand_among
from rag.core.answer import Turn
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, words
from rag.index.retrieval import PaperRanker, Ranking
from rag.index.scores import Encoded

MARGIN, MARGIN_FOUND = 1.2, 0.4
"""A described paper whose score is this near to the best one's is quoted beside it; the second value is for a
question whose words the collection has."""
SUITS, FIRST = 0.6, 2
"""What a sentence with a figure of the kind that a comparison asks for gains in score, and how many of a kind do. With
one of a kind 39 of 46 development comparisons are right, with two or all 40, without it 35."""
ELSEWHERE = 3.0
"""Standard deviations by which a paper that is not asked fits a description better, from which on it is the one that is
meant. Of 288 development questions among their own papers and nine others, 4 are refused for it; of 97 that were
answered among ten others, and wrongly, 75."""
MAX_PAPERS = 3
"""Papers, at most, in answer to a question that only describes what it wants, where no other number is asked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """Findings, and the ranking of all candidates for the question as a whole.

    `candidates` are those of a list that is decided by probabilities, and not by a name.
    """

    findings: Findings
    ranking: Ranking
    candidates: Candidates | None = None


GOES_ON = 0.1
"""Head start, in probability, of reading a short question in a conversation as a follow-up."""


FITS = 0.32
"""A question of which the paper under discussion has less is no follow-up: 95 of 100 follow-ups of the reference set
have more, 98 of 100 off-topic questions less."""


class Finder:
    """Finds what answers a question in one index, among all of its papers or some."""

    def __init__(self, index: Index, ranker: PaperRanker, names: Names) -> None:
        self.index = index
        self.names = names
        self._ranker = ranker
        self._scorer = SentenceScorer(index)
        self._confidence = Confidence(index)
        self.coverage = Coverage(index, ranker)
        self._membership = Membership(index)
        self._rows: frozenset[int] | None = None
        self._most = MAX_PAPERS

    def among(self, rows: Collection[int] | None, most: int = 0) -> Finder:
        """A finder on the same index that finds nothing beyond these papers (None: all of them), and quotes at most
        `most` in answer to a description (0: as many as usual)."""
        other = copy.copy(self)
        # All of them is no restriction, and is not to be spoken of as one.
        other._rows = None if rows is None or len(set(rows)) == len(self.index) else frozenset(rows)
        other._most = most or MAX_PAPERS
        return other

    def allowed(self, rows: Iterable[int]) -> list[int]:
        """Of these rows those that it finds among."""
        return [row for row in rows if self._rows is None or row in self._rows]

    @property
    def searched(self) -> int:
        """How many papers it finds among."""
        return len(self.index) if self._rows is None else len(self._rows)

    def understand(self, question: str, history: Sequence[Turn]) -> Query:
        """A question in the light of what was said before, and of the papers that were chosen."""
        if self._rows is None:
            return understand(question, history, self.names, self.best_row)
        return understand_among(question, history, self.names, self.best_row, self._rows)

    def find(self, query: Query) -> Found:
        """The evidence for a question of any kind; of two readings the one that the collection answers."""
        found = self._find(query)
        if query.otherwise is None:
            return found
        alone = self._find(query.otherwise)
        raw = self._ranker.encode(query.otherwise.standalone)
        fits = max((self._scorer.fit(raw, row) for row in query.rows), default=1.0) >= FITS
        surer = alone.findings.abstain or found.findings.confidence + GOES_ON >= alone.findings.confidence
        goes_on = fits and surer and not found.findings.abstain
        return found if goes_on else alone

    def _find(self, asked: Query) -> Found:
        query = asked if self._rows is None else restricted(asked, self._rows, self.names)
        described = query.kind == "single" and not query.mentions
        whole = self._ranker.encode_described(query.standalone) if described else self._ranker.encode(query.standalone)
        ranking = self._ranker.rank(whole, whole=query.kind == "list", also=self._rows)
        ranking = favoured(ranking, query, self.index)
        inside = self._inside(ranking)
        base = Findings(query, self.searched, nearest=tuple(int(r) for r in inside.rows[:3]))
        if asked.rows and not query.rows:
            return Found(replace(base, abstain=True), inside)
        if query.kind == "list":
            findings, candidates = self._list(base, query)
            return Found(findings, inside, candidates)
        findings = (self._comparison if query.kind == "comparison" else self._single)(base, query, whole, ranking)
        return Found(findings, inside)

    def _inside(self, ranking: Ranking) -> Ranking:
        """The ranking without the papers that it does not find among. They have a part in the scale of the scores, on
        which it was learnt when a question is answered, and in nothing else."""
        if self._rows is None:
            return ranking
        return ranking.take(np.flatnonzero([int(row) in self._rows for row in ranking.rows]))

    def rank(self, text: str) -> Ranking:
        """The papers for a text, whatever it asks."""
        return self._inside(self._ranker.rank(self._ranker.encode(text), also=self._rows))

    def best_row(self, text: str) -> int | None:
        """The row of the best paper for a text; None in an empty collection."""
        rows = self.rank(text).rows
        return int(rows[0]) if len(rows) else None

    def _single(self, base: Findings, query: Query, encoded: Encoded, ranking: Ranking) -> Findings:
        pool = self._pool(query, encoded, ranking)
        named = named_rows(query, self.index)
        best = int(pool.rows[0]) if len(pool.rows) else -1
        if best < 0 or query.chat:
            return replace(base, abstain=True, nearest=())
        papers = self._candidates(query, encoded, pool, named)
        if not papers[0].sentences:
            return replace(base, abstain=True)
        if not named and not query.rows and self._elsewhere(query, ranking, papers[0].row):
            return replace(base, abstain=True)
        doubt = self._confidence.assess(query, encoded, ranking, papers[0].sentences)
        if not doubt.answers:
            unsaid = papers[0].row if (papers[0].row in named or query.rows) else None
            return replace(base, abstain=True, unsaid=unsaid, confidence=doubt.probability)
        # A name that is answered without its paper is only a subject: "how does MoS share parameters for LoRA?"
        query = query if query.rows else replace(query, outside=())
        return replace(base, query=query, papers=tuple(papers), confidence=doubt.probability)

    def _pool(self, query: Query, encoded: Encoded, ranking: Ranking) -> Ranking:
        """The papers that may answer: all, those the history restricts to, or without those it bars."""
        if len(query.rows) > 1:
            topic = self._ranker.encode(query.topic)
            ranking = self._ranker.rank(topic, rows=query.rows)
            # Scores standardised over a handful would make every difference a large one: the best sentence decides.
            best = np.array([self._scorer.fit(topic, int(row)) for row in ranking.rows], np.float32)
            return replace(ranking, score=best).take(np.argsort(-best, kind="stable"))
        if query.rows:
            return self._ranker.rank(encoded, rows=query.rows)
        inside = self._inside(ranking)
        keep = np.array([r not in query.exclude for r in inside.rows], bool)
        return inside.take(np.flatnonzero(keep))

    def _candidates(self, query: Query, encoded: Encoded, pool: Ranking, named: set[int]) -> list[PaperEvidence]:
        """The best paper, and where the question only describes it, those that fit almost as well."""
        rows = [int(pool.rows[0])]
        if not named and not query.rows and not asks_figure(query.standalone):
            lead = float(pool.score[0])
            margin = MARGIN if encoded.described else MARGIN_FOUND
            near = [i for i in range(1, min(self._most, len(pool.rows))) if lead - float(pool.score[i]) < margin]
            rows += [int(pool.rows[i]) for i in near]
        free = not named and not query.rows
        budget = WORDS["several" if len(rows) > 1 else "described" if free else "named"]
        return [self._quote(encoded, row, budget, manner="described" if encoded.described else "asked") for row in rows]

    def _quote(self, encoded: Encoded, row: int, budget: int, *, manner: str) -> PaperEvidence:
        return _chosen(row, self._scorer.score(encoded, row, manner=manner), encoded, budget)

    def _comparison(self, base: Findings, query: Query, encoded: Encoded, ranking: Ranking) -> Findings:
        # What is only described is none of the papers that are named beside it.
        taken = {side.rows[0] for side in query.sides if len(side.rows) == 1}
        sides = []
        budget = SIDE_WORDS.get(len(query.sides), 45)
        asked = self._ranker.encode(query.topic) if query.topic else encoded
        for side in query.sides:
            found = self._side(side, query, asked, budget, taken)
            if found.paper is not None:
                taken.add(found.paper.row)
            sides.append(found)
        none = all(s.paper is None for s in sides)
        # Beside a side that is not there nothing is left to compare: what the other says of one aspect is the answer.
        alone = sum(s.paper is not None for s in sides) == 1
        aspects = asked_aspects(query.topic, least=1 if alone else 2)
        papers = self.index.papers
        cells = filled(sides, aspects, papers, self.coverage)
        columns = tuple(aspect.text for aspect in aspects) if cells else ()
        return replace(base, sides=tuple(cells or fitted(sides, papers)), abstain=none, aspects=columns)

    def _side(self, side: Side, query: Query, asked: Encoded, budget: int, taken: set[int]) -> SideEvidence:
        rows_of = side.rows[:1] if wants_original(_before(query.standalone, side.text)) else side.rows
        free = [row for row in rows_of if row not in taken or len(side.rows) == 1]
        absent = SideEvidence(side.text, None, self._mentioning(side.text), side.outside)
        if side.named and not free:
            return absent
        text = f"{side.text} {query.topic}" if len(side.rows) != 1 else side.text
        encoded = self._ranker.encode(text)
        ranking = self._ranker.rank(encoded, rows=free) if free else self._ranker.rank(encoded, also=self._rows)
        inside = self._inside(ranking)
        rows = [int(r) for r in inside.rows if int(r) not in taken or int(r) in free]
        if not rows or (not free and not self._describes(query, encoded, ranking, rows[0])):
            return absent
        return SideEvidence(side.text, self._aside(asked if query.topic else encoded, rows[0], budget, query.topic))

    def _describes(self, query: Query, encoded: Encoded, ranking: Ranking, row: int) -> bool:
        """Whether a side of a comparison describes the paper in `row`."""
        return self._confidence.describes(encoded, ranking) and not self._elsewhere(query, ranking, row)

    def _elsewhere(self, query: Query, ranking: Ranking, row: int) -> bool:
        """Whether a description is of a paper that is not found among, and not of the one in `row`."""
        if self._rows is None:
            return False
        best = next(i for i, other in enumerate(ranking.rows) if int(other) not in query.exclude)
        own = np.flatnonzero(ranking.rows == row)[0]
        return float(ranking.score[best] - ranking.score[own]) >= ELSEWHERE

    def _aside(self, encoded: Encoded, row: int, budget: int, aspect: str) -> PaperEvidence:
        """What one paper of a comparison says of the aspect; a figure of the kind that is asked for comes first."""
        abstract = self.index.papers[row].abstract
        scored = self._scorer.score(encoded, row, manner="described")
        has = {e.number: kinds(aspect, abstract[e.span.start : e.span.end]) for e in scored}
        first: set[int] = set()
        for kind in {kind for found in has.values() for kind in found}:
            fit = [e for e in scored if kind in has[e.number]]
            first |= {e.number for e in sorted(fit, key=lambda e: -e.score)[:FIRST]}
        scored = [replace(e, score=e.score + SUITS) if e.number in first else e for e in scored]
        return _chosen(row, scored, encoded, budget)

    def _mentioning(self, text: str) -> tuple[int, ...]:
        """Papers whose abstract has all the words of a name."""
        wanted = set(words(text)) - STOPWORDS
        stems = [stem(word) for word in wanted]
        lexicon = self.index.lexicon
        if not stems or not all(s in lexicon for s in stems):
            return ()
        rows = np.flatnonzero(lexicon.scores([min(stems, key=lexicon.frequency)]))
        found = [int(r) for r in rows if self._rows is None or int(r) in self._rows]
        return tuple(row for row in found if wanted <= set(words(self.index.papers[row].abstract)))[:2]

    def _list(self, base: Findings, query: Query) -> tuple[Findings, Candidates | None]:
        topic = self._ranker.encode(self._membership.spelled_out(query.topic))
        ranking = self._ranker.rank(topic, whole=True, rows=query.rows or None, also=None if query.rows else self._rows)
        base = replace(base, nearest=tuple(int(r) for r in self._inside(ranking).rows[:3]))
        if query.size or query.negated:
            return replace(base, abstain=not query.size), None
        rows, candidates = self._membership.by_name(query.topic), None
        if rows is None:
            best = self._quote(topic, int(ranking.rows[0]), WORDS["described"], manner="described")
            doubt = self._confidence.assess(query, topic, ranking, best.sentences)
            candidates = self._membership.weigh(topic, ranking) if doubt.answers else None
            if candidates and self._rows is not None:
                candidates = candidates.among(self._rows)
            rows = candidates.members() if candidates else []
        elif query.rows:
            rows = [row for row in rows if row in query.rows]
        if self._rows is not None:
            rows = [row for row in rows if row in self._rows]
        papers = tuple(self.listed(topic, row) for row in rows)
        return replace(base, papers=papers, abstain=not papers), candidates if papers else None

    def listed(self, topic: Encoded, row: int, words: int = 0) -> PaperEvidence:
        """What a paper says of the topic of a list, in about `words` words, one sentence at least."""
        return self._quote(topic, row, words, manner="listed")


def _chosen(row: int, scored: Sequence[Evidence], encoded: Encoded, budget: int) -> PaperEvidence:
    chosen = select(scored, encoded, budget)
    numbers = {e.number for e in chosen}
    return PaperEvidence(row, tuple(chosen), tuple(e for e in scored if e.number not in numbers))


def _before(text: str, part: str) -> str:
    """The three words before `part` in `text`."""
    return " ".join(text.partition(part)[0].split()[-3:])
