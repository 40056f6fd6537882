"""The paper: what a collection is made of."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper. `abstract` is cleaned and is what every offset counts in; `raw_abstract` is as the file gave it.

    `title` is the title as the file gives it, without surrounding or repeated space. `key` is the name that the file
    itself gives the record: a BibTeX key, an `id` of JSONL or CSV; it need not be unique. `venue` is the journal or the
    conference, `doi` a bare DOI in lower case ("10.1000/x"), `sources` the files or databases that the record came
    from. `families` are the family names of several words among the authors, "García López" of "María García López". A
    record without an abstract has an `abstract` of "": it is found by its title, and never quoted.
    """

    id: str
    title: str
    abstract: str
    raw_abstract: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    url: str | None = None
    key: str | None = None
    venue: str | None = None
    doi: str | None = None
    keywords: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    families: tuple[str, ...] = ()


def fold(text: str) -> str:
    """`text` without case, accents, punctuation and repeated space: equal where a reader sees the same."""
    if text.isascii():  # as most texts are, and many times as fast
        return " ".join(re.findall(r"\w+", text.lower()))
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    return " ".join(re.findall(r"\w+", plain))


def paper_id(title: str, abstract: str) -> str:
    """A slug of the title and 8 hexadecimal digits of a SHA-256 over folded title and abstract.

    The same on every machine; two papers that share a title and differ in the abstract get different ids.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", fold(title).encode("ascii", "ignore").decode()).strip("-")[:48].rstrip("-")
    digest = hashlib.sha256(f"{fold(title)}\n{fold(abstract)}".encode()).hexdigest()[:8]
    return f"{slug or 'paper'}-{digest}"


def paper_to_json(paper: Paper) -> dict[str, Any]:
    """The paper as a JSON object, with every field: `paper_from_json` gives it back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(paper).items()}


def paper_from_json(fields: Mapping[str, Any]) -> Paper:
    """The paper that `paper_to_json` wrote. Fields that this version doesn't know are left out.

    Raises KeyError or TypeError where a needed field is missing or of another type.
    """
    needed = {name: fields[name] for name in ("id", "title", "abstract", "raw_abstract")}
    if not all(isinstance(value, str) for value in needed.values()):
        raise TypeError("id, title, abstract and raw_abstract are texts")
    return Paper(
        **needed,
        authors=tuple(fields.get("authors") or ()),
        year=fields.get("year"),
        url=fields.get("url"),
        key=fields.get("key"),
        venue=fields.get("venue"),
        doi=fields.get("doi"),
        keywords=tuple(fields.get("keywords") or ()),
        sources=tuple(fields.get("sources") or ()),
        families=tuple(fields.get("families") or ()),
    )
