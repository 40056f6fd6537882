"""Questions to ask next, and to begin with: each was asked before it is offered, so that none goes unanswered."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest

from rag.ask.finding import Finder
from rag.ask.suggesting.candidates import ALIKE, REMOTE, Candidate, Candidates
from rag.ask.suggesting.trial import Ask, Trial, quotes_of
from rag.ask.suggesting.written import written
from rag.core.answer import Answer
from rag.home.conversation import history
from rag.llm.client import Client

__all__ = ["Ask", "starters", "suggest"]

TABLE = 3
"""Papers of the last answer that are asked of, the first it cites."""
BESIDE = 5
"""Papers that it found beside them, of which is asked when the others have nothing left to tell."""
TRIES = 3
"""Questions that are tried for each that is wanted: what is not found by then is not worth the time."""
LISTS = 3
"""Lists that are tried: each weighs every paper of the collection."""
SAME = 2
"""Questions of one pattern, at most, each of other papers: of more it is a list of the same."""
SAMPLE, PAIRED = 60, 24
"""Papers of the collection that beginnings are made from, and those of them whose neighbours are looked for."""


OPENING = frozenset({"how", "proposal", "finding"})
"""Patterns that a conversation may begin with."""


def suggest(
    answers: Sequence[Answer],
    finder: Finder,
    ask: Ask,
    *,
    count: int,
    allowed: frozenset[int] | None = None,
    client: Client | None = None,
) -> tuple[str, ...]:
    """At most `count` questions that go on from the last of `answers`, of the papers that it cites or retrieved.

    `ask` answers with quotes; `finder` and `ask` find among the rows in `allowed` only (None: among all). With `client`
    a model words the questions first. Without a model the same answers give the same questions. Where nothing was
    answered yet they are of the papers that are allowed, or to begin with.
    """
    if not answers and allowed is None:
        return starters(finder, ask, count=count)
    candidates = Candidates(finder, allowed)
    trial = Trial(finder, ask, history(answers), quotes_of(answers), TRIES * count)
    asked = {q.casefold() for a in answers for q in (a.question, a.standalone_question)}
    rows, others = _tables(answers[-1], finder, allowed) if answers else (sorted(allowed or ())[:TABLE], [])
    if answers and answers[-1].citations:
        others = [o for o in others if any(candidates.cosine(row, o) >= REMOTE for row in rows)]
    found: list[str] = []
    if client is not None and rows:
        found = written(rows, [a.question for a in answers], finder, trial, client, count)
    if len(found) < count:
        streams = _next(rows, others, candidates, turn=len(answers))
        found += _chosen(streams, trial, count - len(found), asked | {q.casefold() for q in found})
    return tuple(found)


def starters(finder: Finder, ask: Ask, *, count: int) -> tuple[str, ...]:
    """At most `count` questions to begin with: of a fact, two papers, a subject and a figure in turn.

    The same collection gives the same.
    """
    candidates = Candidates(finder)
    rows = random.Random(0).sample(range(len(finder.index)), min(SAMPLE, len(finder.index)))
    # Papers with a name first: a title makes a long question.
    rows.sort(key=lambda row: not ((s := candidates.subject(row)) and s.name))
    trial = Trial(finder, ask, (), frozenset(), 2 * TRIES * count)
    kinds: list[Iterator[Candidate]] = [
        (c for row in rows for c in candidates.of_one(row) if c.pattern in OPENING),
        (c for row in rows[:PAIRED] for c in islice(candidates.of_two(row), 1)),
        (c for row in rows for c in islice(candidates.of_all(row), 1)),
        (c for row in rows for c in candidates.of_one(row) if c.pattern == "figure"),
    ]
    return tuple(_chosen(kinds, trial, count, set()))


def _next(
    rows: Sequence[int], others: Sequence[int], candidates: Candidates, *, turn: int
) -> list[Iterator[Candidate]]:
    """Two streams that stay with the papers on the table, and one that leads on: to another paper, or to all of them.

    `turn` lets the two ways of leading on take turns. Where the papers have nothing left to tell, their neighbours do,
    and then `others`, which were found beside them.
    """
    near = chain((n for row in rows[:1] for n in candidates.near(row) if n not in rows), others)
    details = chain(
        _in_turn([candidates.of_one(row) for row in rows]),
        (c for row in near for c in islice(candidates.of_one(row), 3)),
    )
    pairs = chain(
        chain.from_iterable(
            candidates.compared(rows[0], other) for other in rows[1:] if candidates.cosine(rows[0], other) >= ALIKE
        ),
        chain.from_iterable(candidates.of_two(row) for row in rows[:1]),
    )
    lists = islice(chain.from_iterable(candidates.of_all(row) for row in rows), LISTS)
    return [details, details, chain(pairs, lists) if turn % 2 else chain(lists, pairs)]


def _in_turn(details: Iterable[Iterator[Candidate]]) -> Iterator[Candidate]:
    """The first of each paper, then the second of each."""
    for some in zip_longest(*details):
        yield from (c for c in some if c is not None)


def _chosen(streams: Sequence[Iterator[Candidate]], trial: Trial, count: int, asked: set[str]) -> list[str]:
    """At most `count` that hold, one of each stream in turn; none that was asked, and few of one pattern."""
    found: list[Candidate] = []
    spare: list[Candidate] = []

    def taken(candidate: Candidate) -> bool:
        new = candidate.text.casefold() not in asked
        if new and trial.holds(candidate):
            found.append(candidate)
            asked.add(candidate.text.casefold())
            return True
        return False

    waiting = deque(streams)
    while waiting and len(found) < count:
        stream = waiting.popleft()
        for candidate in stream:
            if any(candidate.pattern == f.pattern for f in found):
                spare.append(candidate)
            elif taken(candidate):
                waiting.append(stream)
                break
    for candidate in spare:
        same = [f for f in found if f.pattern == candidate.pattern]
        if len(found) < count and len(same) < SAME and all(f.papers != candidate.papers for f in same):
            taken(candidate)
    return [f.text for f in found]


def _tables(answer: Answer, finder: Finder, allowed: frozenset[int] | None) -> tuple[list[int], list[int]]:
    """The rows of the papers that the answer cites, and of others that it retrieved; of these, where it cites none."""
    cited, retrieved = (
        [
            r
            for i in dict.fromkeys(ids)
            if (r := finder.index.rows.get(i)) is not None and (allowed is None or r in allowed)
        ]
        for ids in ([c.paper_id for c in answer.citations], [r.paper_id for r in answer.retrieved])
    )
    rows = (cited or retrieved)[:TABLE]
    return rows, [row for row in retrieved if row not in rows][:BESIDE]
