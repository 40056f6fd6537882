"""Labels: what a careful reader says of answers, by which a judge is held to account. A set is a JSONL file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from rag.core.errors import EvaluationError
from rag.evaluation.items import Many, Record, text_of
from rag.evaluation.judging.grades import Grade, Name
from rag.evaluation.judging.script import Script, Source


class Cited(Record):
    """A quote that the answer cites. Its text is in no way cleaned: the judge sees what the reader saw."""

    marker: int = Field(ge=1)
    title: str = Field(min_length=1)
    quote: str = Field(min_length=1)


class Grades(Record):
    """The reader's grades. Faithfulness is None where the answer states nothing, as an abstention does."""

    faithfulness: Grade | None
    correctness: Grade
    helpfulness: Grade


class Label(Record):
    """One answer to one item of the reference set, and what a careful reader says of it.

    `item` is the item's id. `question` (after the conversation that it follows up) and `reference_answer` are those
    that the reader saw, so that a label stays what it is when an item is rewritten. `system` is what wrote the answer,
    or how it was corrupted.
    """

    id: str = Field(min_length=1, max_length=80)
    item: str = Field(min_length=1, max_length=80)
    question: str = Field(min_length=1)
    reference_answer: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    citations: Many[Cited] = ()
    abstained: bool
    answerable: bool
    labels: Grades
    system: str = Field(min_length=1)
    notes: str = ""

    @property
    def script(self) -> Script:
        """What a judge is shown of it."""
        return Script(
            question=self.question,
            reference=self.reference_answer,
            answer=self.answer,
            sources=tuple(Source(c.marker, c.title, c.quote) for c in self.citations),
            abstained=self.abstained,
            answerable=self.answerable,
            claims=self.labels.faithfulness is not None,
        )

    def grade(self, name: Name) -> Grade | None:
        """The reader's grade for `name`."""
        grade: Grade | None = getattr(self.labels, name)
        return grade


def read(path: Path) -> list[Label]:
    """The labels of a file. Raises `EvaluationError` that names the file and the first line that can't be used."""
    found = []
    for number, line in enumerate(text_of(path, "Labels are a JSONL file.").split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(Label.model_validate_json(line))
        except (ValidationError, RecursionError) as e:
            raise EvaluationError(f"{path}, line {number}: {_first(e)}") from e
    return found


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    first = error.errors()[0]
    return f"{'.'.join(str(p) for p in first['loc']) or 'label'}: {first['msg']}"
