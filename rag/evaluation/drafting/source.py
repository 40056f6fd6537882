"""A paper as drafts see it: its sentences, how questions call it, and items made from them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rag import passages
from rag.evaluation.drafting.splits import SplitRule
from rag.evaluation.items import Item, Kind, Nugget, Span, Split
from rag.names import Names
from rag.papers import Paper

LONGEST_TITLE = 200
"""Characters: a longer one, or one with quotation marks or other signs of markup, can't be quoted in a question."""
Role = Literal["writer", "doer", "paper", "study"]
"""As what a question names a paper: what reports, what is fast, what mentions, or what people took part in."""
_UNNAMED: dict[Role, str] = {"doer": "the approach of", "paper": "the paper", "study": "the study"}
_UNQUOTABLE = re.compile(r"[\"“”<>{}|\\$`*\[\]]")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`paper.abstract[start:end] == text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """One paper. `name` is that of its system, which no other paper owns; it is empty where there is none."""

    paper: Paper
    name: str
    split: Split
    sentences: tuple[Sentence, ...]

    @property
    def title(self) -> str:
        """The title in quotation marks."""
        return f"“{self.paper.title}”"

    def called(self, role: Role) -> str:
        """How a question names the paper."""
        if self.name:
            return {"paper": f"the paper on {self.name}", "study": f"the study of {self.name}"}.get(role, self.name)
        return self.title if role == "writer" else f"{_UNNAMED[role]} {self.title}"

    def span(self, sentence: Sentence) -> Span:
        """A sentence as a gold span."""
        return Span(paper_id=self.paper.id, start=sentence.start, end=sentence.end, text=sentence.text)


def sources(papers: Sequence[Paper], names: Names, rows: Iterable[int], rule: SplitRule) -> dict[int, Source]:
    """The papers in these rows, by row, without those that no question could name. `names` are those of all papers."""
    found = {}
    for row in rows:
        paper = papers[row]
        if not _nameable(paper.title):
            continue
        spans = passages.split_sentences(paper.abstract)
        sentences = tuple(Sentence(s.start, s.end, paper.abstract[s.start : s.end]) for s in spans)
        found[row] = Source(paper, _own_name(names, row), rule(paper.id), sentences)
    return found


def _nameable(title: str) -> bool:
    letters = sum(c.isalpha() for c in title)
    return len(title) <= LONGEST_TITLE and letters >= 8 and not _UNQUOTABLE.search(title) and title.isprintable()


def _own_name(names: Names, row: int) -> str:
    """The name of the paper's system, where it looks like one and leads to this paper only."""
    name = names.short(row)
    if not re.fullmatch(r"[A-Za-z][\w+-]{2,24}", name) or not re.search(r"[A-Z]", name):
        return ""
    mentions = names.mentions(f"What is {name}?")
    return name if len(mentions) == 1 and mentions[0].rows == (row,) else ""


def drafted(
    kind: Kind,
    template: str,
    question: str,
    reference: str,
    split: Split,
    *,
    gold: Sequence[Source] = (),
    spans: Sequence[Span] = (),
    nuggets: Sequence[Nugget] = (),
    **fields: Any,
) -> Item:
    """An item that is to be reviewed; its id is made of what it asks, so that the same draft has the same id."""
    history = fields.get("history", ())
    said = "\n".join((kind, question, *(m.content for m in history), *(s.paper.id for s in gold)))
    return Item(
        id=f"draft-{kind}-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:10]}",
        kind=kind,
        question=question,
        reference_answer=reference,
        nuggets=tuple(nuggets),
        gold_papers=tuple(s.paper.id for s in gold),
        gold_titles=tuple(s.paper.title for s in gold),
        gold_spans=tuple(spans),
        answerable=kind != "unanswerable",
        split=split,
        notes=f"draft by template {template}; review",
        draft=True,
        **fields,
    )


def listed(parts: Sequence[str]) -> str:
    """ "A", "A and B", "A, B and C"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
