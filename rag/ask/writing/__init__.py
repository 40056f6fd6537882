"""Generating mode: a language model writes the answer, and each of its claims is checked and cited in code."""
