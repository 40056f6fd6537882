"""The folders that travel with the code: `prompts/`, `seeds/` and the reference set in `eval/`.

A wheel carries them inside the package, as `rag/_data/`; a checkout has them beside it.
"""

from __future__ import annotations

from pathlib import Path

from rag.core.errors import ConfigError

_PACKAGE = Path(__file__).parent.parent


def prompts() -> Path:
    """The folder of prompt templates."""
    return _folder("prompts")


def seeds() -> Path:
    """The folder of the papers that an empty collection is filled from."""
    return _folder("seeds")


def evaluation() -> Path:
    """The folder of the reference questions, the labels for judges, and the thresholds."""
    return _folder("eval")


def _folder(name: str) -> Path:
    for place in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise ConfigError(f"The folder {name}/ that comes with Paper RAG is missing from {_PACKAGE}; install it again.")
