"""What tells the papers of a collection apart: by which words a text names one, and which words say nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, pairwise

from rag.ask.reading.names import names as written_names
from rag.evaluation.items import Nugget
from rag.index.lexical import words
from rag.papers import Paper

RARE = 20
"""A word is a paper's own where it stands in at most one paper of this many. On 90 lists and counts over 82 papers,
every reference answer that names its papers in words passes, and of 1577 wrong papers 95% are not named."""
FEW = 10
"""Papers, below which no word is called common."""
SAMPLE = 40
"""Abstracts that a nugget is tried on."""
LONGEST = 12
"""Words of a name or title that is looked for in a text."""
OWNERS = 4
"""Papers that may share a name; what more of them write is a subject."""
_TOKEN = re.compile(r"[^\W_]+(?:[.]\d+)?")
_APART = re.compile(r"[,;:?!()\"“”]|\s[-–—/]\s")
"""What no name has inside."""
_INTRODUCED = re.compile(
    r"\b(?:introduc|present|propos|develop|design|call|nam|dubb|term|build|releas)\w*,?\s+(?:(?:a|an|the|our|it|system|method|"
    r"framework|new|novel)\s+)*$",
    re.IGNORECASE,
)
_COINED = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


class Names:
    """The words of a collection. A text names a paper by a rare word, two words of the title in a row, or its name."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = {p.id: p for p in papers}
        self._words = {p.id: frozenset(words(f"{p.title} {p.abstract}")) for p in papers}
        held = Counter(w for own in self._words.values() for w in own)
        self._rare = {w for w, n in held.items() if n <= max(1, len(papers) // RARE)}
        self._abstracts = [" ".join(p.abstract.split()) for p in papers[:: max(1, len(papers) // SAMPLE)]]
        self._named = {p.id: p.title.split(":")[0] for p in papers if ":" in p.title}
        self._ordinary = {w for p in papers for w in re.findall(r"\b[a-z]{2,}\b", f"{p.title} {p.abstract}")}
        self._owners = _owners(papers)
        self._coined = [(p.id, frozenset(_COINED.findall(f"{p.title} {p.abstract}"))) for p in papers]

    def names(self, text: str, id: str) -> bool:
        """Whether `text` names a paper."""
        said = words(text)
        title = self._papers[id].title
        if self._rare & self._words[id] & {*said} or _pairs(said) & _pairs(words(title)):
            return True
        name = "".join(words(title.partition(":")[0]))
        return len(name) > 2 and name in "".join(said)

    def mentioned(self, text: str) -> set[str]:
        """The ids of the papers that `text` names: by what stands before the colon of the title, by a name that it
        alone gives itself, or by the whole title."""
        return {id for owners in self._mentions(text).values() for id in owners}

    def outside(self, text: str, own: Collection[str]) -> dict[str, str]:
        """Names in `text` that no paper in `own` has, each with the id of the likeliest that has it."""
        told = _key(" ".join(f"{p.title} {p.abstract}" for id, p in self._papers.items() if id in own))
        return {
            name: owners[0]
            for name, owners in self._mentions(text).items()
            if not {*owners} & {*own} and _key(name) not in told
        }

    def _mentions(self, text: str) -> dict[str, list[str]]:
        """The names in a text, the longest first where they overlap, each with the papers that own it."""
        tokens = list(_TOKEN.finditer(text))
        taken: set[int] = set()
        found: dict[str, list[str]] = {}
        for size in range(min(LONGEST, len(tokens)), 0, -1):
            for i in range(len(tokens) - size + 1):
                key = "".join(t.group().casefold() for t in tokens[i : i + size])
                span = text[tokens[i].start() : tokens[i + size - 1].end()]
                if key in self._owners and not taken & {*range(i, i + size)} and not _APART.search(span):
                    if size == 1 and span.islower() and key in self._ordinary:
                        continue
                    taken.update(range(i, i + size))
                    found[span] = self._owners[key]
        return found

    def others(self, text: str, ids: Collection[str]) -> list[tuple[str, str]]:
        """Names in `text` that only papers outside `ids` have, each with such a paper.

        A name is what stands before the colon of a title, or a word with two capitals that few papers have.
        """
        own = {id for id in ids if id in self._papers}
        found = {}
        for word in (w for w in _COINED.findall(text) if sum(c.isupper() for c in w) > 1 and len(w) > 2):
            having = [id for id, coined in self._coined if word in coined]
            if 0 < len(having) <= max(1, len(self._papers) // RARE) and not {*having} & own:
                found[word] = having[0]
        for id, name in self._named.items():
            if id not in own and re.search(rf"\b{re.escape(name)}\b", text):
                found[name] = id
        return [*found.items()]

    def everywhere(self, nugget: Nugget) -> Iterator[str]:
        """Its aliases and patterns that more than half of the abstracts have, so that they prove nothing."""
        if len(self._abstracts) < FEW:
            return
        for written, expression in zip((*nugget.aliases, *nugget.patterns), nugget.expressions, strict=True):
            if _most(re.search(expression, a, re.IGNORECASE) is not None for a in self._abstracts):
                yield written


def _owners(papers: Sequence[Paper]) -> dict[str, list[str]]:
    """The papers that own each name, as one word in lower case: titles, what stands before their colon, other names in
    them, and names that an abstract introduces, or says twice and no other does."""
    written: dict[str, set[str]] = {}
    for p in papers:
        for name in written_names(f"{p.title}. {p.abstract}"):
            written.setdefault(_key(name.text), set()).add(p.id)
    found: dict[str, list[str]] = {}
    for p in papers:
        head, colon, _ = p.title.partition(":")
        own = {_key(p.title)} | ({_key(head)} if colon and len(head.split()) <= 4 else set())
        own |= {_key(n.text) for n in written_names(p.title) if n.strong}
        held = Counter(_key(n.text) for n in written_names(p.abstract) if n.strong)
        own |= {k for k, n in held.items() if n > 1 and len(written[k]) == 1}
        own |= {
            _key(n.text)
            for n in written_names(p.abstract)
            if _INTRODUCED.search(p.abstract, max(0, n.start - 80), n.start)
        }
        for key in own:
            if len(key) > 1 and len(written.get(key, ())) <= OWNERS:
                found.setdefault(key, []).append(p.id)
    return found


def _key(name: str) -> str:
    return "".join(t.group().casefold() for t in _TOKEN.finditer(name))


def _most(found: Iterator[bool]) -> bool:
    """Whether more are found than not; where none of the first `FEW` is, the others are not tried."""
    first = [*islice(found, FEW)]
    return any(first) and 2 * sum(rest := [*first, *found]) > len(rest)


def _pairs(said: Sequence[str]) -> set[tuple[str, str]]:
    return {(a, b) for a, b in pairwise(said) if min(len(a), len(b)) > 3}
