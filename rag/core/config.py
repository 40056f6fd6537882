"""The settings, as one frozen value. This module is the sole reader of the environment and of `.env`."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.core import values
from rag.core.errors import ConfigError, RagError, UsageError
from rag.core.options import caution

BUILTIN = "builtin"
"""The embedding that comes with the program."""
DEFAULT_COLLECTION = "papers"
"""The collection that comes filled, with the papers of the program."""

NOBODY, EVERYBODY = "none", "all"
"""The `auth` with which nobody has to log in; who adds papers where it is nobody, and where it is everybody."""

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
    them, "none" for everybody who can reach it, empty for whoever works at this machine. `hosts` are the names by which
    a proxy in front of it is reached, `frames` the sites that may show it in a frame. `api_keys` are "name:key" pairs:
    where there are any, programs need one of them; `api_limit` is how many questions one name may ask a minute (0: any
    number). `adders` is who may add papers: names of `auth` and `api_keys`, "all", "none", or empty for everybody where
    only this machine can reach the server and else nobody. `threads` is what the embedding model may use (0: all
    cores).

    `caution` is how sure it has to be that sentences answer, before they are not called the nearest any more:
    "careful", "usual" or "bold", or the probability from which on they do.

    `llm` is the switch of generating mode: "none" quotes, "openai" writes with `model` at `base_url` (empty:
    OpenAI's) under `api_key`, "auto" does so where these are set. `models` are others there that a question may choose
    instead. `context` is what the model reads at most, in tokens (0, "auto": the endpoint is asked), `sources` how many
    papers it reads for a question (0, "auto": 12, for lists all that may fit; -1, "all": as many as it holds).
    `effort` "thorough" has the model check what it wrote in one call more.
    `prices` are those of a million tokens, read and written, in any currency: an answer then tells what it cost.
    `strict` drops claims that no abstract supports instead of marking them, `judge` asks the model about each claim as
    well, `fallback` quotes when the model fails. `cache` is a folder of replies to replay (empty: none).
    `first_token`, `between_tokens` and `total` are deadlines of one reply, in seconds.

    `embedding` is "builtin", "onnx:FOLDER" for a model of one's own, or "openai:MODEL", the latter at
    `embedding_base_url` under `embedding_api_key` (empty: those of the language model). `reranker` is "onnx:FOLDER", a
    cross-encoder that orders the best papers, or empty. `store` is where passages' vectors are kept: the address of a
    Chroma server, to which `store_api_key` goes, or of a PostgreSQL database; empty: in the home.

    `zotero_key` is the key of a user of zotero.org, for libraries that aren't public; `zotero_base_url` is another
    server than zotero.org, or another port of the program on this machine.

    `log` "json" makes a line of JSON of each record of a server's log. `otel` is the address of an OTLP collector
    (gRPC) that spans of OpenTelemetry go to, empty for none; with `otel_questions` they have questions and answers.

    Values are checked when the object is made: `ConfigError` names the one at fault. Keys and passwords are in no
    `repr`.
    """

    home: Path = field(default_factory=lambda: _default_home())
    collection: str = DEFAULT_COLLECTION
    host: str = "127.0.0.1"
    port: int = 7860
    auth: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    adders: tuple[str, ...] = ()
    api_keys: str = field(default="", repr=False)
    api_limit: int = 60
    threads: int = 0
    caution: str = "usual"
    llm: str = "auto"
    model: str = ""
    models: tuple[str, ...] = ()
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    context: int = 0
    sources: int = 0
    effort: str = "normal"
    prices: tuple[float, ...] = ()
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
    reranker: str = ""
    store: str = field(default="", repr=False)
    store_api_key: str = field(default="", repr=False)
    zotero_key: str = field(default="", repr=False)
    zotero_base_url: str = ""
    log: str = "text"
    otel: str = ""
    otel_questions: bool = False

    def __post_init__(self) -> None:
        for name in _PARSE:
            # Frozen, yet "~" and "7861" become a path and a number once and for all.
            object.__setattr__(self, name, _checked(name, getattr(self, name), name, ConfigError))
        if both := self.accounts.keys() & self.keys.keys():
            raise ConfigError(f"RAG_AUTH and RAG_API_KEYS both name {min(both)!r}; give the key another name.")
        if unknown := set(self.adders) - self.accounts.keys() - self.keys.keys() - {NOBODY, EVERYBODY}:
            raise ConfigError(f"RAG_ADDERS names {min(unknown)!r}, which is in neither RAG_AUTH nor RAG_API_KEYS.")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        return is_loopback(self.host)

    @property
    def accounts(self) -> dict[str, str]:
        """The passwords of those who may use the page, by name; none where it asks for no login."""
        return {} if self.auth == NOBODY else _pairs(self.auth)

    @property
    def keys(self) -> dict[str, str]:
        """The keys with which programs may call, by name; none where they need none of their own."""
        return _pairs(self.api_keys)

    def may_add(self, name: str) -> bool:
        """Whether the one who is logged in as `name` may add papers on the page."""
        if not self.adders:
            return self.loopback
        return EVERYBODY in self.adders or (NOBODY not in self.adders and name in self.adders)

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
        found: dict[str, Any] = _on_spaces(os.environ)
        for name in fields:
            variable = variable_of(name)
            if overrides.get(name) is not None:
                found[name] = _checked(name, overrides[name], f"--{name.replace('_', '-')}", UsageError)
            elif value := os.environ.get(variable):
                found[name] = _checked(name, value, variable, ConfigError)
            elif value := dotenv.get(variable):
                found[name] = _checked(name, value, f"{variable} in .env", ConfigError)
        return cls(**found)


