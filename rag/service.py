"""The service: build it, feed it papers, ask it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag.ask.asking import Asking, Generating, checked_turns
from rag.ask.certainty import caution_of
from rag.ask.matrix import Comparison, compare
from rag.ask.metadata import Metadata
from rag.ask.quoting import Finder
from rag.ask.reading import Settings
from rag.ask.suggest import starters, suggest
from rag.core import tracing
from rag.core.answer import Answer, Event, Turn
from rag.core.background import in_thread
from rag.core.config import Config
from rag.core.errors import RagError, UsageError
from rag.core.options import Options
from rag.core.threads import one_thread
from rag.index.collection import Collection, Ingested
from rag.index.embedding import BuiltinEmbedding, OnnxEmbedding
from rag.index.external import External, chosen
from rag.index.holdings import Holding, holdings
from rag.index.index import Index
from rag.index.indexing import Progress
from rag.index.mapping import PaperMap, paper_map
from rag.index.metadata import Filters
from rag.index.near import Near, near
from rag.index.onnx_folder import embedding as folder_embedding
from rag.index.remote import place
from rag.index.reranking import reranker
from rag.index.retrieval import PaperRanker
from rag.llm.client import Client
from rag.llm.models import Models
from rag.papers import Loaded, Paper

if TYPE_CHECKING:
    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.chat_engine.types import BaseChatEngine
    from llama_index.core.llms import LLM
    from llama_index.core.vector_stores.types import BasePydanticVectorStore

    from rag.retriever import PaperRetriever


def build(
    config: Config | None = None,
    *,
    llm: LLM | None = None,
    embedding: BaseEmbedding | OnnxEmbedding | None = None,
    store: BasePydanticVectorStore | None = None,
) -> Rag:
    """The service for a configuration; without one, for that of the environment. Reads nothing yet.

    `llm` is any LlamaIndex model, to write the answers instead of the one that the configuration names; `embedding` any
    LlamaIndex embedding, to rank passages with; `store` any LlamaIndex vector store that takes ids of any form, to keep
    the vectors of this one collection in. Raises ConfigError where half of what a model needs is configured.
    """
    return Rag(config or Config.load(), llm=llm, embedding=embedding, store=store)


class Rag:
    """A collection that answers. Safe to use from several threads; close it, or use it as a context manager."""

    def __init__(
        self,
        config: Config,
        *,
        llm: LLM | None = None,
        embedding: BaseEmbedding | OnnxEmbedding | None = None,
        store: BasePydanticVectorStore | None = None,
    ) -> None:
        self.config = config
        self._models = Models(config, llm)
        other = embedding or folder_embedding(config) or chosen(config)
        self._embedding = other if isinstance(other, OnnxEmbedding) else BuiltinEmbedding(threads=config.threads)
        external = None if other is None or isinstance(other, OnnxEmbedding) else External(other)
        self._reranker = reranker(config)
        self._collection = Collection(config, self._embedding, external, place(config, store))
        self._opened: tuple[Finder, Metadata] | None = None
        self._guard = threading.RLock()
        self._tracer = tracing.tracer(config)

    def __enter__(self) -> Rag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def model(self) -> str | None:
        """The name of the model that writes the answers; None in quoting mode."""
        return self._models.names[0] if self._models.names else None

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models that a question may be asked with (`Options.model`); none in quoting mode."""
        return self._models.names

    def ask(
        self,
        question: str,
        history: Sequence[Turn | Mapping[str, str]] = (),
        *,
        options: Options | None = None,
        id: str | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Answer a question, in the light of the turns before it.

        Setting `stop` ends it soon, with ModelStopped. Raises UsageError for a question or history that is empty or too
        long, and for `options` that name a paper that isn't there or a model that isn't allowed; ConfigError where they
        want a model and none is configured; ModelError where a language model fails that there is no falling back from,
        and where another embedding does.
        """
        for event in self.stream(question, history, options=options, stop=stop):
            if isinstance(event, Answer):
                return replace(event, id=id)
        raise RagError("The answer broke off.")

    def stream(
        self,
        question: str,
        history: Sequence[Turn | Mapping[str, str]] = (),
        *,
        options: Options | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """The same as events: steps, pieces of text, and the Answer at the end.

        Where a model writes, the pieces are provisional: what does not hold is taken back in the Answer.
        """
        options = options or Options()
        turns = checked_turns(question, history)
        client = self._models.chosen(options)
        finder, metadata = self._open()
        finder = self._chosen(finder, options)
        named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "paper-rag"}
        span = self._tracer.child("ask", {**named, "paper_rag.collection": self.config.collection})
        generating = self._generating(client.within(span), options) if client else None
        asking = Asking(question, turns, finder, metadata, generating, stop or threading.Event())
        yield from tracing.observed(span, asking.events(), texts=self.config.otel_questions)

    async def aask(
        self,
        question: str,
        history: Sequence[Turn | Mapping[str, str]] = (),
        *,
        options: Options | None = None,
        id: str | None = None,
    ) -> Answer:
        """`ask` for programs that use asyncio; to cancel the task stops the model."""
        async for event in self.astream(question, history, options=options):
            if isinstance(event, Answer):
                return replace(event, id=id)
        raise RagError("The answer broke off.")

    def astream(
        self, question: str, history: Sequence[Turn | Mapping[str, str]] = (), *, options: Options | None = None
    ) -> AsyncIterator[Event]:
        """`stream` for programs that use asyncio; to leave it stops the model."""
        return in_thread(lambda stop: self.stream(question, history, options=options, stop=stop))

    def suggest(self, answers: Sequence[Answer], *, count: int = 3, options: Options | None = None) -> tuple[str, ...]:
        """At most `count` questions to ask after the last of `answers`; each was tried, and is answered by new quotes.

        A model words them where one writes the answers, and rules where it fails or takes seconds. `options` are those
        that the next question would be asked with. Raises what `ask` does of an index, an embedding or options.
        """
        options = options or Options()
        client = self._models.chosen(options)
        finder, _ = self._open()
        with one_thread():
            return suggest(answers, self._chosen(finder, options), count=count, client=client)

    def starters(self, count: int = 4) -> tuple[str, ...]:
        """At most `count` questions to begin with: of a paper, of two, of a subject, of all; each is answered.

        The same collection gives the same.
        """
        finder, _ = self._open()
        with one_thread():
            return starters(finder, count=count)

    def compare(self, papers: Sequence[str], aspects: Sequence[str]) -> Comparison:
        """A table of 1 to 20 papers by 1 to 8 aspects ("speedup", "which GPUs"), with exact quotes in its cells.

        A paper is given by its id, its title, or a beginning that no other title has. Where an abstract does not speak
        of an aspect, the cell is empty. Raises UsageError for what names no paper or several, and for too few or too
        many of either.
        """
        finder, _ = self._open()
        with one_thread():
            return compare(finder, papers, aspects)

    def as_query_engine(self) -> BaseQueryEngine:
        """The whole service as a LlamaIndex query engine: its response has the answer's text, its metadata the rest."""
        from rag.engines import PaperQueryEngine

        return PaperQueryEngine(self)

    def as_chat_engine(self) -> BaseChatEngine:
        """The whole service as a LlamaIndex chat engine, which keeps the conversation."""
        from rag.engines import PaperChatEngine

        return PaperChatEngine(self)

    def ingest(
        self,
        paths: Sequence[Path] | Loaded = (),
        *,
        add: bool = False,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> Ingested:
        """Make the collection hold exactly the papers in `paths`, or these too with `add`.

        `paths` are files and folders, or what was `Loaded` of some. Without them an empty collection is filled from the
        seeds, and any other is only brought up to date with this version. Only what differs is embedded. Raises
        PaperError where nothing can be read, and with `strict` for any record that can't be read or has no abstract;
        Locked while another process writes the collection; ModelError where another embedding than the built-in one
        fails.
        """
        return self._collection.ingest(paths, add=add, strict=strict, progress=progress)

    def papers(self) -> tuple[Paper, ...]:
        """The papers of the collection, in the order of their files; none before the first ingest."""
        return self._collection.papers()

    def remove(self, ids: Iterable[str], *, progress: Progress | None = None) -> int:
        """Take the papers with these ids out of the collection, and give how many are left.

        Nothing is embedded anew. Raises UsageError for an id that no paper has, and where none would be left; Locked
        while another process writes the collection.
        """
        return self._collection.remove(frozenset(ids), progress=progress)

    def removed(self) -> list[tuple[str, tuple[Paper, ...]]]:
        """What was removed within the last hour and `restore` can bring back, newest first: an id and the papers."""
        return self._collection.removed()

    def restore(self, id: str) -> int:
        """Undo a `remove`, by its id of `removed`; gives how many papers are back, each in its old place.

        Raises UsageError where it can't be undone any more; Locked while another process writes the collection.
        """
        return self._collection.restore(id)

    def collections(self) -> tuple[Holding, ...]:
        """All collections in the home of this one, by name: papers, size on disk, last change."""
        return holdings(self.config.home)

    def near(self, text: str, count: int = 10) -> tuple[Near, ...]:
        """At most `count` papers that are near to `text` in meaning, the nearest first."""
        finder, _ = self._open()
        with one_thread():
            return near(finder.ranker, text, count)

    def map(self) -> PaperMap:
        """The collection as a picture; made at the first call after a change, in 1 to 20 seconds."""
        return paper_map(self._open()[0].index)

    def as_retriever(self, top_k: int = 10) -> PaperRetriever:
        """The retrieval as a LlamaIndex retriever."""
        from rag.retriever import PaperRetriever

        finder, _ = self._open()
        return PaperRetriever(finder.ranker, top_k)

    def index(self) -> Index:
        """The index of the collection, open for reading; good until the collection changes or is closed."""
        return self._open()[0].index

    def close(self) -> None:
        """Let go of the index; the next question opens it again."""
        with self._guard:
            if self._opened is not None:
                self._opened[0].index.close()
                self._opened = None
            self._collection.close()

    def _open(self) -> tuple[Finder, Metadata]:
        """The finder on the current index, and its metadata; builds or renews the index where that is needed."""
        with self._guard:
            folder = self._collection.current()
            if self._opened is not None and folder == self._opened[0].index.folder:
                return self._opened
            if self._collection.behind(folder):
                self.ingest()
                folder = self._collection.current()
            self.close()
            if folder is None:
                raise RagError(f"The index in {self._collection.folder} could not be made; run rag ingest.")
            index = self._collection.open(folder)
            self._opened = Finder(index, PaperRanker(index, self._embedding, self._reranker)), Metadata(index.papers)
            return self._opened

    def _chosen(self, finder: Finder, options: Options) -> Finder:
        """A finder among the papers that the options choose, as careful as they say."""
        rows = _rows(options.papers, finder.index)
        filters = replace(Filters.of(options), papers=None)
        if filters:
            left = filters.rows(finder.index.papers)
            rows = frozenset(left) if rows is None else rows & left
            if not rows:
                raise UsageError("No paper of the collection is of these years, authors or venues.")
        return finder.among(rows, most=options.most, caution=caution_of(options.caution or self.config.caution))

    def _generating(self, client: Client, options: Options) -> Generating:
        """The model, and how its answers are read."""
        c = self.config
        strict = c.strict if options.strict is None else options.strict
        thorough = c.judge or c.effort == "thorough"
        settings = Settings(c.sources, strict=strict, thorough=thorough, fallback=c.fallback, prices=c.prices)
        return Generating(client, settings)


def _rows(papers: frozenset[str] | None, index: Index) -> frozenset[int] | None:
    """The rows of these papers; UsageError where one is not in the collection."""
    if papers is None:
        return None
    if absent := sorted(set(papers) - index.rows.keys()):
        more = f" and {len(absent) - 1} more that were chosen" if absent[1:] else ""
        raise UsageError(f"The collection has no paper with the id {absent[0]!r}{more}: rag papers lists what it has.")
    return frozenset(index.rows[i] for i in papers)
