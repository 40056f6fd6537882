"""A cross-encoder that reads the question and a paper together (Nogueira and Cho 2019, arXiv:1901.04085)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.index.embedding import BATCH, Floats
from rag.index.onnx_folder import PREFIX, OnnxFolder

if TYPE_CHECKING:
    from rag.core.config import Config

READ = 20
"""The best papers of a ranking, which it puts into its own order."""


class Reranker:
    """The cross-encoder of a folder: an ONNX model whose output is one score a pair, and its tokenizer.

    Where a model gives several numbers, the last is the score: that of "relevant". Raises ConfigError.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        self._files = OnnxFolder(folder, "RAG_RERANKER")
        self.name, self._threads = folder.resolve().name, threads
        self._opened: tuple[Any, Any] | None = None

    def scores(self, question: str, texts: Sequence[str]) -> Floats:
        """How well each text answers, (texts,): higher is better, on a scale of the model's own."""
        if self._opened is None:
            self._opened = self._files.open(self._threads)
        model, read = self._opened
        pairs = read.encode_batch([(question, text) for text in texts])
        found = np.zeros(len(pairs), np.float32)
        for first in range(0, len(pairs), BATCH):
            batch = pairs[first : first + BATCH]
            shape = len(batch), max(len(e.ids) for e in batch)
            feeds = {name: np.zeros(shape, np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")}
            for row, e in enumerate(batch):
                feeds["input_ids"][row, : len(e.ids)] = e.ids
                feeds["attention_mask"][row, : len(e.ids)] = 1
                feeds["token_type_ids"][row, : len(e.ids)] = e.type_ids
            found[first : first + len(batch)] = self._files.run(model, feeds, 2)[:, -1]
        return found


def reranker(config: Config) -> Reranker | None:
    """The cross-encoder that a configuration names; None where it names none."""
    if not config.reranker:
        return None
    return Reranker(Path(config.reranker.removeprefix(PREFIX)).expanduser(), config.threads)
