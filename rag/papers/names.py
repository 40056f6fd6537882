"""Names of authors, in every form that files give them: to "Given Family", one text a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

MOST_AUTHORS = 10_000  # the longest list so far has some 5,000 names
LONGEST_NAME = 300
_LONGEST_LIST = 200_000  # characters of one text of names

_GIVEN = ("given", "givenname", "given_name", "first", "firstname", "first_name", "forename", "forenames")
_FAMILY = ("family", "familyname", "family_name", "last", "lastname", "last_name", "surname", "keyname")
_WHOLE = ("name", "display_name", "full_name", "fullname", "literal", "raw_author_name", "value", "author", "#text")
_NOT_AUTHORS = frozenset(
    "editor translator reviewedauthor serieseditor bookauthor contributor interviewer recipient".split()
)
_JOINED = "\ue000"
"""Stands between the words of a family name until a name is done."""
_AND = re.compile(r"\s+(?:and|&)\s+|\s+and$|^and\s+", re.IGNORECASE)
_INITIALS = re.compile(r"(?:[A-Z]\.?[- ]?){1,4}")
_BARE_INITIALS = re.compile(r"(?:[A-Z]\.?-?){1,3}")
_AND_OTHERS = re.compile(r"[\s,;]{0,9}\bet\.? al\b\.?[\s,;]{0,9}$", re.IGNORECASE)
_MARKS = re.compile("[\u00b9\u00b2\u00b3\u2070-\u2079*\u2020\u2021\u00a7\u00b6]+(?:,(?=\\S))?")  # of affiliations
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SUFFIX = re.compile(r"(?:jr|sr|i{2,3}|iv)\.?", re.IGNORECASE)
_OTHERS = re.compile(r"(?:et\.? al\.?|others|\.\.\.|…|n/?a|nan|none|null|\[?anonymous\]?)", re.IGNORECASE)


def authors(value: object) -> tuple[str, ...]:
    """The names in a text, a list of texts, or a list of objects; none twice."""
    return tuple(dict.fromkeys(name.replace(_JOINED, " ") for name in _tidied(value)))


def families(value: object) -> tuple[str, ...]:
    """The family names of several words among them, where the source keeps given and family names apart."""
    found = (word for name in _tidied(value) for word in name.split(" ") if _JOINED in word)
    return tuple(dict.fromkeys(word.replace(_JOINED, " ") for word in found))


def _tidied(value: object) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in _names(value, 0):
        tidy = _tidy(name)
        if tidy and not _OTHERS.fullmatch(tidy):
            found[tidy] = None
            if len(found) >= MOST_AUTHORS:
                break
    return tuple(found)


def given_first(name: str) -> str:
    """`Curie, Marie` as `Marie Curie`, and `King, Martin, Jr.` as `Martin King Jr.`."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    if len(parts) == 3 and _SUFFIX.fullmatch(parts[1]):
        parts = [parts[0], parts[2], parts[1]]
    return " ".join((parts[1], _whole(parts[0]), *parts[2:])) if len(parts) > 1 else "".join(parts)


def _whole(name: str) -> str:
    """A family name as one word."""
    return _JOINED.join(name.split())


def family(name: str) -> str:
    """The word of a name in "Given Family" by which it is compared: the last that is no suffix and no initial."""
    words = [word for word in name.split() if not _SUFFIX.fullmatch(word)]
    return next((word for word in reversed(words) if len(word.strip(".")) > 1), words[-1] if words else "")


def _names(value: object, depth: int) -> Iterator[str]:
    if depth > 4:
        return
    if isinstance(value, str):
        yield from _listed(value)
    elif isinstance(value, Mapping):
        yield from _in_object(value, depth)
    elif isinstance(value, Sequence):
        people = [one for one in value if isinstance(one, Mapping)]
        roles = any(_role(one) == "author" for one in people)
        for one in value[: 2 * MOST_AUTHORS]:
            if isinstance(one, str):
                yield from _listed(one) if _several(one) else [given_first(one)]
            elif isinstance(one, Mapping):
                if not roles or _role(one) in ("author", ""):
                    yield from _in_object(one, depth)
            elif isinstance(one, Sequence):  # arXiv's ["Family", "Given", "Suffix"]
                parts = [part for part in one if isinstance(part, str) and part.strip()]
                yield " ".join((*parts[1:2], *parts[:1], *parts[2:3]))


