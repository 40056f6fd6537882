"""The settings, as one frozen value. This module is the sole reader of the environment and of `.env`."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.errors import ConfigError, RagError, UsageError

BUILTIN = "builtin"
"""The embedding that comes with the program."""
DEFAULT_COLLECTION = "papers"
"""The collection that comes filled, with the papers of the program."""

NOBODY = "none"
"""The `auth` with which nobody has to log in."""

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
    and `port` are where the chat page is served, `auth` is who may use it: "name:password" pairs with commas between
    them, "none" for everybody who can reach it, empty for whoever works at this machine. `threads` is what the
    embedding model may use (0: all cores).

    `llm` is the switch of generating mode: "none" quotes, "openai" writes with `model` at `base_url` (empty:
    OpenAI's) under `api_key`, "auto" does so where these are set. `models` are others there that a question may choose
    instead. `context` is what the model reads at most, in tokens.
    `strict` drops claims that no abstract supports instead of marking them, `judge` asks the model about each claim as
    well, `fallback` quotes when the model fails. `cache` is a folder of replies to replay (empty: none).
    `first_token`, `between_tokens` and `total` are deadlines of one reply, in seconds.

    `embedding` is "builtin" or "openai:MODEL", the latter at `embedding_base_url` under `embedding_api_key` (empty:
    those of the language model).

    Values are checked when the object is made: `ConfigError` names the one at fault. Keys and passwords are in no
    `repr`.
    """

    home: Path = field(default_factory=lambda: _default_home())
    collection: str = DEFAULT_COLLECTION
    host: str = "127.0.0.1"
    port: int = 7860
    auth: str = field(default="", repr=False)
    threads: int = 0
    llm: str = "auto"
    model: str = ""
    models: tuple[str, ...] = ()
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    context: int = 8_192
    strict: bool = False
    judge: bool = False
    fallback: bool = True
    cache: str = ""
    first_token: int = 120
    between_tokens: int = 60
    total: int = 600
    embedding: str = BUILTIN
    embedding_base_url: str = ""
    embedding_api_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name in _PARSE:
            # Frozen, yet "~" and "7861" become a path and a number once and for all.
            object.__setattr__(self, name, _checked(name, getattr(self, name), name, ConfigError))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        return is_loopback(self.host)

    @property
    def accounts(self) -> dict[str, str]:
        """The passwords of those who may use the page, by name; none where it asks for no login."""
        return {} if self.auth in ("", NOBODY) else dict(pair.split(":", 1) for pair in self.auth.split(","))

    @property
    def generating(self) -> bool:
        """Whether a language model writes: a model is named, and where it is to be reached is known.

        Raises `ConfigError` where that was asked for and one of the two is missing.
        """
        if self.llm == "none":
            return False
        if self.model and (self.api_key or self.base_url):
            return True
        if self.model:
            raise ConfigError(
                f"RAG_MODEL is {self.model!r}, but nothing says who serves it: set OPENAI_API_KEY, or OPENAI_BASE_URL "
                "for a server of your own (--base-url). --llm none quotes without a model."
            )
        if self.llm == "openai":
            raise ConfigError("A model is wanted and none is named: set RAG_MODEL or --model.")
        if self.models:
            raise ConfigError(
                f"RAG_MODELS has {', '.join(self.models)} to choose from, and no model is named that writes where "
                "nothing is chosen: set RAG_MODEL or --model."
            )
        return False

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
                values[name] = _checked(name, overrides[name], f"--{name.replace('_', '-')}", UsageError)
            elif value := os.environ.get(variable):
                values[name] = _checked(name, value, variable, ConfigError)
            elif value := dotenv.get(variable):
                values[name] = _checked(name, value, f"{variable} in .env", ConfigError)
        return cls(**values)


def variable_of(field: str) -> str:
    """The environment variable that sets a field of `Config`."""
    return _SHARED.get(field, f"RAG_{field.upper()}")


_SHARED = {"api_key": "OPENAI_API_KEY", "base_url": "OPENAI_BASE_URL"}
"""Variables that every OpenAI-compatible program reads."""


