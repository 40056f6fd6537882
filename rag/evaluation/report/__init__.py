"""What runs say, for people: as Markdown, and as one page that holds all it needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rag.core.errors import EvaluationError
from rag.evaluation.report.document import markdown
from rag.evaluation.report.webpage import page
from rag.evaluation.runs import Run

__all__ = ["markdown", "page", "save"]


def save(runs: Sequence[Run], folder: Path) -> tuple[Path, Path]:
    """Write report.md and report.html into a folder, which is made where it is missing; returns their paths.

    Raises `EvaluationError` where they can't be written.
    """
    texts = {folder / "report.md": markdown(runs), folder / "report.html": page(runs)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            # What a model wrote may hold half a character, which no file can.
            path.write_bytes(text.encode("utf-8", "replace"))
    except OSError as e:
        raise EvaluationError(f"The report can't be written to {folder}: {e.strerror}. --output names a folder.") from e
    written, shown = texts
    return written, shown
