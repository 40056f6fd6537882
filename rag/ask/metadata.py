"""What authors, years and venues answer, and what they restrict: before the abstracts are searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.ask.plan import Plan, read_question
from rag.ask.quoting import Finder
from rag.core.markdown import as_it_is
from rag.core.paper import Paper
from rag.index.metadata import Catalogue, MetadataQuestion, read_filters

SHOWN = 60
"""Papers that an answer from the metadata names."""


@dataclass(frozen=True, slots=True)
class Told:
    """A plan after the metadata was read: `answer` where it has the answer, about the papers in `rows`; else the `plan`
    and the `finder` of the papers that it leaves."""

    plan: Plan
    finder: Finder
    answer: str | None = None
    rows: tuple[int, ...] = ()


class Metadata:
    """The authors, years and venues of one collection, asked."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = papers
        self._catalogue = Catalogue(papers)

    def read(self, plan: Plan, finder: Finder) -> Told:
        """What the metadata says of a plan, or what it leaves of it."""
        if plan.kind == "chat":
            return Told(plan, finder)
        asked = read_filters(plan.question, self._catalogue)
        if asked.kind in ("who", "when", "where"):
            return self._about(plan, finder, asked)
        if asked.lacking and asked.kind:
            return Told(plan, finder, f"The papers of this collection have no recorded {asked.lacking}.")
        if not asked.filters:
            return Told(plan, finder)
        rows = finder.allowed(asked.rows)
        if not rows:
            names = ", ".join(as_it_is(name) for name in asked.unknown)
            return Told(plan, finder, f"The collection has no paper {'by ' + names if names else 'of this kind'}.")
        if asked.kind == "which" and not asked.text:
            return Told(replace(plan, kind="list"), finder, self._listed(rows), tuple(rows[:SHOWN]))
        inner = read_question(asked.text or plan.question, finder.read)
        if asked.kind == "which" and inner.kind == "single":
            inner = replace(inner, kind="list", topic=asked.text, searches=(asked.text,))
        plan = replace(inner, question=plan.question, standalone=plan.standalone, rows=tuple(rows))
        return Told(plan, finder.among(rows))

    def _about(self, plan: Plan, finder: Finder, asked: MetadataQuestion) -> Told:
        """The authors, year or venue of the papers that are meant."""
        if asked.lacking:
            return Told(plan, finder, f"The papers of this collection have no recorded {asked.lacking}.")
        rows = finder.allowed(asked.rows) if asked.filters else list(plan.rows)
        if not rows and asked.text:
            found = finder.find(read_question(asked.text, finder.read))
            if found.state in ("answers", "partly"):
                rows = [p.row for p in found.papers][:1]
        if not rows:
            return Told(plan, finder)
        return Told(plan, finder, "\n\n".join(self._card(row) for row in rows[:SHOWN]), tuple(rows[:SHOWN]))

    def _card(self, row: int) -> str:
        paper = self._papers[row]
        authors = as_it_is(", ".join(paper.authors)) or "authors unknown"
        where = ", ".join(as_it_is(str(part)) for part in (paper.venue, paper.year) if part)
        return f"**{as_it_is(paper.title)}**: {authors}{f' ({where})' if where else ''}"

    def _listed(self, rows: Sequence[int]) -> str:
        n = len(rows)
        head = f"**{n} paper{'' if n == 1 else 's'}** of {len(self._papers):,} {'fits' if n == 1 else 'fit'}:\n"
        lines = [f"{number}. {self._card(row)}" for number, row in enumerate(rows[:SHOWN], 1)]
        more = [f"\n… and {n - SHOWN} more."] if n > SHOWN else []
        return "\n".join([head, *lines, *more])
