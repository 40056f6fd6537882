"""What readers yield: records and faults with their line; and how a record becomes a `Paper`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.core.paper import Paper, paper_id

from .cleaning import clean

LONGEST_ABSTRACT = 20_000  # characters; the longest abstract on arXiv has under 6,000, so more is some other text
LONGEST_TITLE = 2_000

# Names that files use for the fields of a paper, in order of preference. `text` and `_id` are BEIR's.
FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title", "article title", "document title", "paper title"),
    "abstract": ("abstract", "text", "summary", "abstract note"),
    "key": ("id", "_id", "key", "paper_id", "corpus_id", "corpusid", "doc_id"),
    "authors": ("authors", "author", "author names", "creators"),
    "year": ("year", "publication year", "pub_year", "date", "published"),
    "url": ("url", "link", "urls"),
    "doi": ("doi",),
}

# What Python makes of bytes that are not UTF-8 (PEP 383), and of half an escaped pair in JSON: in no text that we keep.
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its fields, by the file's own names in lower case, and the line where it begins."""

    line: int
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fault:
    """A place that can't be read: the line where the record begins (None: the file as a whole), and why."""

    line: int | None
    reason: str


def paper_from(record: Record) -> Paper:
    """The paper of a record; ValueError with the reason if there is none."""
    title, abstract = _text(record, "title"), _text(record, "abstract")
    title = " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in title).split())
    if not title:
        raise ValueError("has no title")
    if len(title) > LONGEST_TITLE:
        raise ValueError(f"its title has {len(title):,} characters, more than the {LONGEST_TITLE:,} allowed")
    if not abstract.strip():
        raise ValueError(f"has no abstract ({_short(title)})")
    if len(abstract) > LONGEST_ABSTRACT:
        raise ValueError(
            f"its abstract has {len(abstract):,} characters, more than the {LONGEST_ABSTRACT:,} allowed"
            f" ({_short(title)}): keep to abstracts, not full texts"
        )
    if bad := _SURROGATE.search(title + abstract):
        raise ValueError(f"{_not_text(bad.group())} ({_short(_SURROGATE.sub('�', title))})")
    cleaned = clean(abstract, title=title)
    if not re.search(r"\w", cleaned):
        raise ValueError(f"its abstract holds no words ({_short(title)})")
    return Paper(
        id=paper_id(title, cleaned),
        title=title,
        abstract=cleaned,
        raw_abstract=abstract,
        authors=_authors(_field(record, "authors")),
        year=_year(_field(record, "year")),
        url=_url(_field(record, "url"), _field(record, "doi")),
        key=_key(_field(record, "key")),
    )


def _field(record: Record, name: str) -> object:
    for alias in FIELDS[name]:
        value = record.fields.get(alias)
        if value not in (None, "", [], ()):
            return value
    return None


def _text(record: Record, name: str) -> str:
    value = _field(record, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        kind = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
        raise ValueError(f"its {name} is {kind.get(type(value), type(value).__name__)}, not text")
    return value


def _not_text(bad: str) -> str:
    return bad_byte(bad) if "\udc80" <= bad <= "\udcff" else "holds half of a surrogate pair, which is no character"


def bad_byte(char: str) -> str:
    """What is wrong with a byte that was not UTF-8 and became the lone surrogate `char`."""
    return f"holds the byte 0x{ord(char) - 0xDC00:02x}, which is not UTF-8: save the file as UTF-8"


def first_name_first(name: str) -> str:
    """`Curie, Marie` as `Marie Curie`."""
    last, _, first = name.partition(",")
    return f"{first.strip()} {last.strip()}".strip()


def _short(title: str) -> str:
    return repr(title if len(title) <= 80 else title[:77] + "…")


def _tidy(value: object) -> str:
    return re.sub("[\ud800-\udfff\x00-\x1f\x7f]", " ", str(value)).strip()


def _key(value: object) -> str | None:
    return (_tidy(value) or None) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _authors(value: object) -> tuple[str, ...]:
    """Names from a list of names or of objects with a name, or from one text with "and", ";" or "," between them."""
    if isinstance(value, str):
        parts: Sequence[object] = re.split(r"\s*;\s*|\s+and\s+", value.strip())
        names = value.split(", ")
        if len(parts) == 1 and all(" " in name.strip() for name in names):
            parts = names
    elif isinstance(value, (list, tuple)):
        parts = value
    else:
        parts = ()
    named = (part.get("name") if isinstance(part, Mapping) else part for part in parts)
    return tuple(" ".join(_tidy(name).split()) for name in named if isinstance(name, str) and name.strip())


def _year(value: object) -> int | None:
    """The year in "2023", "2023-05-01" or 2023.0; None where none is plain to see."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    found = re.search(r"(?<!\d)(1[5-9]|20|21)\d\d(?!\d)", str(value))
    return int(found.group()) if found else None


def _url(url: object, doi: object) -> str | None:
    """An http(s) address, of the paper or of its DOI. Other schemes, such as `javascript:`, are no links to follow."""
    for value in url if isinstance(url, (list, tuple)) else (url,):
        if isinstance(value, str) and re.fullmatch(r"https?://[^\s<>\"\ud800-\udfff]+", value.strip(), re.IGNORECASE):
            return value.strip()
    if isinstance(doi, str) and (found := re.search(r"10\.\d{4,9}/[^\s<>\"\ud800-\udfff]+", doi)):
        return "https://doi.org/" + found.group()
    return None
