"""The collections of a home, as the page opens them."""

from __future__ import annotations

from rag.api.collections import Collections
from rag.ask.overview import groups_of
from rag.ask.suggest import OVERVIEW
from rag.core.config import Config
from rag.core.errors import RagError
from rag.core.paper import Paper
from rag.service import Rag
from rag.web.start import SCANT, Theme

_SAMPLE = {
    "What does double quantization save in QLoRA?": ("QLoRA",),
    "Do FlashAttention-2 and Flash-LLM report speedups on the same hardware?": ("FlashAttention-2", "Flash-LLM"),
    "Which papers are about neural implicit or Gaussian scene reconstruction?": ("NeuS2", "Momentum-GS"),
    OVERVIEW: (),
}
"""Questions to begin with on the sample papers, and how the titles begin that they need."""


class CollectionCache(Collections):
    """The collections, with what the page shows of each before anything is asked."""

    def __init__(self, config: Config, rag: Rag | None = None) -> None:
        super().__init__(config, rag)
        self._starters: dict[str, tuple[tuple[Paper, ...], tuple[str, ...]]] = {}
        self._themes: dict[str, tuple[tuple[Paper, ...], tuple[Theme, ...]]] = {}

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
