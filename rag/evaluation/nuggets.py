"""Whether the nuggets of an item can be trusted: each is in its abstract, its span and the reference answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations

from rag.evaluation.conversation import held, stated
from rag.evaluation.items import SETS, Item, Nugget
from rag.evaluation.naming import Names
from rag.index.lexical import terms, words
from rag.papers import Paper
from rag.papers.sentences import split_sentences


def nuggets(item: Item, papers: Mapping[str, Paper], names: Names, spanned: bool = True) -> Iterator[str]:
    """What is wrong with them; `spanned` says that the set has gold spans."""
    for nugget in item.nuggets:
        yield from (f"nugget {nugget.text!r}: {what}" for what in _nugget(item, nugget, papers, spanned))
        for found in names.everywhere(nugget):
            yield f"nugget {nugget.text!r}: {found!r} is in more than half of the abstracts, and proves nothing"
    yield from _twice(item)
    if item.kind not in (*SETS, "overview"):
        said = {item.paper_of(n) for n in item.nuggets if n.importance == "vital" and item.gold_papers}
        side = "the side" if item.kind == "comparison" else "the gold paper"
        yield from (f"{side} {id} has no vital nugget" for id in item.gold_papers if id not in said)


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
    if paper in papers:
        yield from _text(item, nugget, papers[paper])


def _text(item: Item, nugget: Nugget, paper: Paper) -> Iterator[str]:
    """The text is for readers, and no metric sees it: so it is held against what its expressions find."""
    sentences = (paper.abstract[s.start : s.end] for s in split_sentences(paper.abstract))
    where = [s for s in sentences if nugget.found_in(s)] or [paper.abstract]
    found = [*nugget.aliases, *nugget.patterns, item.reference_answer, *where]
    digits = {re.sub(r"\D", "", d) for text in found for d in re.findall(r"\d[\d.,\s]*", text)}
    figured = stated(nugget.text)
    for figure in figured:
        if re.sub(r"\D", "", figure.text) not in digits and not held(figure, found):
            yield f"its text says {figure.text!r}, which is not where its expressions are in {paper.id}"
    told = {*terms(nugget.text)} or {*words(nugget.text)}
    if not figured and not told & {w for text in found for w in (*terms(text), *words(text))}:
        yield f"its text shares no word with what its expressions find in {paper.id}"


def _twice(item: Item) -> Iterator[str]:
    for a, b in combinations(item.nuggets, 2):
        if words(a.text) == words(b.text) and item.paper_of(a) == item.paper_of(b):
            yield f"nugget {a.text!r} is there twice"
        elif {*a.expressions} == {*b.expressions} != set() and a.paper_id == b.paper_id:
            yield f"the nuggets {a.text!r} and {b.text!r} have the same aliases and patterns"
