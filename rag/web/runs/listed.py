"""The runs of a home, as a list shows them: read from their small files, without the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.core.config import Config

if TYPE_CHECKING:
    from rag.evaluation.intervals import Estimate
    from rag.evaluation.table import Cell


@dataclass(frozen=True, slots=True)
class Heading:
    """A run in a list: when it began (ISO 8601), who answered what, how many of the questions, and how well.

    `accuracy` is None where the run is not finished, or nothing can be said.
    """

    name: str
    created: str
    system: str
    model: str
    split: str
    answered: int
    questions: int
    failed: int
    finished: bool
    accuracy: Estimate | None

    @property
    def cell(self) -> Cell | None:
        """How many came out right, with its interval, in words."""
        from rag.evaluation.table import estimate

        return estimate(self.accuracy, "") if self.accuracy else None


def headings(config: Config) -> list[Heading]:
    """The runs of a home, newest first; one whose files are damaged is listed by its name."""
    from rag.evaluation.session import names, runs_folder

    return [_heading(runs_folder(config) / name) for name in reversed(names(config))]


def _heading(folder: Path) -> Heading:
    from rag.evaluation.intervals import Estimate
    from rag.evaluation.runs import ANSWERS, ITEMS, MANIFEST, SUMMARY

    asked, came = _object(folder / MANIFEST), _object(folder / SUMMARY)
    groups = came.get("groups")
    found = groups.get("all", {}).get("accuracy", {}) if isinstance(groups, dict) else {}
    try:
        accuracy = Estimate(**found)
    except TypeError:
        accuracy = None
    finished = bool(came)
    return Heading(
        name=folder.name,
        created=str(asked.get("created") or ""),
        system=str(asked.get("system") or "unknown"),
        model=str(asked.get("model") or ""),
        split=str(asked.get("split") or ""),
        answered=_count(came.get("n")) if finished else _lines(folder / ANSWERS),
        questions=_count(came.get("n")) if finished else _lines(folder / ITEMS),
        failed=_count(came.get("failed")),
        finished=finished,
        accuracy=accuracy,
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _object(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(file: Path) -> int:
    try:
        return file.read_bytes().count(b"\n")
    except OSError:
        return 0
