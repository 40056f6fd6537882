"""The peer: LlamaIndex's `CitationQueryEngine` with its defaults, and how its answers are read.

Where there is a choice the peer gets the better one: markers count in every form that we read, a bare "Source 2" counts
too, and a refusal may cite. Metadata only serves to know the papers again. By default it would be embedded with the
text, and its two papers would hold that of an idea in .60 instead of .65 of 162; and it would be written above the
heading "Source 2:", where it reads as the end of source 1.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import CondenseQuestionChatEngine
from llama_index.core.llms import LLM, ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import CitationQueryEngine

from rag import Paper, Turn
from rag.writing.markers import marker_at, numbers


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What the peer said: the question that it asked itself, its answer, and the paper id of each numbered source."""

    standalone_question: str
    answer: str
    sources: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int


class CitationEngine:
    """The peer over some papers. The callback manager of `llm` is replaced, as the engine itself does.

    Tokens are those that the endpoint reports, else LlamaIndex's estimate with GPT-3.5's tokenizer.
    """

    name = "peer"

    def __init__(self, papers: Sequence[Paper], llm: LLM, embedding: BaseEmbedding) -> None:
        self.model = llm.metadata.model_name
        self._llm = llm
        documents = [
            Document(
                text=f"{p.title}\n\n{p.abstract}",
                metadata={"title": p.title, "paper_id": p.id},
                excluded_embed_metadata_keys=["title", "paper_id"],
                excluded_llm_metadata_keys=["title", "paper_id"],
            )
            for p in papers
        ]
        # The splitter is the default one, named here because the default is looked up in the global Settings.
        index = VectorStoreIndex.from_documents(documents, embed_model=embedding, transformations=[SentenceSplitter()])
        self._engine = CitationQueryEngine.from_args(index, llm=llm)
        # Only now: from_args gives the model the global callback manager.
        self._counter = TokenCountingHandler()
        llm.callback_manager = CallbackManager([self._counter])

    @property
    def revision(self) -> str:
        """What its answers depend on besides the model: LlamaIndex's version and the code of this class."""
        code = hashlib.sha256(inspect.getsource(CitationEngine).encode()).hexdigest()[:8]
        return f"llama-index-core {version('llama-index-core')} {code}"

    def ask(self, question: str, history: Sequence[Turn]) -> dict[str, Any]:
        """A `PeerAnswer` as JSON. Raises what the model raises."""
        self._counter.reset_counts()
        if history:
            engine = CondenseQuestionChatEngine.from_defaults(
                query_engine=self._engine,
                # The default memory holds the same, in a database whose connection it leaves open.
                memory=ChatMemoryBuffer.from_defaults(
                    chat_history=[ChatMessage(turn.content, role=turn.role) for turn in history], llm=self._llm
                ),
                llm=self._llm,
            )
            chat = engine.chat(question)
            standalone, text, nodes = str(chat.sources[0].raw_input["query"]), str(chat), chat.source_nodes
        else:
            response = self._engine.query(question)
            standalone, text, nodes = question, str(response), response.source_nodes
        answer = PeerAnswer(
            standalone_question=standalone,
            answer=text,
            sources=tuple(node.metadata["paper_id"] for node in nodes),
            prompt_tokens=self._counter.prompt_llm_token_count,
            completion_tokens=self._counter.completion_llm_token_count,
        )
        return asdict(answer)


_SPOKEN = re.compile(r"\bsources?\s+(\d{1,3}(?:(?:\s*,\s*|\s+and\s+)\d{1,3})*)\b", re.IGNORECASE)


def cited(text: str, sources: Sequence[str]) -> tuple[str, ...]:
    """The ids of the papers that the markers of an answer resolve to, each once, in the order of the text.

    Marker n is `sources[n - 1]`; a number that no source has resolves to nothing.
    """
    known = range(1, len(sources) + 1)
    found: list[tuple[int, int]] = []
    for bracket in re.finditer(r"[\[【(]", text):
        marker = marker_at(text[bracket.start() :], known, final=True)
        if marker is not None and not isinstance(marker, bool):
            found += [(bracket.start(), n) for n in marker.numbers]
    found += [(spoken.start(), n) for spoken in _SPOKEN.finditer(text) for n in numbers(spoken[1])]
    return tuple(dict.fromkeys(sources[n - 1] for _, n in sorted(found) if n in known))


_GIVE = (
    r"(?:provid|contain|mention|giv|sa[yi]|stat|specif|includ|discuss|address|offer|cover|answer|indicat|report"
    r"|describ|disclos|list|detail|hav|reveal|relat|refer|explain|know|exist)"
)
_SOURCE = r"(?:sources?|abstracts?|papers?|documents?|passages?|texts?|contexts?|information|collection)"
_LACKING = r"(?:\w+ ){0,2}(?:information|mention|details?|data|answers?|evidence|references?)"
_REFUSES = re.compile(
    rf"\b(?:do|does|did)(?:\s+not|n['’]t)\s+(?:\w+ly\s+|any\w*\s+)?{_GIVE}"
    r"|\b(?:is|are|was|were)(?:\s+not|n['’]t)\s+(?:\w+ly\s+)?"
    r"(?:provided|mentioned|given|stated|specified|included|discussed|addressed|available|found|reported|disclosed)"
    rf"|\b(?:is|are) no {_LACKING}\b"
    rf"|\bno {_LACKING}\b.{{0,40}}\b(?:provided|given|available|found|{_SOURCE})\b"
    rf"|\bnone of (?:the|these|them)\b.{{0,40}}\b(?:{_SOURCE}|helpful)\b|\bnot helpful\b"
    r"|\b(?:cannot|can['’]t|can not|unable to|not possible to)\s+(?:be\s+)?"
    r"(?:answer|determin|find|found|provid|tell|say)",
    re.IGNORECASE,
)
_SAYS_NO = re.compile(
    rf"{_REFUSES.pattern}|\bcannot\b|\b(?:can|could)(?: not|n?['’]t)\b|\bno (?:{_LACKING}|{_SOURCE})\b"
    rf"|\b{_SOURCE}\b[^.]{{0,60}}\b(?:do|does|did|is|are|has|have)(?: not|n['’]t)\b"
    r"|\bnot (?:available|found|given|known|clear|enough|relevant|related|applicable|mentioned|specified|stated)\b"
    r"|\bnone of\b|\bunable\b|\bunclear\b|\bunknown\b|\bunrelated\b|\binsufficient\b|\bsorry\b",
    re.IGNORECASE,
)
_EMPTY = ("", "empty response")  # LlamaIndex's word for one


def abstains(text: str, sources: Sequence[str]) -> bool:
    """Whether the peer declines to answer.

    It does when its answer is empty; when it has no valid citation and says anywhere that it can't ("the sources do
    not …", "does not mention", "no information", "cannot", "unclear", …); and, citing or not, when its first sentence
    says that the sources don't have it ("The provided sources do not mention … [1][2]"), whatever else follows. A mere
    "not" won't do: "it did not scale because …" without a citation is an answer, and mostly an invented one.
    """
    if text.strip().rstrip(".").lower() in _EMPTY:
        return True
    if not cited(text, sources) and _SAYS_NO.search(text):
        return True
    first = re.split(r"(?<=[.!?])\s+(?=[A-Z\"“])|\n", text.strip(), maxsplit=1)[0]
    return bool(_REFUSES.search(first))
