"""Metrics that need a model: it grades by a written rubric, and says how far it agrees with a careful reader."""
