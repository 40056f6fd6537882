"""A query engine of LlamaIndex over our papers: how it gets them, follow-ups, and what it said.

The papers come as their documents, split by LlamaIndex's default splitter. Metadata only serves to know them again: by
default it would be embedded with the text, and the two best papers would hold that of an idea in .60 instead of .65 of
162 questions; and it would be written above the heading "Source 2:", where it reads as the end of source 1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import CondenseQuestionChatEngine
from llama_index.core.llms import LLM, ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode, NodeWithScore

from eval.peers.sources import SAID_NOTHING, Source, document, retrieved, source
from rag.core.answer import TIMINGS, Answer, Citation
from rag.evaluation.items import Item
from rag.papers import Paper

_Made = tuple[LLM, BaseQueryEngine, TokenCountingHandler]


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine said: the question that it asked itself, its text, what it read, tokens and milliseconds."""

    standalone_question: str
    text: str
    sources: tuple[Source, ...]
    prompt_tokens: int
    completion_tokens: int
    took: float


class Engine:
    """The engine that `make` makes of an index and a model, for any number of threads.

    Tokens are those that the endpoint reports, else LlamaIndex's estimate with GPT-3.5's tokenizer.
    """

    def __init__(
        self,
        papers: Sequence[Paper],
        llm: LLM,
        embedding: BaseEmbedding,
        make: Callable[[VectorStoreIndex, LLM], BaseQueryEngine],
    ) -> None:
        # The metadata of ours would ask the endpoint how much the model reads, and to build an engine asks nobody.
        self.model = str(getattr(llm, "model", None) or llm.metadata.model_name)
        self._papers = {p.id: p for p in papers}
        self._llm, self._make = llm, make
        documents = [
            Document(
                text=document(p),
                metadata={"paper_id": p.id},
                excluded_embed_metadata_keys=["paper_id"],
                excluded_llm_metadata_keys=["paper_id"],
            )
            for p in papers
        ]
        # The splitter is the default one, named here because the default is looked up in the global Settings.
        self._index = VectorStoreIndex.from_documents(
            documents, embed_model=embedding, transformations=[SentenceSplitter()]
        )
        self._local = threading.local()

    def ask(self, item: Item) -> Said:
        """What it says to an item. Raises what the model raises."""
        started = time.perf_counter()
        llm, engine, counter = self._mine()
        counter.reset_counts()
        standalone, text, nodes = _asked(engine, llm, item)
        return Said(
            standalone_question=standalone,
            text=text,
            sources=tuple(self._source(node) for node in nodes),
            prompt_tokens=counter.prompt_llm_token_count,
            completion_tokens=counter.completion_llm_token_count,
            took=1000 * (time.perf_counter() - started),
        )

    def answer(self, item: Item, said: Said, text: str, citations: tuple[Citation, ...], *, abstained: bool) -> Answer:
        """What was said, with its text as it is to be read, as an answer of our contract."""
        return Answer(
            question=item.question,
            standalone_question=said.standalone_question,
            kind="none" if abstained else "single",
            answer=text or SAID_NOTHING,
            abstained=abstained,
            mode="generating",
            model=self.model,
            citations=citations,
            retrieved=retrieved(said.sources),
            searched=len(self._papers),
            prompt_tokens=said.prompt_tokens,
            completion_tokens=said.completion_tokens,
            timings_ms={**dict.fromkeys(TIMINGS, 0.0), "total": round(said.took, 2)},
        )

    def _mine(self) -> _Made:
        """The model, the engine and the counter of this thread: a model counts the tokens of whoever asks it."""
        if not hasattr(self._local, "made"):
            llm = self._llm.model_copy()
            engine = self._make(self._index, llm)
            # Only now: making an engine gives its model the global callback manager.
            counter = TokenCountingHandler()
            llm.callback_manager = CallbackManager([counter])
            self._local.made = (llm, engine, counter)
        made: _Made = self._local.made
        return made

    def _source(self, node: NodeWithScore) -> Source:
        chunk = node.node.get_content(metadata_mode=MetadataMode.NONE)
        if chunk.startswith("Source "):  # the heading that CitationQueryEngine writes above it
            chunk = chunk.partition("\n")[2].rstrip("\n")
        return source(self._papers[node.metadata["paper_id"]], chunk, node.score)


def _asked(engine: BaseQueryEngine, llm: LLM, item: Item) -> tuple[str, str, list[NodeWithScore]]:
    if not item.history:
        response = engine.query(item.question)
        return item.question, str(response), response.source_nodes
    chat = CondenseQuestionChatEngine.from_defaults(
        query_engine=engine,
        # The default memory holds the same, in a database whose connection it leaves open.
        memory=ChatMemoryBuffer.from_defaults(
            chat_history=[ChatMessage(turn.content, role=turn.role) for turn in item.turns], llm=llm
        ),
        llm=llm,
    )
    said = chat.chat(item.question)
    return str(said.sources[0].raw_input["query"]), str(said), said.source_nodes
