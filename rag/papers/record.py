"""What readers yield: records, faults and remarks, each with the line of the file where it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its fields, by names of `fields` or the file's own in lower case, and its line."""

    line: int
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fault:
    """A place that can't be read: the line where the record begins (None: the file as a whole), and why."""

    line: int | None
    reason: str


class Unreadable(Exception):
    """A file can't be read any further. Its text is the reason, as in a `Fault` of the whole file."""
