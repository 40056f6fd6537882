"""Comparisons and lists as tables of the page, and what of them can be downloaded."""

from __future__ import annotations

from collections.abc import Mapping

from rag.answer import Answer


def html(value: Answer, links: Mapping[int, tuple[str, str]], turn: int) -> str:
    """The table of a comparison or a list; empty where the answer is better read as it was written."""
    return ""


def downloads(value: Answer, turn: int, talk: str) -> str:
    """Links to the table as CSV and as Markdown."""
    return ""
