"""LlamaIndex's `CitationQueryEngine` with its defaults, and how its citations are read.

Where there is a choice the peer gets the better one: markers count in every form that we read, a bare "Source 2" counts
too, a number that no source has is left out, and a refusal may cite.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM
from llama_index.core.query_engine import CitationQueryEngine

from eval.peers import engine, refusals
from eval.peers.sources import Place, code, rewritten
from rag.ask.reading import brackets
from rag.ask.reading.brackets import OPENING, Cited, citation_at
from rag.core.answer import Answer
from rag.evaluation.items import Item
from rag.evaluation.markup import numbers
from rag.papers import Paper


class CitationEngine:
    """The peer over some papers; a follow-up is rewritten by its `CondenseQuestionChatEngine`."""

    name = "citation-engine"

    def __init__(self, papers: Sequence[Paper], llm: LLM, embedding: BaseEmbedding, jobs: int = 1) -> None:
        self.jobs = jobs
        self._engine = engine.Engine(
            papers, llm, embedding, lambda index, llm: CitationQueryEngine.from_args(index, llm=llm)
        )

    def about(self) -> dict[str, Any]:
        """LlamaIndex's version, the model, and the code that reads it."""
        return {
            "model": self._engine.model,
            "llama-index-core": version("llama-index-core"),
            "code": code(engine, refusals, brackets, sys.modules[__name__]),
        }

    def answer(self, item: Item) -> Answer:
        """Its answer with its own citations. Raises what the model raises."""
        said = self._engine.ask(item)
        found = places(said.text, len(said.sources))
        text, citations = rewritten(said.text, found, said.sources)
        declines = refusals.abstains(said.text, cites=bool(citations))
        return self._engine.answer(item, said, text, citations, abstained=declines)


_DAGGER = re.compile(r"(?<=\d)\s*[†‡][^\]】\n]{0,40}(?=[\]】])")
_ZERO = re.compile(r"\[\s*0\s*\]")
_ROUND = re.compile(
    r"\(\s*(?:sources?\s*)?\d{1,3}(?:\s*(?:,|and|-|–)\s*\d{1,3})*\s*\)(?=\s*(?:[.,;:!?\n]|$))", re.IGNORECASE
)
_SPOKEN = re.compile(r"\bsources?\s+(\d{1,3}(?:(?:\s*,\s*|\s+and\s+)\d{1,3})*)\b", re.IGNORECASE)


def places(text: str, count: int) -> list[Place]:
    """Where a text refers to its sources, which are numbered 1 to `count`."""
    known = range(1, count + 1)
    found: list[Place] = []
    for opened in OPENING.finditer(text):
        start = opened.start()
        if found and start < found[-1].end:
            continue
        # "【3†source】" is "【3】"; blanks keep the length.
        rest = _DAGGER.sub(lambda m: " " * len(m.group()), text[start : start + 400])
        if nothing := _ZERO.match(rest):
            found.append(Place(start, start + nothing.end(), ()))
            continue
        cited = citation_at(rest, final=True)
        if isinstance(cited, Cited):
            named = dict.fromkeys(number for number, _ in cited.pairs if number in known)
            found.append(Place(start, start + cited.length, tuple(named)))
    for pattern in (_ROUND, _SPOKEN):
        for match in pattern.finditer(text):
            named = dict.fromkeys(n for n in numbers(match.group()) if n in known)
            if named and not any(p.start < match.end() and match.start() < p.end for p in found):
                found.append(Place(match.start(), match.end(), tuple(named)))
    return sorted(found, key=lambda p: p.start)
