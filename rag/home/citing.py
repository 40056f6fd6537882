"""Papers for other programs: BibTeX, RIS, CSL-JSON and CSV, with their abstracts, venues and DOIs.

A paper is called by the same key in each: the one that its own file gave it, else one made of first author, year and
title, else its id. So papers keep their keys from one export to the next.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, get_args

from rag.core.errors import UsageError
from rag.core.paper import Paper, fold
from rag.home.notes import Note
from rag.index.metadata import split_name

Format = Literal["bibtex", "ris", "csl", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {".bib": "bibtex", ".ris": "ris", ".json": "csl", ".csv": "csv"}
"""What a file is written as by its name, where nothing else is said."""

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._+/-]{0,99}")
_ARXIV = re.compile(
    r"https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(10\.\d{4,9}/[^\s<>\"{}\\%]+)")
_PLAIN_DOI = re.compile(r"10\.\d{4,9}/[^\s<>\"{}\\%]+")
_MEETING = re.compile(
    r"\b(?:proceedings|proc\.|conference|conf\.|workshop|symposium|congress|meeting)(?!\w)", re.IGNORECASE
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TEX = str.maketrans(
    {c: f"\\{c}" for c in "%&#_$"}
    # Braces by name, for BibTeX, other than our parser, counts those behind a backslash too.
    | {"{": r"\textbraceleft{}", "}": r"\textbraceright{}", "\\": r"\textbackslash{}"}
    | {"^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)


def write(papers: Iterable[Paper], format: Format, notes: Mapping[str, Note] = MappingProxyType({})) -> str:
    """The papers in one of `FORMATS`, each once, in their order. Raises `UsageError` for another.

    BibTeX has the `notes` of a reader, which are by paper id: as `annote`, which reference managers show and styles
    leave out of a bibliography, and a star as the keyword "starred".
    """
    if format not in _WRITERS:
        raise UsageError(f"The format {format!r} is unknown: give {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")
    once = list({paper.id: paper for paper in papers}.values())
    return to_bibtex(once, notes) if format == "bibtex" else _WRITERS[format](once)


def to_bibtex(papers: Sequence[Paper], notes: Mapping[str, Note] = MappingProxyType({})) -> str:
    """The papers as BibTeX in UTF-8; `rag.papers.bibtex.read` finds the same papers in it.

    One in a journal is @article, one of a meeting @inproceedings, and others are @misc, for the other types need a
    venue. One on arXiv has its number as `eprint`.
    """
    from bibtexparser import model
    from bibtexparser.entrypoint import write_string
    from bibtexparser.library import Library
    from bibtexparser.middlewares import default_unparse_stack

    library = Library()
    for key, paper in zip(_keys(papers), papers, strict=True):
        known = _bibtex_fields(paper, notes.get(paper.id, Note()))
        fields = [model.Field(name, value) for name, value in known.items() if value]
        kind = "misc" if not paper.venue else "inproceedings" if _MEETING.search(paper.venue) else "article"
        library.add(model.Entry(kind, key, fields))
    return str(write_string(library, unparse_stack=default_unparse_stack(allow_inplace_modification=True)))


def to_ris(papers: Sequence[Paper]) -> str:
    """The papers as RIS (https://en.wikipedia.org/wiki/RIS_(file_format)), by rispy."""
    import rispy

    class Writer(rispy.RisWriter):  # type: ignore[misc]
        """Without a number before each record, which other programs take for a fault."""

        def set_header(self, count: int) -> str:
            return ""

    entries = []
    for key, paper in zip(_keys(papers), papers, strict=True):
        meeting = bool(_MEETING.search(paper.venue or ""))
        fields: dict[str, Any] = {
            "type_of_reference": "GEN" if not paper.venue else "CPAPER" if meeting else "JOUR",
            "id": key,
            "title": _line(paper.title),
            "authors": [_inverted(_line(author), paper.families) for author in paper.authors],
            "year": str(paper.year or ""),
            "secondary_title": _line(paper.venue or ""),
            "doi": doi_of(paper),
            "urls": [_line(paper.url)] if paper.url else [],
            "keywords": [_line(word) for word in paper.keywords],
            "abstract": _line(paper.abstract),
        }
        entries.append({name: value for name, value in fields.items() if value})
    return str(rispy.dumps(entries, implementation=Writer)).lstrip() if entries else ""


def to_csl(papers: Sequence[Paper]) -> str:
    """The papers as CSL-JSON (https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html)."""
    return (
        json.dumps([_csl(k, p) for k, p in zip(_keys(papers), papers, strict=True)], ensure_ascii=False, indent=1)
        + "\n"
    )


def to_csv(papers: Sequence[Paper]) -> str:
    """The papers as CSV (RFC 4180) with a header; several authors or keywords of one have "; " between them.

    It begins with a byte order mark, without which Excel takes UTF-8 for another encoding. A cell that a spreadsheet
    would take for a formula gets an apostrophe before it, and all others are what the paper has.
    """
    from rag.home.tables import harmless

    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("id", "title", "authors", "year", "venue", "doi", "url", "keywords", "abstract"))
    for key, paper in zip(_keys(papers), papers, strict=True):
        several = ("; ".join(map(_line, paper.authors)), "; ".join(map(_line, paper.keywords)))
        about = (str(paper.year or ""), _line(paper.venue or ""), doi_of(paper), _line(paper.url or ""))
        rows.writerow(map(harmless, (key, _line(paper.title), several[0], *about, several[1], paper.abstract)))
    return "\ufeff" + out.getvalue()


