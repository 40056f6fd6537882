"""Which language models a configuration names, and how they are read."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from llama_index.core.llms import LLM

from rag.core.config import Config
from rag.core.errors import ConfigError, UsageError
from rag.core.options import Options
from rag.llm.reading import Deadlines, Reader
from rag.llm.replies import Replies

if TYPE_CHECKING:
    from rag.llm.endpoint import Endpoint

CONNECT_SECONDS = 10.0
REPLY_TOKENS = 700
"""Tokens of a reply for which nothing else is said."""


class Readers:
    """The models that a service may ask, with one reader each. Safe to use from several threads.

    `names` are their names, the one that is asked where nothing else is said first; none in quoting mode.
    """

    def __init__(self, config: Config, llm: LLM | None = None) -> None:
        usual = reader(config, llm)
        others = () if llm else config.models
        self.names = tuple(dict.fromkeys((usual.model, *others))) if usual else ()
        self._config = config
        self._made = {usual.model: usual} if usual else {}
        self._guard = threading.Lock()

    def chosen(self, options: Options) -> Reader | None:
        """The reader of the model that `options` ask for; None where the answer is to be quoted.

        Raises `UsageError` for a model that is not allowed, `ConfigError` where one is wanted and none is configured.
        """
        if options.mode == "generating" and not self.names:
            raise ConfigError(
                "No model is configured to write the answer: set RAG_MODEL, and OPENAI_API_KEY or OPENAI_BASE_URL, or "
                "ask in quoting mode."
            )
        if options.model is not None and options.model not in self.names:
            allowed = f"give one of {', '.join(self.names)}" if self.names else "none is; answers are quoted"
            raise UsageError(f"The model {options.model!r} is not among those that may be asked: {allowed}.")
        if options.mode == "quoting" or not self.names:
            return None
        return self._reader(options.model or self.names[0])

    def _reader(self, name: str) -> Reader:
        with self._guard:
            if name not in self._made:
                made = reader(replace(self._config, model=name))
                assert made is not None, "a model is configured, or no name would be allowed"
                self._made[name] = made
            return self._made[name]


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
    from rag.llm.endpoint import Endpoint

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
