"""The collections of a home, as the page opens them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from rag.ask.overview import groups_of
from rag.ask.suggest import OVERVIEW
from rag.core.config import BUILTIN, DEFAULT_COLLECTION, Config
from rag.core.errors import RagError, UsageError
from rag.core.paper import Paper
from rag.index.embedding import BuiltinEmbedding
from rag.service import Rag, build
from rag.web.start import SCANT, Theme

_OPEN = 4
"""Collections that are kept open: each holds its vectors in memory."""

_SAMPLE = {
    "What does double quantization save in QLoRA?": ("QLoRA",),
    "Do FlashAttention-2 and Flash-LLM report speedups on the same hardware?": ("FlashAttention-2", "Flash-LLM"),
    "Which papers are about neural implicit or Gaussian scene reconstruction?": ("NeuS2", "Momentum-GS"),
    OVERVIEW: (),
}
"""Questions to begin with on the sample papers, and how the titles begin that they need."""


class CollectionCache:
    """Opens each collection once for all sessions. `config.collection` is the one that a new session begins with."""

    def __init__(self, config: Config, rag: Rag | None = None) -> None:
        self.config = config
        # One model for all: a second copy would cost its memory, and a second to load.
        self._embedding = BuiltinEmbedding(threads=config.threads) if config.embedding == BUILTIN else None
        self._first = rag or build(config, embedding=self._embedding)
        self._open: OrderedDict[str, Rag] = OrderedDict()
        self._starters: dict[str, tuple[tuple[Paper, ...], tuple[str, ...]]] = {}
        self._themes: dict[str, tuple[tuple[Paper, ...], tuple[Theme, ...]]] = {}
        self._guard = threading.Lock()

    def names(self) -> list[str]:
        """The collections that have papers, and the one that the page was started with."""
        found = (self.config.home / "collections").glob("*/papers.jsonl")
        return sorted({self.config.collection, *(f.parent.name for f in found)}, key=str.lower)

    def rag(self, collection: str = "") -> Rag:
        """The service of a collection. UsageError where there is none of this name."""
        if collection in ("", self.config.collection):
            return self._first
        if collection not in self.names():
            raise UsageError(f"There is no collection {collection!r} any more; choose another one under Papers.")
        return self.made(collection)

    def made(self, collection: str) -> Rag:
        """The service of a collection that may still have to be filled. ConfigError for what can't be its name."""
        if collection in ("", self.config.collection):
            return self._first
        with self._guard:
            if collection not in self._open:
                config = replace(self.config, collection=collection)
                self._open[collection] = build(config, embedding=self._embedding)
            self._open.move_to_end(collection)
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].close()
            return self._open[collection]

    def forget(self, collection: str) -> None:
        """Close the service of a collection that is deleted, so that one of its name begins anew."""
        with self._guard:
            rag = self._open.pop(collection, None)
        if rag is not None:
            rag.close()

    def starters(self, collection: str = "") -> tuple[str, ...]:
        """Questions to begin with; found once, until the papers change."""
        rag = self.rag(collection)
        papers = rag.papers()
        known = self._starters.get(collection)
        if known is None or known[0] is not papers:
            sample = all(any(p.title.startswith(t) for p in papers) for titles in _SAMPLE.values() for t in titles)
            known = self._starters[collection] = (papers, tuple(_SAMPLE) if sample else rag.starters())
        return known[1]

    def themes(self, collection: str = "", *, wait: bool = True) -> tuple[Theme, ...]:
        """What the papers are about; found once, until they change, and none where there is no index.

        The first time takes seconds; without `wait` there are none until then.
        """
        rag = self.rag(collection)
        papers = rag.papers()
        known = self._themes.get(collection)
        if known is None or known[0] is not papers:
            if not wait:
                return ()
            known = self._themes[collection] = (papers, _themes(rag))
        return known[1]


def _themes(rag: Rag) -> tuple[Theme, ...]:
    try:
        index = rag.index()
    except RagError:  # Who asks is told what is wrong.
        return ()
    groups = groups_of(index, None) if len(index) >= SCANT else []
    return tuple(Theme(g.terms, len(g.rows), index.papers[g.typical[0]].title) for g in groups if g.terms and g.typical)


def title(collection: str) -> str:
    """How the page calls a collection."""
    return "Sample papers" if collection == DEFAULT_COLLECTION else collection
