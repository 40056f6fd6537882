"""What the settings may be: each function reads what a person wrote, or says in a ValueError what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def folder(value: str | Path) -> Path:
    """The absolute path of a folder, there or not."""
    try:
        path = Path(value).expanduser().absolute()
    except RuntimeError as e:  # "~nobody"
        raise ValueError("there is no such user; give the path of a folder.") from e
    if path.exists() and not path.is_dir():
        raise ValueError("this is a file; give the path of a folder.")
    return path


def collection(value: str) -> str:
    """The name of a collection. It becomes the name of a folder, so nothing that could lead out of the home."""
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?", value):
        raise ValueError(
            "a collection's name has 1 to 64 letters, digits, spaces, dots, dashes and underscores, "
            "and begins and ends with a letter or digit."
        )
    return value


def host(value: str) -> str:
    """A host name or an address, without port."""
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", value):
        raise ValueError("give a host name or an address without port, such as 127.0.0.1.")
    return value


def number(low: int, high: int) -> Callable[[int | str], int]:
    """Reads whole numbers from `low` to `high`."""

    def parse(value: int | str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", str(value)) or not low <= int(value) <= high:
            raise ValueError(f"give a whole number from {low} to {high}.")
        return int(value)

    return parse


def named(names: Mapping[str, int], other: Callable[[int | str], int]) -> Callable[[int | str], int]:
    """Reads one of some names, or the number that it stands for, and else what `other` reads."""

    def parse(value: int | str) -> int:
        if value in names:
            return names[str(value)]
        if isinstance(value, int) and value in names.values():
            return value
        try:
            return other(value)
        except ValueError as e:
            raise ValueError(f"{str(e).removesuffix('.')}, or {', '.join(names)}.") from None

    return parse


def among(*allowed: str) -> Callable[[str], str]:
    """Reads one of the words `allowed`."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"give one of {', '.join(allowed)}.")
        return value

    return parse


def flag(value: bool | str) -> bool:
    """Yes or no, in any of the usual words."""
    text = str(value).strip().lower()
    if text not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("give yes or no.")
    return text in ("1", "true", "yes", "on")


def model(value: str) -> str:
    """The name of a model."""
    if len(value) > 300 or any(c.isspace() or not c.isprintable() for c in value):
        raise ValueError("give a name without spaces, of at most 300 characters.")
    return value


def listed(value: str | Sequence[str]) -> tuple[str, ...]:
    """Names, none twice, in their order; in a text they have commas between them."""
    names = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def models(value: str | Sequence[str]) -> tuple[str, ...]:
    """Names of models, as `listed` reads names."""
    return tuple(model(name) for name in listed(value))


def years(value: str) -> tuple[int | None, int | None]:
    """The first and the last year of "2018-2020", "2020-" (and later), "-2015" (and earlier) or "2021"."""
    fits = re.fullmatch(r"\s*(\d{4})?\s*([-–]?)\s*(\d{4})?\s*", value)
    if not fits or not (fits[1] or fits[3]) or bool(fits[1] and fits[3]) > bool(fits[2]):
        raise ValueError("give a year, or the first and the last, such as 2018-2020, 2020- or -2015.")
    first, last = (int(year) if year else None for year in (fits[1], fits[3]))
    if not fits[2]:
        return first or last, first or last
    if first and last and first > last:
        raise ValueError("the first year is after the last.")
    return first, last


def prices(value: str | Sequence[float]) -> tuple[float, ...]:
    """The prices of a million tokens, read and written, such as "0.40,1.60"; empty where none are given."""
    given = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    try:
        found = tuple(float(part) for part in given)
    except (TypeError, ValueError):
        found = (math.nan,)
    if len(found) not in (0, 2) or not all(0 <= price < math.inf for price in found):
        raise ValueError("give two figures, the prices of a million tokens read and written, such as 0.40,1.60.")
    return found


def url(value: str) -> str:
    """The base URL of an endpoint, without a slash at the end; empty where there is none."""
    if value and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", value):
        raise ValueError("give an address such as http://127.0.0.1:11434/v1.")
    if re.match(r"https?://[^/]*@", value):
        raise ValueError("an address with a password in it would be shown; give the key as OPENAI_API_KEY.")
    return value.rstrip("/")


def site(value: str) -> str:
    """The origin of a web site, as a browser names it."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.*-]{1,253}(?::[0-9]{1,5})?", value):
        raise ValueError("give the address of a site without a path, such as https://example.org.")
    return value


def key(value: str) -> str:
    """The key of an endpoint; empty where there is none."""
    if not value.isascii() or any(not c.isprintable() or c.isspace() for c in value):
        raise ValueError("a key has only visible ASCII characters; it may have been cut or quoted.")
    return value
