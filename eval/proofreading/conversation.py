"""What was said before a question: by turns, about its paper, and with figures that the abstracts have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from eval.proofreading.naming import Names
from rag.ask.figures import Figure, figures, same
from rag.evaluation.items import Item
from rag.index.lexical import STOPWORDS, terms
from rag.papers import Paper

TITLED = 2
"""Words of a gold title that a history or a question shares where it is about that paper, or one that looks alike.
The 70 follow-ups of the reference set hold; with another one's history, two in three are found."""
_TURNS_AWAY = re.compile(
    r"\b(?:i meant|other one|(?:different|another|new) (?:topic|subject|question))\b", re.IGNORECASE
)
_MARKS = re.compile(r"\[\d+(?:,\s*\d+)*\]|^\s*\d{1,2}[.)]\s|(?<=[:;,.])\s+\d[.)]\s|(?<=\sand)\s\d[.)]\s", re.MULTILINE)
"""Citations, and the labels of a list."""
_FEW = 12
"""The largest figure in words that may be the writer's own: "Three: …", "a second"."""


def conversation(item: Item, papers: Mapping[str, Paper], names: Names) -> Iterator[str]:
    """What is wrong with the history of an item. That of a draft is left as it was said."""
    if item.history and not item.draft:
        yield from _figures(item, papers, names)
        if not _touches(item, papers, names):
            yield "the history is about other things: neither it nor the question names a gold paper or one alike"


def stated(text: str) -> list[Figure]:
    """The figures that a text states of something: no names, labels of a list, citations or small counts in words."""
    found = figures(_MARKS.sub(lambda m: " " * len(m.group()), text))
    return [f for f in found if not f.named and (f.value > _FEW or re.search(r"\d", f.text))]


def held(figure: Figure, texts: Iterable[str]) -> bool:
    """Whether one of the texts has the same figure."""
    return any(same(figure, other) for text in texts for other in _figures_of(text))


@lru_cache(maxsize=4096)
def _figures_of(text: str) -> list[Figure]:
    return figures(text)


def _figures(item: Item, papers: Mapping[str, Paper], names: Names) -> Iterator[str]:
    """A figure that the assistant says was asked for, or is one of a gold paper or one that the conversation names."""
    asked: list[str] = []
    named: set[str] = set()
    for message in item.history:
        named |= names.mentioned(message.content)
        if message.role == "user":
            asked.append(message.content)
            continue
        # Where no paper is named, whose figure it is can't be said: then any paper may have it.
        likely = [papers[id] for id in {*named, *item.gold_papers} if id in papers] if named else [*papers.values()]
        texts = [*asked, *(f"{p.title}\n{p.abstract}" for p in likely)]
        for figure in stated(message.content):
            if not held(figure, texts):
                yield f"the history says {figure.text!r}, which no abstract of a paper that it names has"


def _touches(item: Item, papers: Mapping[str, Paper], names: Names) -> bool:
    gold = {id for id in item.gold_papers if id in papers}
    if not gold or _TURNS_AWAY.search(item.question):
        return True
    said = " ".join(m.content for m in item.history)
    if gold & (names.mentioned(said) | names.mentioned(item.question)):
        return True
    told, asked = ({*terms(text)} - STOPWORDS for text in (said, item.question))
    return any(max(len(told & own), len(asked & own)) >= TITLED for own in ({*terms(papers[id].title)} for id in gold))
