"""The papers of a collection on disk, apart from any index: one JSON object a line.

The index can always be rebuilt from this file. It is replaced whole, by an atomic rename.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from rag.core.errors import StoreError
from rag.core.paper import Paper
from rag.papers import paper_from_json, paper_to_json


def read_papers(path: Path) -> list[Paper]:
    """The papers in `path`, in order; none where the file does not exist. StoreError names a line that is damaged."""
    if not path.exists():
        return []
    found = []
    with path.open("rb") as f:
        for number, line in enumerate(f, 1):
            try:
                found.append(paper_from_json(json.loads(line.decode())))
            except (ValueError, KeyError, TypeError) as e:
                raise StoreError(f"{path}, line {number} is damaged ({e}): rag ingest repairs it.") from e
    return found


def write_papers(path: Path, papers: Sequence[Paper]) -> None:
    """Replace the file at `path` by `papers`; a process killed on the way leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as f:
        for paper in papers:
            f.write(json.dumps(paper_to_json(paper), ensure_ascii=False) + "\n")
        f.flush()
        os.fsync(f.fileno())
    draft.replace(path)
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    if os.name == "nt":  # which opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
