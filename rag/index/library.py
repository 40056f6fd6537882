"""The papers of a collection on disk, apart from any index: one JSON object a line.

The index can always be rebuilt from this file. It is replaced whole, by an atomic rename. `raw_abstract` stands there
only where it differs from `abstract`.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, overload

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


def write_papers(path: Path, papers: Sequence[Paper]) -> None:
    """Replace the file at `path` by `papers`; a process killed on the way leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("wb") as f:
        f.writelines(map(_line, papers))
        f.flush()
        os.fsync(f.fileno())
    draft.replace(path)
    fsync_folder(path.parent)


PACKED = "papers.z"
"""The papers of an index: each line compressed by itself (zlib, RFC 1950), half the size."""


def pack_papers(path: Path, starts: Path, papers: Sequence[Paper]) -> None:
    """Write papers that are to be read one by one, and the file `starts` of where each begins."""
    places = [0]
    with path.open("wb") as f:
        for paper in papers:
            places.append(places[-1] + f.write(zlib.compress(_line(paper))))
    np.array(places, np.int64).tofile(starts)


class PaperFile(Sequence[Paper]):
    """What `pack_papers` wrote of `count` papers (None: however many), each read when it is asked for, or all of them
    when somebody goes through them. Raises StoreError for one that is damaged.
    """

    def __init__(self, path: Path, starts: Path, count: int | None = None) -> None:
        self._path = path
        self._starts = np.fromfile(starts, np.int64)
        if count is not None and len(self._starts) != count + 1:
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
            with self._path.open("rb") as f:
                self._all = [self._read(f, row) for row in range(len(self))]
            self._found = {}
        return iter(self._all)

    def _one(self, row: int) -> Paper:
        with self._path.open("rb") as f:
            return self._read(f, row)

    def _read(self, file: BinaryIO, row: int) -> Paper:
        first, last = self._starts[row : row + 2].tolist()
        file.seek(first)
        try:
            return _paper(zlib.decompress(file.read(last - first)))
        except (zlib.error, ValueError, KeyError, TypeError) as e:
            raise StoreError(f"{self._path}, paper {row + 1} is damaged ({e}): rag ingest repairs it.") from e


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
