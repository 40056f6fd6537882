"""Drafts that a model writes, one abstract at a time; what it writes is held against the abstract in code."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

from pydantic import BaseModel, Field

from rag.ask.reading.names import names
from rag.core.errors import ModelError, ModelStopped
from rag.evaluation.checking import check
from rag.evaluation.drafting.item import SplitRule, drafted, span_of, vital
from rag.evaluation.items import Item, Kind
from rag.llm.client import Client, Reply
from rag.llm.prompts import prompt
from rag.llm.prompts import source as as_data
from rag.llm.structured import ask_json
from rag.papers import Paper, fold
from rag.papers.sentences import Span, split_sentences

KINDS: tuple[Kind, ...] = ("fact", "number", "idea")
"""What one abstract is enough for."""
_WANTED = {
    "fact": "fact (what the paper proposes, uses, compares with or finds)",
    "number": "number (the answer is a figure)",
    "idea": "idea (somebody describes a need in everyday words, and this paper meets it)",
}
TRIES = 2
"""Abstracts that are shown to the model for each draft that is wanted: what does not hold is dropped."""

Supported = Callable[[str, str], bool]
"""Whether a claim is borne out by the abstract of the paper with this id."""


class Written(BaseModel):
    """The reply to the prompt `draft`."""

    question: str = Field(min_length=10, max_length=400)
    answer: str = Field(min_length=1, max_length=600)
    sentence: str = Field(min_length=10, max_length=1_000)
    nugget: str = Field(min_length=2, max_length=80)


class Writer:
    """Asks a model for drafts. `dropped` counts what it wrote in vain, by the reason; `failure` is why it gave up."""

    def __init__(
        self, papers: Sequence[Paper], rule: SplitRule, client: Client, supported: Supported | None = None
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.failure = ""
        self._papers, self._rule, self._client, self._supported = papers, rule, client, supported

    def drafts(self, n: int, seed: int, stop: threading.Event | None = None) -> Iterator[Item]:
        """At most `n` items, as they are written. A model that fails ends them, and `failure` says why; `ModelStopped`
        is raised."""
        shown = [p for p in self._papers if p.abstract]
        random.Random(seed).shuffle(shown)
        asked: set[str] = set()
        for paper, kind in zip(shown[: TRIES * n], cycle(KINDS), strict=False):
            if len(asked) >= n:
                return
            try:
                item = self._written(paper, kind, stop)
            except ModelStopped:
                raise
            except ModelError as error:
                self.failure = str(error)
                return
            if item is not None and fold(item.question) not in asked:
                asked.add(fold(item.question))
                yield item

    def _written(self, paper: Paper, kind: Kind, stop: threading.Event | None) -> Item | None:
        shown = as_data(1, paper.title, paper.abstract)
        messages = prompt("draft").fill(sources=shown, kind=_WANTED[kind])
        found = ask_json(self._client, messages, Written, stop=stop, count=_uncounted)
        flaw = "it was no JSON object of the kind wanted"
        if found is not None:
            made = self._item(paper, kind, found)
            if isinstance(made, Item):
                return made
            flaw = made
        self.dropped[flaw] += 1
        return None

    def _item(self, paper: Paper, kind: Kind, written: Written) -> Item | str:
        """The item, or what is wrong with what the model wrote."""
        question, answer = " ".join(written.question.split()), " ".join(written.answer.split())
        sentence = _sentence(paper, written.sentence)
        if sentence is None:
            return "its sentence is not in the abstract"
        if not question.endswith("?") or not (question + answer).isprintable():
            return "its question is no question"
        about = _names(question, paper)
        if about == (kind == "idea"):
            return "its question names the paper" if about else "its question does not name the paper"
        if fold(answer) in fold(paper.abstract) and len(answer.split()) > 6:
            return "its answer is copied"
        item = drafted(
            kind,
            f"model {self._client.model}",
            question,
            answer,
            self._rule(paper.id),
            (paper,),
            gold_spans=(span_of(paper, sentence.start, sentence.end),),
            nuggets=(vital(" ".join(written.nugget.split()).strip(" .,;:")),),
        )
        if flaws := check([item], [paper]):
            return f"it fails rag eval check ({_rule(flaws[0].what)})"
        if self._supported is not None and not self._supported(answer, paper.id):
            return "the abstract does not support its answer"
        return item


def _names(question: str, paper: Paper) -> bool:
    """Whether a question names a paper: by what stands before the colon of its title, or by a name in the title."""
    head, colon, _ = paper.title.partition(":")
    said = [head if colon else paper.title, *(n.text for n in names(paper.title) if n.strong)]
    return any(fold(name) in fold(question) for name in said)


def _sentence(paper: Paper, text: str) -> Span | None:
    """The sentence of the abstract that holds what the model copied; None where none does."""
    copied = " ".join(text.split()).strip(' "“”')
    for span in split_sentences(paper.abstract):
        flat = " ".join(paper.abstract[span.start : span.end].split())
        if copied and len(copied) >= 0.5 * len(flat) and copied.rstrip(".") in flat:
            return span
    return None


def _rule(what: str) -> str:
    """What a flaw is about, without the words of the item, so that the same flaws are counted together."""
    return what.rpartition(": ")[2] if what.startswith("nugget ") else what.partition(" '")[0]


def _uncounted(reply: Reply) -> None:
    """Drafts are not answers: their tokens are in no receipt."""
