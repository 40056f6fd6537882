"""BibTeX, by bibtexparser 2 (https://bibtexparser.readthedocs.io)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from .cleaning import clean
from .record import Fault, Record, first_name_first

_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+\s*[{(]", re.MULTILINE)


def fits(text: str) -> bool:
    """Whether an entry begins somewhere: what is outside of entries is a comment in BibTeX."""
    return bool(_ENTRY.search(text))


def read(text: str) -> Iterator[Record | Fault]:
    """A record for each entry, its `id` the citation key; braces and accents of TeX are resolved in the title."""
    from bibtexparser import model
    from bibtexparser.entrypoint import parse_string

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # we report what it warns of
    library = parse_string(text)
    found = False
    for block in library.blocks:
        line = (block.start_line or 0) + 1
        if isinstance(block, model.DuplicateBlockKeyBlock) and isinstance(block.ignore_error_block, model.Entry):
            # Two papers may bear one key in files put together; whether they are the same is told by their texts.
            block = block.ignore_error_block
        if isinstance(block, model.Entry):
            found = True
            yield Record(line, _fields(block))
        elif isinstance(block, model.ParsingFailedBlock):
            found = True
            yield Fault(line, f"is not BibTeX: {' '.join(str(block.error).split()) or 'broken entry'}")
    if not found:
        yield Fault(None, "holds no BibTeX entry")


def _fields(entry: object) -> dict[str, object]:
    from bibtexparser import model

    assert isinstance(entry, model.Entry)
    given = {field.key.lower(): _bare(str(field.value)) for field in entry.fields}
    fields: dict[str, object] = dict(given)
    fields["id"] = entry.key
    fields["title"] = resolved(given.get("title", ""))
    fields["abstract"] = _ungrouped(given.get("abstract", ""))
    fields["authors"] = [_name(name) for name in _apart(given.get("author", "")) if name]
    fields.pop("author", None)
    return fields


_GROUP = re.compile(r"(?:\\(?:[A-Za-z]+\*?|[^A-Za-z])|[_^])(?:\{[^{}]*\})+|(?<!\\)\{([^{}\\]*)\}")


def _ungrouped(text: str) -> str:
    """`text` without the braces that only keep the case; those of macros, accents and indices stay."""
    before = None
    while text != before:
        before, text = text, _GROUP.sub(lambda group: group[0] if group[1] is None else group[1], text)
    return text


def _bare(value: str) -> str:
    """A value without the enclosing that the parser left, as where a value was put together by #."""
    value = value.strip()
    return value[1:-1] if len(value) > 1 and (value[0], value[-1]) in {("{", "}"), ('"', '"')} else value


def resolved(text: str) -> str:
    """A title or name with TeX's accents set and its braces, which only keep the case, left out."""
    return " ".join(re.sub(r"(?<!\\)[{}]", "", clean(text)).split())


def _apart(authors: str) -> list[str]:
    """The names of an author field. What stands in braces is one name: {Barnes and Noble}."""
    return [name.strip() for name in re.split(rf"(?:\s+and(?=\s)){_OUTSIDE}", authors)]


def _name(name: str) -> str:
    one = re.fullmatch(r"\{[^{}]*\}", name)
    return resolved(name) if one else first_name_first(resolved(name))


_OUTSIDE = r"(?![^{}]*\})"
"""Follows what isn't in braces, as far as these aren't nested."""
