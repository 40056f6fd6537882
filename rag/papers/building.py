"""How a record becomes a `Paper`: the fields of the table found in it, cleaned and held to their limits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from rag.core.paper import Paper, paper_id

from . import names, values
from .boilerplate import is_nothing, on_lines, separated, trimmed
from .cleaning import clean
from .fields import FIELDS
from .markup import without_tags
from .record import Record

_T = TypeVar("_T")

LONGEST_ABSTRACT = 20_000  # characters; the longest abstract on arXiv has under 6,000, so more is some other text
LONGEST_TITLE = 2_000
_LONGEST_RAW = 3 * LONGEST_ABSTRACT  # with tags

# Half an escaped pair in JSON: in no text that we keep.
_SURROGATE = re.compile("[\ud800-\udfff]")
_ABBREVIATED = frozenset("inc ltd etc vol co corp jr sr st vs al no ca dr cf ed eds pp".split())


def paper_from(record: Record, source: str = "") -> Paper:
    """The paper of a record, `source` being the file's name; ValueError with the reason if there is none.

    Where the record has no abstract, or only words that say so, the paper's `abstract` is "".
    """
    title = _title(record)
    raw = _abstract(record, title)
    abstract = cleaned_abstract(raw, title) if raw else ""
    if len(abstract) > LONGEST_ABSTRACT:
        raise ValueError(_too_long(len(abstract), title))
    if is_nothing(abstract):
        raw = abstract = ""
    doi = next((found for value in _fields(record, "doi") if (found := values.doi(value))), None)
    database = next(values.texts(_field(record, "database")), "")
    return Paper(
        id=paper_id(title, abstract),
        title=title,
        abstract=abstract,
        raw_abstract=raw,
        authors=_first(record, "authors", names.authors) or (),
        year=_first(record, "year", values.year),
        url=_url(record, doi),
        key=_first(record, "key", values.key),
        venue=_venue(record, database),
        doi=doi.lower() if doi else None,
        keywords=_first(record, "keywords", values.keywords) or (),
        sources=(source,) if source else (),
        families=_first(record, "authors", names.families) or (),
    )


def cleaned_abstract(raw: str, title: str) -> str:
    """An abstract as readers want it: without tags, leftovers of TeX and publishers' marks, its headings apart."""
    text = clean(without_tags(on_lines(raw)), title=title)
    if "<" in text:  # tags that were entities
        text = clean(without_tags(text), title=title)
    return trimmed(separated(text), title).strip()


def cleaned_title(raw: str) -> str:
    """A title on one line, cleaned like an abstract; a full stop at its end goes."""
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in raw) if not raw.isprintable() else raw
    text = clean(without_tags(text))
    if "<" in text:
        text = clean(without_tags(text))
    text = _without_full_stop(text)
    if text.startswith("[") and text.endswith("]") and text.count("[") == 1:
        text = text[1:-1]  # MEDLINE's mark of a title that was translated
    return text.strip()


def _without_full_stop(text: str) -> str:
    """`text` without the full stop that some databases set behind every title; that of an abbreviation stays."""
    if not text.endswith(".") or text.endswith(".."):
        return text
    last = text[:-1].rpartition(" ")[2]
    return text if "." in last or len(last) < 2 or last.casefold() in _ABBREVIATED else text[:-1]


def _title(record: Record) -> str:
    raw = ""
    for value in _fields(record, "title"):
        raw = values.title_text(value).strip()
        if raw:
            break
    if len(raw) > LONGEST_TITLE:
        raise ValueError(f"its title has {len(raw):,} characters, more than the {LONGEST_TITLE:,} allowed")
    if bad := _SURROGATE.search(raw):
        raise ValueError(f"{_half()} ({_short(raw.replace(bad.group(), '�'))})")
    title = cleaned_title(raw)
    if not title or title.casefold() in ("nan", "none", "null", "n/a", "[no title]", "no title", "untitled"):
        raise ValueError("has no title")
    return title


def _abstract(record: Record, title: str) -> str:
    """The first abstract that is one; "" where there is none."""
    for value in _fields(record, "abstract"):
        raw = values.abstract_text(value).strip()
        if len(raw) > _LONGEST_RAW:
            raise ValueError(_too_long(len(raw), title))
        if _SURROGATE.search(raw):
            raise ValueError(f"{_half()} ({_short(title)})")
        if raw and not is_nothing(raw):
            return raw
    return ""


def _url(record: Record, doi: str | None) -> str | None:
    given = _first(record, "url", values.link)
    if given:
        return given
    arxiv = _first(record, "arxiv", values.arxiv_link)
    if arxiv or doi:
        return arxiv or f"https://doi.org/{doi}"
    # arXiv's own files name a paper by its number alone.
    number = _field(record, "key")
    return values.arxiv_link(number) if {"authors_parsed", "categories", "entry_id"} & set(record.fields) else None


def _venue(record: Record, database: str) -> str | None:
    for value in _fields(record, "venue"):
        found = values.venue(value)
        if found and found.casefold() not in ("scopus", "pubmed", "medline", "web of science", database.casefold()):
            return cleaned_title(found) or None
    return None


def _fields(record: Record, name: str) -> list[object]:
    """The values that the record has for a field of a paper, best first."""
    given = (record.fields.get(alias) for alias in FIELDS[name])
    return [value for value in given if value not in (None, "", [], (), {})]


def _field(record: Record, name: str) -> object:
    return next(iter(_fields(record, name)), None)


def _first(record: Record, name: str, read: Callable[[object], _T | None]) -> _T | None:
    return next((found for value in _fields(record, name) if (found := read(value))), None)


def _half() -> str:
    return "holds half of a surrogate pair, which is no character"


def _too_long(length: int, title: str) -> str:
    return (
        f"its abstract has {length:,} characters, more than the {LONGEST_ABSTRACT:,} allowed ({_short(title)}): "
        "keep to abstracts, not full texts"
    )


def _short(title: str) -> str:
    return repr(title if len(title) <= 80 else title[:77] + "…")
