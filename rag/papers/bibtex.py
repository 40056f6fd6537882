"""BibTeX and biblatex, by bibtexparser 2 (https://bibtexparser.readthedocs.io), an entry at a time."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator

from rag.core.paper import Paper, fold

from .cleaning import clean
from .names import given_first
from .record import Fault, Record
from .source import Source

_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+\s*[{(]", re.MULTILINE)
_BEGINS = re.compile(r"[ \t]*@([A-Za-z]+)\s*[{(]")
_BEGINS_SURELY = re.compile(r"@[A-Za-z]+\s*\{\s*[^\s,{}=]{0,200}\s*,")
_LONGEST_ENTRY = 1 << 20  # characters
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
        block = parse_string(texts + entry).blocks[-1]
        if isinstance(block, model.DuplicateFieldKeyBlock) and isinstance(block.ignore_error_block, model.Entry):
            block = block.ignore_error_block  # a field that is there twice, as in exports of Scopus
        if isinstance(block, model.Entry):
            yield Record(line, _fields(block))
        else:
            error = getattr(block, "error", None)
            yield Fault(line, f"is not BibTeX: {' '.join(str(error or 'broken entry').split())[:300]}")
    if not found:
        yield Fault(None, "holds no BibTeX entry")


def _entries(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Each entry with its line and its type, as far as its braces go; comments between entries are left out."""
    start, kind, depth, size = 0, "", 0, 0
    parts: list[str] = []
    for number, line in enumerate(lines, 1):
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
        size += len(line)
        if size <= 2 * _LONGEST_ENTRY:
            parts.append(line)
        depth += line.count("{") - line.count("}") - line.count("\\{") + line.count("\\}")
        if depth <= 0 and "{" in parts[0]:
            yield start, kind, "\n".join(parts)
            parts = []
    if parts:
        yield start, kind, "\n".join(parts)


def _fields(entry: object) -> dict[str, object]:
    from bibtexparser import model

    assert isinstance(entry, model.Entry)
    given: dict[str, str] = {}
    for field in entry.fields:
        given.setdefault(field.key.lower(), _bare(str(field.value)))
    fields: dict[str, object] = {n: resolved(v) for n, v in given.items() if n in _PLAIN}
    fields |= {
        n: v.replace("\\_", "_").replace("\\%", "%").replace("\\&", "&")
        for n, v in given.items()
        if n in ("url", "doi")
    }
    fields["id"] = entry.key
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
    return value[1:-1] if len(value) > 1 and (value[0], value[-1]) in {("{", "}"), ('"', '"')} else value


def resolved(text: str) -> str:
    """A title or name with TeX's accents set and its braces, which only keep the case, left out."""
    return " ".join(re.sub(r"(?<!\\)[{}]", "", clean(text)).split())


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


_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._+/-]{0,99}")
_ARXIV = re.compile(
    r"https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"https://doi\.org/(10\.\d{4,9}/[^\s<>\"{}\\%]+)")
_TEX = str.maketrans(
    {c: f"\\{c}" for c in "%&#_$"}
    # Braces by name, for BibTeX, other than our parser, counts those behind a backslash too.
    | {"{": r"\textbraceleft{}", "}": r"\textbraceright{}", "\\": r"\textbackslash{}"}
    | {"^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)


def write(papers: Iterable[Paper]) -> str:
    """The papers as BibTeX in UTF-8, with their abstracts; `read` finds the same papers in it.

    All are @misc: where a paper appeared isn't known, and the other types need that. One on arXiv has its number as
    `eprint`. A key is the one that the paper's own file gave it, else made of first author, year and title (else its
    id), so that papers keep their keys from one export to the next.
    """
    from bibtexparser import model
    from bibtexparser.entrypoint import write_string
    from bibtexparser.library import Library
    from bibtexparser.middlewares import default_unparse_stack

    keys: set[str] = set()
    library = Library()
    for paper in papers:
        fields = [model.Field(name, value) for name, value in _values(paper).items() if value]
        library.add(model.Entry("misc", _unused_key(paper, keys), fields))
    return str(write_string(library, unparse_stack=default_unparse_stack(allow_inplace_modification=True)))


def _values(paper: Paper) -> dict[str, str]:
    url = (paper.url or "").translate({ord(c): f"%{ord(c):02X}" for c in "{}\\"})
    if re.search(r"\s", url):  # no address, and BibTeX has no way to quote one
        url = ""
    arxiv, doi = _ARXIV.fullmatch(url), _DOI.fullmatch(url)
    return {
        "title": re.sub(r"[^\W_]+", _with_its_case, _tex(paper.title)),
        "author": " and ".join(_whole(name) for name in paper.authors),
        "year": str(paper.year or ""),
        "eprint": arxiv[1] if arxiv else "",
        "archiveprefix": "arXiv" if arxiv else "",
        "doi": doi[1] if doi else "",
        "url": "" if doi else url,
        "abstract": _tex(paper.abstract),
    }


def _tex(text: str) -> str:
    """`text` as TeX that reads as it does. Other scripts and signs stay as they are: BibTeX files are UTF-8 today."""
    return " ".join(text.split()).translate(_TEX)


def _with_its_case(word: re.Match[str]) -> str:
    """A word with capitals inside, between the braces without which many styles make them small."""
    return f"{{{word.group()}}}" if any(c.isupper() for c in word.group()[1:]) else word.group()


def _whole(name: str) -> str:
    """A name that has a comma or "and" in it stays one between braces."""
    plain = re.sub(r"(?<=\s)and(?=\s)|,", "", name) == name
    return _tex(name) if plain else f"{{{_tex(name)}}}"


def _unused_key(paper: Paper, keys: set[str]) -> str:
    """A key that none of `keys` is, whatever its case; it is added to them."""
    author = fold(paper.authors[0]).split() if paper.authors else []
    word = next((w for w in fold(paper.title).split() if len(w) > 3), "")
    made = f"{author[-1]}{paper.year}{word}" if author and paper.year else paper.id
    for key in (paper.key or "", made, paper.id):
        if _KEY.fullmatch(key) and key.casefold() not in keys:
            break
    else:
        key = next(k for n in range(2, len(keys) + 3) if (k := f"{paper.id}-{n}") not in keys)
    keys.add(key.casefold())
    return key
