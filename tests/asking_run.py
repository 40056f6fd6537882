"""Asks a hundred items in processes that tests kill: `python asking_run.py FOLDER LOG JOBS`.

For each line that it reads it forks a child that goes on with the run, and says its id; when the child ended it says
how. Forking spares the tests eleven starts of Python.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from reference_items import items

from rag.core.answer import Answer
from rag.evaluation.items import Item
from rag.evaluation.runner import finish, run

ITEMS = [items()[n % 11].model_copy(update={"id": f"q{n:03}"}) for n in range(100)]


class Slow:
    """Answers in a few milliseconds, always the same to an item; each question is a line of the log first."""

    name = "slow"
    jobs = 1

    def __init__(self, log: Path) -> None:
        self._log = log

    def about(self) -> dict[str, Any]:
        return {"speed": "slow"}

    def answer(self, item: Item) -> Answer:
        self._tell(f"asked {item.id}")
        time.sleep(0.004)
        if item.id.endswith("7"):
            raise RuntimeError(f"{item.id} fails")
        return Answer(item.question, item.question, "single", f"{item.id}: „ü“ " * 300, timings_ms={"total": 4.0})

    def _tell(self, line: str) -> None:
        out = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(out, f"{line}\n".encode())
        os.close(out)


def main(folder: Path, log: Path, jobs: int) -> None:
    asked = run(folder, ITEMS, Slow(log), {"mode": "test"}, jobs=jobs)
    scores = [{"id": a.item.id, "failed": bool(a.error)} for a in asked]
    finish(folder, ITEMS, scores, {"n": len(scores), "groups": {}}, {}, {})


def serve(folder: Path, log: Path, jobs: int) -> None:
    """Start a child for each line of standard input."""
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            main(folder, log, jobs)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
