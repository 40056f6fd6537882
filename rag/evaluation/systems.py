"""Whatever answers questions in an evaluation: our own service, baselines, and other people's systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rag.answer import Answer, Turn
from rag.evaluation.items import Item
from rag.pipeline import Rag


class System(Protocol):
    """A system under evaluation. `about` is what its answers depend on besides the collection: it goes into the
    manifest of a run, and a run is only resumed where it is the same (model, settings, versions, prompts).

    `jobs` is how many questions may be asked at once. `answer` raises what it raises; the runner records it.
    """

    @property
    def name(self) -> str: ...
    @property
    def jobs(self) -> int: ...
    def about(self) -> dict[str, Any]: ...
    def answer(self, item: Item) -> Answer: ...
