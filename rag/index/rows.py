"""The vectors of papers as raw arrays on disk: appended paper by paper, mapped into memory, read as they are needed.

    texts.sha256                    (papers, 16) bytes: what the vectors of each paper were made of
    counts.i32                      (papers, 3) its passages, sentences and tokens
    spans.i32                       (sentences, 2) where each sentence begins and ends in its abstract
    passages.f16                    (passages, d) vectors
    sentences.i8  sentences.f32     (sentences, d) rounded vectors and their scales (`Rounded`)
    tokens.u8  tokens.f16           (tokens, 48) bytes and (tokens,) scales (rag.index.tokens)
    words.i16                       (sentences,) how many tokens are each sentence's; those of the title come first

What a killed ingest has written of them is as good as what stands in an index: `known` finds both.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import StoreError
from rag.core.paper import Paper
from rag.index.tokens import WIDTH, Floats

KEY = 16
"""Bytes of a paper's text's SHA-256 that its vectors are known by."""
UNITS = ("passages", "sentences", "tokens")
"""What is counted of each paper."""


@dataclass(frozen=True, slots=True)
class Field:
    """A file: what there is one row of ("papers" or one of UNITS), the type of its numbers, how many are in a row."""

    unit: str
    kind: type[np.generic]
    width: int


def fields(dimensions: int) -> dict[str, Field]:
    """The files for vectors of so many dimensions, in the order in which they are written."""
    return {
        "spans.i32": Field("sentences", np.int32, 2),
        "words.i16": Field("sentences", np.int16, 1),
        "passages.f16": Field("passages", np.float16, dimensions),
        "sentences.i8": Field("sentences", np.int8, dimensions),
        "sentences.f32": Field("sentences", np.float32, 1),
        "tokens.u8": Field("tokens", np.uint8, WIDTH),
        "tokens.f16": Field("tokens", np.float16, 1),
        # The last: a paper whose counts are there is there.
        "texts.sha256": Field("papers", np.uint8, KEY),
        "counts.i32": Field("papers", np.int32, len(UNITS)),
    }


Row = Mapping[str, NDArray[Any]]
"""The rows of one paper, or of several that follow each other, by the name of their file."""


class Rounded:
    """Unit vectors as signed bytes, each with a scale; `[…]` gives them as float32, shape (n, dimensions).

    Their cosines with the vectors themselves are .9999 and more.
    """

    def __init__(self, numbers: NDArray[np.int8], scales: Floats) -> None:
        self._numbers, self._scales = numbers, scales
        self.shape, self.size = numbers.shape, numbers.size

    @staticmethod
    def of(vectors: Floats) -> tuple[NDArray[np.int8], Floats]:
        """Unit vectors (n, dimensions) as bytes and scales (n,), with which they have length 1 again."""
        largest = np.abs(vectors).max(axis=1, initial=1e-9)
        numbers: NDArray[np.int8] = np.round(vectors * (127 / largest)[:, None]).astype(np.int8)
        lengths = np.linalg.norm(numbers.astype(np.float32), axis=1)
        return numbers, (1 / np.maximum(lengths, 1)).astype(np.float32)

    def __getitem__(self, where: int | slice | NDArray[np.int64]) -> Floats:
        found: Floats = self._numbers[where].astype(np.float32)
        found *= self._scales[where][..., None]
        return found

    def __len__(self) -> int:
        return len(self._numbers)


def key(paper: Paper) -> bytes:
    """What the vectors of a paper are known by: they depend on its title and abstract, and on nothing else of it."""
    return hashlib.sha256(f"{paper.title}\0{paper.abstract}".encode()).digest()[:KEY]


class Rows:
    """The arrays in a folder, open for reading. `starts[unit]` (papers + 1,) says where each paper's rows begin.

    `papers` is how many there are to be; None takes those that are whole, as of an ingest that goes on or was killed.
    Raises StoreError where a file has another size.
    """

    def __init__(self, folder: Path, dimensions: int, papers: int | None) -> None:
        self.fields = fields(dimensions)
        there = {name: (folder / name).stat().st_size // _bytes(field) for name, field in self.fields.items()}
        whole = min(there["texts.sha256"], there["counts.i32"])
        counts = mapped(folder / "counts.i32", self.fields["counts.i32"], whole if papers is None else papers)
        self.starts: dict[str, NDArray[np.int64]] = {"papers": np.arange(len(counts) + 1)}
        for column, unit in enumerate(UNITS):
            self.starts[unit] = np.concatenate([[0], np.cumsum(counts[:, column], dtype=np.int64)])
        if papers is None:
            least = [self.starts[f.unit].searchsorted(there[name], "right") - 1 for name, f in self.fields.items()]
            self.starts = {unit: starts[: int(min(least)) + 1] for unit, starts in self.starts.items()}
        self.arrays = {
            name: mapped(folder / name, field, int(self.starts[field.unit][-1]), exact=papers is not None)
            for name, field in self.fields.items()
        }

    def __len__(self) -> int:
        return len(self.starts["papers"]) - 1

    @property
    def sentences(self) -> Rounded:
        """The vectors of all sentences."""
        return Rounded(self.arrays["sentences.i8"], self.arrays["sentences.f32"])

    def keys(self) -> Iterable[bytes]:
        """The key of each paper."""
        joined = self.arrays["texts.sha256"].tobytes()
        return (joined[at : at + KEY] for at in range(0, len(joined), KEY))

    def of(self, first: int, last: int) -> Row:
        """The rows of the papers from `first` to before `last`."""
        spans = {unit: slice(starts[first], starts[last]) for unit, starts in self.starts.items()}
        return {name: self.arrays[name][spans[field.unit]] for name, field in self.fields.items()}


class Owners:
    """The sentence of its paper that each token is in, -1 for the title: `[first:last]` of tokens of one paper."""

    def __init__(self, rows: Rows) -> None:
        self._tokens, self._sentences = rows.starts["tokens"], rows.starts["sentences"]
        self._words = rows.arrays["words.i16"]

    def __getitem__(self, where: slice) -> NDArray[np.int64]:
        row = int(self._tokens.searchsorted(where.start, "right")) - 1
        first, last = self._tokens[row : row + 2].tolist()
        counts = self._words[slice(*self._sentences[row : row + 2])]
        title = last - first - int(counts.sum())
        owners = np.concatenate([np.full(title, -1), np.repeat(np.arange(len(counts)), counts)])
        return owners[where.start - first : where.stop - first]


class Writer(contextlib.ExitStack):
    """The arrays of a generation that is being written. A context manager: it closes the files."""

    def __init__(self, folder: Path, dimensions: int) -> None:
        super().__init__()
        names = fields(dimensions)
        self._files: dict[str, BinaryIO] = {name: self.enter_context((folder / name).open("wb")) for name in names}

    def append(self, row: Row) -> None:
        """Add the rows of papers."""
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(row[name]).tobytes())

    def flush(self) -> None:
        """Give what was added to the system, so that a killed process leaves it."""
        for file in self._files.values():
            file.flush()


Known = dict[bytes, tuple[Rows, int]]
"""Where the vectors of a text are."""


def known(folders: Iterable[Path], dimensions: int, wanted: Sequence[bytes]) -> Known:
    """Where the vectors of the texts `wanted` are in these folders: of the first that has them."""
    found: Known = {}
    missing = set(wanted)
    for folder in folders:
        if not missing:
            break
        try:
            rows = Rows(folder, dimensions, None)
        except (OSError, ValueError, StoreError):
            continue
        for row, text in enumerate(rows.keys()):
            if text in missing and _sound(rows, row):
                found[text] = rows, row
                missing.discard(text)
    return found


def _sound(rows: Rows, row: int) -> bool:
    """Whether the vectors of a paper have length 1: after a power cut a file may end in zeros."""
    of = rows.of(row, row + 1)
    for vectors in (of["passages.f16"].astype(np.float32), Rounded(of["sentences.i8"], of["sentences.f32"])[:]):
        if (np.abs(np.linalg.norm(vectors, axis=1) - 1) > 0.01).any():
            return False
    # No token's numbers are all on the lowest level.
    return bool(of["tokens.f16"].all() and of["tokens.u8"].any(axis=1).all())


def _bytes(field: Field) -> int:
    return np.dtype(field.kind).itemsize * field.width


def mapped(path: Path, field: Field, count: int, *, exact: bool = True) -> NDArray[Any]:
    """`count` rows of a raw array on disk, read as they are needed; StoreError where the file has another size, or with
    `exact` False fewer."""
    expected, size = count * _bytes(field), path.stat().st_size
    if size != expected if exact else size < expected:
        raise StoreError(f"{path.name} has {size} bytes instead of {expected}")
    shape = (count, field.width) if field.width > 1 else (count,)
    # Empty files can't be mapped. As a plain array: slices of a memmap carry its own bookkeeping, which costs more than
    # small ones themselves.
    return np.asarray(np.memmap(path, field.kind, "r", shape=shape)) if expected else np.zeros(shape, field.kind)
