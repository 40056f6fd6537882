"""The index of a collection, to be written: what no index of the home has is embedded, the rest carried over.

What a killed or failed ingest had embedded lies in its draft, and is carried over by the next one (rag.index.rows).
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.core.errors import IndexMismatch, StoreError, StoreUnreachable
from rag.core.paper import Paper
from rag.index.embedding import OnnxEmbedding
from rag.index.index import Index, current, digest, fingerprint, fingerprint_digest
from rag.index.integrity import damage, sums
from rag.index.lexical import Lexicon
from rag.index.library import PACKED, fsync_folder, pack_papers
from rag.index.remote import Place
from rag.index.rows import Known, Rounded, Row, Rows, Writer, key, known
from rag.index.store import PassageStore
from rag.index.tokens import TokenCode
from rag.papers.sentences import Span, split_sentences

if TYPE_CHECKING:
    from llama_index.core.schema import TextNode

Progress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""

CHUNK = 128
"""Papers embedded at a time, and what a killed process loses at most."""
UPSERT = 2000
"""Papers written to Chroma at a time."""


def build(
    collection: Path,
    papers: Sequence[Paper],
    embedding: OnnxEmbedding,
    progress: Progress,
    place: Place | None = None,
) -> Path:
    """Write the generation for `papers`, unless it is there; only papers that no collection of the home has in an
    index, and no unfinished ingest, are embedded.

    `place` is where the vectors of passages go (None: beside the rest). The caller holds the collection's write lock.
    Returns the new folder, which is not yet current (`switch`).
    """
    model = embedding.fingerprint
    folder = collection / f"index-{fingerprint_digest(model)}-{digest(papers)}"
    old = current(collection)
    previous = _reusable(old, model, place)
    there = previous if old == folder else _reusable(folder, model, place)
    if there is not None:
        for index in filter(None, {there, previous}):
            index.close()
        return folder
    # A draft of its own for each try: the unfinished ones before are read from meanwhile.
    draft = folder.with_name(f"{folder.name}.draft-{time.time_ns()}")
    try:
        draft.mkdir(parents=True)
        _Generation(draft, papers, embedding, previous, progress, place).write()
        _settle(draft)
    except OSError:  # most likely a full disk, which the draft would keep full
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        if previous is not None:
            previous.close()
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return folder


def switch(collection: Path, folder: Path, library: str, place: Place | None = None) -> None:
    """Make a generation the current one, and remove the others. The caller holds the write lock.

    `library` is what the file of the papers looks like whose generation it is (`Collection`).
    """
    if current(collection) != folder or library not in (collection / "current").read_text(encoding="utf-8"):
        pointer = collection / "current.draft"
        with pointer.open("w", encoding="utf-8") as f:
            f.write(f"{folder.name}\n{library}\n")
            f.flush()
            os.fsync(f.fileno())
        pointer.replace(collection / "current")
        fsync_folder(collection)
    sweep(collection, place)


def _settle(draft: Path) -> None:
    """See that all of a generation is on the disk, before its name says that it is whole."""
    for path in draft.rglob("*"):
        if path.is_file():
            with path.open("rb") as f:
                os.fsync(f.fileno())
        else:
            fsync_folder(path)
    fsync_folder(draft)


def sweep(collection: Path, place: Place | None = None) -> None:
    """Remove the generations that aren't current, and from the store in `place` what they have and the current one
    hasn't. The caller holds the write lock."""
    keep = current(collection)
    others = [folder for folder in collection.glob("index-*") if folder != keep]
    if place is not None and keep is not None and others:
        _clear(keep, others, place)
    for folder in others:
        shutil.rmtree(folder, ignore_errors=True)


def _clear(keep: Path, others: Sequence[Path], place: Place) -> None:
    dimensions = json.loads((keep / "manifest.json").read_text(encoding="utf-8"))["fingerprint"]["dimensions"]
    kept = set(_ids(keep, dimensions))
    digest = keep.name.split("-")[1]
    with closing(place.open(keep, dimensions)) as store:
        for folder in others:
            if folder.name.split("-")[1] == digest:
                store.delete([id_ for id_ in _ids(folder, dimensions) if id_ not in kept])


def _ids(folder: Path, dimensions: int) -> list[str]:
    """The ids of the passages of a generation, unfinished ones too."""
    try:
        papers = (folder / "ids.txt").read_text(encoding="utf-8").splitlines()
        counts = np.diff(Rows(folder, dimensions, None).starts["passages"]).tolist()
    except (OSError, ValueError, StoreError):
        return []
    return [f"{paper}#{n}" for paper, count in zip(papers, counts, strict=False) for n in range(count)]


