"""The vectors of passages: in, and the nearest out. Here in Chroma, in a folder; rag.index.remote has other places.

Chroma is embedded and persistent, and only this module imports it. It gets vectors only, never text: given text it
would try to download a model.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import StoreError
from rag.index.embedding import Floats

COLLECTION = "passages"
BATCH = 5000
"""Rows a call; Chroma takes at most 5,461."""


class Store(Protocol):
    """Vectors under ids. What fails raises StoreError, ConfigError or StoreUnreachable."""

    def upsert(self, ids: Sequence[str], vectors: Floats) -> None:
        """Write vectors of shape (n, dimensions) under their ids; what was there under an id is replaced."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; an id that isn't there is no error."""

    def nearest(self, vector: Floats, n: int) -> tuple[list[str], Floats]:
        """The ids of the `n` nearest vectors, fewer where there are fewer, and how near they are, best first."""

    def finish(self) -> None:
        """Say that all of a generation was written."""

    def whole(self, passages: int) -> bool:
        """Whether the vectors of so many passages are there, as far as it can tell."""

    def __len__(self) -> int: ...

    def close(self) -> None:
        """Let go of files and connections."""


class PassageStore:
    """One Chroma collection in one folder. Opens at once, makes the collection if it isn't there.

    Of a folder that can't be written a copy is read, which is gone when it is closed.
    """

    def __init__(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        self._folder = folder
        self._size: int | None = None
        self._copy: TemporaryDirectory[str] | None = None
        with self._told():
            if folder.is_dir() and not os.access(folder, os.W_OK):  # Chroma writes where it only reads.
                self._copy = TemporaryDirectory(prefix="paper-rag-", ignore_cleanup_errors=True)
                folder = Path(shutil.copytree(folder, Path(self._copy.name) / "chroma"))
            folder.mkdir(parents=True, exist_ok=True)
            self._client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
            self._collection = self._client.get_or_create_collection(
                COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Chroma raises errors of its own, of SQLite, of the system and bare ones; each becomes a StoreError."""
        try:
            yield
        except Exception as e:
            raise StoreError(f"The vectors in {self._folder} can't be used ({e}): rebuild them with rag ingest.") from e

    def upsert(self, ids: Sequence[str], vectors: Floats) -> None:
        """Write vectors of shape (n, dimensions) under their ids; what was there under an id is replaced."""
        if not np.isfinite(vectors).all():
            raise StoreError("The embedding gave a vector that is not a number; nothing was written.")
        for first in range(0, len(ids), BATCH):
            last = first + BATCH
            self._size = None
            with self._told():
                self._collection.upsert(ids=list(ids[first:last]), embeddings=vectors[first:last])

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; an id that isn't there is no error."""
        for first in range(0, len(ids), BATCH):
            self._size = None
            with self._told():
                self._collection.delete(ids=list(ids[first : first + BATCH]))

    def nearest(self, vector: Floats, n: int) -> tuple[list[str], NDArray[np.float32]]:
        """The ids of the `n` nearest vectors and their cosine similarities in [-1, 1], best first."""
        n = min(n, len(self))
        if n == 0:
            return [], np.zeros(0, np.float32)
        vectors: list[NDArray[np.int32 | np.float32]] = [vector]
        with self._told():
            found = self._collection.query(query_embeddings=vectors, n_results=n, include=["distances"])
        distances = np.asarray((found["distances"] or [[]])[0], dtype=np.float32)
        return list(found["ids"][0]), 1 - distances

    def finish(self) -> None:
        """All was written; Chroma indexes by itself."""

    def whole(self, passages: int) -> bool:
        """Whether it has these many passages, no more and no fewer."""
        return len(self) == passages

    def __len__(self) -> int:
        # Counting takes Chroma as long as a query, and what others write isn't seen by an open client anyway.
        if self._size is None:
            with self._told():
                self._size = self._collection.count()
        return self._size

    def close(self) -> None:
        """Let go of the folder, so that another client sees what was written."""
        # Every client of Chroma has it, but the declared type doesn't.
        self._client.close()  # type: ignore[attr-defined]
        if self._copy is not None:
            self._copy.cleanup()


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[PassageStore]:
    """A store that is closed at the end of the block."""
    store = PassageStore(folder)
    try:
        yield store
    finally:
        store.close()
