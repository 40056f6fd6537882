"""How many tokens a model reads: known for OpenAI's, asked for where the endpoint tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rag.llm.endpoint import Endpoint
from rag.llm.source import Source

UNKNOWN = 8_192
"""Tokens where nobody tells: what most small models read."""
_SECONDS = 2.0
# https://platform.openai.com/docs/models
_OPENAI = (
    (re.compile(r"gpt-5"), 272_000),
    (re.compile(r"gpt-4\.1"), 1_047_576),
    (re.compile(r"o\d"), 200_000),
    (re.compile(r"gpt-4o|gpt-4-turbo|gpt-4\.5"), 128_000),
    (re.compile(r"gpt-4"), 8_192),
    (re.compile(r"gpt-3\.5"), 16_385),
)
_NAMES = ("max_model_len", "context_length", "context_window", "max_context_length")
"""Of the window among the fields of a model in `/models`: vLLM's, OpenRouter's, Groq's and Mistral's."""
_OLLAMA = 4_096
"""Tokens that Ollama reads unless `num_ctx` says otherwise (https://docs.ollama.com/faq); it cuts what is longer."""


def context_window(source: Source) -> int:
    """The tokens that a model reads, prompt and reply together; `UNKNOWN` where nobody tells. Never raises."""
    if not isinstance(source, Endpoint):
        found = getattr(source, "context_window", 0)
        return found if isinstance(found, int) and found > 0 else UNKNOWN
    name = source.model.rpartition("/")[2]
    if source.host == "api.openai.com":
        return next((tokens for pattern, tokens in _OPENAI if pattern.match(name)), UNKNOWN)
    return _of_models(source) or _of_llama_cpp(source) or _of_ollama(source) or UNKNOWN


def _of_models(source: Endpoint) -> int:
    listed = _get(source, f"{source.base_url.rstrip('/')}/models").get("data")
    for model in listed if isinstance(listed, list) else ():
        if isinstance(model, Mapping) and model.get("id") == source.model:
            return next((n for name in _NAMES if (n := _number(model.get(name)))), 0)
    return 0


def _of_llama_cpp(source: Endpoint) -> int:
    settings = _get(source, f"{_root(source)}/props").get("default_generation_settings")
    return _number(settings.get("n_ctx")) if isinstance(settings, Mapping) else 0


def _of_ollama(source: Endpoint) -> int:
    shown = _get(source, f"{_root(source)}/api/show", {"model": source.model})
    about = shown.get("model_info")
    if not isinstance(about, Mapping):
        return 0
    if said := re.search(r"^num_ctx\s+(\d+)", str(shown.get("parameters") or ""), re.MULTILINE):
        return int(said[1])
    longest = next((_number(n) for name, n in about.items() if str(name).endswith(".context_length")), 0)
    return min(longest, _OLLAMA)


def _get(source: Endpoint, url: str, body: dict[str, Any] | None = None) -> Mapping[str, Any]:
    """The JSON object at an address of the endpoint; an empty one where there is none."""
    found = source.fetch(url, body, seconds=_SECONDS)
    return found if isinstance(found, Mapping) else {}


def _root(source: Endpoint) -> str:
    return re.sub(r"/v\d+/?$", "", source.base_url)


def _number(value: object) -> int:
    return value if isinstance(value, int) and value >= 512 else 0
