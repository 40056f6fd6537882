"""The finished runs of a home, as the page reads them: each loaded and drawn once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rag.core.config import Config
from rag.core.errors import UsageError

SAME = "Choose two different runs: a run is no better than itself."


class Archive:
    """Runs by their names, and never by a path: who asks may be anybody who reaches the page.

    Each method raises `UsageError` for a name that no run has, `EvaluationError` for a run that is not finished or is
    damaged.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def names(self) -> list[str]:
        """The names of the runs, newest first."""
        from rag.evaluation.session import names

        return names(self._config)[::-1]

    def figures(self, name: str) -> str:
        """What a run came to, with the worst of its items, as HTML."""
        return self._made("parts", name)

    def report(self, *names: str) -> str:
        """The report of one run or several as one HTML page that holds all it needs."""
        return self._made("page", *names)

    def comparison(self, a: str, b: str) -> str:
        """How `b` differs from `a`, as HTML. UsageError where they are the same."""
        if a == b:
            raise UsageError(SAME)
        return self._made("compared", a, b)

    def _made(self, what: str, *names: str) -> str:
        from rag.evaluation.session import runs_folder

        there = set(self.names())
        if gone := [name for name in names if name not in there]:
            raise UsageError(
                f"There is no run {gone[0]!r} on this server any more. Reload the page to see those there are."
            )
        folders = [runs_folder(self._config) / name for name in names]
        return _drawn(what, tuple((folder, _changed(folder)) for folder in folders))


@lru_cache(maxsize=16)
def _drawn(what: str, folders: tuple[tuple[Path, int], ...]) -> str:
    """HTML of runs as their files were at a time, in nanoseconds."""
    from rag.evaluation import report
    from rag.evaluation.runs import load

    runs = [load(folder) for folder, _ in folders]
    if what == "page":
        return report.page(runs)
    return report.parts(runs[0]) if what == "parts" else report.compared_parts(runs[0], runs[1])


def _changed(folder: Path) -> int:
    """When a run was last finished, in nanoseconds; 0 where it isn't."""
    from rag.evaluation.runs import SUMMARY

    return (folder / SUMMARY).stat().st_mtime_ns if (folder / SUMMARY).is_file() else 0
