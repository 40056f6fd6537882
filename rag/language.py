"""Which language model a configuration names, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llama_index.core.llms import LLM

from rag.config import Config
from rag.reading import Deadlines, Reader
from rag.replies import Replies

if TYPE_CHECKING:
    from rag.endpoint import Endpoint

CONNECT_SECONDS = 10.0
REPLY_TOKENS = 700
"""Tokens of a reply for which nothing else is said."""


def reader(config: Config, llm: LLM | None = None) -> Reader | None:
    """How to read the model of `config`, or `llm` in its place; None where nothing is to write. Connects to nobody."""
    if llm is None and not config.generating:
        return None
    if llm is not None and not isinstance(llm, LLM):
        raise TypeError(f"llm is {type(llm).__name__}: give a LlamaIndex LLM, or name a model by RAG_MODEL.")
    deadlines = Deadlines(
        connect=CONNECT_SECONDS, first=config.first_token, between=config.between_tokens, total=config.total
    )
    cache = Replies(Path(config.cache)) if config.cache else None
    return Reader(llm or endpoint(config), deadlines=deadlines, cache=cache)


def endpoint(config: Config) -> Endpoint:
    """The OpenAI-compatible endpoint of `config` as a LlamaIndex model."""
    from rag.endpoint import Endpoint

    return Endpoint(
        config.model,
        base_url=config.base_url or None,
        api_key=config.api_key or None,
        context_window=config.context,
        max_tokens=REPLY_TOKENS,
        connect_seconds=CONNECT_SECONDS,
        # The reader has deadlines of its own; the socket's must not come before them.
        read_seconds=float(max(config.first_token, config.between_tokens)) + 1,
    )
