"""Systems to compare with: baselines, and other people's systems over the same papers, embedding and model as ours.

`rag eval run --system NAME` and `rag eval peers` find them in a checkout; the installed program has none of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eval.peers.baselines import BASELINES, Baseline
from rag.core.config import Config
from rag.core.errors import ConfigError, UsageError
from rag.evaluation.systems import JOBS, System, is_local
from rag.papers import Paper
from rag.service import Rag

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

    from eval.peers.paperqa import PaperQA

PEERS = ("vector-index", "citation-engine", "paperqa")
SYSTEMS = (*BASELINES, *PEERS)


def system(name: str, service: Rag) -> System:
    """One of `SYSTEMS` over the collection of `service`. Raises what `build` raises."""
    if name in BASELINES:
        return Baseline(name, service)
    from rag.index.llamaindex import MiniLMEmbedding

    return build(name, service.papers(), service.config, MiniLMEmbedding(threads=service.config.threads))


def build(name: str, papers: Sequence[Paper], config: Config, embedding: BaseEmbedding) -> System:
    """The peer of this name over some papers, with the model of `config` and an embedding.

    Raises `UsageError` where there is no such peer, and `ConfigError` where no model is named or PaperQA2 is missing.
    """
    if name not in PEERS:
        raise UsageError(f"There is no peer {name!r}: choose {', '.join(PEERS)}.")
    if not config.generating:
        raise ConfigError(f"{name} needs a language model: set RAG_MODEL and OPENAI_BASE_URL, or --model.")
    jobs = 1 if is_local(config) else JOBS
    if name == "paperqa":
        return _paperqa()(papers, config, embedding, jobs)
    from eval.peers.citation_engine import CitationEngine
    from eval.peers.vector_index import VectorIndex
    from rag.llm.llamaindex import ClientLLM
    from rag.llm.models import client

    peer = CitationEngine if name == "citation-engine" else VectorIndex
    # They don't stream: what is the wait for a first token to us is for them the wait for the whole reply.
    asked = client(replace(config, first_token=config.total))
    assert asked is not None
    return peer(papers, ClientLLM(asked), embedding, jobs)


def _paperqa() -> type[PaperQA]:
    # LiteLLM fetches a list of prices from GitHub while it is imported, unless it is told to use its own.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        from eval.peers.paperqa import PaperQA
    except ImportError as e:
        raise ConfigError(
            f'PaperQA2 is not installed ({e}): pip install "paper-rag[peers]", or make peers in a checkout.'
        ) from e
    return PaperQA
