"""Another embedding than the built-in one, for which papers are near a question.

The built-in model goes on to read everything: the quotes, late interaction, the silence where nothing answers and the
check of claims are calibrated on its vectors. The other model's vectors of the passages lie beside the index of the
same papers, and take the place of the built-in ones among the candidates and in the ranking:

    <collection>/vectors-<fingerprint>-<name of the index>/
        manifest.json       fingerprint, and the vector of a probe text
        passages.f16        (passages, dimensions) unit vectors, row for row those of the index
        texts.sha256        (passages, 16) bytes: what each vector was made of
        chroma/             the same vectors

So every model has vectors of its own, none is ever compared with another's, and going back to one embeds only what the
collection has gained meanwhile. The name of the folder says of what the vectors are, and it gets that name by a rename
when it is whole; there is no pointer to keep. rag.index.external_indexing writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import ModelError, ModelServerError, RagError, StoreError
from rag.index.embedding import Floats, unit
from rag.index.rows import Field, mapped
from rag.index.store import PassageStore
from rag.llm.sdk import OPENAI

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

    from rag.core.config import Config

LAYOUT = "external-1"
PROBE = "Low-rank adaptation finetunes a large language model with 3 times less memory."
"""Embedded once a process: its vector says how many dimensions the model has, and whether it is still the same model.
A server on one's own machine gives its vectors under whatever name one asks for."""
SAME = 0.99
"""Least cosine of the probe's vectors of one model. Quantisations to 8 bits and batches of other sizes stay above."""
MEMORY = 256
"""Questions whose vectors are kept: understanding, ranking and the reading alone ask for the same ones."""
UNIT = 0.01
"""How far from 1 the length of a stored vector may be. After a power cut a file may end in zeros."""


def chosen(config: Config) -> BaseEmbedding | None:
    """The embedding that a configuration names, None for the built-in one.

    What isn't set is that of the language model. Its key goes only to its own host: another one was never meant to
    have it.
    """
    provider, _, model = config.embedding.partition(":")
    if provider != "openai":
        return None
    base_url = config.embedding_base_url or config.base_url or OPENAI
    same_host = urlsplit(base_url).hostname == urlsplit(config.base_url or OPENAI).hostname
    key = config.embedding_api_key or (config.api_key if same_host else "")
    from rag.index.endpoint_embedding import EndpointEmbedding  # loads LlamaIndex

    return EndpointEmbedding(model, base_url=base_url, api_key=key, seconds=config.first_token)


class External:
    """Any LlamaIndex embedding, with its vectors checked and scaled to length 1.

    Where the embedding fails its own way, a ModelError says so; vectors that can't be used are a ModelServerError.
    """

    def __init__(self, embedding: BaseEmbedding) -> None:
        self.embedding = embedding
        self.query = lru_cache(MEMORY)(self._query)
        """The unit vector of a question, shape (dimensions,); the same text is sent once."""

    @property
    def model(self) -> str:
        """The name of the model, for people."""
        return self.embedding.model_name

    @cached_property
    def probe(self) -> Floats:
        """The vector of the probe text, shape (dimensions,): the first call of a process."""
        found: Floats = self._checked(lambda: self.embedding.get_text_embedding_batch([PROBE]), 1, None)[0]
        return found

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What vectors were made with; those of two fingerprints are never in one index."""
        kind = type(self.embedding).__name__
        return {"class": kind, "model": self.model, "dimensions": len(self.probe), "layout": LAYOUT}

    def passages(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of passages, shape (n, dimensions)."""
        return self._checked(lambda: self.embedding.get_text_embedding_batch(list(texts)), len(texts), len(self.probe))

    def _query(self, text: str) -> Floats:
        (vector,) = self._checked(lambda: [self.embedding.get_query_embedding(text)], 1, len(self.probe))
        vector.flags.writeable = False
        found: Floats = vector
        return found

    def _checked(self, ask: Any, count: int, dimensions: int | None) -> Floats:
        try:
            found = ask()
        except RagError:
            raise
        except Exception as e:  # a caller's embedding may raise anything
            raise ModelError(f"The embedding {self.model} failed ({type(e).__name__}: {e}).") from e
        return unit_vectors(found, count, dimensions, f"The embedding {self.model}")

    def folder(self, index: Path) -> Path:
        """Where the vectors for the papers of the index in `index` lie, or would."""
        return index.with_name(f"{self.prefix}{index.name.removeprefix('index-')}")

    @cached_property
    def prefix(self) -> str:
        """What the names of the folders with this model's vectors begin with."""
        digest = hashlib.sha256(json.dumps(self.fingerprint, sort_keys=True).encode()).hexdigest()[:8]
        return f"vectors-{digest}-"

    def close(self) -> None:
        """Let go of the connection, where there is one of ours; the next text opens it again."""
        from rag.index.endpoint_embedding import EndpointEmbedding  # loads LlamaIndex, as the embedding has already

        if isinstance(self.embedding, EndpointEmbedding):
            self.embedding.close()

    def made(self, folder: Path) -> bool:
        """Whether the vectors in `folder` are of this very model; False where there are none."""
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            probe = np.array(manifest["probe"], np.float32)
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return bool(manifest["fingerprint"] == self.fingerprint and float(probe @ self.probe) >= SAME)


