"""The index of a collection, to be written: what differs is embedded, the rest carried over (see rag.index.index)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import IndexMismatch, StoreError
from rag.core.paper import Paper
from rag.index import embedding as builtin
from rag.index.embedding import BuiltinEmbedding, Floats, TokenProjection
from rag.index.index import Index, current, digest, fingerprint, fingerprint_digest, mapped
from rag.index.integrity import damage, sums
from rag.index.lexical import Lexicon
from rag.index.library import fsync_folder, write_papers
from rag.index.store import opened
from rag.papers.sentences import Span, split_sentences

if TYPE_CHECKING:
    from llama_index.core.schema import TextNode

Progress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""

CHUNK = 128
"""Papers embedded at a time: enough for batches of equal length, little enough to show progress."""
UPSERT = 2000
"""Papers written to Chroma at a time."""


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


def build(collection: Path, papers: Sequence[Paper], embedding: BuiltinEmbedding, progress: Progress) -> Path:
    """Write the generation for `papers`, unless it is there; only papers that the current one lacks are embedded.

    The caller holds the collection's write lock. Returns the new folder, which is not yet current (`switch`).
    """
    folder = collection / f"index-{fingerprint_digest()}-{digest(papers)}"
    old = current(collection)
    previous = _reusable(old)
    there = previous if old == folder else _reusable(folder)
    if there is not None:
        for index in filter(None, {there, previous}):
            index.close()
        return folder
    draft = collection / f"{folder.name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        _write(draft, papers, embedding, previous, progress)
        _settle(draft)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        if previous is not None:
            previous.close()
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return folder


def switch(collection: Path, folder: Path) -> None:
    """Make a generation the current one, and remove the others. The caller holds the write lock."""
    if current(collection) != folder:
        pointer = collection / "current.draft"
        with pointer.open("w", encoding="utf-8") as f:
            f.write(folder.name)
            f.flush()
            os.fsync(f.fileno())
        pointer.replace(collection / "current")
        fsync_folder(collection)
    sweep(collection)


def _settle(draft: Path) -> None:
    """See that all of a generation is on the disk, before its name says that it is whole."""
    for path in draft.rglob("*"):
        if path.is_file():
            with path.open("rb") as f:
                os.fsync(f.fileno())
        else:
            fsync_folder(path)
    fsync_folder(draft)


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
        index = Index(folder)
    except (StoreError, IndexMismatch):
        return None
    if damage(folder, index.manifest.get("files", {}), deep=True):
        index.close()
        return None
    return index


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
    manifest = {"fingerprint": fingerprint(), "papers": len(papers), "files": sums(draft)}
    (draft / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    progress("Writing the index", 1, 1)


def _same_text(a: Paper, b: Paper) -> bool:
    return a.title == b.title and a.abstract == b.abstract


def _write_passages(
    draft: Path, previous: Index | None, gone: Sequence[Paper], fresh: set[str], papers: Sequence[Paper]
) -> None:
    starts = np.load(draft / "rows.npz")["passages"]
    vectors = mapped(draft / "passages.f16", np.float16, starts[-1], builtin.DIMENSIONS)
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
    cut = _cutter(embedding)

    def report(first: int, share: float, done: int) -> None:
        progress("Embedding papers", first + int(done * share), len(papers))

    progress("Embedding papers", 0, len(papers))
    for first in range(0, len(papers), CHUNK):
        chunk = papers[first : first + CHUNK]
        nodes = cut(chunk)
        heads = [_head(n) for n in nodes]
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


def passage_texts(papers: Sequence[Paper], embedding: BuiltinEmbedding) -> tuple[list[str], list[str]]:
    """Ids and texts of all passages, as they are embedded, in the order of the rows of an index of `papers`."""
    nodes = _cutter(embedding)(papers)
    return [n.node_id for n in nodes], [_head(n) + n.text for n in nodes]


def _cutter(embedding: BuiltinEmbedding) -> Callable[[Sequence[Paper]], list[TextNode]]:
    """Cuts papers into passages that the embedding reads as a whole."""
    from rag.papers.passages import PassageParser, passages  # loads LlamaIndex, which only ingestion needs

    return partial(passages, parser=PassageParser(count=embedding.count, window=builtin.WINDOW - 6))


def _head(passage: TextNode) -> str:
    """What a passage is embedded with in front of it."""
    return f"{passage.metadata['title']}. "


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
