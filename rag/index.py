"""The index of a collection on disk: one folder a generation, swapped in whole.

    <collection>/papers.jsonl            the papers, kept apart from the index (rag.library)
    <collection>/current                 the name of the generation that readers use
    <collection>/index-<fingerprint>-<digest>/
        manifest.json                    fingerprint, number of papers
        papers.jsonl                     the papers of this generation, in the order of its rows
        chroma/                          passage vectors
        bm25/                            lexical index
        rows.npz                         where each paper's sentences and tokens begin
        passages.f16  sentences.f16      (passages, 384) and (sentences, 384) vectors, for reranking
        tokens.i8  lengths.f32           (tokens, 192) signed bytes and (tokens,) their Euclidean lengths
        pieces.i32                       (tokens,) vocabulary ids
        owners.i16                       (tokens,) the sentence of its paper that a token is in, -1 for the title

A generation is written beside the old one and becomes current by one atomic rename, so a process killed at any moment
leaves the old index or the new one. What is not current is swept away by the next writer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rag import embedding as builtin
from rag.embedding import BuiltinEmbedding, Floats, TokenProjection
from rag.errors import IndexMismatch, StoreError
from rag.lexical import Lexicon
from rag.library import read_papers, write_papers
from rag.papers.paper import Paper
from rag.passages import CHUNKING, PassageParser, Span, passages, split_sentences
from rag.store import PassageStore, opened

Progress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""

LAYOUT = "layout-2"
CHUNK = 128
"""Papers embedded at a time: enough for batches of equal length, little enough to show progress."""


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


@dataclass(frozen=True, slots=True)
class Row:
    """One paper's vectors: passages (p, 384), sentences (s, 384), tokens (t, 192), and of each token its length, its
    vocabulary id and its sentence, (t,)."""

    passages: NDArray[np.float16]
    sentences: NDArray[np.float16]
    tokens: NDArray[np.int8]
    lengths: Floats
    pieces: NDArray[np.int32]
    owners: NDArray[np.int16]


class Index:
    """One generation, open for reading.

    `papers` are in the order of the rows; `sentences[i]` are the spans of paper `i`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._read(folder)
        except _DAMAGED as e:
            raise StoreError(f"The index in {folder} can't be read ({e}): rebuild it with rag ingest.") from e
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
        self.sentence_vectors = _open(folder / "sentences.f16", np.float16, sentences, builtin.DIMENSIONS)
        self.passage_vectors = _open(folder / "passages.f16", np.float16, passages, builtin.DIMENSIONS)
        self.token_lengths = _open(folder / "lengths.f32", np.float32, tokens)
        self.token_vectors = _open(folder / "tokens.i8", np.int8, tokens, builtin.TOKEN_DIMENSIONS)
        self.token_pieces = _open(folder / "pieces.i32", np.int32, tokens)
        self.token_owners = _open(folder / "owners.i16", np.int16, tokens)
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


_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, IndexError, BadZipFile, StoreError)
"""What reading a file raises that was deleted, cut or overwritten."""


def _open(path: Path, kind: type[np.generic], count: int, width: int | None = None) -> NDArray[Any]:
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
    except OSError:
        return None
    folder = collection / name
    return folder if name.startswith("index-") and (folder / "manifest.json").is_file() else None


def build(collection: Path, papers: Sequence[Paper], embedding: BuiltinEmbedding, progress: Progress) -> Path:
    """Write the generation for `papers` and make it current; only papers that the old one lacks are embedded.

    The caller holds the collection's write lock. Returns the new folder.
    """
    folder = collection / f"index-{fingerprint_digest()}-{digest(papers)}"
    old = current(collection)
    previous = _reusable(old)
    if old == folder and previous is not None:
        previous.close()
        return folder
    draft = collection / f"{folder.name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _write(draft, papers, embedding, previous, progress)
    finally:
        if previous is not None:
            previous.close()
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    pointer = collection / "current.draft"
    with pointer.open("w", encoding="utf-8") as f:
        f.write(folder.name)
        f.flush()
        os.fsync(f.fileno())
    pointer.replace(collection / "current")
    sweep(collection)
    return folder


