"""What tells the papers of a collection apart: by which words a text names one, and which words say nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import islice, pairwise

from rag.ask.names import Names as Mentions
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
        self._coined = [(p.id, frozenset(_COINED.findall(f"{p.title} {p.abstract}"))) for p in papers]

    def names(self, text: str, id: str) -> bool:
        """Whether `text` names a paper."""
        said = words(text)
        title = self._papers[id].title
        if self._rare & self._words[id] & {*said} or _pairs(said) & _pairs(words(title)):
            return True
        name = "".join(words(title.partition(":")[0]))
        return len(name) > 2 and name in "".join(said)

    @cached_property
    def _mentions(self) -> Mentions:
        return Mentions([*self._papers.values()])

    def mentioned(self, text: str) -> set[str]:
        """The ids of the papers that `text` names so that our system would know them by it."""
        ids = [*self._papers]
        return {ids[row] for mention in self._mentions.mentions(text) for row in mention.rows}

    def outside(self, text: str, own: Collection[str]) -> dict[str, str]:
        """Names in `text` that no paper in `own` has, each with the id of the likeliest that has it."""
        ids = [*self._papers]
        found = ((m.name, [ids[row] for row in m.rows]) for m in self._mentions.mentions(text))
        return {name: having[0] for name, having in found if not {*having} & {*own}}

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


def _most(found: Iterator[bool]) -> bool:
    """Whether more are found than not; where none of the first `FEW` is, the others are not tried."""
    first = [*islice(found, FEW)]
    return any(first) and 2 * sum(rest := [*first, *found]) > len(rest)


def _pairs(said: Sequence[str]) -> set[tuple[str, str]]:
    return {(a, b) for a, b in pairwise(said) if min(len(a), len(b)) > 3}
