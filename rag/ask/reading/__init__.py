"""Answers with a language model: it reads the papers and cites their sentences, and code proves what it says."""

from rag.ask.reading.answer import Event, Reading, Receipt, Settings, read

__all__ = ["Event", "Reading", "Receipt", "Settings", "read"]