def sweep(collection: Path) -> None:
    """Remove the generations that aren't current. The caller holds the write lock."""
    keep = current(collection)
    for folder in collection.glob("index-*"):
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)


def _reusable(folder: Path | None) -> Index | None:
    if folder is None:
        return None
    try:
        return Index(folder)
    except (StoreError, IndexMismatch):
        return None


def _write(
    draft: Path, papers: Sequence[Paper], embedding: BuiltinEmbedding, previous: Index | None, progress: Progress
) -> None:
    write_papers(draft / "papers.jsonl", papers)
    known = {p.id: (i, p) for i, p in enumerate(previous.papers)} if previous else {}
    kept = {p.id for p in papers if p.id in known and _same_text(known[p.id][1], p)}
    fresh = [p for p in papers if p.id not in kept]
    _write_vectors(draft, papers, kept, embedding, previous, progress)
    progress("Writing the index", 0, 1)
    Lexicon.build([f"{p.title} {p.title} {p.title} {p.abstract}" for p in papers]).save(draft / "bm25")
    gone = [p for p in (previous.papers if previous else []) if p.id not in kept]
    if previous is not None and kept:
        shutil.copytree(previous.folder / "chroma", draft / "chroma")
    _write_passages(draft, previous, gone, {p.id for p in fresh}, papers)
    manifest = {"fingerprint": fingerprint(), "papers": len(papers)}
    (draft / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    progress("Writing the index", 1, 1)


def _same_text(a: Paper, b: Paper) -> bool:
    return a.title == b.title and a.abstract == b.abstract


def _write_passages(
    draft: Path, previous: Index | None, gone: Sequence[Paper], fresh: set[str], papers: Sequence[Paper]
) -> None:
    starts = np.load(draft / "rows.npz")["passages"]
    vectors = _open(draft / "passages.f16", np.float16, starts[-1], builtin.DIMENSIONS)
    with opened(draft / "chroma") as store:
        if previous is not None and gone:
            first = previous.passage_starts
            rows = [(p.id, previous.rows[p.id]) for p in gone]
            store.delete([f"{id_}#{n}" for id_, row in rows for n in range(first[row + 1] - first[row])])
        # Papers at a time, so that no collection needs to fit into memory.
        for begin in range(0, len(papers), UPSERT):
            span = range(begin, min(begin + UPSERT, len(papers)))
            added = [i for i in span if papers[i].id in fresh]
            ids = [f"{papers[i].id}#{n}" for i in added for n in range(starts[i + 1] - starts[i])]
            if ids:
                store.upsert(
                    ids, np.concatenate([vectors[starts[i] : starts[i + 1]] for i in added]).astype(np.float32)
                )


UPSERT = 2000
"""Papers written to Chroma at a time."""


class _Files:
    """The raw arrays of a generation that is being written, grown paper by paper."""

    def __init__(self, draft: Path, stack: contextlib.ExitStack) -> None:
        def file(name: str) -> BinaryIO:
            return stack.enter_context((draft / name).open("wb"))

        self._files = {
            "passages": file("passages.f16"),
            "sentences": file("sentences.f16"),
            "tokens": file("tokens.i8"),
            "lengths": file("lengths.f32"),
            "pieces": file("pieces.i32"),
            "owners": file("owners.i16"),
        }
        self.starts: dict[str, list[int]] = {"passages": [0], "sentences": [0], "tokens": [0]}
        self.frequency = np.zeros(builtin.VOCABULARY, np.int32)

    def append(self, row: Row) -> None:
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(getattr(row, name)).tobytes())
        for name, starts in self.starts.items():
            starts.append(starts[-1] + len(getattr(row, name)))
        self.frequency[np.unique(row.pieces)] += 1


