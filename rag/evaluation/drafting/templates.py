"""Drafts without a model: a few plain questions that the papers' own sentences answer, in any field."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rag.ask.reading.names import names
from rag.evaluation.drafting.item import drafted, span_of, vital
from rag.evaluation.drafting.splits import SplitRule, common
from rag.evaluation.items import Item, Kind, Message
from rag.index.lexical import STOPWORDS
from rag.papers import Paper, fold
from rag.papers.sentences import Span, split_sentences

LONGEST_TITLE = 200
"""Characters of a title that a question can repeat."""
SHARED = (2, 8)
"""A list asks for a name that so many papers write."""
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
    """Drafts of all kinds by turns; the same arguments give the same."""
    order = [p for p in papers if _nameable(p.title)]
    random.Random(seed).shuffle(order)
    found = [
        [item for p in order for item in _numbers(p, rule)],
        [item for p in order for item in _aims(p, rule)],
        [item for p in order for item in _followups(p, rule)],
        [item for p in order for item in _details(p, rule)],
        list(_lists(order, rule)),
    ]
    turns = [item for group in zip_longest(*found) for item in group if item is not None]
    return list({(i.question, i.history): i for i in turns}.values())


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


def _followups(paper: Paper, rule: SplitRule) -> Iterator[Item]:
    """What it counts, asked of "it", after what it does."""
    first = next(_aims(paper, rule), None)
    then = next(_numbers(paper, rule), None)
    if first is None or then is None:
        return
    said = (
        Message(role="user", content=first.question),
        Message(role="assistant", content=f"{first.reference_answer} ({paper.title})"),
    )
    question = f"And {then.question[0].lower()}{then.question[1:]}".replace(_called(paper), "it")
    copied = {"nuggets": then.nuggets, "gold_spans": then.gold_spans, "history": said}
    yield drafted("followup", "template", question, then.reference_answer, then.split, (paper,), **copied)


def _details(paper: Paper, rule: SplitRule) -> Iterator[Item]:
    """A detail that the abstract doesn't give."""
    first = len(paper.abstract) % len(_ABSENT)
    for question, given in (*_ABSENT[first:], *_ABSENT[:first]):
        if paper.abstract and not given.search(f"{paper.title} {paper.abstract}"):
            asked = question.format(paper=_called(paper))
            said, about = "The abstract does not say.", (paper.id,)
            yield drafted("unanswerable", "template", asked, said, rule(paper.id), about_papers=about, sort="detail")
            return


def _lists(papers: Sequence[Paper], rule: SplitRule) -> Iterator[Item]:
    """ "Which papers mention QLoRA?", where a few papers of one split write the name."""
    writing: dict[str, dict[str, Span]] = {}
    for p in papers:
        for sentence in split_sentences(p.abstract):
            for said in names(p.abstract[sentence.start : sentence.end]):
                if said.strong and said.text.isalnum():
                    writing.setdefault(said.text, {}).setdefault(p.id, sentence)
    by_id = {p.id: p for p in papers}
    for name, places in writing.items():
        anywhere = [p.id for p in papers if name.casefold() in f"{p.title} {p.abstract}".casefold()]
        split = common(list(places), rule)
        if not SHARED[0] <= len(places) <= SHARED[1] or split is None or len(anywhere) > len(places):
            continue
        gold = [by_id[id] for id in places]
        answer = f"{len(gold)}: {'; '.join(p.title for p in gold)}."
        spans = tuple(span_of(by_id[id], s.start, s.end) for id, s in places.items())
        yield drafted("list", "template", f"Which papers mention {name}?", answer, split, gold, gold_spans=spans)
