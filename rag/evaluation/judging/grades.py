"""What is graded, and what a grade is worth. Light: the gate and comparisons read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Name = Literal["faithfulness", "correctness", "helpfulness"]
NAMES: tuple[Name, ...] = get_args(Name)
"""In the order of tables; higher is better."""
Grade = Literal[0, 1, 2]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""Worst first. Three, since people and models agree better on few classes that a rubric tells apart."""
WORTH: Mapping[int, float] = {0: 0.0, 1: 0.5, 2: 1.0}
"""What a grade counts as in a metric."""
_SILENT = "where the judge failed or gave no grade"
UNDEFINED: Mapping[str, str] = {
    "faithfulness": f"no answer claims anything; also undefined {_SILENT}",
    "correctness": f"no answer has a grade; undefined {_SILENT}",
    "helpfulness": f"no answer has a grade; undefined {_SILENT}",
}
