"""PaperQA2 (Skarlinski et al. 2024, arXiv:2409.13740): its `Docs` over the abstracts, with its defaults.

Each paper is one text, its title and abstract, with the title as citation and name: nothing is parsed, no metadata is
looked up, and no host is asked but the model's. Ten texts are found by our embedding, the model sums up and grades each
for the question, and writes from the five best: eleven requests a question. Its agent, which searches files and asks
again, has no part in it: there are no files, and one pass is what the other systems have.

It has no conversations. What was said before comes behind the question, in the question: before it, a long one would
push the question out of what the embedding reads.

Its own rules tell what it cites: keys of what it was shown ("(pqac-0f650d59)"); others are left out. Papers that it
names by their whole title in brackets count too.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import litellm
from llama_index.core.base.embeddings.base import BaseEmbedding
from lmi import EmbeddingModel, EmbeddingModes, LiteLLMModel
from paperqa import Docs, PQASession
from paperqa.settings import AgentSettings, AnswerSettings, IndexSettings, ParsingSettings, PromptSettings, Settings
from paperqa.types import Doc, Text
from pydantic import PrivateAttr

from eval.peers import refusals
from eval.peers.sources import Place, Source, code, document, retrieved, rewritten, source
from rag.core.answer import TIMINGS, Answer
from rag.core.config import Config
from rag.core.errors import ModelError, ModelTimeout, ModelUnreachable
from rag.evaluation.items import Item
from rag.llm.faults import model_error, status_error
from rag.llm.models import REPLY_TOKENS
from rag.llm.sdk import OPENAI
from rag.papers import Paper

RETRIES = 2
"""As many as our own modes have; PaperQA2 would try three times more."""
PAUSE = 1
"""Seconds before the first of them."""

_failures: ContextVar[list[Exception]] = ContextVar("failures")
"""What the requests of one question have met: PaperQA2 goes on without an excerpt, and would say it can't answer."""


