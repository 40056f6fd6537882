"""From a plan to what answers it, without a model: which papers, which of their sentences, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rag.ask import cues
from rag.ask.certainty import Certainty, names, state_of
from rag.ask.kinds import Reading, read_kind
from rag.ask.listing import Membership, membership, state_of_list
from rag.ask.overview import Group, groups_of, purpose
from rag.ask.plan import Plan, read_in_conversation
from rag.ask.sentences import Sentence, SentenceScorer, select
from rag.ask.sides import MOST_SIDES, SHARES, Sharing, sharing
from rag.core.answer import State, Turn
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, terms, words
from rag.index.retrieval import PaperRanker, Ranking
from rag.index.scores import Encoded

WORDS = {1: (110,), 2: (105, 85), 3: (100, 80, 60)}
"""Words of quotes from each of so many papers, best first; further ones have a sentence each."""
SIDE_WORDS = {2: 125, 3: 100, 4: 80}
"""Words of quotes for each of so many sides."""
SHARE, SHARE_LOOKED_FOR = 0.8, 0.9
"""The papers that are quoted together have this share of the probability, for a question and for a paper looked for."""
MOST, MOST_LOOKED_FOR = 4, 8
"""Papers that are quoted at most, for a question and for a paper looked for."""
SHARPNESS = 0.8
"""Of the softmax that makes probabilities of the fused scores. With it 1.1 papers are quoted for a fact and 2.5 for an
idea in other words, and the one that answers is among them in 1.00 and .85 (systems, 300 questions)."""
PREFERRED = 0.5
"""Of the fused score: what ranks so far before a side is a side too."""
MAY_SHARE = 0.35
"""Probability from which on a paper that may share the question is quoted beside the best one."""
FEW = 0.04
"""What at most this share of the papers has, or three of them, and one title only, names a side."""
NAMING = 0.1
"""A word of a title that at most this share of the papers has, or two of them, names the paper."""
TO_READ = 60
"""Papers of the ranking that a model reads for a list or an overview, beside those that are likely to belong."""
HEADED = 20
"""Papers of the ranking whose titles are looked at for a name before a colon."""
NAME_WORDS = 6
"""A question with so many words at most may be nothing but a name, with what stands around it."""
NEAREST = 3
"""Papers of a view that is not sure to be of its subject."""
SHOWN = 60
"""Papers of a list in the text of an answer; how many more there are is said."""
VIEW = 12
"""Papers of a view of a subject at most."""
VIEW_LEAST = 0.12
"""Probability of belonging from which on a paper is part of a view."""


@dataclass(frozen=True, slots=True)
class PaperQuotes:
    """The sentences of the paper in `row` that are quoted, in the order of its abstract."""

    row: int
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What answers a plan. `papers` are quoted, best first, those of a list as far as they are shown; of a comparison
    they are its sides, and `parts` are the stretches of the question that are theirs. `considered` papers were looked
    at for a list; of those that belong `written` write all its words, and the last `doubtful` are less likely to belong
    than not. `groups` are those of an overview of the whole collection. `missing` are names in the question that no
    paper has. `bare` are papers without an abstract whose titles have most of the question: there is nothing to quote.
    `probability` is that the papers answer.
    """

    plan: Plan
    ranking: Ranking
    state: State
    papers: tuple[PaperQuotes, ...] = ()
    parts: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    missing: tuple[str, ...] = ()
    bare: tuple[int, ...] = ()
    considered: int = 0
    written: int = 0
    doubtful: int = 0
    probability: float | None = None
    members: tuple[int, ...] = field(default=())


