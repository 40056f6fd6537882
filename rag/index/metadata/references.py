"""Papers that a question points at by a reference: a citation key, a DOI, a venue."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.core.paper import fold
from rag.index.metadata.catalogue import DOI, Catalogue, bare_doi
from rag.index.metadata.years import PAPER

_DOI_AROUND = re.compile(rf"(?:https?://(?:dx\.)?doi\.org/|doi:?\s*)?(?P<doi>{DOI.pattern})", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\[@?([^\[\]\s;,]+(?:\s*[;,]\s*@?[^\[\]\s;,]+)*)\]|\\cite\w*\{([^{}]+)\}")
_TOKEN = re.compile(r"(?<![\w@/.-])@?(?P<key>[^\W\d_][\w:./+-]{2,}\w)")
_AUTHOR_YEAR = re.compile(r"([^\W\d_]+(?:[-_][^\W\d_]+)*?)[_:-]?((?:1[5-9]|20)\d\d)[a-z]?")
_VENUE_CUE = re.compile(
    rf"(?:\b(?:published|appeared?|appearing|presented|printed)\s+(?:[^?.,;]{{0,60}}?\s)?(?:in|at|by)"
    rf"|\b{PAPER}(?:\s+(?:that|which)\s+(?:are|were))?\s+(?:in|from|at)|\bjournals?|\bvenues?|\bconferences?)"
    r"\s+(?:the\s+)?(?:journals?\s+)?[\"“']?$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Reference:
    """What points at papers: its place, how the question writes it, and the rows; none where it points at nothing."""

    start: int
    end: int
    text: str
    rows: tuple[int, ...]


def find_references(question: str, catalogue: Catalogue) -> list[Reference]:
    """The DOIs and citation keys in `question`, in its order.

    A bare word is one only if a paper has it as its key and it can't be another word: with a digit or an underscore.
    "[1]" is the marker of a quote, and none. "[Smith2020]" without such a paper points at nothing.
    """
    found: list[Reference] = []
    for match in _DOI_AROUND.finditer(question):
        doi = bare_doi(match["doi"])
        found.append(Reference(match.start(), match.start("doi") + len(doi), doi, catalogue.by_doi(doi)))
    for match in _IN_BRACKETS.finditer(question):
        keys = [key.strip(" @") for key in re.split(r"[;,]", match[1] or match[2])]
        rows = tuple(sorted({row for key in keys for row in _keyed(key, catalogue, sure=True)}))
        if rows or all(_AUTHOR_YEAR.fullmatch(key) for key in keys):
            found.append(Reference(match.start(), match.end(), ", ".join(keys), rows))
    for match in _TOKEN.finditer(question):
        if any(f.start <= match.start() < f.end for f in found):
            continue
        sure = match[0].startswith("@")
        if rows := _keyed(match["key"], catalogue, sure=sure):
            found.append(Reference(match.start(), match.end(), match["key"], rows))
    return sorted(found, key=lambda f: f.start)


def _keyed(key: str, catalogue: Catalogue, *, sure: bool) -> tuple[int, ...]:
    if not any(c.isalpha() for c in key) or not (sure or re.search(r"[\d_]", key)):
        return ()
    if rows := catalogue.by_key(key):
        # A system may be called like the key of its paper, and then its name is what the question is about.
        return rows if sure or _AUTHOR_YEAR.fullmatch(key) or not catalogue.mentions(fold(key)) else ()
    made = _AUTHOR_YEAR.fullmatch(key)
    if not made:
        return ()
    # A key as many styles make it, where the file gave another or none.
    rows = tuple(row for row in catalogue.by_author(made[1]) if catalogue.papers[row].year == int(made[2]))
    return catalogue.first_author(rows, made[1]) or rows


def find_venue(question: str, catalogue: Catalogue) -> Reference | None:
    """The venue that `question` restricts papers to, with the word before it that goes with it.

    Only behind a cue, for many venues are called by a word: "published in Nature", "papers from Cell", "Cell papers".
    """
    words = list(_WORD.finditer(question))
    for size in range(min(catalogue.longest_venue, len(words)), 0, -1):
        for at in range(len(words) - size + 1):
            start, end = words[at].start(), words[at + size - 1].end()
            rows = catalogue.by_venue(question[start:end])
            if not rows or not question[start].isupper():
                continue
            if cue := _VENUE_CUE.search(question[:start]):
                inner = re.search(r"(?:in|at|by|from)?\s*(?:the\s+)?(?:journals?\s+)?[\"“']?$", cue[0], re.IGNORECASE)
                begin = start - len(inner[0]) if inner else start
                return Reference(begin, end, question[start:end], rows)
            if at and re.match(rf"\s+{PAPER}\b", question[end:]):
                return Reference(start, end, question[start:end], rows)
    return None
