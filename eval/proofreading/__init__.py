"""Prose of a reference set, held against the abstracts that it is about."""

from __future__ import annotations

from eval.proofreading.reading import check

__all__ = ["check"]
