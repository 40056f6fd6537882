"""BibTeX and biblatex, by bibtexparser 2 (https://bibtexparser.readthedocs.io), an entry at a time."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping

from .cleaning import clean
from .names import given_first
from .record import Fault, Record
from .source import Source

_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+\s*[{(]", re.MULTILINE)
_BEGINS = re.compile(r"[ \t]*@([A-Za-z]+)\s*[{(]")
_BEGINS_SURELY = re.compile(r"@[A-Za-z]+\s*\{[^,{}=]{0,200},")
_GLUED = re.compile(r"(?<=\})[ \t]*(?=@[A-Za-z]+\s*\{[^,{}=]{1,200},)")  # Scopus ends some entries so
_FIELD = re.compile(r"[ \t]*([A-Za-z][\w-]*)[ \t]*=[ \t]*(.*)")
_KEY = re.compile(r"[ \t]*@[A-Za-z]+[ \t]*[{(][ \t]*([^\n{}=]*)")
_LONGEST_ENTRY = 1 << 18  # characters
_DEEPEST = 60  # braces in braces


def fits(text: str) -> bool:
    """Whether an entry begins somewhere: what is outside of entries is a comment in BibTeX."""
    return bool(_ENTRY.search(text))


def read(source: Source) -> Iterator[Record | Fault]:
    """A record for each entry, its `id` the citation key; braces and accents of TeX are resolved in the title."""
    from bibtexparser import model
    from bibtexparser.entrypoint import parse_string

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # we report what it warns of
    found, texts = False, ""
    for line, kind, entry in _entries(source.lines()):
        if kind in ("comment", "preamble"):
            continue
        if kind == "string":
            texts = (texts + entry + "\n")[-_LONGEST_ENTRY:]
            continue
        found = True
        if len(entry) > _LONGEST_ENTRY:
            yield Fault(line, f"has more than {_LONGEST_ENTRY:,} characters")
            continue
        library = parse_string(texts + entry)
        block, known = library.blocks[-1], library.strings_dict
        if isinstance(block, model.DuplicateFieldKeyBlock) and isinstance(block.ignore_error_block, model.Entry):
            block = block.ignore_error_block  # a field that is there twice, as in exports of Scopus
        if isinstance(block, model.Entry):
            yield Record(line, _fields(block, {name.lower(): str(text.value) for name, text in known.items()}))
        elif "title" in (fields := _by_lines(entry)):
            yield Record(line, _named(fields))
        else:
            yield Fault(line, "is not BibTeX: its braces or commas do not match")
    if not found:
        yield Fault(None, "holds no BibTeX entry")


def _entries(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Each entry with its line and its type, as far as its braces go; comments between entries are left out."""
    start, kind, depth, size = 0, "", 0, 0
    parts: list[str] = []
    for number, line in _lines(lines):
        begins = _BEGINS.match(line) if depth <= 0 else _BEGINS_SURELY.match(line)
        if begins:
            if parts:
                yield start, kind, "\n".join(parts)
            start, kind, depth, size, parts = (
                number,
                line.split("@")[1].split("{")[0].split("(")[0].strip().lower(),
                0,
                0,
                [],
            )
        elif not parts:
            continue
        if size <= _LONGEST_ENTRY:
            parts.append(line[: 2 * _LONGEST_ENTRY])
        size += len(line)
        depth += line.count("{") - line.count("}") - line.count("\\{") + line.count("\\}")
        if depth <= 0 and "{" in parts[0] and not line.rstrip().endswith(","):
            yield start, kind, "\n".join(parts)
            parts = []
    if parts:
        yield start, kind, "\n".join(parts)