def _reusable(folder: Path | None, model: dict[str, Any], place: Place | None) -> Index | None:
    if folder is None:
        return None
    try:
        index = Index(folder, model, place)
    except StoreUnreachable:
        raise
    except (StoreError, IndexMismatch):
        return None
    if damage(folder, index.manifest.get("files", {}), deep=True):
        index.close()
        return None
    return index


class _Generation:
    """A generation that is being written into the folder `draft`."""

    def __init__(
        self,
        draft: Path,
        papers: Sequence[Paper],
        embedding: OnnxEmbedding,
        previous: Index | None,
        progress: Progress,
        place: Place | None,
    ) -> None:
        self.place = place
        self.draft, self.papers, self.embedding, self.previous = draft, papers, embedding, previous
        self.progress = progress
        self.keys = [key(p) for p in papers]
        before = list(previous.data.keys()) if previous else []
        kept = {p.id for p, k in zip(papers, self.keys, strict=True) if _same(previous, before, p.id, k)}
        self.fresh = [i for i, p in enumerate(papers) if p.id not in kept]
        self.gone = [row for row, id_ in enumerate(previous.ids if previous else ()) if id_ not in kept]

    def write(self) -> None:
        pack_papers(self.draft / PACKED, self.draft / "lines.i64", self.papers)
        (self.draft / "ids.txt").write_text("".join(f"{p.id}\n" for p in self.papers), encoding="utf-8")
        folders = self._folders()
        code = next(filter(None, map(_code, folders)), None) or self.embedding.token_code
        code.write(self.draft / "code.npz")
        self._vectors(known(folders, self.embedding.dimensions, self.keys), code)
        self._passages()
        self._frequency().tofile(self.draft / "pieces.i32")
        Lexicon.build([f"{p.title} {p.title} {p.title} {p.abstract}" for p in self.papers]).save(self.draft / "bm25")
        model = fingerprint(self.embedding.fingerprint)
        manifest = {"fingerprint": model, "papers": len(self.papers), "files": sums(self.draft)}
        if self.place is not None:
            manifest["store"] = self.place.holds(self.draft)
        (self.draft / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        self.progress("Writing the index", len(self.papers), len(self.papers))

    def _folders(self) -> list[Path]:
        """The indexes of the home, unfinished ones too, that may have vectors of this model: the present one first."""
        begin = "-".join(self.draft.name.split("-")[:2])
        others = sorted(self.draft.parent.parent.glob(f"*/{begin}-*"))
        return [f for f in ([self.previous.folder] if self.previous else []) + others if f != self.draft]

    def _vectors(self, there: Known, code: TokenCode) -> None:
        missing = [p for p, k in zip(self.papers, self.keys, strict=True) if k not in there]
        embedded = _embed(missing, self.embedding, code, self.progress)
        at = written = 0
        with Writer(self.draft, self.embedding.dimensions) as files:
            while at < len(self.keys):
                if self.keys[at] in there:
                    rows, first = there[self.keys[at]]
                    last = at + 1
                    # Papers that follow each other there, too, are carried over together.
                    while last < len(self.keys) and _follows(there.get(self.keys[last]), rows, first + last - at):
                        last += 1
                    files.append(rows.of(first, first + last - at))
                    at = last
                else:
                    files.append(next(embedded))
                    at, written = at + 1, written + 1
                    if written % CHUNK == 0:
                        files.flush()
        # Runs the generator to its end, where it reports that all is done.
        next(embedded, None)

    def _passages(self) -> None:
        """The vectors of passages into the store. Of one beside the index the files of the present generation are
        copied; in one elsewhere its vectors are, and what is gone is removed when the new one is current (`sweep`)."""
        rows = Rows(self.draft, self.embedding.dimensions, len(self.papers))
        starts, vectors = rows.starts["passages"], rows.arrays["passages.f16"]
        gone: list[str] = []
        if (old := self.previous) is not None and len(self.gone) < len(old) and self.place is None:
            shutil.copytree(old.folder / "chroma", self.draft / "chroma")
            counts = np.diff(old.passage_starts).tolist()
            gone = [f"{old.ids[row]}#{n}" for row in self.gone for n in range(counts[row])]
        here = self.draft / "chroma"
        with closing(
            self.place.open(self.draft, self.embedding.dimensions) if self.place else PassageStore(here)
        ) as store:
            store.delete(gone)
            # Papers at a time, so that no collection needs to fit into memory.
            for begin in range(0, len(self.fresh), UPSERT):
                self.progress("Writing the index", begin, len(self.fresh))
                added = self.fresh[begin : begin + UPSERT]
                ids = [f"{self.papers[i].id}#{n}" for i in added for n in range(starts[i + 1] - starts[i])]
                places = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in added])
                store.upsert(ids, vectors[places].astype(np.float32))
            store.finish()

    def _frequency(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """In how many papers each word piece is, (vocabulary,): as before, but for what differs."""
        old = self.previous
        found = np.zeros(self.embedding.vocabulary, np.int32) if old is None else np.array(old.piece_frequency)
        for paper in (self.papers[i] for i in self.fresh):
            found[self.embedding.pieces(_texts(paper))] += 1
        for paper in (old.papers[row] for row in self.gone) if old else ():
            found[self.embedding.pieces(_texts(paper))] -= 1
        return found


def _same(previous: Index | None, keys: Sequence[bytes], id_: str, text: bytes) -> bool:
    """Whether the present generation has this paper, with this text."""
    return previous is not None and id_ in previous.rows and keys[previous.rows[id_]] == text


def _follows(place: tuple[Rows, int] | None, rows: Rows, row: int) -> bool:
    return place is not None and place[0] is rows and place[1] == row


def _code(folder: Path) -> TokenCode | None:
    try:
        return TokenCode.read(folder / "code.npz")
    except (OSError, ValueError):
        return None


def _texts(paper: Paper) -> list[str]:
    return [paper.title, *(paper.abstract[s.start : s.end] for s in split_sentences(paper.abstract))]


def _embed(papers: Sequence[Paper], embedding: OnnxEmbedding, code: TokenCode, progress: Progress) -> Iterator[Row]:
    """The rows of `papers`, in order."""
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
            parts = [(nodes[i], heads[i], states[i]) for i in by_paper.get(p.id, [])]
            yield {"texts.sha256": np.frombuffer(key(p), np.uint8), **_row(split_sentences(p.abstract), parts, code)}
    progress("Embedding papers", len(papers), len(papers))


def passage_texts(papers: Sequence[Paper], embedding: OnnxEmbedding) -> tuple[list[str], list[str]]:
    """Ids and texts of all passages, as they are embedded, in the order of the rows of an index of `papers`."""
    nodes = _cutter(embedding)(papers)
    return [n.node_id for n in nodes], [_head(n) + n.text for n in nodes]


def _cutter(embedding: OnnxEmbedding) -> Callable[[Sequence[Paper]], list[TextNode]]:
    """Cuts papers into passages that the embedding reads as a whole."""
    from rag.papers.passages import PassageParser, passages  # loads LlamaIndex, which only ingestion needs

    window = embedding.window - 6 - embedding.count(embedding.prompts[1])
    return partial(passages, parser=PassageParser(count=embedding.count, window=window))


def _head(passage: TextNode) -> str:
    """What a passage is embedded with in front of it."""
    return f"{passage.metadata['title']}. "


def _row(sentences: Sequence[Span], parts: Sequence[tuple[Any, str, Any]], code: TokenCode) -> Row:
    vectors, tokens, whole = [], [], []
    counts = np.zeros(len(sentences), np.int16)
    for number, (node, head, states) in enumerate(parts):
        first, last = node.metadata["sentences"]
        shift = len(head) - node.start_char_idx
        # The title stands before every passage of a paper; its tokens are kept once, and before all others.
        keep = states.words & (states.offsets[:, 1] <= len(head)) & (number == 0)
        for s in range(first, last):
            start, end = sentences[s].start + shift, sentences[s].end + shift
            vectors.append(states.pooled(start, end))
            inside = states.words & (states.offsets[:, 0] >= start) & (states.offsets[:, 1] <= end)
            counts[s] = inside.sum()
            keep |= inside
        tokens.append(states.vectors[keep])
        whole.append(states.pooled())
    packed, scales = code.pack(np.concatenate(tokens))
    numbers, lengths = Rounded.of(np.array(vectors).reshape(-1, len(whole[0])))
    return {
        "counts.i32": np.array([len(whole), len(vectors), len(packed)], np.int32),
        "words.i16": counts,
        "spans.i32": np.array([(s.start, s.end) for s in sentences], np.int32),
        "passages.f16": np.array(whole, np.float16),
        "sentences.i8": numbers,
        "sentences.f32": lengths,
        "tokens.u8": packed,
        "tokens.f16": scales,
    }