def _several(text: str) -> bool:
    """Whether one text of a list holds several names: "王伟；李娜", and not "山田, 太郎"."""
    return bool(_EAST_ASIAN.search(text)) and (any(sign in text for sign in ";；、，") or text.count(",") > 1)


def _role(person: Mapping[str, object]) -> str:
    return str(person.get("creatorType") or person.get("creator_type") or "").lower()


def _in_object(person: Mapping[str, object], depth: int) -> Iterator[str]:
    fields = {str(name).lower(): content for name, content in person.items()}
    if _role(person) in _NOT_AUTHORS and depth == 0:
        return
    given, last = _first_of(fields, _GIVEN), _first_of(fields, _FAMILY)
    if last:
        middle = _first_of(fields, ("middle", "middle_name"))
        particle = _first_of(fields, ("non-dropping-particle", "dropping-particle", "prefix"))
        whole = _whole(" ".join(part for part in (particle, last) if part))
        yield " ".join(part for part in (given, middle, whole, _first_of(fields, ("suffix",))) if part)
        return
    for name in _WHOLE:
        content = fields.get(name)
        if isinstance(content, str) and content.strip():
            yield given_first(content) if content.count(",") == 1 and name != "literal" else content
            return
        if isinstance(content, (Mapping, list)) and content:
            yield from _names(content, depth + 1)
            return


def _first_of(fields: Mapping[str, object], names: Sequence[str]) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, list):
            value = " ".join(part for part in value if isinstance(part, str))
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _listed(text: str) -> Iterator[str]:
    """The names in one text, with ";", "|", "and" or "," between them, or as Python or JSON writes a list."""
    text = text[:_LONGEST_LIST].strip()
    if text[:1] in "[{" and (value := _literal(text)) is not None:
        yield from _names(value, 1)
        return
    text = _AND_OTHERS.sub("", _MARKS.sub("", re.sub(r"\([^()]*\)", "", text)))
    separator = next((sign for sign in (";", "|", "\n", "；", "、", "，") if sign in text), None)
    parts = text.split(separator) if separator else _AND.split(" ".join(text.split()))
    for part in parts:
        for name in [part] if separator and "," in part and part.count(",") < 3 else _by_commas(part):
            yield given_first(name) if "," in name else initials_first(name)


def _literal(text: str) -> object:
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, (list, tuple, dict)) else None


def _by_commas(text: str) -> list[str]:
    """The names in "Ann Bee, Cy Dee" or "Bee, A., Dee, C."; "Bee, Ann" is one."""
    parts = [part.strip() for part in text.split(",")]
    parts = [part for part in parts if part]
    if len(parts) < 2:
        return parts
    if len(parts) % 2 == 0 and all(_INITIALS.fullmatch(part) for part in parts[1::2]):
        return [f"{last}, {first}" for last, first in zip(parts[::2], parts[1::2], strict=True)]
    spaced = sum(" " in part for part in parts)
    if spaced == len(parts) or (len(parts) > 3 and spaced > len(parts) / 2):
        return parts
    if len(parts) > 3 and len(parts) % 2 == 0:
        return [f"{last}, {first}" for last, first in zip(parts[::2], parts[1::2], strict=True)]
    return [", ".join(parts)] if len(parts) < 4 else parts


def initials_first(name: str) -> str:
    """`Curie MS` as `MS Curie`; names that end in a word stay."""
    *words, last = name.split() or [""]
    if words and _BARE_INITIALS.fullmatch(last) and any(c.islower() for word in words for c in word):
        return " ".join((last, *words))
    return name


def _tidy(name: str) -> str:
    name = re.sub("[\ud800-\udfff\x00-\x1f\x7f]", " ", name[: 4 * LONGEST_NAME])
    name = re.sub(r"\([^()]*\)|\{|\}|<[^<>]*>", "", name)
    return " ".join(_AND_OTHERS.sub("", name).strip(" ,;*†‡").split())[:LONGEST_NAME]
