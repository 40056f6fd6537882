"""The collections of a home, each opened once for all callers of a server."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from rag.core.answer import Step
from rag.core.config import BUILTIN, DEFAULT_COLLECTION, Config
from rag.core.errors import Missing, RagError
from rag.index.embedding import BuiltinEmbedding
from rag.service import Rag, build

_OPEN = 4
"""Collections that are kept open: each holds its vectors in memory."""


class Collections:
    """Opens each collection once. `config.collection` is the one that is asked where none is named.

    `status` is "ready" once that one has been asked, "failed" where it could not be.
    """

    def __init__(self, config: Config, rag: Rag | None = None) -> None:
        self.config = config
        self.status = "starting"
        # One model for all: a second copy would cost its memory, and a second to load.
        self._embedding = BuiltinEmbedding(threads=config.threads) if config.embedding == BUILTIN else None
        self._first = rag or build(config, embedding=self._embedding)
        self._open: OrderedDict[str, Rag] = OrderedDict()
        self._guard = threading.Lock()

    def names(self) -> list[str]:
        """The collections that have papers, and the one that the server was started with."""
        found = (self.config.home / "collections").glob("*/papers.jsonl")
        return sorted({self.config.collection, *(f.parent.name for f in found)}, key=str.lower)

    def rag(self, collection: str = "") -> Rag:
        """The service of a collection. `Missing` where there is none of this name."""
        if collection in ("", self.config.collection):
            return self._first
        if collection not in self.names():
            raise Missing(
                f"There is no collection {collection[:100]!r} here; there are {', '.join(self.names()[:20])}."
            )
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

    def warm_up(self, question: str) -> None:
        """Load what the first question needs: understand and retrieve one, and leave before anything is written.

        An error is left to the first question, which tells it.
        """
        try:
            for event in self._first.stream(question):
                if isinstance(event, Step) and event.stage == "answer":
                    break
            self.status = "ready"
        except RagError:
            self.status = "failed"

    def forget(self, collection: str) -> None:
        """Close the service of a collection that is deleted, so that one of its name begins anew."""
        with self._guard:
            rag = self._open.pop(collection, None)
        if rag is not None:
            rag.close()


def title(collection: str) -> str:
    """How the page calls a collection."""
    return "Sample papers" if collection == DEFAULT_COLLECTION else collection
