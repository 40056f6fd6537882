"""The embeddings of any OpenAI-compatible endpoint, as a LlamaIndex embedding."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr

from rag.core.errors import ConfigError, ModelError, ModelRateLimit, ModelServerError, ModelUnreachable, QuotaExhausted
from rag.index.external import unit_vectors
from rag.llm import sdk
from rag.llm.faults import model_error
from rag.llm.sdk import OPENAI

BATCH = 64
"""Texts of a request, at most: 16,000 word pieces of ours. OpenAI takes 300,000, servers at home much less."""
CONNECT_SECONDS = 10.0
PAUSES = (1.0, 2.0)
"""Seconds before the second and the third try, where the endpoint names none."""
LONGEST_PAUSE = 20.0
"""Seconds of a Retry-After that are waited at most."""

_GUARD = threading.Lock()
"""Held while a connection is made or dropped, which takes a tenth of a millisecond."""

_REMEDIES = {
    "OPENAI_API_KEY": "RAG_EMBEDDING_API_KEY",
    "RAG_MODEL": "RAG_EMBEDDING",
    "Set RAG_CONTEXT to its size in tokens.": "Use an embedding that reads 512 tokens at once.",
}
"""The settings of the embedding in place of those of the language model, which the errors of an endpoint name."""


class EndpointEmbedding(BaseEmbedding):
    """An OpenAI-compatible `/embeddings` endpoint (https://platform.openai.com/docs/api-reference/embeddings).

    Without `base_url` it is OpenAI's. Vectors have unit length; `dimensions` asks for shorter ones, where the model
    can. `seconds` is how long an answer may take. A refused or cut connection, 429 and 5xx are tried three times; then,
    and for anything else that goes wrong, a ModelError says what to do. One whose vectors have other dimensions than
    before, are zero or no numbers, raises ModelServerError. The key is no field and isn't pickled, so that nothing
    which prints or stores the settings has it.
    """

    base_url: str
    dimensions: int | None = None
    seconds: float = 120.0
    _api_key: str | None = PrivateAttr(default=None)
    _client: Any = PrivateAttr(default=None)
    _seen: int | None = PrivateAttr(default=None)

    def __init__(
        self, model_name: str, *, base_url: str | None = None, api_key: str | None = None, **data: Any
    ) -> None:
        url = base_url or OPENAI
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ConfigError("Give a base URL such as http://127.0.0.1:8080/v1, and a key as RAG_EMBEDDING_API_KEY.")
        settings: dict[str, Any] = {"embed_batch_size": BATCH} | data | {"base_url": url}
        super().__init__(model_name=model_name, **settings)
        self._api_key = api_key

    def __getstate__(self) -> dict[str, Any]:
        self.close()
        state = super().__getstate__()
        return state | {"__pydantic_private__": {"_api_key": None, "_client": None, "_seen": self._seen}}

    @classmethod
    def class_name(cls) -> str:
        return "EndpointEmbedding"

    @property
    def host(self) -> str:
        """The host, and the port where it isn't the usual one, that texts are sent to."""
        return urlsplit(self.base_url).netloc

    def close(self) -> None:
        """Let go of the connection; the next text opens it again."""
        with _GUARD:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        found = [v for n in range(0, len(texts), BATCH) for v in self._insistently(texts[n : n + BATCH])]
        vectors = unit_vectors(found, len(texts), self._seen, f"{self.model_name} at {self.host}")
        self._seen = vectors.shape[1]
        rows: list[list[float]] = vectors.tolist()
        return rows

    def _insistently(self, texts: Sequence[str]) -> list[Any]:
        """The answer to one request, tried again where that can help."""
        for pause in PAUSES:
            try:
                return self._asked(texts)
            except QuotaExhausted:
                raise
            except (ModelUnreachable, ModelRateLimit, ModelServerError) as e:
                wait = pause * random.uniform(0.8, 1.2) if e.retry_after is None else e.retry_after
                time.sleep(min(wait, LONGEST_PAUSE))
        return self._asked(texts)

    def _asked(self, texts: Sequence[str]) -> list[Any]:
        with _GUARD:
            # One for all requests: a question asks for several vectors, and over TLS a connection costs more than one.
            client = self._client = self._client or sdk.client(
                self.base_url, self._api_key, CONNECT_SECONDS, self.seconds
            )
        wanted: dict[str, Any] = {} if self.dimensions is None else {"dimensions": self.dimensions}
        try:
            # As numbers, because not every server knows the SDK's default, base64.
            reply = client.embeddings.create(
                model=self.model_name, input=list(texts), encoding_format="float", **wanted
            )
            rows = sorted(reply.data, key=lambda row: row.index)
            if [row.index for row in rows] != list(range(len(texts))):
                raise ValueError(f"{len(rows)} vectors for {len(texts)} texts")
            return [row.embedding for row in rows]
        except (ValueError, TypeError, AttributeError) as e:
            raise ModelServerError(
                f"{self.host} sent for {self.model_name} what are no embeddings ({e}). Correct the base URL, or use a "
                "model that makes embeddings."
            ) from e
        except Exception as e:
            raise _for_embedding(model_error(e, self.host, self.model_name)) from e

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._vectors(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vectors([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vectors([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


def _for_embedding(error: ModelError) -> ModelError:
    """The same error, with remedies that help with an embedding."""
    message = str(error)
    for chat, embedding in _REMEDIES.items():
        message = message.replace(chat, embedding)
    return type(error)(message, retry_after=error.retry_after)
