"""What the values of fields mean, whatever form a file gives them: texts, years, addresses, DOIs, keywords."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

_TEXTS = ("value", "text", "#text", "title", "name", "display_name", "description", "abstract", "term", "tag",
          "keyword", "en", "source", "journal", "paragraph", "content")  # fmt: skip
_DOI = re.compile(r"10\.\d{4,9}/[^\s<>\"|;\ud800-\udfff]+")
_LINK = re.compile(r"https?://[^\s<>\"\ud800-\udfff]+", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_DAY = re.compile(r"((?:1[5-9]|20)\d\d)(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])")
ARXIV = re.compile(r"(?:arxiv:)?(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(v\d+)?", re.IGNORECASE)
_MOST_KEYWORDS = 200
_LONGEST_SHORT = 500  # characters of a venue or keyword
_LONGEST_INDEX = 50_000  # words of OpenAlex's inverted index


def texts(value: object, depth: int = 0) -> Iterator[str]:
    """The texts in a value, in order: it may be a text, a number, a list, or an object that holds one of them."""
    if depth > 5 or value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, (int, float)):
        yield str(value)
    elif isinstance(value, Mapping):
        fields = {str(name).lower(): content for name, content in value.items()}
        for name in _TEXTS:
            if fields.get(name):
                yield from texts(fields[name], depth + 1)
                return
    elif isinstance(value, Sequence):
        for one in value:
            yield from texts(one, depth + 1)


def title_text(value: object) -> str:
    """The first text of a value. Raises ValueError where it is a number or the like."""
    if isinstance(value, (bool, int, float)):
        raise ValueError(f"its title is {'true or false' if isinstance(value, bool) else 'a number'}, not text")
    return next(texts(value), "")


def abstract_text(value: object) -> str:
    """The abstract: paragraphs joined, descriptions of another kind left out, OpenAlex's index of words in order."""
    if isinstance(value, str) and value.startswith('{"') and value.rstrip().endswith("]}"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return str(value)
    if isinstance(value, Mapping) and value and all(_places(places) for places in value.values()):
        return _in_order(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        kinds = [one for one in value if isinstance(one, Mapping) and "descriptionType" in one]
        value = [one for one in kinds if one["descriptionType"] == "Abstract"] if kinds else value
    return " ".join(dict.fromkeys(text.strip() for text in texts(value)))


def _places(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in value)


def _in_order(index: Mapping[str, object]) -> str:
    """https://docs.openalex.org/api-entities/works/work-object#abstract_inverted_index"""
    words = [(place, word) for word, places in index.items() if isinstance(places, list) for place in places]
    return " ".join(word for _, word in sorted(words[:_LONGEST_INDEX]))


def year(value: object) -> int | None:
    """The year in "2023", "2023-05-01", 20230501, 2023.0, CSL's date-parts or milliseconds since 1970."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)) and 1e11 < value < 5e12:
        return datetime.fromtimestamp(value / 1000, UTC).year
    if isinstance(value, Mapping):
        known = ("date-parts", "year", "created", "raw", "literal", "value", "pubyear", "publicationyear")
        return next((found for name in known if (found := year(value.get(name)))), None)
    if isinstance(value, (list, tuple)):
        return next((found for one in value[:20] if (found := year(one))), None)
    if not isinstance(value, (int, float, str)):
        return None
    text = str(value)[:1000]
    if day := _DAY.fullmatch(text.strip()):
        return int(day[1])
    plain = _YEAR.search(text)
    return int(plain.group()) if plain else None


def doi(value: object, depth: int = 0) -> str | None:
    """The DOI in a text, or in lists and objects of identifiers, without address and prefix, as it is written."""
    if isinstance(value, str):
        written = _DOI.search(value[:5000])
        return _unclosed(written.group().rstrip(".,:'")) if written else None
    if isinstance(value, Mapping) and depth < 4:
        fields = {str(name).lower(): content for name, content in value.items()}
        if "type" in fields or "identifiertype" in fields:
            kind = str(fields.get("type") or fields.get("identifiertype")).lower()
            return (
                doi(fields.get("id") or fields.get("identifier") or fields.get("value"), depth + 1)
                if kind == "doi"
                else None
            )
        return doi(fields.get("doi") or fields.get("value"), depth + 1)
    if isinstance(value, (list, tuple)) and depth < 4:
        return next((found for one in value[:50] if (found := doi(one, depth + 1))), None)
    return None


def _unclosed(text: str) -> str:
    """`text` without the brackets at its end that nothing in it opens: "doi.org/10.1/x)." in a sentence."""
    for opening, closing in ("()", "[]", "{}"):
        if text.endswith(closing) and text.count(closing) > text.count(opening):
            text = text[:-1]
    return text


def link(value: object) -> str | None:
    """The first http(s) address. Other schemes, such as `javascript:`, are no links to follow."""
    if isinstance(value, Mapping):
        fields = {str(name).lower(): content for name, content in value.items()}
        return next(
            (found for name in ("url", "href", "value", "landing_page_url") if (found := link(fields.get(name)))), None
        )
    if isinstance(value, (list, tuple)):
        return next((found for one in value[:50] if (found := link(one))), None)
    if isinstance(value, str):
        for part in re.split(r"[;|\n]\s+|\|", value[:5000]):
            if _LINK.fullmatch(part.strip()):
                return part.strip()
    return None


def arxiv_link(value: object) -> str | None:
    """The address of the paper whose number on arXiv this is."""
    number = ARXIV.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"https://arxiv.org/abs/{number[1]}" if number else None


def venue(value: object) -> str | None:
    """The name of a journal or conference."""
    if isinstance(value, Mapping):  # an object of OpenAlex names its source, one of Semantic Scholar its name
        value = value.get("source") or value.get("journal") or value
    found = " ".join(next(texts(value), "").split())
    return found[:_LONGEST_SHORT] or None


def keywords(value: object) -> tuple[str, ...]:
    """Keywords of a list, or of a text with ";", "|", line ends or "," between them; none twice."""
    found: dict[str, str] = {}
    for text in texts(value):
        text = text[:20_000]
        signs = (";", "|", "\n") if isinstance(value, (list, tuple)) else (";", "|", "\n", ",")
        separator = next((sign for sign in signs if sign in text), None)
        for word in text.split(separator) if separator else [text]:
            tidy = " ".join(word.strip(" '\"[]").split())
            if tidy and len(tidy) <= _LONGEST_SHORT:
                found.setdefault(tidy.casefold(), tidy)
        if len(found) >= _MOST_KEYWORDS:
            break
    return tuple(found.values())[:_MOST_KEYWORDS]


def key(value: object) -> str | None:
    """The name that a file gives a record."""
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    tidy = " ".join(re.sub("[\ud800-\udfff\x00-\x1f\x7f]", " ", str(value)).split())
    return tidy.removeprefix("https://openalex.org/")[:200] or None