class Finder:
    """Finds what answers, in one index, among all of its papers or some of them."""

    def __init__(self, index: Index, ranker: PaperRanker, *, caution: float = 0.0, most: int = 0) -> None:
        self.index, self.ranker = index, ranker
        self.scorer = SentenceScorer(index)
        self._certainty = Certainty(index)
        self._rows: frozenset[int] | None = None
        self._caution, self._most = caution, most

    def among(self, rows: Collection[int] | None, *, most: int = 0, caution: float | None = None) -> Finder:
        """A finder on the same index that finds nothing beyond these papers (None: all of them)."""
        caution = self._caution if caution is None else caution
        other = Finder(self.index, self.ranker, caution=caution, most=most or self._most)
        other._rows = None if rows is None or len(set(rows)) == len(self.index) else frozenset(rows)
        return other

    @property
    def rows(self) -> frozenset[int] | None:
        """The rows of the papers that it finds among; None where these are all."""
        return self._rows

    @property
    def searched(self) -> int:
        """How many papers it finds among."""
        return len(self.index) if self._rows is None else len(self._rows)

    def allowed(self, rows: Sequence[int]) -> list[int]:
        """Of these rows those that it finds among."""
        return [row for row in rows if self._rows is None or row in self._rows]

    def purpose(self, row: int) -> tuple[Sentence, ...]:
        """The sentence that says what a paper does."""
        return purpose(self.index, row)

    def about(self) -> tuple[str, ...]:
        """What the papers are about, in a few terms, the commonest first."""
        return tuple(group.terms[0] for group in groups_of(self.index, self._rows) if group.terms)[:4]

    def plan(self, question: str, history: Sequence[Turn]) -> Plan:
        """What a question wants, in the light of the conversation."""
        index = self.index
        return read_in_conversation(
            question, history, index.papers, self.search, self.named, index.titles.within, self.read
        )

    def read(self, question: str, later: bool) -> Reading:
        """The kind of a question, and its subject; `later`: it isn't the first of a conversation."""
        embed = self.ranker.encode
        return read_kind(question, lambda text: embed(text).vector if self.ranker.builtin else None, later=later)

    def search(self, text: str) -> list[int]:
        """The rows of the best papers for a text."""
        return [int(r) for r in self._rank(self.ranker.encode(text)).rows[:20]]

    def named(self, text: str) -> list[int]:
        """The rows of the papers that a text names by a name in their titles: a word with a capital or digit within, or
        what stands before a colon ("Holmes: …")."""
        ranking = self._rank(self.ranker.encode(text))
        asked, papers = set(terms(text)), self.index.papers
        named = [r for r in self._named(text, ranking) if asked & set(terms(" ".join(names(papers[r].title))))]
        headed = [r for r in map(int, ranking.rows[:HEADED]) if _headed(text, papers[r].title)]
        return list(dict.fromkeys([*named, *headed]))

    def find(self, plan: Plan) -> Found:
        """What answers the plan."""
        found = self._find(plan)
        bare = self._bare(found)
        counts = found.plan.kind == "list" and found.plan.count
        if found.papers or (counts and not bare) or found.plan.kind == "chat":
            return replace(found, bare=bare)
        return replace(found, bare=bare, state="nearest" if bare else "nothing")

    def _bare(self, found: Found) -> tuple[int, ...]:
        """The best papers without an abstract whose titles have most of what is asked, or a word of it that only they
        have."""
        asked = set(terms(found.plan.topic or found.plan.searches[0]))
        titles = {int(r): set(terms(self.index.papers[int(r)].title)) for r in found.ranking.rows[:HEADED]}
        bare = {r: title for r, title in titles.items() if not self.index.papers[r].abstract and asked & title}
        alone = {t for t in asked if self.index.lexicon.frequency(t) == 1}
        return tuple(r for r, t in bare.items() if t & alone or 2 * len(asked & t) >= min(len(asked), len(t)))

    def _find(self, plan: Plan) -> Found:
        if plan.rows and not (rows := self.allowed(plan.rows)):
            # What was talked of is not among the papers that were chosen: they are asked, and are near at best.
            found = self.find(replace(plan, rows=(), searches=(plan.standalone,)))
            return replace(found, state="nearest") if found.state == "answers" else found
        if plan.rows:
            plan = replace(plan, rows=tuple(rows))
        if plan.kind == "list":
            return self._list(plan)
        if plan.kind == "overview":
            if terms(plan.topic) == terms(plan.question) and self.named(plan.topic):
                # "Energy saved by ShiftAddViT" names a paper, and is no subject.
                return self.find(replace(plan, kind="single", topic=""))
            return self._overview(plan)
        asks_several = plan.compares or cues.joins(plan.searches[0])
        missing = tuple(self._certainty.unknown_names(plan.searches[0])) if asks_several else ()
        if missing and (rest := _without(plan.searches[0], missing)):
            return self._one_sided(plan, rest, missing)
        encoded = self.ranker.encode(plan.searches[0])
        ranking = self._rank(encoded, plan)
        if not len(ranking.rows) or plan.kind == "chat":
            return Found(plan, ranking, "nothing")
        shared = sharing(self.index, encoded, ranking, plan.compares)
        shares = shared.probability >= SHARES and len(shared.rows) > 1
        shares |= len(self._titles(plan.searches[0], ranking)) > 1
        if plan.kind == "comparison" or (self._may_share(plan) and shares):
            return self._comparison(replace(plan, kind="comparison"), encoded, ranking, shared)
        also = shared.rows[1:] if self._may_share(plan) and shared.probability >= MAY_SHARE else ()
        return self._single(plan, encoded, ranking, also)

    def _one_sided(self, plan: Plan, rest: str, missing: tuple[str, ...]) -> Found:
        """A comparison with what no paper is on: what answers the rest of the question, and what is missing."""
        found = self.find(replace(plan, searches=(rest, *plan.searches[1:]), compares=False))
        named = tuple(p for p in found.papers if self._titled(rest, p.row))
        if not found.papers:
            encoded = self.ranker.encode(rest)
            rows = [row for row in self._named(rest, found.ranking) if self._titled(rest, row)][:MOST_SIDES]
            named = tuple(self.quoted(encoded, row, SIDE_WORDS[2]) for row in rows)
        state: State = "partly" if found.state == "answers" or named else found.state
        return replace(
            found, plan=replace(plan, kind="comparison"), state=state, papers=named or found.papers, missing=missing
        )

    def _titled(self, text: str, row: int) -> set[str]:
        """The stems of a text that the title of a paper has and hardly any other paper."""
        few = max(2, NAMING * len(self.index))
        title = set(terms(self.index.papers[row].title))
        return {t for t in terms(text) if t in title and self.index.lexicon.frequency(t) <= few}

    def _only_named(self, text: str, rows: Sequence[int]) -> list[int]:
        """The sides that a comparison names, where it asks nothing of them ("compare A with B"); else none."""
        named = {row: self._titled(text, row) for row in rows}
        rest = set(terms(cues.without_comparing(text))) - set().union(*named.values())
        found = [row for row, name in named.items() if name]
        return found if len(found) > 1 and not rest else []

    def to_read(self, found: Found) -> list[int]:
        """The papers that a model should read for an answer, best first: those that are quoted, then the ranking. For a
        list or an overview those above a generous cut."""
        first = [p.row for p in found.papers]
        if found.plan.kind in ("list", "overview"):
            return list(dict.fromkeys([*first, *found.members, *(int(r) for r in found.ranking.rows[:TO_READ])]))
        rows = [int(r) for r in found.ranking.rows]
        for text in (*found.plan.searches[1:], *found.plan.sides):
            others = self._rank(self.ranker.encode(text))
            first += [int(r) for r in others.rows[:3]]
        return list(dict.fromkeys([*first, *rows]))

    def further(self, text: str, found: Found) -> list[int]:
        """The papers for a text that a model would search for, best first; in turn with those of the question."""
        rows = self._rank(self.ranker.encode(text)).rows
        return list(dict.fromkeys(int(r) for pair in zip(rows, found.ranking.rows, strict=False) for r in pair))

    def _may_share(self, plan: Plan) -> bool:
        return len(plan.rows) != 1 and not plan.one

    def _rank(self, encoded: Encoded, plan: Plan | None = None, *, whole: bool = False) -> Ranking:
        """The papers that may be found, by falling score."""
        if plan is not None and plan.rows:
            return self.ranker.rank(encoded, rows=plan.rows)
        ranking = self.ranker.rank(encoded, whole=whole, also=self._rows)
        excluded = plan.exclude if plan is not None else ()
        keep = [(self._rows is None or int(r) in self._rows) and int(r) not in excluded for r in ranking.rows]
        return ranking if all(keep) else ranking.take(np.flatnonzero(keep))

    def _single(self, plan: Plan, encoded: Encoded, ranking: Ranking, also: Sequence[int]) -> Found:
        rows = list(dict.fromkeys([*self._likely(plan, ranking), *also]))
        probability = self._probability(encoded, ranking, rows[:1], restricted=bool(plan.rows))
        text = plan.searches[0]
        named = self._titled(text, rows[0]) if rows else set()
        state = state_of(probability, self._caution, near=bool(plan.rows or named))
        if named and set(terms(text)) <= named and len(words(text)) <= NAME_WORDS:
            # "What is GPipe?" asks nothing of the paper that it names.
            state, rows = "answers", rows[:1]
        papers = self._quotes(encoded, rows) if state != "nothing" else ()
        return Found(plan, ranking, state, papers, probability=probability)

    def _likely(self, plan: Plan, ranking: Ranking) -> list[int]:
        """The papers that together are likely enough to hold the one that answers."""
        share, most = (SHARE_LOOKED_FOR, MOST_LOOKED_FOR) if plan.one else (SHARE, MOST)
        most = self._most or most
        if plan.rows:
            share = 0.6
        weight = np.exp(SHARPNESS * (ranking.score - ranking.score.max()).astype(np.float64))
        reached = np.cumsum(weight / weight.sum())
        count = min(most, int(np.searchsorted(reached, share)) + 1)
        return [int(r) for r in ranking.rows[:count]]

    def _quotes(self, encoded: Encoded, rows: Sequence[int]) -> tuple[PaperQuotes, ...]:
        """The quotes of the papers of one answer, most of them from the first."""
        budgets = (*WORDS.get(len(rows), WORDS[3]), *[0] * len(rows))
        # Where several papers are likely, what each of them does tells them apart.
        aims = len(rows) > 1
        found = (self.quoted(encoded, row, budget, aim=aims) for row, budget in zip(rows, budgets, strict=False))
        return tuple(paper for paper in found if paper.sentences)

    def quoted(self, encoded: Encoded, row: int, budget: int, *, aim: bool = False) -> PaperQuotes:
        """The best sentences of a paper within `budget` words, one at least where it has any; `aim`: with the sentence
        that says what it does."""
        first = {s.number for s in purpose(self.index, row)} if aim else ()
        return PaperQuotes(row, tuple(select(self.scorer.score(encoded, row), encoded, budget, first)))

    def _comparison(self, plan: Plan, encoded: Encoded, ranking: Ranking, shared: Sharing) -> Found:
        rows = self._sides(plan, ranking, shared)
        rows = (named := self._only_named(plan.searches[0], rows)) or rows
        budget = SIDE_WORDS.get(len(rows), 105)
        papers = tuple(p for p in (self.quoted(encoded, row, budget) for row in rows) if p.sentences)
        probability = self._probability(encoded, ranking, rows)
        state = "answers" if named else state_of(probability, self._caution, near=True)
        return Found(plan, ranking, state, papers, shared.parts, probability=probability)

    def _sides(self, plan: Plan, ranking: Ranking, shared: Sharing) -> list[int]:
        """The papers of a comparison: those that share it, those that it names, and one that the ranking prefers by far
        to the last of them; of several papers of the conversation ("both of them") all."""
        if 1 < len(plan.rows) <= MOST_SIDES:
            return list(plan.rows)
        # Two share it; a name in the question is a surer sign of a third than coverage.
        named = self._named(plan.searches[0], ranking)
        asked = self._titles(plan.searches[0], ranking)
        if len(asked) == 2 and len(_JOINS.findall(plan.searches[0])) == 1:
            # "A and B": no third that only fits.
            return asked
        rows = list(dict.fromkeys([*shared.rows[:2], *asked, *named, *shared.rows[2:]]))
        score = {int(r): float(s) for r, s in zip(ranking.rows, ranking.score, strict=True)}
        second = int(ranking.rows[1]) if len(ranking.rows) > 1 else rows[0]
        if second not in rows and score[second] - min(score[row] for row in rows) > PREFERRED:
            rows.insert(2, second)
        return rows[:MOST_SIDES]

    def _titles(self, text: str, ranking: Ranking) -> list[int]:
        """The papers of the ranking whose title, or the name before its colon, stands in the text."""
        return [row for row in self.index.titles.within(text) if row in ranking.rows]

    def _named(self, text: str, ranking: Ranking) -> list[int]:
        """Of the best papers those whose title alone has a word of the text that hardly any abstract has."""
        few = max(3, FEW * len(self.index))
        titles = {int(row): set(terms(self.index.papers[int(row)].title)) for row in ranking.rows[:TO_READ]}
        rare = {t for t in terms(text) if self.index.lexicon.frequency(t) <= few}
        holders = {t: [row for row, title in titles.items() if t in title] for t in rare}
        return list(dict.fromkeys(row for row in titles for rows in holders.values() if rows == [row]))

    def _probability(
        self, encoded: Encoded, ranking: Ranking, rows: Sequence[int], *, restricted: bool = False
    ) -> float:
        best = self.scorer.score(encoded, rows[0]) if rows else []
        return self._certainty.probability(encoded, ranking, rows, best, restricted=restricted)

    def _belonging(self, plan: Plan) -> tuple[Encoded, Ranking, Membership]:
        encoded = self.ranker.encode(plan.searches[0])
        ranking = self._rank(encoded, plan, whole=True)
        return encoded, ranking, membership(self.index, encoded, ranking)

    def _list(self, plan: Plan) -> Found:
        of_all = not [w for w in words(plan.topic) if w not in STOPWORDS]
        if of_all and not plan.count:
            # "List all papers": a view of the collection.
            return self._overview(replace(plan, kind="overview", topic=""))
        if of_all:
            return Found(
                plan, self._rank(self.ranker.encode(plan.standalone), plan), "answers", considered=self.searched
            )
        encoded, ranking, belonging = self._belonging(plan)
        rows = [int(belonging.rows[i]) for i in belonging.members()]
        probability = float(belonging.probabilities[0]) if rows else 0.0
        state = state_of_list(encoded, belonging, self._caution)
        said = [row for row in rows if self.index.sentences(row)] if state != "nothing" else []
        # What is not shown of a long list is counted, and need not be quoted.
        papers = (
            *(self.quoted(encoded, row, 0) for row in said[:SHOWN]),
            *(PaperQuotes(row, ()) for row in said[SHOWN:]),
        )
        written = sum(bool(w) for w, _ in zip(belonging.writes, rows, strict=False))
        likely = dict(zip(belonging.rows.tolist(), belonging.probabilities.tolist(), strict=True))
        return Found(
            plan,
            ranking,
            state,
            papers,
            considered=self.searched,
            written=written,
            doubtful=sum(likely[p.row] < 0.5 for p in papers),
            probability=probability,
            members=tuple(rows),
        )

    def _overview(self, plan: Plan) -> Found:
        if not plan.topic:
            encoded = self.ranker.encode(plan.standalone)
            groups = groups_of(self.index, self._rows)
            shown = [row for group in groups for row in group.typical]
            papers = tuple(PaperQuotes(row, purpose(self.index, row)) for row in shown)
            return Found(plan, self._rank(encoded, plan), "answers", papers, groups=tuple(groups))
        encoded, ranking, belonging = self._belonging(plan)
        likely = [int(r) for r, p in zip(belonging.rows, belonging.probabilities, strict=True) if p >= VIEW_LEAST]
        rows = likely[:VIEW] or [int(r) for r in belonging.rows[:NEAREST]]
        probability = float(belonging.probabilities[0]) if rows else 0.0
        state = state_of_list(encoded, belonging, self._caution)
        rows = rows if state == "answers" else [] if state == "nothing" else rows[:NEAREST]
        papers = tuple(PaperQuotes(row, purpose(self.index, row)) for row in rows)
        papers = tuple(p for p in papers if p.sentences)
        return Found(
            plan, ranking, state, papers, considered=self.searched, probability=probability, members=tuple(likely)
        )


def _without(text: str, names: Sequence[str]) -> str:
    """A text without these names; "" where nothing is left that could be searched for."""
    for name in names:
        text = text.replace(name, " ")
    return " ".join(text.split()) if any(w not in STOPWORDS for w in words(text)) else ""


_JOINS = re.compile(r"[,;&]|\b(?:and|or|vs|versus|with|than|against|from)\b", re.IGNORECASE)


def _headed(text: str, title: str) -> bool:
    """Whether a text has, inside, the capitalised word or two that stand before the colon of a title."""
    head = title.partition(":")[0].strip()
    if ":" not in title or not head[:1].isupper() or len(head.split()) > 2:
        return False
    return re.search(rf"(?<=\w[\s,(]){re.escape(head)}(?![\w-])", text) is not None
