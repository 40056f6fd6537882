"""The settings, as one frozen value. This module is the sole reader of the environment and of `.env`."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.errors import ConfigError, RagError, UsageError

DEFAULT_COLLECTION = "papers"
"""The collection that comes filled, with the papers of the program."""

# Limits on what a caller may send. The longest question of the evaluation has 300 characters, and a conversation of
# 50 turns is an afternoon's; what is longer is a mistake or an attack, and would cost memory and time.
MAX_QUESTION = 4_000
"""Characters of a question."""
MAX_HISTORY = 50
"""Turns of a conversation that come with a question."""
MAX_TURN = 20_000
"""Characters of one turn of the history: our longest answers have about 8,000."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a `Rag` is built with.

    `home` is the folder that holds a user's collections and indexes, `collection` the name of one inside it, `host`
    and `port` are where the chat page is served, `threads` is what the embedding model may use (0: all cores).
    Values are checked when the object is made: `ConfigError` names the one at fault.
    """

    home: Path = field(default_factory=lambda: _default_home())
    collection: str = DEFAULT_COLLECTION
    host: str = "127.0.0.1"
    port: int = 7860
    threads: int = 0

    def __post_init__(self) -> None:
        for name in _PARSE:
            # Frozen, yet "~" and "7861" become a path and a number once and for all.
            object.__setattr__(self, name, _checked(name, getattr(self, name), name, ConfigError))

    @classmethod
    def load(cls, **overrides: Any) -> Config:
        """The settings by precedence: override that is not None, environment, `.env` of the working directory, default.

        The variable of a field is its name in capitals after `RAG_`; one that is empty counts as not set. Raises
        `ConfigError`, naming the variable, the value and what is allowed; for an override `UsageError`, naming the
        flag.
        """
        fields = [f.name for f in dataclasses.fields(cls)]
        if unknown := set(overrides) - set(fields):
            raise TypeError(f"Config has no field {', '.join(sorted(unknown))}")
        dotenv = _dotenv()
        values: dict[str, Any] = {}
        for name in fields:
            variable = variable_of(name)
            if overrides.get(name) is not None:
                values[name] = _checked(name, overrides[name], f"--{name}", UsageError)
            elif value := os.environ.get(variable):
                values[name] = _checked(name, value, variable, ConfigError)
            elif value := dotenv.get(variable):
                values[name] = _checked(name, value, f"{variable} in .env", ConfigError)
        return cls(**values)


def variable_of(field: str) -> str:
    """The environment variable that sets a field of `Config`."""
    return f"RAG_{field.upper()}"


def unknown_variables() -> tuple[str, ...]:
    """The `RAG_…` variables of the environment and of `.env` that no setting reads: most likely misspelled."""
    known = {variable_of(f.name) for f in dataclasses.fields(Config)}
    return tuple(sorted(v for v in {*os.environ, *_dotenv()} if v.startswith("RAG_") and v not in known))


def _checked(name: str, value: Any, place: str, error: type[RagError]) -> Any:
    try:
        return _PARSE[name](value)
    except ValueError as e:
        raise error(f"{place} is {str(value)!r}: {e}") from e


def _dotenv() -> dict[str, str | None]:
    file = Path(".env")
    if not file.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return dict(dotenv_values(file, interpolate=False, encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{file.absolute()} can't be read as UTF-8 text ({e}); correct or remove it.") from e


def _default_home() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("paper-rag", appauthor=False))


def _home(value: str | Path) -> Path:
    try:
        home = Path(value).expanduser().absolute()
    except RuntimeError as e:  # "~nobody"
        raise ValueError("there is no such user; give the path of a folder.") from e
    if home.exists() and not home.is_dir():
        raise ValueError("this is a file; give the path of a folder.")
    return home


def _collection(value: str) -> str:
    # It becomes the name of a folder, so nothing that could lead out of the home.
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", value):
        raise ValueError(
            "a collection's name has 1 to 64 letters, digits, dots, dashes and underscores, "
            "and begins and ends with a letter or digit."
        )
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", value):
        raise ValueError("give a host name or an address without port, such as 127.0.0.1.")
    return value


def _number(low: int, high: int) -> Callable[[int | str], int]:
    def parse(value: int | str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", str(value)) or not low <= int(value) <= high:
            raise ValueError(f"give a whole number from {low} to {high}.")
        return int(value)

    return parse


_PARSE: dict[str, Callable[[Any], Any]] = {
    "home": _home,
    "collection": _collection,
    "host": _host,
    "port": _number(1, 65_535),
    "threads": _number(0, 1_024),
}
