"""What is graded, on which scale, and what a grade is worth. Light: the command line reads it for its help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Name = Literal["faithfulness", "correctness", "helpfulness"]
NAMES: tuple[Name, ...] = get_args(Name)

Grade = Literal[0, 1, 2]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""Worst first. Three, since people and models agree better on few classes that a rubric tells apart."""
WORTH: Mapping[int, float] = {0: 0.0, 1: 0.5, 2: 1.0}
"""What a grade counts as in a metric."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A metric that a model decides: as `Metric`, but for `of`, which needs the model."""

    name: Name
    undefined: str
    better: Literal["higher"] = "higher"
    yes_no: bool = False


_SILENT = "where the judge failed or gave no grade"
JUDGED: tuple[Judged, ...] = (
    Judged("faithfulness", f"no answer claims anything; also undefined {_SILENT}"),
    Judged("correctness", f"no answer has a grade; undefined {_SILENT}"),
    Judged("helpfulness", f"no answer has a grade; undefined {_SILENT}"),
)
"""In the order of tables."""
