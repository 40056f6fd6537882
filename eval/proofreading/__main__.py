"""`python -m eval.proofreading [FILE]`: the flaws of a reference set over the seeds, by default of the shipped one."""

from __future__ import annotations

import sys
from pathlib import Path

from eval.proofreading import check
from rag.core import resources
from rag.evaluation.items import read
from rag.papers import load


def main() -> None:
    """Print the flaws; exit with 1 where there is one."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else resources.evaluation() / "questions.jsonl"
    items = read(file)
    flaws = check(items, load([resources.seeds()]).papers)
    print("\n".join(map(str, flaws)) or f"{len(items)} questions hold, and so does what they say.")
    sys.exit(bool(flaws))


if __name__ == "__main__":
    main()
