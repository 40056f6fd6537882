"""Paper RAG: ask a collection of paper abstracts, get short answers made of exact, cited quotes.

    import rag

    with_defaults = rag.build()
    print(with_defaults.ask("What does double quantization save in QLoRA?").answer)

Importing this package imports nothing else: each public name is fetched from its module when it is first used
(PEP 562), so that `rag --help` and a program that only reads papers don't pay for the vector store.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.ask.matrix import Cell, Comparison, Row
    from rag.core.answer import Answer, Citation, Claim, Event, Retrieved, Step, Text, Turn
    from rag.core.config import Config
    from rag.core.errors import (
        ConfigError,
        ContextOverflow,
        IndexMismatch,
        Locked,
        ModelAuthError,
        ModelError,
        ModelRateLimit,
        ModelServerError,
        ModelStopped,
        ModelTimeout,
        ModelUnknown,
        ModelUnreachable,
        PaperError,
        QuotaExhausted,
        RagError,
        StoreError,
        UsageError,
    )
    from rag.core.options import Options
    from rag.index.collection import Ingested
    from rag.papers import Paper
    from rag.service import Rag, build

__version__ = "0.1.0"

_HOME = {
    "rag.core.answer": ("Answer", "Citation", "Claim", "Event", "Retrieved", "Step", "Text", "Turn"),
    "rag.index.collection": ("Ingested",),
    "rag.core.config": ("Config",),
    "rag.core.errors": (
        "ConfigError",
        "ContextOverflow",
        "IndexMismatch",
        "Locked",
        "ModelAuthError",
        "ModelError",
        "ModelRateLimit",
        "ModelServerError",
        "ModelStopped",
        "ModelTimeout",
        "ModelUnknown",
        "ModelUnreachable",
        "PaperError",
        "QuotaExhausted",
        "RagError",
        "StoreError",
        "UsageError",
    ),
    "rag.ask.matrix": ("Cell", "Comparison", "Row"),
    "rag.core.options": ("Options",),
    "rag.papers": ("Paper",),
    "rag.service": ("Rag", "build"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

# Spelled out for type checkers; a test holds it equal to what `_HOME` can deliver.
__all__ = [
    "Answer",
    "Cell",
    "Citation",
    "Claim",
    "Comparison",
    "Config",
    "ConfigError",
    "ContextOverflow",
    "Event",
    "IndexMismatch",
    "Ingested",
    "Locked",
    "ModelAuthError",
    "ModelError",
    "ModelRateLimit",
    "ModelServerError",
    "ModelStopped",
    "ModelTimeout",
    "ModelUnknown",
    "ModelUnreachable",
    "Options",
    "Paper",
    "PaperError",
    "QuotaExhausted",
    "Rag",
    "RagError",
    "Retrieved",
    "Row",
    "Step",
    "StoreError",
    "Text",
    "Turn",
    "UsageError",
    "__version__",
    "build",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
