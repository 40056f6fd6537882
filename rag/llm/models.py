"""Which language models a configuration names, and the clients that ask them."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag.core.config import Config
from rag.core.errors import ConfigError, UsageError
from rag.core.options import Options
from rag.llm.client import Client, Deadlines
from rag.llm.endpoint import Endpoint
from rag.llm.replies import Replies

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

CONNECT_SECONDS = 10.0
REPLY_TOKENS = 700
"""Tokens of a reply for which nothing else is said."""


class Models:
    """The models that a service may ask, with one client each. Safe to use from several threads.

    `names` are their names, the one that is asked where nothing else is said first; none in quoting mode.
    """

    def __init__(self, config: Config, llm: LLM | None = None) -> None:
        usual = client(config, llm)
        others = () if llm else config.models
        self.names = tuple(dict.fromkeys((usual.model, *others))) if usual else ()
        self._config = config
        self._made = {usual.model: usual} if usual else {}
        self._guard = threading.Lock()

    def chosen(self, options: Options) -> Client | None:
        """The client of the model that `options` ask for; None where the answer is to be quoted.

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
        name = options.model or self.names[0]
        with self._guard:
            if name not in self._made:
                made = client(replace(self._config, model=name))
                assert made is not None, "a model is configured, or no name would be allowed"
                self._made[name] = made
            return self._made[name]


def client(config: Config, llm: LLM | None = None) -> Client | None:
    """The client of the model of `config`, or of `llm` in its place; None where nothing is to write.

    Connects to nobody. Raises TypeError where `llm` is no LlamaIndex model.
    """
    if llm is None and not config.generating:
        return None
    deadlines = Deadlines(first=config.first_token, between=config.between_tokens, total=config.total)
    cache = Replies(Path(config.cache)) if config.cache else None
    if llm is None:
        return Client(endpoint(config), deadlines=deadlines, cache=cache, context=config.context)
    from rag.llm.llamaindex import LlamaIndexSource

    return Client(LlamaIndexSource(llm), deadlines=deadlines, cache=cache, context=config.context)


def endpoint(config: Config) -> Endpoint:
    """The OpenAI-compatible endpoint of `config`."""
    return Endpoint(
        config.model,
        base_url=config.base_url or None,
        api_key=config.api_key or None,
        max_tokens=REPLY_TOKENS,
        connect_seconds=CONNECT_SECONDS,
    )