class PaperQA:
    """The peer over some papers."""

    name = "paperqa"

    def __init__(self, papers: Sequence[Paper], config: Config, embedding: BaseEmbedding, jobs: int = 1) -> None:
        self.jobs = jobs
        self._papers = {p.id: p for p in papers}
        self._name, self._host = config.model, urlsplit(config.base_url or OPENAI).netloc.rpartition("@")[2]
        self._key = config.api_key
        self._settings = _settings(config)
        self._embedding = Embedding(embedding)
        self._model = Model(name=config.model, config=self._settings.llm_config)
        self._docs = Docs()
        _be_quiet()
        self._await(self._read(papers))

    def about(self) -> dict[str, Any]:
        """Versions, the model, the settings by which it may differ, and the code that reads it."""
        return {
            "model": self._name,
            "paper-qa": version("paper-qa"),
            "litellm": version("litellm"),
            "evidence_k": self._settings.answer.evidence_k,
            "answer_max_sources": self._settings.answer.answer_max_sources,
            "temperature": self._settings.temperature,
            "max_tokens": REPLY_TOKENS,
            "embedding": self._embedding.name,
            "code": code(refusals, sys.modules[__name__]),
        }

    def answer(self, item: Item) -> Answer:
        """Its answer with its citations. Raises `ModelError` where the model fails."""
        started = time.perf_counter()
        session, found, failures = self._await(self._ask(_question(item)))
        if failures and not session.contexts:
            raise self._ours(failures[0])
        took = 1000 * (time.perf_counter() - started)
        sources, keys = self._sources(session)
        text, citations = rewritten(session.raw_answer, places(session.raw_answer, keys), sources)
        declines = refusals.abstains(session.raw_answer, cites=bool(citations))
        tokens = list(session.token_counts.values())
        return Answer(
            question=item.question,
            standalone_question=item.question,
            kind="none" if declines else "single",
            answer=text,
            abstained=declines,
            mode="generating",
            model=self._name,
            citations=citations,
            retrieved=self._ranked(session, found),
            searched=len(self._papers),
            warnings=tuple(f"An excerpt could not be summed up: {self._ours(e)}" for e in failures),
            prompt_tokens=sum(prompt for prompt, _ in tokens),
            completion_tokens=sum(completion for _, completion in tokens),
            timings_ms={**dict.fromkeys(TIMINGS, 0.0), "total": round(took, 2)},
        )

    async def _read(self, papers: Sequence[Paper]) -> None:
        for p in papers:
            doc = Doc(docname=p.title, dockey=p.id, citation=p.title)
            text = Text(text=document(p), name=p.title, doc=doc)
            await self._docs.aadd_texts([text], doc, self._settings, self._embedding)
        # Its index is made at the first question; questions that come together would fill it twice.
        await self._docs.retrieve_texts("warm", 1, self._settings, self._embedding)

    async def _ask(self, question: str) -> tuple[PQASession, list[tuple[str, float]], list[Exception]]:
        """What it made of a question, what it found by paper with the similarity, and what failed on the way."""
        failures: list[Exception] = []
        _failures.set(failures)
        models = {"llm_model": self._model, "summary_llm_model": self._model, "embedding_model": self._embedding}
        try:
            session = await self._docs.aquery(question, self._settings, **models)
        except Exception as e:
            raise self._ours(e) from e
        texts, scores = await self._docs.texts_index.similarity_search(
            question, self._settings.answer.evidence_k, self._embedding
        )
        return session, [(t.doc.dockey, float(s)) for t, s in zip(texts, scores, strict=True)], failures

    def _sources(self, session: PQASession) -> tuple[list[Source], dict[str, int]]:
        """What it was shown, in that order, and the number of each by its key and its title."""
        shown = sorted(session.contexts, key=lambda c: (-c.score, c.text.name))
        sources = [source(self._papers[c.text.doc.dockey], c.text.text, float(c.score)) for c in shown]
        keys: dict[str, int] = {}
        for number, context in enumerate(shown, 1):
            # Two excerpts with the same summary have the same key; the better one has it.
            keys.setdefault(context.id, number)
            keys.setdefault(context.text.doc.citation, number)
        return sources, keys

    def _ranked(self, session: PQASession, found: Sequence[tuple[str, float]]) -> Any:
        """By the model's grade, 0 to 10, which is what it ranks by, and by similarity where the grade is the same."""
        grades = {c.text.doc.dockey: c.score for c in session.contexts}
        papers = [(self._papers[id], grades.get(id, 0) + similarity / 2) for id, similarity in found]
        return retrieved(Source(p, 0, len(p.abstract), score) for p, score in papers)

    def _ours(self, error: Exception) -> ModelError:
        if isinstance(error, litellm.Timeout):  # it has the status 408
            return ModelTimeout(f"{self._host} was silent while {self._name} was asked. Allow it more seconds.")
        if "Connection error" in str(error):  # and this one 500
            return ModelUnreachable(f"{self._host} can't be reached for {self._name}. Start the server.")
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            # What the endpoint said is within LiteLLM's message; the body is lost.
            said = re.sub(r"^.*?Exception - |\.? *Received Model Group.*$", "", str(error), flags=re.DOTALL)
            said = said.replace(self._key, "[key]") if self._key else said
            return status_error(status, said, {}, self._host, self._name)
        return model_error(error, self._host, self._name)

    def _await(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, _loop())
        return future.result()


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """A loop in a thread of its own: LiteLLM keeps a client for each loop, and questions come from any thread."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="paperqa", daemon=True).start()
    return loop


class Model(LiteLLMModel):  # type: ignore[misc]  # what isn't always there has no types
    """The model of its settings, which notes what fails."""

    async def acompletion(self, messages: list[Any], **options: Any) -> list[Any]:
        """Its replies to the messages."""
        try:
            replies: list[Any] = await super().acompletion(messages, **options)
        except Exception as e:
            _failures.get().append(e)
            raise
        return replies


class Embedding(EmbeddingModel):  # type: ignore[misc]  # what isn't always there has no types
    """A LlamaIndex embedding as one of PaperQA2's."""

    _model: Any = PrivateAttr()
    _query: bool = PrivateAttr(default=False)

    def __init__(self, model: BaseEmbedding) -> None:
        super().__init__(name=model.model_name)
        self._model = model

    def set_mode(self, mode: EmbeddingModes) -> None:
        """Whether what comes next is a query."""
        self._query = mode == EmbeddingModes.QUERY

    async def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text. It never waits, so that no other question comes between it and `set_mode`."""
        if self._query:
            return [self._model.get_query_embedding(text) for text in texts]
        vectors: list[list[float]] = self._model.get_text_embedding_batch(texts)
        return vectors


class _Settings(Settings):  # type: ignore[misc]  # what isn't always there has no types
    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, **others: Any) -> tuple[Any, ...]:
        """Only what it is made with: by itself it reads variables such as LLM and TEMPERATURE."""
        return (init_settings,)


def _settings(config: Config) -> Settings:
    """PaperQA2's defaults, but for what would ask another host, or another model."""
    name = config.model
    model = {
        "name": name,
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": f"openai/{name}",
                    "api_base": config.base_url or OPENAI,
                    "api_key": config.api_key or "none",
                    "temperature": 0.0,
                    # As in our own requests: a model that loops would fill its context.
                    "max_tokens": REPLY_TOKENS,
                    # What a known model refuses is left out, as we do.
                    "drop_params": True,
                },
            }
        ],
        "router_kwargs": {
            "timeout": config.total,
            "num_retries": RETRIES,
            "retry_after": PAUSE,
            "retry_policy": {"TimeoutErrorRetries": 0},
        },
    }
    return _Settings(
        llm=name,
        llm_config=model,
        summary_llm=name,
        summary_llm_config=model,
        embedding="ours",  # never looked up: it is passed by each call
        temperature=0.0,
        answer=AnswerSettings(),
        prompts=PromptSettings(),
        parsing=ParsingSettings(
            use_doc_details=False, multimodal=False, enrichment_llm=name, enrichment_llm_config=model
        ),
        # The folder is never used; by default one would be made in the user's home.
        agent=AgentSettings(agent_llm=name, agent_llm_config=model, index=IndexSettings(index_directory=Path())),
    )


