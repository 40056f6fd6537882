"""LlamaIndex's `VectorStoreIndex.as_query_engine()` with its defaults: the plainest retrieval-augmented generation.

It cites nothing. What its users are shown are the sources below an answer, `response.source_nodes`, for the answer as a
whole; so every sentence is taken to cite each of them. That is the kindest reading: what the model had read is all that
a sentence can rest on, and one that rests on one source of two loses precision only where the other says nothing of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from eval.peers import engine, refusals
from eval.peers.citation_engine import places
from eval.peers.sources import citation, code, rewritten
from rag.core.answer import Answer
from rag.evaluation.items import Item
from rag.papers import Paper
from rag.papers.sentences import split_sentences


class VectorIndex:
    """The peer over some papers; a follow-up is rewritten by LlamaIndex's `CondenseQuestionChatEngine`."""

    name = "vector-index"

    def __init__(self, papers: Sequence[Paper], llm: LLM, embedding: BaseEmbedding, jobs: int = 1) -> None:
        self.jobs = jobs
        self._engine = engine.Engine(papers, llm, embedding, lambda index, llm: index.as_query_engine(llm=llm))

    def about(self) -> dict[str, Any]:
        """LlamaIndex's version, the model, and the code that reads it."""
        return {
            "model": self._engine.model,
            "llama-index-core": version("llama-index-core"),
            "code": code(engine, refusals, sys.modules[__name__]),
        }

    def answer(self, item: Item) -> Answer:
        """Its answer, each sentence of which cites all its sources. Raises what the model raises."""
        said = self._engine.ask(item)
        # Numbers in brackets stand for nothing that it was shown, but would be taken for markers of ours.
        text, _ = rewritten(said.text, places(said.text, 0), ())
        # A model that isn't asked to cite can't be told by it, so the answer is read as one that does.
        declines = refusals.abstains(said.text, cites=True)
        citations = tuple(citation(n, s) for n, s in enumerate(said.sources, 1))
        marked = text if declines else under(text, "".join(f"[{c.marker}]" for c in citations))
        return self._engine.answer(item, said, marked, citations, abstained=declines)


_END = re.compile(r"[.!?。！？]*[\"'”’)*_]*$")


def under(text: str, markers: str) -> str:
    """The text with `markers` before the end of each sentence; code, headings and rulers get none."""
    lines: list[str] = []
    code = False
    for line in text.split("\n"):
        code ^= line.lstrip().startswith("```")
        plain = not code and not re.match(r"\s*(?:#|```)", line) and re.search(r"\w", line)
        lines.append(_marked(line, markers) if plain else line)
    return "\n".join(lines)


def _marked(line: str, markers: str) -> str:
    pieces: list[str] = []
    done = 0
    for span in split_sentences(line):
        sentence = line[span.start : span.end]
        end = _END.search(sentence)
        stop = end.start() if end and not sentence.endswith(":") else len(sentence)
        if not re.search(r"\w", sentence[:stop]):
            continue
        pieces += [line[done : span.start], sentence[:stop].rstrip(), " ", markers, sentence[stop:]]
        done = span.end
    return "".join([*pieces, line[done:]])
