"""What `rag doctor` finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rag.core.errors import RagError


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do about it (empty when it is fine)."""

    name: str
    found: str
    remedy: str = ""


def guarded(name: str, check: Callable[[], str]) -> Check:
    """A check that raises has failed; the error names the remedy."""
    try:
        return Check(name, check())
    except RagError as e:
        return Check(name, "not usable", str(e))
    except Exception as e:  # the doctor reports a broken library, whatever it raises
        return Check(name, "not usable", f"{type(e).__name__}: {e}; install Paper RAG again.")
