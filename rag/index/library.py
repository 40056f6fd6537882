"""The papers of a collection on disk, apart from any index: one JSON object a line.

The index can always be rebuilt from this file. It is replaced whole, by an atomic rename. `raw_abstract` stands there
only where it differs from `abstract`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

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
                found.append(_paper(line))
            except (ValueError, KeyError, TypeError) as e:
                raise StoreError(f"{path}, line {number} is damaged ({e}): rag ingest repairs it.") from e
    return found


def write_papers(path: Path, papers: Sequence[Paper]) -> list[int]:
    """Replace the file at `path` by `papers`; a process killed on the way leaves the old file.

    Returns where each line begins, in bytes, and at the end the size of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    starts = [0]
    with draft.open("wb") as f:
        for paper in papers:
            starts.append(starts[-1] + f.write(_line(paper)))
        f.flush()
        os.fsync(f.fileno())
    draft.replace(path)
    fsync_folder(path.parent)
    return starts


class PaperFile(Sequence[Paper]):
    """The papers in a file of `count` lines, each read when it is asked for, or all of them when somebody goes through
    them. `starts` is a file of what `write_papers` returned.

    Raises StoreError for a line that is damaged.
    """

    def __init__(self, path: Path, starts: Path, count: int) -> None:
        self._path = path
        self._starts = np.fromfile(starts, np.int64)
        if len(self._starts) != count + 1:
            raise StoreError(f"{starts.name} has the places of {len(self._starts) - 1} papers instead of {count}")
        self._found: dict[int, Paper] = {}
        self._all: list[Paper] | None = None

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, where: int) -> Paper: ...

    @overload
    def __getitem__(self, where: slice) -> list[Paper]: ...

    def __getitem__(self, where: int | slice) -> Paper | list[Paper]:
        if self._all is not None:
            return self._all[where]
        if isinstance(where, slice):
            return [self[row] for row in range(*where.indices(len(self)))]
        row = range(len(self))[where]
        if row not in self._found:
            self._found[row] = self._one(row)
        return self._found[row]

    def __iter__(self) -> Iterator[Paper]:
        if self._all is None:
            self._all, self._found = read_papers(self._path), {}
        return iter(self._all)

    def _one(self, row: int) -> Paper:
        first, last = self._starts[row : row + 2].tolist()
        with self._path.open("rb") as f:
            f.seek(first)
            line = f.read(last - first)
        try:
            return _paper(line)
        except (ValueError, KeyError, TypeError) as e:
            raise StoreError(f"{self._path}, line {row + 1} is damaged ({e}): rag ingest repairs it.") from e


def _line(paper: Paper) -> bytes:
    fields = paper_to_json(paper)
    if paper.raw_abstract == paper.abstract:
        del fields["raw_abstract"]
    return (json.dumps(fields, ensure_ascii=False) + "\n").encode()


def _paper(line: bytes) -> Paper:
    fields: dict[str, Any] = json.loads(line.decode())
    return paper_from_json({"raw_abstract": fields["abstract"], **fields})


def fsync_folder(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    if os.name == "nt":  # which opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