def _write_vectors(
    draft: Path,
    papers: Sequence[Paper],
    kept: set[str],
    embedding: BuiltinEmbedding,
    previous: Index | None,
    progress: Progress,
) -> None:
    embedded = _embed([p for p in papers if p.id not in kept], embedding, progress)
    with contextlib.ExitStack() as stack:
        files = _Files(draft, stack)
        for p in papers:
            files.append(_stored(previous, previous.rows[p.id]) if previous and p.id in kept else next(embedded))
    # Runs the generator to its end, where it reports that all is done.
    next(embedded, None)
    spans = [(s.start, s.end) for p in papers for s in split_sentences(p.abstract)]
    starts: dict[str, Any] = {name: np.array(found, np.int64) for name, found in files.starts.items()}
    np.savez(
        draft / "rows.npz",
        spans=np.array(spans, np.int32).reshape(-1, 2),
        piece_frequency=files.frequency,
        **starts,
    )


def _stored(index: Index, row: int) -> Row:
    p0, p1 = index.passage_starts[row : row + 2]
    s0, s1 = index.sentence_starts[row : row + 2]
    t0, t1 = index.token_starts[row : row + 2]
    return Row(
        passages=index.passage_vectors[p0:p1],
        sentences=index.sentence_vectors[s0:s1],
        tokens=index.token_vectors[t0:t1],
        lengths=index.token_lengths[t0:t1],
        pieces=index.token_pieces[t0:t1],
        owners=index.token_owners[t0:t1],
    )


def _embed(papers: Sequence[Paper], embedding: BuiltinEmbedding, progress: Progress) -> Iterator[Row]:
    """The rows of `papers`, in order."""
    projection = TokenProjection()
    parser = PassageParser(count=embedding.count, window=builtin.WINDOW - 6)

    def report(first: int, share: float, done: int) -> None:
        progress("Embedding papers", first + int(done * share), len(papers))

    progress("Embedding papers", 0, len(papers))
    for first in range(0, len(papers), CHUNK):
        chunk = papers[first : first + CHUNK]
        nodes = passages(chunk, parser)
        heads = [f"{n.metadata['title']}. " for n in nodes]
        states = embedding.encode(
            [head + n.text for head, n in zip(heads, nodes, strict=True)],
            progress=partial(report, first, len(chunk) / max(1, len(nodes))),
        )
        by_paper: dict[str, list[int]] = {}
        for i, node in enumerate(nodes):
            by_paper.setdefault(node.metadata["paper_id"], []).append(i)
        for p in chunk:
            mine = by_paper.get(p.id, [])
            yield _row(split_sentences(p.abstract), [(nodes[i], heads[i], states[i]) for i in mine], projection)
    progress("Embedding papers", len(papers), len(papers))


def _row(sentences: Sequence[Span], parts: Sequence[tuple[Any, str, Any]], projection: TokenProjection) -> Row:
    vectors, tokens, pieces, owners, whole = [], [], [], [], []
    for number, (node, head, states) in enumerate(parts):
        first, last = node.metadata["sentences"]
        shift = len(head) - node.start_char_idx
        owner = np.full(len(states.pieces), -1, np.int16)
        for s in range(first, last):
            start, end = sentences[s].start + shift, sentences[s].end + shift
            vectors.append(states.pooled(start, end))
            owner[(states.offsets[:, 0] >= start) & (states.offsets[:, 1] <= end)] = s
        # The title stands before every passage of a paper; its tokens are kept once.
        keep = states.words & ((owner >= 0) if number else True)
        tokens.append(states.vectors[keep])
        pieces.append(states.pieces[keep])
        owners.append(owner[keep])
        whole.append(states.pooled())
    packed = projection.pack(np.concatenate(tokens))
    return Row(
        passages=np.array(whole, np.float16).reshape(-1, builtin.DIMENSIONS),
        sentences=np.array(vectors, np.float16).reshape(-1, builtin.DIMENSIONS),
        tokens=packed,
        lengths=np.linalg.norm(packed.astype(np.float32), axis=1),
        pieces=np.concatenate(pieces),
        owners=np.concatenate(owners),
    )