_WRITERS: dict[Format, Callable[[Sequence[Paper]], str]] = {
    "bibtex": to_bibtex,
    "ris": to_ris,
    "csl": to_csl,
    "csv": to_csv,
}


def doi_of(paper: Paper) -> str:
    """The bare DOI of a paper, from its address where it has no other; "" without one."""
    given = (paper.doi or "").strip()
    if _PLAIN_DOI.fullmatch(given):
        return given
    found = _DOI.fullmatch(paper.url or "")
    return found[1] if found else ""


def _csl(key: str, paper: Paper) -> dict[str, Any]:
    meeting = bool(_MEETING.search(paper.venue or ""))
    item: dict[str, Any] = {
        "id": key,
        "type": "article" if not paper.venue else "paper-conference" if meeting else "article-journal",
        "title": _line(paper.title),
        "author": [_csl_name(author, paper.families) for author in paper.authors],
        "issued": {"date-parts": [[paper.year]]} if paper.year else None,
        "container-title": _line(paper.venue or ""),
        "DOI": doi_of(paper),
        "URL": paper.url,
        "keyword": ", ".join(paper.keywords),
        "abstract": paper.abstract,
    }
    return {name: value for name, value in item.items() if value}


def _csl_name(author: str, families: Sequence[str]) -> dict[str, str]:
    given, family = split_name(author, families)
    return {"family": family, "given": given} if given else {"literal": family}


def _line(text: str) -> str:
    """`text` on one line, without characters that no program shows."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _bibtex_fields(paper: Paper, kept: Note) -> dict[str, str]:
    url = (paper.url or "").translate({ord(c): f"%{ord(c):02X}" for c in "{}\\"})
    if re.search(r"\s", url):  # no address, and BibTeX has no way to quote one
        url = ""
    arxiv, doi = _ARXIV.fullmatch(url), doi_of(paper)
    return {
        "title": re.sub(r"[^\W_]+", _with_its_case, _tex(paper.title)),
        "author": " and ".join(_bibtex_name(name, paper.families) for name in paper.authors),
        "year": str(paper.year or ""),
        "booktitle" if _MEETING.search(paper.venue or "") else "journal": _tex(paper.venue or ""),
        "eprint": arxiv[1] if arxiv else "",
        "archiveprefix": "arXiv" if arxiv else "",
        "doi": doi,
        "url": "" if _DOI.fullmatch(url) else url,
        "keywords": ", ".join(_tex(word) for word in (*paper.keywords, *(["starred"] if kept.star else []))),
        "annote": _tex(_line(kept.text)),
        "abstract": _tex(paper.abstract),
    }


def _tex(text: str) -> str:
    """`text` as TeX that reads as it does. Other scripts and signs stay as they are: BibTeX files are UTF-8 today."""
    return " ".join(text.split()).translate(_TEX)


def _with_its_case(word: re.Match[str]) -> str:
    """A word with capitals inside, between the braces without which many styles make them small."""
    return f"{{{word.group()}}}" if any(c.isupper() for c in word.group()[1:]) else word.group()


def _inverted(name: str, families: Sequence[str]) -> str:
    """A name with the family name first, and a comma."""
    return ", ".join(part for part in reversed(split_name(name, families)) if part)


def _bibtex_name(name: str, families: Sequence[str]) -> str:
    """A name as BibTeX reads it: with a comma where its family name has several words."""
    if any(name.endswith(f" {family}") for family in families):
        given, family = split_name(name, families)
        return f"{_tex(family)}, {_tex(given)}"
    return _whole(name)


def _whole(name: str) -> str:
    """A name that has a comma or "and" in it stays one between braces."""
    plain = re.sub(r"(?<=\s)and(?=\s)|,", "", name) == name
    return _tex(name) if plain else f"{{{_tex(name)}}}"


def _keys(papers: Iterable[Paper]) -> list[str]:
    """A key for each paper; none is there twice, whatever its case."""
    taken: set[str] = set()
    keys = []
    for paper in papers:
        keys.append(_unused_key(paper, taken))
        taken.add(keys[-1].casefold())
    return keys


def _unused_key(paper: Paper, taken: set[str]) -> str:
    author = fold(paper.authors[0]).split() if paper.authors else []
    word = next((w for w in fold(paper.title).split() if len(w) > 3), "")
    made = f"{author[-1]}{paper.year}{word}" if author and paper.year else paper.id
    for key in (paper.key or "", made, paper.id):
        if _KEY.fullmatch(key) and key.casefold() not in taken:
            return key
    return next(k for n in range(2, len(taken) + 3) if (k := f"{paper.id}-{n}") not in taken)
