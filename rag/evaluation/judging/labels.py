"""Labels: what a careful reader says of answers, by which a judge is held to account. A set is a JSONL file."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rag.core.errors import EvaluationError
from rag.evaluation.items import Flaw, Item
from rag.evaluation.judging.grades import Grade, Name
from rag.evaluation.judging.script import Script, Source, asked


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Cited(_Record):
    """A quote that the answer cites. Its text is in no way cleaned: the judge sees what the reader saw."""

    marker: int = Field(ge=1)
    title: str = Field(min_length=1)
    quote: str = Field(min_length=1)


class Grades(_Record):
    """The reader's grades. Faithfulness is None where the answer states nothing, as an abstention does."""

    faithfulness: Grade | None
    correctness: Grade
    helpfulness: Grade


class Label(_Record):
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
    citations: tuple[Cited, ...] = ()
    abstained: bool
    answerable: bool
    labels: Grades
    system: str = Field(min_length=1)
    notes: str = ""

    @field_validator("citations", mode="before")
    @classmethod
    def _tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

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
        return {
            "faithfulness": self.labels.faithfulness,
            "correctness": self.labels.correctness,
            "helpfulness": self.labels.helpfulness,
        }[name]


def read(path: Path) -> list[Label]:
    """The labels of a file. Raises `EvaluationError` that names the file and the first line that can't be used."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as e:
        raise EvaluationError(f"The labels {path} can't be read ({e}); give a JSONL file.") from e
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Label.model_validate_json(line))
        except (ValidationError, RecursionError) as e:
            raise EvaluationError(f"{path}, line {number}: {_first(e)}") from e
    if flaws := check(found):
        raise EvaluationError(f"{path}: {flaws[0]}")
    return found


def check(labels: Sequence[Label], items: Iterable[Item] = ()) -> list[Flaw]:
    """What is wrong with a set of labels, by id; with `items`, also whether each is of one of them, and of dev.

    A judge that was chosen by its agreement on test items would be fitted to them.
    """
    known = {item.id: item for item in items}
    counts = Counter(label.id for label in labels)
    flaws = [Flaw(id, f"{n} labels have this id") for id, n in counts.items() if n > 1]
    for label in labels:
        flaws += [Flaw(label.id, what) for what in (*_wrong(label), *(_of_item(label, known) if known else ()))]
    return flaws


def _wrong(label: Label) -> Iterator[str]:
    if label.abstained and label.citations:
        yield "it abstains, and has citations"
    if label.abstained and label.labels.faithfulness is not None:
        yield "it abstains, so that faithfulness is undefined (null)"
    if label.abstained and label.labels.correctness != (0 if label.answerable else 2):
        yield "it abstains: correctness is 2 where the item is unanswerable, else 0"
    markers = [c.marker for c in label.citations]
    if len(set(markers)) < len(markers):
        yield "two citations have the same marker"
    for marker in sorted(set(markers)):
        if not re.search(rf"\[(?:Source )?{marker}\]", label.answer):
            yield f"nothing in the answer carries the marker [{marker}]"


def _of_item(label: Label, known: dict[str, Item]) -> Iterator[str]:
    item = known.get(label.item)
    if item is None:
        yield f"there is no item {label.item}"
        return
    if item.split != "dev":
        yield f"its item {label.item} is of the split {item.split}; labels are of dev only"
    if asked(item) != label.question:
        yield f"its question is not that of its item {label.item}"
    if item.answerable != label.answerable:
        yield f"its item {label.item} is {'' if item.answerable else 'un'}answerable"


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    first = error.errors()[0]
    return f"{'.'.join(str(p) for p in first['loc']) or 'label'}: {first['msg']}"


def to_line(label: Label) -> str:
    """A label as its line of a file, without the line's end."""
    return json.dumps(label.model_dump(mode="json"), ensure_ascii=False)
