"""Everything that Paper RAG raises on purpose, as one tree.

    RagError                     exit code 1
    ├── UsageError               2   a question, flag or file that can't be used as given
    │   └── Missing              2   a collection or a paper that is not there
    ├── Busy                     1   a server has too much to do, or a caller of it called too often
    ├── ConfigError              3   a setting is missing or wrong
    │   └── IndexMismatch        3   the index was built by another model or version
    ├── PaperError               1   a record or file of papers can't be read
    │   └── (name, line, reason)
    ├── StoreError               1   the index or the papers on disk can't be read or written
    │   ├── Locked               1   another process is writing the collection
    │   └── StoreUnreachable     5   the store that RAG_STORE names is down, or can't be reached
    ├── EvaluationError          1   a reference set or a run that can't be used
    │   └── GateFailed           1   a run is below what is wanted of it
    └── ModelError               1   the language model could not be used
        ├── ModelUnknown         3   the endpoint has no such model, or refuses the request as malformed
        ├── ModelAuthError       4   the key is wrong, or may not use the model
        ├── ModelUnreachable     5   refused, no such host, TLS, or the connection was cut
        ├── ModelRateLimit       6   too many requests, also after the retries
        │   └── QuotaExhausted   6   the account has no credit left; not retried
        ├── ModelTimeout         7   a deadline passed: connect, first token, between tokens or total
        ├── ModelServerError     8   5xx after the retries, a malformed event, an empty completion
        ├── ContextOverflow      8   the prompt does not fit the model's context
        └── ModelStopped       130   the user asked to stop

Each message names the value at fault and the remedy. `exit_code` follows the convention of the command line:
0 ok, 1 other, 2 usage, 3 not configured, 4 authentication, 5 unreachable, 6 rate limit, 7 timeout, 8 server error,
130 interrupted. The messages of a `ModelError` name the endpoint's host and the model, and never a key.
"""

from __future__ import annotations


class RagError(Exception):
    """The root of the tree; `exit_code` is what the command line exits with."""

    exit_code = 1


class UsageError(RagError):
    """The caller gave something that can't be used: an empty question, an unknown collection, a missing file."""

    exit_code = 2


class Missing(UsageError):
    """The caller named a collection or a paper that is not there."""


class Busy(RagError):
    """A server has too much to do, or its caller called too often. `retry_after` is how many seconds to wait."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(message)


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


class StoreUnreachable(StoreError):
    """The store that holds the vectors is down, refuses the connection, or is silent. Nothing is lost by it."""

    exit_code = 5


class EvaluationError(RagError):
    """A set of reference questions has flaws, or a run can't be read, resumed or compared."""


class GateFailed(EvaluationError):
    """A run does not reach the thresholds that it was held against."""


class ModelError(RagError):
    """The language model could not be used.

    `partial` is the answer text that came before, which may be empty. `retry_after` is how many seconds the endpoint
    asks to wait before another request, None where it doesn't say.
    """

    def __init__(self, message: str, *, partial: str = "", retry_after: float | None = None) -> None:
        self.partial, self.retry_after = partial, retry_after
        super().__init__(message)


class ModelUnknown(ModelError):
    """The endpoint has no such model or path (404), or refuses the request as malformed (400)."""

    exit_code = 3


class ModelAuthError(ModelError):
    """The endpoint refuses the key (401), or what the key asks for (403)."""

    exit_code = 4


class ModelUnreachable(ModelError):
    """No connection: refused, no such host, TLS; or one that was cut before the answer's end."""

    exit_code = 5


class ModelRateLimit(ModelError):
    """Too many requests (429), also after the retries."""

    exit_code = 6


class QuotaExhausted(ModelRateLimit):
    """The account has no credit left (402, or 429 with `insufficient_quota`): waiting doesn't help."""


class ModelTimeout(ModelError):
    """A deadline passed. The message says which and how many seconds it was."""

    exit_code = 7


class ModelServerError(ModelError):
    """The endpoint failed (5xx, also after the retries), sent what is no chat completion, or an empty one."""

    exit_code = 8


class ContextOverflow(ModelError):
    """The prompt, with room for the answer, does not fit the model's context."""

    exit_code = 8


class ModelStopped(ModelError):
    """The user asked to stop."""

    exit_code = 130
