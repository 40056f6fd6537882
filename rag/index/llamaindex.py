"""The built-in embedding as a LlamaIndex embedding. A module of its own, because LlamaIndex takes seconds to load."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr

from rag.index.embedding import MODEL, BuiltinEmbedding


class MiniLMEmbedding(BaseEmbedding):
    """all-MiniLM-L6-v2 (384 dimensions, cosine) for LlamaIndex.

    Texts longer than 256 word pieces are cut. `threads` 0 uses every core. Raises ConfigError where the model file
    is missing or isn't the one that the index was built with.
    """

    threads: int = 0
    _builtin: BuiltinEmbedding = PrivateAttr()

    def __init__(self, threads: int = 0, **data: Any) -> None:
        super().__init__(model_name=MODEL, **(data | {"threads": threads}))
        self._builtin = BuiltinEmbedding(threads)

    @classmethod
    def class_name(cls) -> str:
        return "MiniLMEmbedding"

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [states.pooled().tolist() for states in self._builtin.encode(texts)]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)
