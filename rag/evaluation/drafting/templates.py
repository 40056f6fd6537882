"""Drafts without a model: sentences of the abstracts, turned into questions."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

from rag.ask.names import Names
from rag.evaluation.checking import check
from rag.evaluation.drafting.absences import crossed, details, offtopic, unjoined
from rag.evaluation.drafting.asking import Asked
from rag.evaluation.drafting.facts import fact_questions
from rag.evaluation.drafting.numbers import number_questions
from rag.evaluation.drafting.sets import comparisons, lists, shared_terms
from rag.evaluation.drafting.source import Source, sources
from rag.evaluation.drafting.splits import SplitRule
from rag.evaluation.items import Item, Kind
from rag.papers import Paper

MIX: tuple[Kind, ...] = (
    *("number", "fact", "unanswerable", "list", "number", "fact", "followup", "unanswerable", "comparison"),
    *("number", "fact", "count", "unanswerable"),
)
"""The kinds in the order in which they are taken, again and again; one that runs out is left out."""
UNANSWERABLE = 0.5
"""Of the answerable drafts, at most so many more: they are easily made, and would be most of a set."""
READ = 8
"""Papers that are read for each draft that is wanted, where a collection has more."""


def from_templates(papers: Sequence[Paper], n: int, seed: int, rule: SplitRule) -> list[Item]:
    """At most `n` drafts, mixed as `MIX` says, each of which `rag eval check` passes.

    The same papers, `n`, `seed` and rule give the same drafts; no paper is asked about twice while others are left.
    """
    if not papers:
        return []  # What is off any topic could be asked, and would measure nothing.
    rows = list(range(len(papers)))
    random.Random(seed).shuffle(rows)
    rows = rows[: max(READ * n, 100)]
    names = Names(papers)
    read = sources(papers, names, rows, rule)
    found = [*_single(list(read.values()), seed), *_several(papers, names, read, seed, rule)]
    flawed = {flaw.id for flaw in check(found, papers)}
    return chosen([item for item in found if item.id not in flawed], n, seed)


def _single(read: Sequence[Source], seed: int) -> Iterator[Item]:
    numbers: list[tuple[Source, Asked]] = []
    for source in read:
        figures, facts = number_questions(source), fact_questions(source)
        numbers += [(source, a) for a in figures[:1]]
        yield from (a.item(source) for a in (*figures, *facts))
        openings = [a for a in facts if a.template == "fact/proposed"]
        for a in figures:
            if openings and a.sentence != openings[0].sentence and a.role != "study":
                yield a.followup(source, openings[0])
                break
        yield from islice(details(source, seed), 2)
    yield from crossed(numbers, seed)
    yield from offtopic()


def _several(
    papers: Sequence[Paper], names: Names, read: Mapping[int, Source], seed: int, rule: SplitRule
) -> Iterator[Item]:
    terms = shared_terms(papers, seed)
    more = {row for term in terms for row in term.rows} - set(read)
    held = {**read, **sources(papers, names, sorted(more), rule)}
    yield from lists(terms, papers, held, rule)
    yield from comparisons(terms, held)
    yield from unjoined(terms, papers, rule, seed)


def chosen(items: Sequence[Item], n: int, seed: int) -> list[Item]:
    """At most `n`, kind by kind as `MIX` says, of each kind those of papers that have the fewest so far."""
    queues: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        queues[item.kind].append(item)
    for kind, queue in queues.items():
        random.Random(f"{seed} {kind}").shuffle(queue)
    used: Counter[str] = Counter()
    taken: list[Item] = []
    for kind in cycle(MIX):
        if len(taken) >= n or not any(queues.values()):
            break
        answerable = sum(item.answerable for item in taken)
        if kind == "unanswerable" and len(taken) - answerable > UNANSWERABLE * answerable:
            if not any(rest for other, rest in queues.items() if other != kind):
                break
            continue
        if left := queues.get(kind):
            best = min(left, key=lambda item: max((used[id] for id in item.gold_papers), default=used[_sort(item)]))
            left.remove(best)
            used.update(best.gold_papers or (_sort(best),))
            taken.append(best)
    return taken


def _sort(item: Item) -> str:
    return f"sort {item.sort}"
