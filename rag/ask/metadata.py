"""What authors, years and venues answer, and to which papers they restrict a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.ask.answering import as_it_is
from rag.ask.citations import Citations
from rag.ask.finding import Finder
from rag.ask.question import Query
from rag.core.paper import Paper
from rag.index.metadata import Catalogue, MetadataQuestion, read_filters

SHOWN = 60
"""Papers that one answer from the metadata names."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A question after the metadata was read.

    `question` is what is left of it for the abstracts of the papers of `finder`. Where the metadata has the answer,
    `text` is that, and `rows` are the papers that it is about. `unsure`: it is no answer, but the nearest there is.
    """

    question: str
    finder: Finder
    text: str | None = None
    rows: tuple[int, ...] = ()
    unsure: bool = False


class Metadata:
    """The authors, years and venues of one collection, to be asked."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = papers
        self._catalogue = Catalogue(papers)
        self._any = any(p.authors or p.year or p.venue or p.doi or p.key for p in papers)

    def read(self, question: str, query: Query, finder: Finder) -> Reading:
        """What the metadata makes of a question, of which `query` is the reading in its conversation."""
        if not self._any or query.chat:
            return Reading(question, finder)
        asked = read_filters(question, self._catalogue)
        if asked.kind and asked.lacking:
            return Reading(question, finder, f"The papers of this collection have no {asked.lacking}.")
        if asked.kind in ("who", "when", "where"):
            return self._about(question, query, finder, asked)
        if asked.unknown and not asked.rows:
            names = ", ".join(as_it_is(name) for name in asked.unknown)
            return (
                Reading(question, finder, f"The collection has no paper by {names}.")
                if asked.kind
                else Reading(question, finder)
            )
        if not asked.filters:
            return Reading(question, finder)
        rows = finder.allowed(asked.rows)
        if not rows:
            return Reading(question, finder, "The collection has no such paper.")
        if asked.kind == "which" and not asked.text:
            return Reading(question, finder, self._listed(rows), tuple(rows[:SHOWN]))
        left = asked.text or question
        if asked.kind == "which":
            left = left if left.lower().startswith(("which", "what", "how many")) else f"Which papers are about {left}?"
        return Reading(left, finder.among(rows))

    def _about(self, question: str, query: Query, finder: Finder, asked: MetadataQuestion) -> Reading:
        """The authors, the year or the venue of the papers that are meant: named, described, or talked of before."""
        rows = finder.allowed(asked.rows) if asked.filters else list(query.rows)
        if asked.text and not (asked.filters and len(rows) == 1):
            inside = finder.among(rows) if asked.filters and rows else finder
            found = inside.find(inside.understand(asked.text, ()))
            best = [p.row for p in found.findings.papers[:1]] or [int(r) for r in found.ranking.rows[:1]]
            rows = best or rows
        if not rows:
            return Reading(question, finder)
        return Reading(question, finder, "\n\n".join(self._card(row) for row in rows[:SHOWN]), tuple(rows[:SHOWN]))

    def nearest(self, reading: Reading, rows: Sequence[int]) -> Reading:
        """What to say where the abstracts of the papers in `rows`, to which the metadata led, do not clearly answer."""
        head = "No abstract clearly answers this. Of the years, authors or venues that you ask for there are:\n"
        text = self._listed(rows, head)
        return replace(reading, text=text, rows=tuple(rows[:SHOWN]), unsure=True)

    def cited(self, reading: Reading, citations: Citations) -> str:
        """The text of the answer; of one paper with the first sentence of its abstract, which is cited."""
        assert reading.text is not None
        if len(reading.rows) != 1:
            return reading.text
        (row,) = reading.rows
        spans = reading.finder.index.sentences(row)
        if not spans:
            return reading.text
        citation = citations.cite(row, spans[0])
        return f"{reading.text}\n\n> “{as_it_is(citation.quote)}” [{citation.marker}]"

    def _card(self, row: int) -> str:
        paper = self._papers[row]
        authors = as_it_is(", ".join(paper.authors)) or "authors unknown"
        where = ", ".join(as_it_is(str(part)) for part in (paper.venue, paper.year) if part)
        return f"**{as_it_is(paper.title)}**: {authors}{f' ({where})' if where else ''}"

    def _listed(self, rows: Sequence[int], head: str = "") -> str:
        n = len(rows)
        head = head or f"**{n} of {len(self._papers):,} papers** {'fits' if n == 1 else 'fit'}:\n"
        lines = [f"{number}. {self._card(row)}" for number, row in enumerate(rows[:SHOWN], 1)]
        more = [f"\n… and {n - SHOWN} more."] if n > SHOWN else []
        return "\n".join([head, *lines, *more])
