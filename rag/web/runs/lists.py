"""HTML fragments of the list of runs, and of the one that is running. What they are given is escaped."""

from __future__ import annotations

from shlex import quote

from markupsafe import Markup

from rag.web.drawing import macro

TWO = "Choose the two runs to compare; there have to be two that are finished."

about, cost, progress = (macro("runs", name) for name in ("about", "cost", "progress"))
heading, links, listing = (macro("runs", name) for name in ("heading", "links", "listing"))
_elsewhere, _compared = macro("runs", "elsewhere"), macro("runs", "compared")


def elsewhere(collection: str) -> str:
    """Why nothing can be started for a collection, and what to do."""
    return _elsewhere(collection, quote(collection))


def compared(html: str, a: str, b: str) -> str:
    """A comparison, which the report has made, below its heading."""
    return _compared(Markup(html), a, b)
