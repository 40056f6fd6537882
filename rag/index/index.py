"""The index of a collection on disk, to be read: one folder a generation, swapped in whole by rag.index.indexing.

    <collection>/papers.jsonl            the papers, kept apart from the index (rag.index.library)
    <collection>/current                 the name of the generation that readers use
    <collection>/index-<fingerprint>-<digest>/
        manifest.json                    fingerprint, number of papers, sums of the files (rag.index.integrity)
        papers.jsonl                     the papers of this generation, in the order of its rows
        chroma/                          passage vectors
        bm25/                            lexical index
        rows.npz                         where each paper's sentences and tokens begin
        passages.f16  sentences.f16      (passages, 384) and (sentences, 384) vectors, for reranking
        tokens.i8  lengths.f32           (tokens, 192) signed bytes and (tokens,) their Euclidean lengths
        pieces.i32                       (tokens,) vocabulary ids
        owners.i16                       (tokens,) the sentence of its paper that a token is in, -1 for the title

A generation is written beside the old one; when it stands, the papers are replaced, and it becomes current by one
atomic rename. So a process killed at any moment leaves the old collection or the new one. What is not current is swept
away by the next writer. Vectors of another embedding lie in folders of their own (rag.index.external).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import IndexMismatch, StoreError
from rag.core.paper import Paper
from rag.index import embedding as builtin
from rag.index.integrity import damage
from rag.index.lexical import Lexicon
from rag.index.library import read_papers
from rag.index.store import PassageStore
from rag.papers.sentences import CHUNKING, Span

if TYPE_CHECKING:
    from rag.index.external import ExternalVectors

LAYOUT = "layout-3"


def fingerprint() -> dict[str, Any]:
    """What an index was built with; two indexes with the same fingerprint may share vectors."""
    return {
        "model": builtin.MODEL,
        "sha256": builtin.MODEL_SHA256,
        "dimensions": builtin.DIMENSIONS,
        "token_dimensions": builtin.TOKEN_DIMENSIONS,
        "chunking": CHUNKING,
        "layout": LAYOUT,
    }


def fingerprint_digest() -> str:
    """Eight hexadecimal digits of the fingerprint."""
    return hashlib.sha256(json.dumps(fingerprint(), sort_keys=True).encode()).hexdigest()[:8]


def digest(papers: Sequence[Paper]) -> str:
    """Twelve hexadecimal digits over everything in `papers` and their order."""
    found = hashlib.sha256()
    for p in papers:
        found.update(repr(p).encode())
    return found.hexdigest()[:12]


class Index:
    """One generation, open for reading.

    `papers` are in the order of the rows; `sentences[i]` are the spans of paper `i`. `external` are the vectors of
    another embedding for the same passages, where one is used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.external: ExternalVectors | None = None
        try:
            self._read(folder)
        except _DAMAGED as e:
            raise StoreError(f"The index in {folder} is damaged ({e}): rag ingest makes it anew.") from e
        self.store = PassageStore(folder / "chroma")
        try:
            if len(self.store) != self.passage_starts[-1]:
                raise StoreError(f"The vectors in {folder} aren't all there: rebuild them with rag ingest.")
            # Chroma reads its graph at the first query; paid here, the first question is as fast as the second.
            self.store.nearest(np.full(builtin.DIMENSIONS, 1e-3, np.float32), 1)
        except StoreError:
            self.store.close()
            raise

    def _read(self, folder: Path) -> None:
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if self.manifest["fingerprint"] != fingerprint():
            raise IndexMismatch(
                f"The index in {folder} was built otherwise than this program builds it: run rag ingest."
            )
        if found := damage(folder, self.manifest.get("files", {})):
            raise StoreError(found)
        self.papers = read_papers(folder / "papers.jsonl")
        self.rows = {p.id: i for i, p in enumerate(self.papers)}
        # Opened here, because numpy leaves a file that is no archive open.
        with (folder / "rows.npz").open("rb") as file, np.load(file) as rows:
            self.sentence_starts: NDArray[np.int64] = rows["sentences"]
            self.token_starts: NDArray[np.int64] = rows["tokens"]
            self.passage_starts: NDArray[np.int64] = rows["passages"]
            self.spans: NDArray[np.int32] = rows["spans"]
            self.piece_frequency: NDArray[np.int32] = rows["piece_frequency"]
        passages, sentences, tokens = self.passage_starts[-1], self.sentence_starts[-1], self.token_starts[-1]
        self.sentence_vectors = mapped(folder / "sentences.f16", np.float16, sentences, builtin.DIMENSIONS)
        self.passage_vectors = mapped(folder / "passages.f16", np.float16, passages, builtin.DIMENSIONS)
        self.token_lengths = mapped(folder / "lengths.f32", np.float32, tokens)
        self.token_vectors = mapped(folder / "tokens.i8", np.int8, tokens, builtin.TOKEN_DIMENSIONS)
        self.token_pieces = mapped(folder / "pieces.i32", np.int32, tokens)
        self.token_owners = mapped(folder / "owners.i16", np.int16, tokens)
        self.lexicon = Lexicon.load(folder / "bm25")
        counts = {self.manifest["papers"], len(self.papers), len(self.passage_starts) - 1, len(self.lexicon)}
        if len(counts) > 1 or len(self.spans) != sentences:
            raise StoreError(f"its files disagree on the number of papers, {sorted(counts)}")

    def __len__(self) -> int:
        return len(self.papers)

    def sentences(self, row: int) -> list[Span]:
        """The sentences of the paper in `row`."""
        first, last = self.sentence_starts[row : row + 2]
        return [Span(int(a), int(b)) for a, b in self.spans[first:last]]

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        if self.external is not None:
            self.external.close()


_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, IndexError, BadZipFile, StoreError)
"""What reading a file raises that was deleted, cut or overwritten."""


def mapped(path: Path, kind: type[np.generic], count: int, width: int | None = None) -> NDArray[Any]:
    """A raw array of `count` rows on disk, read as it is needed; StoreError where the file has another size."""
    shape = (count, width) if width else (count,)
    expected = int(np.prod(shape)) * np.dtype(kind).itemsize
    if path.stat().st_size != expected:
        raise StoreError(f"{path.name} has {path.stat().st_size} bytes instead of {expected}")
    # Empty files can't be mapped.
    # As a plain array: slices of a memmap carry its own bookkeeping, which costs more than small ones themselves.
    return np.asarray(np.memmap(path, dtype=kind, mode="r", shape=shape)) if expected else np.zeros(shape, kind)


def current(collection: Path) -> Path | None:
    """The folder of the current generation, or None where there is none."""
    try:
        name = (collection / "current").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    folder = collection / name
    return folder if name.startswith("index-") and (folder / "manifest.json").is_file() else None
