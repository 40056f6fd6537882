"""Answers with a language model: it reads the papers and cites their sentences, and code proves what it says."""

from rag.ask.reading.answer import Event, Reading, Settings
from rag.ask.reading.dispatch import answer
from rag.ask.reading.planner import ModelPlan, needs_model, plan_with_model
from rag.ask.reading.receipt import Receipt

__all__ = ["Event", "ModelPlan", "Reading", "Receipt", "Settings", "answer", "needs_model", "plan_with_model"]
