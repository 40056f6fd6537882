"""The index of a collection on disk, to be read: one folder a generation, swapped in whole by rag.index.indexing.

    <collection>/papers.jsonl            the papers, kept apart from the index (rag.index.library)
    <collection>/current                 the name of the generation that readers use
    <collection>/index-<fingerprint>-<digest>/
        manifest.json                    fingerprint, number of papers, sums of the files (rag.index.integrity)
        papers.z  lines.i64              the papers of this generation, in the order of its rows, and where each begins
        ids.txt                          their ids
        chroma/                          passage vectors
        bm25/                            lexical index
        pieces.i32                       (vocabulary,) in how many papers each word piece is
        code.npz                         how token vectors are kept (rag.index.tokens)
        texts.sha256, counts.i32, …      the vectors of passages, sentences and tokens, for ranking (rag.index.rows)

Opening it reads the manifest and maps the arrays; papers, ids and words are read when they are asked for.

A generation is written beside the old one; when it stands, the papers are replaced, and it becomes current by one
atomic rename. So a process killed at any moment leaves the old collection or the new one. What is not current is swept
away by the next writer. Vectors of another embedding lie in folders of their own (rag.index.external).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from rag.core.errors import IndexMismatch, RagError, StoreError
from rag.core.paper import Paper
from rag.index import tokens
from rag.index.embedding import BuiltinEmbedding
from rag.index.integrity import damage
from rag.index.lexical import Lexicon
from rag.index.library import PACKED, PaperFile
from rag.index.remote import Place
from rag.index.rows import Field, Owners, Rows, mapped
from rag.index.store import PassageStore, Store
from rag.index.titles import Titles
from rag.index.tokens import TokenCode
from rag.papers.sentences import CHUNKING, Span

if TYPE_CHECKING:
    from rag.index.external import ExternalVectors

LAYOUT = "layout-4"


def held_at(manifest: Mapping[str, Any]) -> str:
    """Where a generation says that its vectors are: "" beside it."""
    return str(manifest.get("store", ""))


def fingerprint(model: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an index was built with; two indexes with the same fingerprint may share vectors.

    `model` is the embedding's own fingerprint; None is the built-in one.
    """
    return {
        **(BuiltinEmbedding().fingerprint if model is None else model),
        "tokens": [tokens.DIMENSIONS, tokens.BITS],
        "chunking": CHUNKING,
        "layout": LAYOUT,
    }


def fingerprint_digest(model: Mapping[str, Any] | None = None) -> str:
    """Eight hexadecimal digits of the fingerprint."""
    return hashlib.sha256(json.dumps(fingerprint(model), sort_keys=True).encode()).hexdigest()[:8]


def digest(papers: Sequence[Paper]) -> str:
    """Twelve hexadecimal digits over everything in `papers` and their order."""
    found = hashlib.sha256()
    for p in papers:
        found.update(repr(p).encode())
    return found.hexdigest()[:12]


class Index:
    """One generation, open for reading.

    `papers` are in the order of the rows; `sentences(row)` are the spans of a paper. `model` is the fingerprint of the
    embedding that it has to be of (None: the built-in one), `place` where its vectors have to be (None: beside it);
    IndexMismatch where it has others, or they are elsewhere. `external` are the vectors of another embedding for the
    same passages, where one is used.
    """

    def __init__(self, folder: Path, model: Mapping[str, Any] | None = None, place: Place | None = None) -> None:
        self.folder = folder
        self.external: ExternalVectors | None = None
        try:
            self._read(folder, fingerprint(model))
        except _DAMAGED as e:
            raise StoreError(f"The index in {folder} is damaged ({e}): rag ingest makes it anew.") from e
        if held_at(self.manifest) != (place.holds(folder) if place else ""):
            raise IndexMismatch(f"The vectors of {folder} are not where RAG_STORE says: run rag ingest.")
        dimensions = self.passage_vectors.shape[1]
        self.store: Store = place.open(folder, dimensions) if place else PassageStore(folder / "chroma")
        try:
            if not self.store.whole(int(self.passage_starts[-1])):
                raise StoreError(f"The vectors in {folder} aren't all there: rebuild them with rag ingest.")
            # Chroma reads its graph at the first query; paid here, the first question is as fast as the second.
            self.store.nearest(np.full(dimensions, 1e-3, np.float32), 1)
        except RagError:
            self.store.close()
            raise

    def _read(self, folder: Path, expected: Mapping[str, Any]) -> None:
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if self.manifest["fingerprint"] != expected:
            raise IndexMismatch(
                f"The index in {folder} was built otherwise than this program builds it: run rag ingest."
            )
        if found := damage(folder, self.manifest.get("files", {})):
            raise StoreError(found)
        self.data = Rows(folder, expected["dimensions"], self.manifest["papers"])
        self.papers = PaperFile(folder / PACKED, folder / "lines.i64", len(self.data))
        self.passage_starts, self.sentence_starts, self.token_starts = (
            self.data.starts[unit] for unit in ("passages", "sentences", "tokens")
        )
        self.spans = self.data.arrays["spans.i32"]
        self.passage_vectors, self.sentence_vectors = self.data.arrays["passages.f16"], self.data.sentences
        self.token_owners = Owners(self.data)
        self.token_code = TokenCode.read(folder / "code.npz")
        vocabulary = (folder / "pieces.i32").stat().st_size // 4
        self.piece_frequency = mapped(folder / "pieces.i32", Field("", np.int32, 1), vocabulary)

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the papers, by row."""
        return (self.folder / "ids.txt").read_text(encoding="utf-8").splitlines()

    @cached_property
    def rows(self) -> dict[str, int]:
        """The rows of the papers, by id."""
        return {id_: row for row, id_ in enumerate(self.ids)}

    @cached_property
    def titles(self) -> Titles:
        """The titles of the papers."""
        return Titles(self.papers)

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words of the papers."""
        try:
            found = Lexicon.load(self.folder / "bm25")
        except _DAMAGED as e:
            raise StoreError(f"The index in {self.folder} is damaged ({e}): rag ingest makes it anew.") from e
        if len(found) != len(self):
            raise StoreError(f"The words in {self.folder} are of other papers: rag ingest makes it anew.")
        return found

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


def current(collection: Path) -> Path | None:
    """The folder of the current generation, or None where there is none."""
    try:
        name = (collection / "current").read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, ValueError, IndexError):
        return None
    folder = collection / name
    return folder if name.startswith("index-") and (folder / "manifest.json").is_file() else None
