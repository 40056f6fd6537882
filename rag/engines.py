"""The service as LlamaIndex engines, so that LlamaIndex programs can use it whole.

Unlike LlamaIndex's own these don't take a list of nodes and write from it: reading the question, retrieval, writing and
checking are ours. A response's `metadata` is the answer under the field names of the JSON contract; its `source_nodes`
are the sentences that the answer cites, in the order of their markers, with their offsets in the abstract.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
)
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response, StreamingResponse
from llama_index.core.chat_engine.types import (
    AGENT_CHAT_RESPONSE_TYPE,
    AgentChatResponse,
    BaseChatEngine,
    StreamingAgentChatResponse,
)
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.core.answer import Answer, Event, Text, Turn

if TYPE_CHECKING:
    from rag.service import Rag


class PaperQueryEngine(BaseQueryEngine):
    """Answers single questions. With `streaming` the text comes in pieces, which are provisional as in `Rag.stream`."""

    def __init__(self, rag: Rag, *, streaming: bool = False) -> None:
        super().__init__(callback_manager=None)
        self._rag = rag
        self._streaming = streaming

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        if not self._streaming:
            return response(self._rag.ask(query_bundle.query_str))
        streamed = StreamingResponse(response_gen=None, metadata={})  # type: ignore[arg-type]
        streamed.response_gen = self._pieces(query_bundle.query_str, streamed)
        return streamed

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return response(await self._rag.aask(query_bundle.query_str))

    def _pieces(self, question: str, streamed: StreamingResponse) -> Generator[str, None, None]:
        for event in self._rag.stream(question):
            if isinstance(event, Text):
                yield event.text
            elif isinstance(event, Answer):
                whole = response(event)
                streamed.response_txt, streamed.source_nodes = whole.response, whole.source_nodes
                streamed.metadata = whole.metadata

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


class PaperChatEngine(BaseChatEngine):
    """Answers questions of one conversation, which it keeps; follow-ups are understood from it."""

    def __init__(self, rag: Rag) -> None:
        self._rag = rag
        self._history: list[ChatMessage] = []

    def chat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AGENT_CHAT_RESPONSE_TYPE:
        """The answer to the next message; `chat_history` replaces what was said before."""
        return self._chatted(message, self._rag.ask(message, self._turns(chat_history)))

    async def achat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AGENT_CHAT_RESPONSE_TYPE:
        """`chat` for asyncio."""
        return self._chatted(message, await self._rag.aask(message, self._turns(chat_history)))

    def stream_chat(self, message: str, chat_history: list[ChatMessage] | None = None) -> StreamingAgentChatResponse:
        """The same in pieces, which are provisional; `chat_history` of this engine has the text that holds."""
        turns = self._turns(chat_history)
        # This engine keeps its own history.
        streamed = StreamingAgentChatResponse(is_writing_to_memory=False)
        streamed.chat_stream = self._replies(message, turns, streamed)
        return streamed

    async def astream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """`stream_chat` for asyncio."""
        turns = self._turns(chat_history)
        streamed = StreamingAgentChatResponse(is_writing_to_memory=False)
        streamed.achat_stream = self._areplies(message, turns, streamed)
        return streamed

    @property
    def chat_history(self) -> list[ChatMessage]:
        """What was said so far."""
        return self._history

    def reset(self) -> None:
        """Forget the conversation."""
        self._history = []

    def _turns(self, history: list[ChatMessage] | None) -> list[Turn]:
        if history is not None:
            self._history = list(history)
        said = [m for m in self._history if m.role in (MessageRole.USER, MessageRole.ASSISTANT) and m.content]
        return [Turn("user" if m.role == MessageRole.USER else "assistant", str(m.content)) for m in said]

    def _replies(self, message: str, turns: list[Turn], streamed: StreamingAgentChatResponse) -> ChatResponseGen:
        for event in self._rag.stream(message, turns):
            if piece := self._told(message, event, streamed):
                yield piece

    async def _areplies(
        self, message: str, turns: list[Turn], streamed: StreamingAgentChatResponse
    ) -> ChatResponseAsyncGen:
        async for event in self._rag.astream(message, turns):
            if piece := self._told(message, event, streamed):
                yield piece

    def _told(self, message: str, event: Event, streamed: StreamingAgentChatResponse) -> ChatResponse | None:
        if isinstance(event, Text):
            return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=event.text), delta=event.text)
        if isinstance(event, Answer):
            streamed.source_nodes = self._chatted(message, event).source_nodes
        return None

    def _chatted(self, message: str, answer: Answer) -> AgentChatResponse:
        whole = response(answer)
        self._history += [
            ChatMessage(role=MessageRole.USER, content=message),
            ChatMessage(role=MessageRole.ASSISTANT, content=answer.answer),
        ]
        return AgentChatResponse(
            response=answer.answer, source_nodes=whole.source_nodes, metadata=dict(whole.metadata or {})
        )


def response(answer: Answer) -> Response:
    """An answer as a LlamaIndex response; the score of a source is 1 where it supports all that it is cited for."""
    nodes = [
        NodeWithScore(
            node=TextNode(
                id_=f"{c.paper_id}#{c.start}",
                text=c.quote,
                start_char_idx=c.start,
                end_char_idx=c.end,
                metadata={"paper_id": c.paper_id, "title": c.title, "marker": c.marker},
            ),
            score=1.0 if c.supported else 0.0,
        )
        for c in answer.citations
    ]
    metadata: dict[str, Any] = answer.to_json()
    return Response(response=answer.answer, source_nodes=nodes, metadata=metadata)