def unknown_variables() -> tuple[str, ...]:
    """The `RAG_…` variables of the environment and of `.env` that no setting reads: most likely misspelled."""
    known = {variable_of(f.name) for f in dataclasses.fields(Config)}
    return tuple(sorted(v for v in {*os.environ, *_dotenv()} if v.startswith("RAG_") and v not in known))


def _checked(name: str, value: Any, place: str, error: type[RagError]) -> Any:
    try:
        return _PARSE[name](value)
    except ValueError as e:
        # An address may have a password in front of its host, or a key behind it.
        address = re.sub(r"//[^/@]*@|[?#].*", "//…@", str(value)) if name.endswith("base_url") else str(value)
        shown = "set" if name in _SECRET else repr(address)
        raise error(f"{place} is {shown}: {e}") from None if name in _SECRET else e


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


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without port, is this machine's to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _auth(value: str) -> str:
    pairs = [pair.strip() for pair in value.split(",")]
    if pairs in ([""], [NOBODY]):
        return pairs[0]
    for pair in pairs:
        name, colon, password = pair.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
            raise ValueError(
                f"give {NOBODY}, or name:password with commas between several; a name has letters, digits, dots, "
                "dashes and underscores, and a password no comma."
            )
        if not _MIN_PASSWORD <= len(password) <= _MAX_PASSWORD or not password.isprintable():
            raise ValueError(f"each password has {_MIN_PASSWORD} to {_MAX_PASSWORD} visible characters, and no comma.")
    if len({pair.partition(":")[0] for pair in pairs}) < len(pairs):
        raise ValueError("a name is there twice; give each person one.")
    return ",".join(pairs)


def _number(low: int, high: int) -> Callable[[int | str], int]:
    def parse(value: int | str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", str(value)) or not low <= int(value) <= high:
            raise ValueError(f"give a whole number from {low} to {high}.")
        return int(value)

    return parse


def _among(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"give one of {', '.join(allowed)}.")
        return value

    return parse


def _flag(value: bool | str) -> bool:
    text = str(value).strip().lower()
    if text not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("give yes or no.")
    return text in ("1", "true", "yes", "on")


def _name(value: str) -> str:
    if len(value) > 300 or any(c.isspace() or not c.isprintable() for c in value):
        raise ValueError("give a name without spaces, of at most 300 characters.")
    return value


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(_name(name.strip()) for name in names if name.strip()))


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", value):
        raise ValueError("give an address such as http://127.0.0.1:11434/v1.")
    if re.match(r"https?://[^/]*@", value):
        raise ValueError("an address with a password in it would be shown; give the key as OPENAI_API_KEY.")
    return value.rstrip("/")


def _key(value: str) -> str:
    if not value.isascii() or any(not c.isprintable() or c.isspace() for c in value):
        raise ValueError("a key has only visible ASCII characters; it may have been cut or quoted.")
    return value


def _embedding(value: str) -> str:
    if value != BUILTIN and not re.fullmatch(r"openai:\S{1,300}", value):
        raise ValueError(f"give {BUILTIN}, or openai: and the name of a model, such as openai:text-embedding-3-small.")
    return value


_MIN_PASSWORD, _MAX_PASSWORD = 8, 200
_SECRET = frozenset({"auth", "api_key", "embedding_api_key"})
_PARSE: dict[str, Callable[[Any], Any]] = {
    "home": _home,
    "collection": _collection,
    "host": _host,
    "port": _number(1, 65_535),
    "auth": _auth,
    "threads": _number(0, 1_024),
    "llm": _among("auto", "openai", "none"),
    "model": _name,
    "models": _names,
    "base_url": _url,
    "api_key": _key,
    "context": _number(512, 10_000_000),
    "strict": _flag,
    "judge": _flag,
    "fallback": _flag,
    "cache": lambda value: str(Path(value).expanduser().absolute()) if value else "",
    "first_token": _number(1, 86_400),
    "between_tokens": _number(1, 86_400),
    "total": _number(1, 86_400),
    "embedding": _embedding,
    "embedding_base_url": _url,
    "embedding_api_key": _key,
}