def _on_spaces(environment: Mapping[str, str]) -> dict[str, Any]:
    """The defaults in a Space of Hugging Face: reached by all, through its proxy, in a frame of its site.

    https://huggingface.co/docs/hub/spaces-overview names the variables.
    """
    if not environment.get("SPACE_ID"):
        return {}
    host = environment.get("SPACE_HOST", "")
    found = {"host": "0.0.0.0", "auth": NOBODY, "hosts": (host,) if host else (), "frames": ("https://huggingface.co",)}
    return {name: _checked(name, value, f"{name} of the Space", ConfigError) for name, value in found.items()}


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without port, is this machine's to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


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


def _auth(value: str) -> str:
    if value.strip() == NOBODY:
        return NOBODY
    try:
        return _named_secrets(value, "password", _MIN_PASSWORD)
    except ValueError as error:
        raise ValueError(f"give {NOBODY}, or {error}") from None


def _api_keys(value: str) -> str:
    try:
        return _named_secrets(value, "key", _MIN_KEY)
    except ValueError as error:
        raise ValueError(f"give {error}") from None


def _named_secrets(value: str, what: str, least: int) -> str:
    """Pairs of a name and a secret of at least so many characters, with commas between them and no space around."""
    pairs = [pair.strip() for pair in value.split(",")]
    if pairs == [""]:
        return ""
    for pair in pairs:
        name, colon, secret = pair.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
            raise ValueError(
                f"name:{what} with commas between several; a name has letters, digits, dots, dashes and underscores, "
                f"and a {what} no comma."
            )
        if not least <= len(secret) <= _MAX_PASSWORD or not secret.isprintable():
            raise ValueError(f"each name a {what} of {least} to {_MAX_PASSWORD} visible characters without a comma.")
    if len(_pairs(",".join(pairs))) < len(pairs):
        raise ValueError(f"each {what} a name of its own; one is there twice.")
    return ",".join(pairs)


def _pairs(value: str) -> dict[str, str]:
    return dict(pair.split(":", 1) for pair in value.split(",")) if value else {}


def _embedding(value: str) -> str:
    if value != BUILTIN and not re.fullmatch(r"openai:\S{1,300}|onnx:.*\S.*", value):
        raise ValueError(
            f"give {BUILTIN}, onnx: and a folder with an ONNX model and its tokenizer, or openai: and the name of a "
            "model, such as openai:text-embedding-3-small."
        )
    return value


def _reranker(value: str) -> str:
    if value and not re.fullmatch(r"onnx:.*\S.*", value):
        raise ValueError("give onnx: and a folder with an ONNX cross-encoder and its tokenizer.")
    return value


def _store(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#@]+[^\s?#@]*|postgres(?:ql)?://[^\s/]+/\S+", value):
        raise ValueError(
            "give the address of a Chroma server, such as http://127.0.0.1:8000, with a key as RAG_STORE_API_KEY, or "
            "of a database, such as postgresql://name:password@host/database."
        )
    return value


_MIN_PASSWORD, _MIN_KEY, _MAX_PASSWORD = 8, 16, 200
_SECRET = frozenset({"auth", "api_keys", "api_key", "embedding_api_key", "store", "store_api_key", "zotero_key"})
_PARSE: dict[str, Callable[[Any], Any]] = {
    "home": values.folder,
    "collection": values.collection,
    "host": values.host,
    "port": values.number(1, 65_535),
    "auth": _auth,
    "hosts": lambda value: tuple(dict.fromkeys(values.host(name) for name in values.listed(value))),
    "frames": lambda value: tuple(values.site(one) for one in values.listed(value)),
    "adders": values.listed,
    "api_keys": _api_keys,
    "api_limit": values.number(0, 100_000),
    "threads": values.number(0, 1_024),
    "caution": caution,
    "llm": values.among("auto", "openai", "none"),
    "model": values.model,
    "models": values.models,
    "base_url": values.url,
    "api_key": values.key,
    "context": values.named({"auto": 0}, values.number(1_536, 10_000_000)),
    "sources": values.named({"auto": 0, "all": -1}, values.number(1, 1_000)),
    "effort": values.among("normal", "thorough"),
    "prices": values.prices,
    "strict": values.flag,
    "judge": values.flag,
    "fallback": values.flag,
    "cache": lambda value: str(Path(value).expanduser().absolute()) if value else "",
    "first_token": values.number(1, 86_400),
    "between_tokens": values.number(1, 86_400),
    "total": values.number(1, 86_400),
    "embedding": _embedding,
    "embedding_base_url": values.url,
    "embedding_api_key": values.key,
    "reranker": _reranker,
    "store": _store,
    "store_api_key": values.key,
    "zotero_key": values.key,
    "zotero_base_url": values.url,
    "log": values.among("text", "json"),
    "otel": values.url,
    "otel_questions": values.flag,
}
