"""What a metric is: a function from one answered item to a share of something, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rag.core.answer import Answer, Citation
from rag.evaluation.items import Item
from rag.evaluation.markup import plain_text
from rag.evaluation.statements import Statement, statements
from rag.papers import Paper

Share = tuple[float, float]
"""A part and its whole: (2, 3) for two of three quotes, (0.5, 1) for a value of the item as a whole.

A metric's value over many items is the sum of the parts over the sum of the wholes: the mean over items where the
wholes are 1 (macro average), the pooled share where they count something (micro average)."""

Supports = Callable[[str, Sequence[Citation]], bool]
"""Whether these quotes, taken together, support a statement."""


@dataclass(frozen=True)
class Case:
    """One item and the answer that it got. `failed`: there is none, because the system raised an error.

    A failure cites nothing, holds no nugget and abstains from nothing. What is quoted as the *nearest* is cited, and
    abstains all the same. `papers` are those of the collection, by id.
    """

    item: Item
    answer: Answer
    papers: Mapping[str, Paper]
    supports: Supports
    failed: bool = False

    @property
    def abstained(self) -> bool:
        """Whether the answer says that the collection does not say; a failure doesn't."""
        return self.answer.abstained and not self.failed

    @property
    def silent(self) -> bool:
        """Whether it shows nothing of the papers: it failed, or abstains and doesn't quote the nearest sentences."""
        return self.failed or (self.answer.abstained and self.answer.state != "nearest")

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What the answer cites, be it as the nearest; nothing where it is silent."""
        return () if self.silent else self.answer.citations

    @property
    def cited(self) -> frozenset[str]:
        """The ids of the papers that it cites."""
        return frozenset(c.paper_id for c in self.citations)

    @property
    def text(self) -> str:
        """What it says, without the backslashes of Markdown; nothing where it failed."""
        return "" if self.failed else self.answer.answer.replace("\\", "")

    @cached_property
    def plain(self) -> str:
        """What it says without Markdown and markers, a line or cell a line; nothing where it failed."""
        return "" if self.failed else plain_text(self.answer.answer)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The sentences of the answer that claim something, each with its markers; none where it is silent."""
        return () if self.silent else statements(self.answer)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: `of` gives the share of one case, None where it is undefined there.

    `undefined` says in words when that is. `yes_no` marks metrics that are 0 or 1 for each item, for McNemar's test,
    `bounded` those that can't be below 0 or above 1: all that are a share of something.
    `better` is None for what is neither good nor bad in itself.
    """

    name: str
    of: Callable[[Case], Share | None]
    undefined: str
    better: Literal["higher", "lower"] | None = "higher"
    yes_no: bool = False
    bounded: bool = True
