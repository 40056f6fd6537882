"""Drafts without a model: a few plain questions that the papers' own sentences answer, in any field."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rag.evaluation.drafting.item import SplitRule, drafted, span_of, vital
from rag.evaluation.items import Item, Kind
from rag.index.lexical import STOPWORDS
from rag.papers import Paper, fold
from rag.papers.sentences import Span, split_sentences

LONGEST_TITLE = 200
"""Characters of a title that a question can repeat."""
_AIM = re.compile(
    r"\b(?:we|this (?:paper|work|study|article))\s+(?P<verb>propose|present|introduce|develop|describe|investigate|"
    r"examine|evaluate|compare)s?\s+(?P<what>\S+(?:\s+(?!(?:that|which|to|by|where|for|and)\b)\S+){1,6})",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"(?<![\w.,$€£+-])(?P<n>\d{2,}|\d{1,3}(?:,\d{3})+) (?P<what>(?!million|billion|trillion)[a-z]{3,}s)\b(?!-)"
)
_UNITS = re.compile(
    r"\b(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|times|points|bits|bytes|others|percents?)$"
)
_ABSENT = (
    ("Under which licence is the code of {paper} released?", re.compile(r"licen[cs]e|open[- ]source", re.IGNORECASE)),
    ("Which agency funded the work in {paper}?", re.compile(r"fund|grant|support", re.IGNORECASE)),
    ("At which university was the work in {paper} done?", re.compile(r"universit|institut|college", re.IGNORECASE)),
)
"""Details that an abstract seldom gives, and the words of those that do."""


def from_templates(papers: Sequence[Paper], seed: int, rule: SplitRule) -> list[Item]:
    """Drafts of numbers, facts and unanswerable details by turns; the same arguments give the same."""
    order = [p for p in papers if _nameable(p.title)]
    random.Random(seed).shuffle(order)
    found = [
        [item for p in order for item in _numbers(p, rule)],
        [item for p in order for item in _aims(p, rule)],
        [item for p in order for item in _details(p, rule)],
    ]
    turns = [item for group in zip_longest(*found) for item in group if item is not None]
    return list({i.question: i for i in turns}.values())


def _nameable(title: str) -> bool:
    return len(title) <= LONGEST_TITLE and title.isprintable() and len(fold(title).split()) > 1


def _called(paper: Paper) -> str:
    return f"the paper “{re.sub('[“”<>]', '', paper.title)}”"


def _numbers(paper: Paper, rule: SplitRule) -> Iterator[Item]:
    """ "How many species does the paper … mention?", one for each counted thing."""
    for sentence in split_sentences(paper.abstract):
        for match in _COUNTED.finditer(paper.abstract, sentence.start, sentence.end):
            what = match["what"]
            if _UNITS.search(what) or set(what.split()) & STOPWORDS or paper.abstract.count(f" {what}") > 1:
                continue
            question = f"How many {what} does {_called(paper)} mention?"
            yield _of("number", question, f"{match['n']} {what}.", match["n"], paper, sentence, rule)


def _aims(paper: Paper, rule: SplitRule) -> Iterator[Item]:
    """ "What does the paper … propose?", from the first sentence that says so."""
    for sentence in split_sentences(paper.abstract):
        match = _AIM.search(paper.abstract, sentence.start, sentence.end)
        if match is None:
            continue
        what, verb = match["what"].strip(" .,;:"), match["verb"].lower()
        yield _of("fact", f"What does {_called(paper)} {verb}?", f"It {verb}s {what}.", what, paper, sentence, rule)
        return


def _of(kind: Kind, question: str, answer: str, nugget: str, paper: Paper, sentence: Span, rule: SplitRule) -> Item:
    spans = (span_of(paper, sentence.start, sentence.end),)
    return drafted(
        kind,
        "template",
        question,
        answer,
        rule(paper.id),
        (paper,),
        nuggets=(vital(nugget),),
        gold_spans=spans,
    )


def _details(paper: Paper, rule: SplitRule) -> Iterator[Item]:
    """A detail that the abstract doesn't give."""
    first = len(paper.abstract) % len(_ABSENT)
    for question, given in (*_ABSENT[first:], *_ABSENT[:first]):
        if paper.abstract and not given.search(f"{paper.title} {paper.abstract}"):
            asked = question.format(paper=_called(paper))
            said, about = "The abstract does not say.", (paper.id,)
            yield drafted("unanswerable", "template", asked, said, rule(paper.id), about_papers=about, sort="detail")
            return
