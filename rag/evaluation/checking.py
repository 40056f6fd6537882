"""Whether a reference set can be trusted: every id, title, span and nugget is held against the abstracts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from rag.evaluation.items import SETS, Flaw, Item, Nugget, Span
from rag.papers import Paper
from rag.papers.sentences import split_sentences

SORTS = ("detail", "absent", "offtopic", "injected")
"""Of unanswerable questions."""
LONG = 400
"""Characters of an abstract of which a span is at most three quarters: it is to say where, not that it is somewhere."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def check(items: Sequence[Item], papers: Sequence[Paper]) -> list[Flaw]:
    """What is wrong with a set, in the order of the items; an empty list says that it holds."""
    known = {p.id: p for p in papers}
    # A set over abstracts that are not at hand where it is written has no spans at all.
    spanned = any(item.gold_spans for item in items)
    flaws = [Flaw(item.id, what) for item in items for what in _of_item(item, known, spanned)]
    flaws += [*_repeated(items), *_leaked(items)]
    order = {item.id: n for n, item in reversed(list(enumerate(items)))}
    return sorted(flaws, key=lambda flaw: order[flaw.id])


def _of_item(item: Item, papers: Mapping[str, Paper], spanned: bool) -> Iterator[str]:
    yield from _blank(item)
    yield from _gold(item, papers)
    yield from _form(item)
    roles = [m.role for m in item.history]
    if roles != ["user", "assistant"] * (len(roles) // 2):
        yield f"the history has to alternate from user to assistant; it is {', '.join(roles)}"
    if spanned:
        yield from _spans(item, papers)
    for nugget in item.nuggets:
        yield from (f"nugget {nugget.text!r}: {what}" for what in _nugget(item, nugget, papers, spanned))
    if item.kind not in (*SETS, "overview"):
        said = {item.paper_of(n) for n in item.nuggets if n.importance == "vital" and item.gold_papers}
        side = "the side" if item.kind == "comparison" else "the gold paper"
        yield from (f"{side} {id} has no vital nugget" for id in item.gold_papers if id not in said)


def _blank(item: Item) -> Iterator[str]:
    """Texts that a reader could not see, or that a terminal would obey."""
    texts = [("id", item.id), ("question", item.question), ("reference_answer", item.reference_answer)]
    texts += [("history", m.content) for m in item.history] + [("nuggets", n.text) for n in item.nuggets]
    yield from (f"{name}: nothing but spaces" for name, text in texts if not text.strip())
    texts += [("gold_titles", title) for title in item.gold_titles]
    yield from (f"{name}: a control character, {c[0]!r}" for name, text in texts if (c := _CONTROL.search(text)))
    if item.id.strip() and (item.id != item.id.strip() or not item.id.isprintable()):
        yield f"id: {item.id!r} has a space at an end, or a character that can't be printed"


def _gold(item: Item, papers: Mapping[str, Paper]) -> Iterator[str]:
    lists = {
        "gold_papers": item.gold_papers,
        "borderline_papers": item.borderline_papers,
        "about_papers": item.about_papers,
    }
    for name, ids in lists.items():
        yield from (f"{name}: the collection has no paper {i!r}" for i in ids if i not in papers)
        yield from (f"{name}: {i} is there twice" for i, n in Counter(ids).items() if n > 1)
    if both := set(item.gold_papers) & set(item.borderline_papers):
        yield f"{', '.join(sorted(both))} is both gold and borderline"
    if len(item.gold_titles) != len(item.gold_papers):
        yield f"{len(item.gold_papers)} gold_papers, but {len(item.gold_titles)} gold_titles"
        return
    for id, title in zip(item.gold_papers, item.gold_titles, strict=True):
        if id in papers and papers[id].title != title:
            yield f"gold_titles: {title!r} is not the title of {id}, which is {papers[id].title!r}"


def _form(item: Item) -> Iterator[str]:
    """What each kind needs."""
    if item.answerable == (item.kind == "unanswerable"):
        yield f"answerable is {str(item.answerable).lower()}, and the kind is {item.kind}"
    if item.kind == "unanswerable":
        if item.gold_papers or item.gold_spans or item.nuggets or item.borderline_papers or item.missing:
            yield "an unanswerable question has no gold or borderline papers, spans, nuggets or missing sides"
        if item.sort not in SORTS:
            yield f"sort is {item.sort!r}; of an unanswerable question it is one of {', '.join(SORTS)}"
        return
    if item.sort:
        yield f"sort is {item.sort!r}; only unanswerable questions have one"
    if item.about_papers and item.sort != "detail":
        yield "about_papers are those of an unanswerable detail"
    if item.kind not in SETS and item.borderline_papers:
        yield "only a list or a count has borderline papers"
    if not item.gold_papers and item.kind != "overview":
        yield "an answerable question has at least one gold paper"
    if item.kind in SETS and item.nuggets:
        yield f"the nuggets of a {item.kind} are its gold papers; leave nuggets empty"
    if item.kind not in (*SETS, "overview") and not any(n.importance == "vital" for n in item.nuggets):
        yield "it has no vital nugget"
    if item.kind == "followup" and not item.history:
        yield "a follow-up has a history"
    if item.kind == "comparison":
        if len(item.gold_papers) + len(item.missing) < 2:
            yield "a comparison has two sides or more"
    elif item.missing:
        yield "only a comparison has missing sides"
    if item.kind == "number" and not any(
        n.importance == "vital" and re.search(r"\d", " ".join((n.text, *n.aliases, *n.patterns))) for n in item.nuggets
    ):
        yield "no vital nugget of a number has a figure"


def _nugget(item: Item, nugget: Nugget, papers: Mapping[str, Paper], spanned: bool) -> Iterator[str]:
    if not nugget.aliases and not nugget.patterns:
        yield "it has neither alias nor pattern"
        return
    if any(len(re.sub(r"\W", "", a)) < 2 for a in nugget.aliases) or nugget.found_in(""):
        yield "an alias or pattern is so short that anything matches"
    if nugget.found_in(item.question):
        yield "its own question gives it away"
    if not nugget.paper_id and len(item.gold_papers) != 1:
        yield "paper_id has to say which of the gold papers has it"
        return
    paper = item.paper_of(nugget)
    if paper not in item.gold_papers:
        yield f"{paper!r} is no gold paper"
    elif paper in papers and not nugget.found_in(papers[paper].abstract):
        yield f"the abstract of {paper} does not have it"
    elif (
        spanned
        and nugget.importance == "vital"
        and not any(nugget.found_in(span.text) for span in item.gold_spans if span.paper_id == paper)
    ):
        yield f"it is vital, and no gold span of {paper} has it"
    if nugget.importance == "vital" and not nugget.found_in(item.reference_answer):
        yield "it is vital, and the reference answer does not have it"


def _spans(item: Item, papers: Mapping[str, Paper]) -> Iterator[str]:
    for n, span in enumerate(item.gold_spans, 1):
        if span.paper_id not in item.gold_papers:
            yield f"span {n}: {span.paper_id!r} is no gold paper"
        elif span.paper_id in papers:
            abstract = papers[span.paper_id].abstract
            if abstract[span.start : span.end] != span.text or span.end - span.start != len(span.text):
                at = abstract.find(span.text)
                where = f"stands at {at}" if at >= 0 else "is not in the abstract"
                yield f"span {n}: {span.text[:60]!r} is not at {span.start}–{span.end} of {span.paper_id}; it {where}"
            else:
                yield from (f"span {n}: {span.text[:60]!r} {what}" for what in _cut(span, abstract))
    by_paper = sorted(item.gold_spans, key=lambda s: (s.paper_id, s.start))
    for a, b in pairwise(by_paper):
        if a.paper_id == b.paper_id and b.start < a.end:
            yield f"the spans {a.start}–{a.end} and {b.start}–{b.end} of {a.paper_id} overlap"
    without = set(item.gold_papers if item.kind != "overview" else ()) - {span.paper_id for span in item.gold_spans}
    yield from (f"no span says what {id} has to do with it" for id in sorted(without))


def _cut(span: Span, abstract: str) -> Iterator[str]:
    whole = split_sentences(abstract)
    for at in (span.start, span.end):
        if abstract[max(at - 1, 0) : at].isalnum() and abstract[at : at + 1].isalnum():
            yield f"cuts the word around {at}"
    if span.text != span.text.strip():
        yield "begins or ends with a space"
    elif span.start not in {s.start for s in whole} or span.end not in {s.end for s in whole}:
        yield "is not made of whole sentences"
    if len(abstract) > LONG and 4 * len(span.text) > 3 * len(abstract):
        yield "is most of the abstract; give the sentence that says it"


def _repeated(items: Iterable[Item]) -> Iterator[Flaw]:
    by_id: dict[str, int] = Counter(item.id for item in items)
    yield from (Flaw(id, f"the id is there {n} times") for id, n in by_id.items() if n > 1)
    asked: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for item in items:
        asked[(" ".join(re.findall(r"\w+", item.question.casefold())), *(m.content for m in item.history))].append(item)
    for same in asked.values():
        for a, b in pairwise(same):
            yield from (Flaw(a.id, f"it asks the same as {b.id}"), Flaw(b.id, f"it asks the same as {a.id}"))


def _leaked(items: Iterable[Item]) -> Iterator[Flaw]:
    """Papers of both splits, reported at the items of the split that has fewer of them."""
    by_paper: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        for id in (*item.gold_papers, *item.about_papers):
            by_paper[id][item.split].append(item.id)
    for id, splits in by_paper.items():
        if len(splits) < 2:
            continue
        fewest = min(len(ids) for ids in splits.values())
        for split, ids in splits.items():
            other = next(i for s, others in splits.items() if s != split for i in others)
            if len(ids) == fewest:
                yield from (Flaw(i, f"{id} is in both splits: here in {split}, also in {other}") for i in ids)
