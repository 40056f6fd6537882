"""The finished runs of a home, as the page reads them: each loaded and drawn once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rag.core.config import Config
from rag.core.errors import UsageError
from rag.web.runs import compared, results

if TYPE_CHECKING:
    from rag.evaluation.comparing import Comparison
    from rag.evaluation.report.cards import Card
    from rag.evaluation.runs import Run

T = TypeVar("T")
_DRAWING = threading.RLock()
"""One at a time: matplotlib's settings are the process's, and two that draw would undo each other's."""
_KEPT = 16
"""Things that are kept: a run of 600 questions takes some 20 MB with its items."""


class Archive:
    """Runs by their names, and never by a path: who asks may be anybody who reaches the page.

    Each method raises `UsageError` for a name that no run has, `EvaluationError` for a run that is not finished or is
    damaged.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def names(self) -> list[str]:
        """The names of the runs, newest first."""
        from rag.evaluation.session import names

        return names(self._config)[::-1]

    def run(self, name: str) -> Run:
        """A run with its items and answers."""
        from rag.evaluation.runs import load

        return self._once("run", (name,), lambda: load(self._folder(name)))

    def cards(self, name: str) -> list[Card]:
        """Its items as they are shown, what failed worst first."""
        from rag.evaluation.report.cards import cards

        return self._once("cards", (name,), lambda: cards([self.run(name)]))

    def figures(self, name: str) -> str:
        """What it came to, as HTML."""
        return self._once("figures", (name,), lambda: results.figures(self.run(name)))

    def report(self, name: str) -> str:
        """The report of it as one HTML page that holds all it needs."""
        from rag.evaluation.report import page

        return self._once("report", (name,), lambda: page([self.run(name)]))

    def comparison(self, a: str, b: str) -> Comparison:
        """How `b` differs from `a`. UsageError where they are the same."""
        from rag.evaluation.comparing import compare

        if a == b:
            raise UsageError(compared.SAME)
        return self._once("comparison", (a, b), lambda: compare(self.run(a), self.run(b)))

    def _folder(self, name: str) -> Path:
        from rag.evaluation.session import runs_folder

        if name not in self.names():
            raise UsageError(
                f"There is no run {name!r} on this server any more. Reload the page to see those there are."
            )
        return runs_folder(self._config) / name

    def _once(self, what: str, names: tuple[str, ...], make: Callable[[], T]) -> T:
        """What `make` gives, again only where the files of a run have changed since."""
        with _DRAWING:
            key = (what, *names, *(self._changed(name) for name in names))
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            found: T = self._kept[key]
            return found

    def _changed(self, name: str) -> int:
        """When the run was last finished, in nanoseconds; 0 where it isn't."""
        from rag.evaluation.runs import SUMMARY

        file = self._folder(name) / SUMMARY
        return file.stat().st_mtime_ns if file.is_file() else 0
