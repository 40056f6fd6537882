"""What is wrong with data from a file, in words for people who never saw the code that read it."""

from __future__ import annotations

import json


def malformed(error: Exception) -> str:
    """What an error that reading data raised says of the data, to stand after its name: "lacks 'question'"."""
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON (line {error.lineno}, character {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 (byte {error.start + 1:,})"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, KeyError):
        return f"lacks {error.args[0]!r}"
    if isinstance(error, OSError):
        return f"can't be read ({error.strerror or error})"
    if isinstance(error, (TypeError, AttributeError)):
        return "has a value of another kind than belongs there"
    return str(error)
