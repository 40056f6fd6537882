"""What the calls of an answer cost."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.llm.client import Reply, Usage
from rag.llm.prompts import Prompt

_FILE = re.compile(r"[/\\~.]|[A-Za-z]:")


@dataclass(slots=True)
class Receipt:
    """The calls of an answer: their number, tokens, the model, and which version of each prompt was used.

    `replayed` says that a reply came from the cache, which is in `usage` and not in `paid`. May be written by several
    threads.
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    paid: Usage = field(default_factory=Usage)
    model: str = ""
    first_token: float | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    replayed: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count(self, reply: Reply, used: Prompt) -> None:
        """Add a reply, and note its prompt."""
        with self._guard:
            self.calls += not reply.cached
            self.usage += reply.usage
            self.paid += Usage() if reply.cached else reply.usage
            self.replayed |= reply.cached
            # Some servers name the model by the file it is in, which is nobody's business.
            self.model = reply.model if reply.model and not _FILE.match(reply.model) else self.model
            self.prompts[used.name] = used.version

    def cost(self, prices: Sequence[float]) -> float | None:
        """What the calls cost, by the prices of a million tokens, read and written; None without prices."""
        if not prices:
            return None
        return round((self.paid.prompt_tokens * prices[0] + self.paid.completion_tokens * prices[1]) / 1e6, 8)
