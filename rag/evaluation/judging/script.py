"""What a judge is shown of one answer, and what is graded without asking it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.core.answer import NO_SOURCE, PARTLY, UNSUPPORTED
from rag.evaluation.items import Item
from rag.evaluation.judging.grades import Grade, Name
from rag.evaluation.metrics.metric import Case
from rag.llm.prompts import data, source


@dataclass(frozen=True, slots=True)
class Source:
    """A quote that an answer cites, and the title of its paper."""

    marker: int
    title: str
    quote: str


@dataclass(frozen=True, slots=True)
class Script:
    """One answer to be graded. `claims` is False for one that states nothing, so that nothing can be borne out."""

    question: str
    reference: str
    answer: str
    sources: tuple[Source, ...]
    abstained: bool
    answerable: bool
    claims: bool = True
    failed: bool = False

    def known(self, name: Name) -> tuple[bool, Grade | None]:
        """Whether a grade follows from what is known, and which; None is one that is undefined.

        Nobody needs a model to say whether an abstention was right, nor that what cites nothing is borne out by
        nothing. A failure is no answer: it is neither correct nor of help.
        """
        if name == "faithfulness":
            if self.failed or self.abstained or not self.claims:
                return True, None
            return (False, None) if self.sources else (True, 0)
        if self.failed:
            return True, 0
        if name == "correctness" and self.abstained:
            return True, 0 if self.answerable else 2
        return False, None

    def values(self, name: Name) -> dict[str, str]:
        """What fills the placeholders of the prompt that grades `name`: data that can't close their tags.

        For faithfulness the marks of our own check of claims are left out: the judge is to find for itself.
        """
        shown = {"question": enclosed(self.question)}
        if name == "faithfulness":
            sources = "\n".join(source(s.marker, _open(s.title), _open(s.quote)) for s in self.sources)
            return {**shown, "sources": sources, "answer": enclosed(_MARKS.sub("", self.answer))}
        return {**shown, "reference": enclosed(self.reference), "answer": enclosed(self.answer)}


_MARKS = re.compile(rf"\s*(?:{re.escape(UNSUPPORTED)}|{re.escape(NO_SOURCE)}|{re.escape(PARTLY)})")
_TAG = re.compile(r"<(?=\s*/?\s*(?:question|reference|answer)\b)", re.IGNORECASE)


def enclosed(text: str) -> str:
    """`text` without what could end the tag of a grading prompt, or pass for a turn of its own."""
    return _open(data(text)).strip() or "(nothing)"


def _open(text: str) -> str:
    return _TAG.sub("‹", text)


def asked(item: Item) -> str:
    """The question of an item, after the conversation that it follows up."""
    turns = [f"{'User' if m.role == 'user' else 'Assistant'}: {m.content}" for m in item.history]
    return "\n".join([*turns, f"User: {item.question}"]) if turns else item.question


def of_case(case: Case) -> Script:
    """What is graded of a case."""
    answer: Sequence[Source] = [Source(c.marker, c.title, c.quote) for c in case.citations]
    return Script(
        question=asked(case.item),
        reference=case.item.reference_answer,
        answer=case.text,
        sources=tuple(answer),
        abstained=case.abstained,
        answerable=case.item.answerable,
        claims=bool(case.statements),
        failed=case.failed,
    )