def _lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; one on which an entry ends and the next begins is two."""
    for number, line in enumerate(lines, 1):
        for part in _GLUED.split(line) if "@" in line else [line]:
            yield number, part


def _by_lines(entry: str) -> dict[str, str]:
    """The fields of an entry with a brace too many or too few, if each begins on a line of its own."""
    fields: dict[str, str] = {}
    name = ""
    for line in entry.split("\n"):
        if begins := _FIELD.match(line):
            name = begins[1].lower()
            if name in fields:
                name = ""
            elif name:
                fields[name] = begins[2]
        elif name:
            fields[name] += f"\n{line}"
    key = _KEY.match(entry)
    return {"id": key[1].strip(" ,\t") if key else ""} | {n: v.strip('{}", \t\n') for n, v in fields.items()}


def _fields(entry: object, strings: Mapping[str, str]) -> dict[str, object]:
    """The fields of an entry; `strings` are those that @string names, where the parser left one in its place."""
    from bibtexparser import model

    assert isinstance(entry, model.Entry)
    given: dict[str, str] = {"id": entry.key}
    for field in entry.fields:
        text = str(field.value)
        given.setdefault(field.key.lower(), _bare(strings.get(text.strip().lower(), text)))
    return _named(given)


def _named(given: Mapping[str, str]) -> dict[str, object]:
    """The fields of a paper in those of an entry."""
    fields: dict[str, object] = {n: resolved(v) for n, v in given.items() if n in _PLAIN}
    fields |= {
        n: v.replace("\\_", "_").replace("\\%", "%").replace("\\&", "&")
        for n, v in given.items()
        if n in ("url", "doi")
    }
    fields["id"] = given["id"]
    fields["title"] = resolved(given.get("title", ""))
    fields["abstract"] = _ungrouped(given.get("abstract", ""))
    fields["authors"] = [{"literal": _name(name)} for name in _apart(given.get("author", ""))]
    if re.search("arxiv", given.get("eprinttype", "") + given.get("archiveprefix", ""), re.IGNORECASE):
        fields["arxiv"] = given.get("eprint", "")
    if "url" not in fields and (address := re.search(r"https?://[^\s{}]+", given.get("howpublished", ""))):
        fields["url"] = address[0]
    return fields


_PLAIN = ("journal", "journaltitle", "booktitle", "year", "date", "keywords", "author_keywords")


_GROUP = re.compile(r"(?:\\(?:[A-Za-z]+\*?|[^A-Za-z])|[_^])(?:\{[^{}]*\})+|(?<!\\)\{([^{}\\]*)\}")


def _ungrouped(text: str) -> str:
    """`text` without the braces that only keep the case; those of macros, accents and indices stay."""
    before = None
    for _ in range(_DEEPEST):
        if text == before:
            break
        before, text = text, _GROUP.sub(lambda group: group[0] if group[1] is None else group[1], text)
    return text


def _bare(value: str) -> str:
    """A value without the enclosing that the parser left, as where a value was put together by #."""
    value = value.strip()
    if len(value) < 2 or (value[0], value[-1]) not in {("{", "}"), ('"', '"')}:
        return value
    depth = 0
    for brace in re.finditer(r"(?<!\\)[{}]", value[:-1] if value[0] == "{" else ""):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return value  # {Barnes and Noble} and {Google, Inc.}: each in its own
    return value[1:-1]


def resolved(text: str) -> str:
    """A title or name with TeX's accents set and its braces, which only keep the case, left out."""
    return " ".join(re.sub(r"(?<!\\)[{}]", "", clean(_ungrouped(text))).split())


def _apart(authors: str) -> list[str]:
    """The names of an author field. What stands in braces is one name: {Barnes and Noble}."""
    names, depth = [""], 0
    for part in re.split(r"([{}]| and(?= ))", " ".join(authors.split())):
        if part == "{":
            depth += 1
        elif part == "}":
            depth -= 1
        if depth <= 0 and part.strip() == "and":
            names.append("")
        else:
            names[-1] += part
    return [name.strip() for name in names if name.strip() and name.strip() != "others"]


def _name(name: str) -> str:
    if re.fullmatch(r"\{[^{}]*\}", name):
        return resolved(name)
    if "=" in name and (parts := dict(re.findall(r"\b(family|given|prefix|suffix)\s*=\s*\"?([^,\"]*)", name))).get(
        "family"
    ):
        # biblatex's extended names: family=Veen, given=Pim, prefix=van, useprefix=true
        return resolved(" ".join(parts[part] for part in ("given", "prefix", "family", "suffix") if parts.get(part)))
    return given_first(resolved(name))
