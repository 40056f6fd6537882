"""A paper as questions see it: its sentences, and how a question names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rag.ask.names import Names
from rag.papers import Paper, passages

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
class Subject:
    """One paper. `name` is that of its system, which no other paper owns; it is empty where there is none."""

    paper: Paper
    name: str
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


def nameable(title: str) -> bool:
    """Whether a question can quote this title."""
    letters = sum(c.isalpha() for c in title)
    return len(title) <= LONGEST_TITLE and letters >= 8 and not _UNQUOTABLE.search(title) and title.isprintable()


def sentences(paper: Paper) -> tuple[Sentence, ...]:
    """The sentences of the abstract."""
    spans = passages.split_sentences(paper.abstract)
    return tuple(Sentence(s.start, s.end, paper.abstract[s.start : s.end]) for s in spans)


def own_name(names: Names, row: int) -> str:
    """The name of the paper's system, where it looks like one and leads to this paper only; else nothing."""
    name = names.short(row)
    if not re.fullmatch(r"[A-Za-z][\w+-]{2,24}", name) or not re.search(r"[A-Z]", name):
        return ""
    mentions = names.mentions(f"What is {name}?")
    return name if len(mentions) == 1 and mentions[0].rows == (row,) else ""
