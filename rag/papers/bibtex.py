"""BibTeX, by bibtexparser 2 (https://bibtexparser.readthedocs.io)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator

from rag.core.paper import Paper, fold

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
