"""Whatever answers questions in an evaluation: our service, and by the same protocol baselines and other systems."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol
from urllib.parse import urlsplit

import rag
from rag.core.answer import Answer
from rag.core.config import Config
from rag.core.errors import UsageError
from rag.evaluation.items import Item
from rag.service import Rag

OURS = "ours"
JOBS = 4
"""Questions that an endpoint elsewhere is asked at once. One on this machine shares its processor with us."""


class System(Protocol):
    """A system under evaluation.

    `about` is what its answers depend on besides the collection: it goes into the manifest, and a run is only resumed
    where it is the same (model, settings, versions, prompts). `jobs` is how many questions may be asked at once.
    `answer` raises what it raises; the runner records it.
    """

    @property
    def name(self) -> str: ...
    @property
    def jobs(self) -> int: ...
    def about(self) -> dict[str, Any]: ...
    def answer(self, item: Item) -> Answer: ...


class Ours:
    """The service itself: the pipeline that the page and the command line use."""

    def __init__(self, service: Rag) -> None:
        self._service = service

    @property
    def name(self) -> str:
        """The mode."""
        return "generating" if self._service.config.generating else "quoting"

    @property
    def jobs(self) -> int:
        """One where we work ourselves, several where an endpoint elsewhere does."""
        config = self._service.config
        return 1 if self.name == "quoting" or is_local(config) else JOBS

    def about(self) -> dict[str, Any]:
        """The settings that change an answer, and of a writing model the prompts."""
        config = self._service.config
        found: dict[str, Any] = {"code": code(), "embedding": config.embedding, "caution": config.caution}
        if self.name == "generating":
            from rag.llm.prompts import versions

            found |= {
                "model": self._service.model,
                "strict": config.strict,
                "judge": config.judge,
                "context": config.context,
                "fallback": config.fallback,
                "prompts": versions(),
            }
        return found

    def answer(self, item: Item) -> Answer:
        """Ask it as a user would."""
        return self._service.ask(item.question, item.turns)


def others() -> ModuleType | None:
    """Baselines and other people's systems, `eval.peers`, which only a checkout has; None without one."""
    there = (Path(rag.__file__).parent.parent / "eval" / "peers").is_dir()
    return importlib.import_module("eval.peers") if there else None


def system(name: str, service: Rag) -> System:
    """A system by its name, over the collection of `service`. Raises `UsageError` for one that there is not."""
    if name == OURS:
        return Ours(service)
    found = others()
    if found is None:
        raise UsageError(f"There is no system {name!r} here: baselines and peers come with a checkout of Paper RAG.")
    if name not in found.SYSTEMS:
        raise UsageError(f"There is no system {name!r}; there are {', '.join((OURS, *found.SYSTEMS))}.")
    made: System = found.system(name, service)
    return made


def code(part: str = "") -> str:
    """Twelve hexadecimal digits over the code that answers; front ends and evaluation have no part in it.

    With `part` over the code of that folder of the package.
    """
    package = Path(rag.__file__).parent
    files = [f for f in sorted((package / part).rglob("*")) if f.suffix in (".py", ".txt", ".npy")]
    found = hashlib.sha256()
    others = () if part else ("cli", "web", "evaluation", "_data")
    for file in (f for f in files if f.relative_to(package).parts[0] not in others):
        found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:12]


def is_local(config: Config) -> bool:
    """Whether the model runs on this machine."""
    host = urlsplit(config.base_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
