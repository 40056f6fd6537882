"""The passage vectors of another embedding, written: only texts of which it has given no vector yet are sent to it."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import StoreError
from rag.core.paper import Paper
from rag.index.embedding import Floats, OnnxEmbedding
from rag.index.external import UNIT, External, ExternalVectors
from rag.index.index import current
from rag.index.indexing import UPSERT, Progress, passage_texts
from rag.index.rows import Field, mapped
from rag.index.store import opened

KEY = 16
"""Bytes of a text's sha256 that its vector is known by."""
Known = dict[bytes, NDArray[np.float16]]


def build(index: Path, papers: Sequence[Paper], builtin: OnnxEmbedding, external: External, progress: Progress) -> Path:
    """Write the vectors for `papers`, whose index is the folder `index`, unless they are there. Returns their folder.

    The caller holds the collection's write lock. Raises ModelError where the embedding fails; what it has given until
    then is kept for the next try. Vectors of the same model for other papers are swept away in the end.
    """
    folder = external.folder(index)
    ids, texts = passage_texts(papers, builtin)
    if _whole(folder, external, len(texts)):
        return folder
    # A draft of its own for each try: the unfinished ones before are read from meanwhile.
    draft = folder.with_name(f"{folder.name}.draft-{time.time_ns()}")
    draft.mkdir(parents=True)
    _write(draft, ids, texts, external, progress)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    kept = {folder, external.folder(now) if (now := current(folder.parent)) else folder}
    for other in folder.parent.glob(f"{external.prefix}*"):
        if other not in kept:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _whole(folder: Path, external: External, passages: int) -> bool:
    if not external.made(folder):
        return False
    try:
        ExternalVectors(folder, external, passages).close()
    except StoreError:
        return False
    return True


def _write(draft: Path, ids: Sequence[str], texts: Sequence[str], external: External, progress: Progress) -> None:
    known = _known(draft.parent, external)
    keys = [hashlib.sha256(text.encode()).digest()[:KEY] for text in texts]
    manifest = {"fingerprint": external.fingerprint, "probe": external.probe.tolist()}
    (draft / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (draft / "texts.sha256").write_bytes(b"".join(keys))
    fresh = _embed([text for text, key in zip(texts, keys, strict=True) if key not in known], external, progress)
    # Unbuffered, so that a killed process leaves all that was paid for.
    with (draft / "passages.f16").open("wb", buffering=0) as file:
        for key in keys:
            row = known[key] if key in known else next(fresh)
            file.write(np.ascontiguousarray(row, np.float16).tobytes())
    next(fresh, None)  # to its end, where it reports that all is done
    vectors = mapped(draft / "passages.f16", Field("", np.float16, len(external.probe)), len(texts))
    with opened(draft / "chroma") as store:
        for first in range(0, len(ids), UPSERT):
            store.upsert(ids[first : first + UPSERT], vectors[first : first + UPSERT].astype(np.float32))


def _embed(texts: Sequence[str], external: External, progress: Progress) -> Iterator[Floats]:
    """The vectors of `texts`, in order, a request at a time."""
    stage = f"Embedding passages with {external.model}"
    size = external.embedding.embed_batch_size
    for first in range(0, len(texts), size):
        progress(stage, first, len(texts))
        yield from external.passages(texts[first : first + size])
    progress(stage, len(texts), len(texts))


def _known(collection: Path, external: External) -> Known:
    """The vectors that this very model gave before, for whatever papers, in drafts of it, too."""
    found: Known = {}
    for folder in collection.glob(f"{external.prefix}*"):
        if external.made(folder):
            found |= _rows(folder, len(external.probe))
    return found


def _rows(folder: Path, dimensions: int) -> Known:
    try:
        keys = (folder / "texts.sha256").read_bytes()
        count = min(len(keys) // KEY, (folder / "passages.f16").stat().st_size // (2 * dimensions))
        if not count:
            return {}
        vectors: NDArray[Any] = np.memmap(folder / "passages.f16", np.float16, "r", shape=(count, dimensions))
    except OSError:
        return {}
    found = {}
    for n, row in enumerate(np.asarray(vectors)):
        # What a power cut left may be zeros, where the file was longer than what had come to the disk.
        if abs(float(np.linalg.norm(row.astype(np.float32))) - 1) < UNIT:
            found[keys[n * KEY : (n + 1) * KEY]] = row
    return found