def _be_quiet() -> None:
    """What fails is raised or becomes a warning of the answer; LiteLLM would print it, and advice, as well."""
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    # Its other transport leaves sessions open, which are complained about at the end.
    litellm.disable_aiohttp_transport = True
    for logger in ("LiteLLM", "LiteLLM Router", "lmi", "paperqa"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)


def _question(item: Item) -> str:
    said = "\n".join(f"{turn.role}: {turn.content}" for turn in item.turns)
    return f"{item.question}\n\n(The conversation before this question:\n{said})" if said else item.question


_KEY = r"pqac-[a-zA-Z0-9]+"
_KEYS = re.compile(rf"[(\[]\s*{_KEY}(?:(?:\s|[,;&]|and\b)*{_KEY})*\s*[)\]]|\b{_KEY}")


def places(text: str, numbers: dict[str, int]) -> list[Place]:
    """Where a text refers to what `numbers` has by key and by title, and where to a key that there isn't."""
    found = [
        Place(m.start(), m.end(), tuple(dict.fromkeys(numbers[k] for k in re.findall(_KEY, m[0]) if k in numbers)))
        for m in _KEYS.finditer(text)
    ]
    for name, number in numbers.items():
        for m in re.finditer(rf"[(\[]\s*{re.escape(name)}\s*[)\]]", text, re.IGNORECASE):
            if not any(p.start < m.end() and m.start() < p.end for p in found):
                found.append(Place(m.start(), m.end(), (number,)))
    return sorted(found, key=lambda p: p.start)
