"""Everything that Paper RAG raises on purpose, as one tree.

    RagError                     exit code 1
    ├── UsageError               2   a question, flag or file that can't be used as given
    ├── ConfigError              3   a setting is missing or wrong
    │   └── IndexMismatch        3   the index was built by another model or version
    ├── PaperError               1   a record or file of papers can't be read
    │   └── (name, line, reason)
    └── StoreError               1   the index or the papers on disk can't be read or written
        └── Locked               1   another process is writing the collection

Each message names the value at fault and the remedy. `exit_code` follows the convention of the command line:
0 ok, 1 other, 2 usage, 3 not configured, 4 authentication, 5 unreachable, 6 rate limit, 7 timeout, 8 server error.
"""

from __future__ import annotations


class RagError(Exception):
    """The root of the tree; `exit_code` is what the command line exits with."""

    exit_code = 1


class UsageError(RagError):
    """The caller gave something that can't be used: an empty question, an unknown collection, a missing file."""

    exit_code = 2


class ConfigError(RagError):
    """A setting is missing or has a value that makes no sense."""

    exit_code = 3


class IndexMismatch(ConfigError):
    """The index on disk was built by another model, dimension or chunking than the one configured."""


class PaperError(RagError):
    """A file or record of papers that can't be read.

    `file` is its path as given, `line` the 1-based line where the record starts (None where a file as a whole is
    at fault), `reason` a sentence fragment.
    """

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        self.file, self.line, self.reason = file, line, reason
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {reason}")


class StoreError(RagError):
    """What is on disk can't be read or written."""


class Locked(StoreError):
    """Another process is writing the same collection."""
