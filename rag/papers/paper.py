"""The paper: what a collection is made of."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper. `abstract` is cleaned and is what every offset counts in; `raw_abstract` is as the file gave it.

    `title` is the title as the file gives it, with surrounding space removed.
    """

    id: str
    title: str
    abstract: str
    raw_abstract: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    url: str | None = None


def fold(text: str) -> str:
    """`text` without case, accents, punctuation and repeated space: equal for texts that a reader would call the same."""
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