class ExternalVectors:
    """The passage vectors of an index as another model gives them, open for reading.

    `vectors` (passages, dimensions) are row for row those of `Index.passage_vectors`; `store` holds them, too; `query`
    gives the vector of a question. Raises StoreError where the files aren't whole.
    """

    def __init__(self, folder: Path, external: External, passages: int) -> None:
        self.folder = folder
        self.query = external.query
        dimensions = len(external.probe)
        try:
            self.vectors: NDArray[Any] = mapped(folder / "passages.f16", Field("", np.float16, dimensions), passages)
        except (OSError, StoreError) as e:
            raise StoreError(f"The vectors in {folder} can't be read ({e}): rebuild them with rag ingest.") from e
        self.store = PassageStore(folder / "chroma")
        try:
            if len(self.store) != passages:
                raise StoreError(f"The vectors in {folder} aren't all there: rebuild them with rag ingest.")
            # As with the index: Chroma reads its graph at the first query.
            self.store.nearest(external.probe, 1)
        except StoreError:
            self.store.close()
            raise

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()


def unit_vectors(found: Sequence[Sequence[float]], count: int, dimensions: int | None, source: str) -> Floats:
    """The vectors that `source` gave for `count` texts, scaled to length 1, shape (count, dimensions).

    Raises ModelServerError where one has other dimensions than the rest or than expected (None: any), is zero, or is
    not made of finite numbers: such a vector would be near everything or nothing, and nobody would notice.
    """
    remedy = "Start the server anew with the right model, or use another embedding."
    lengths = {len(vector) for vector in found} or {dimensions or 0}
    if len(found) != count:
        raise ModelServerError(f"{source} gave {len(found)} vectors for {count} texts. {remedy}")
    if len(lengths) > 1 or 0 in lengths or (dimensions is not None and lengths != {dimensions}):
        expected = "" if dimensions is None else f", expected {dimensions}"
        shown = " and ".join(map(str, sorted(lengths)))
        raise ModelServerError(f"{source} gave vectors of {shown} numbers{expected}. {remedy}")
    try:
        vectors = np.array(found, np.float64).reshape(count, -1)
    except (ValueError, TypeError) as e:
        raise ModelServerError(f"{source} gave a vector that is not made of numbers. {remedy}") from e
    if not np.isfinite(vectors).all():
        raise ModelServerError(f"{source} gave a vector with a number that is not finite. {remedy}")
    if not vectors.any(axis=1).all():
        raise ModelServerError(f"{source} gave a vector of zeros. {remedy}")
    # By the largest entry first: the squares of very small or large numbers don't fit even into a double.
    return unit(vectors / np.abs(vectors).max(axis=1, keepdims=True))
