"""Answers made of exact sentences, arranged for the kind of question. No model writes here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rag.ask.citations import Citations
from rag.ask.evidence import Evidence
from rag.ask.names import Names
from rag.ask.question import Query
from rag.index.index import Index
from rag.papers.passages import Span


@dataclass(frozen=True, slots=True)
class PaperEvidence:
    """The sentences of one paper that answer, in the order of the abstract, and the `rest` of it."""

    row: int
    sentences: tuple[Evidence, ...]
    rest: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class SideEvidence:
    """One side of a comparison: how the question calls it, and its paper's sentences; None where there is none.

    `mentioned` are the rows of papers that mention a side that has no paper of its own; `outside` says that the
    collection has one, and that the question is not asked of it. `cells` are what its abstract says of each aspect of
    the comparison, where it has some; `brief` says that a long sentence of two of them is told once.
    """

    text: str
    paper: PaperEvidence | None
    mentioned: tuple[int, ...] = ()
    outside: bool = False
    cells: tuple[tuple[Span, ...], ...] = ()
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found for a question, before it is put into words.

    `papers` for single answers and lists, best first; `sides` for comparisons; `nearest` are the rows to name when
    the collection does not answer; `confidence` is the probability that it does; `unsaid` is the row of the paper that
    is there and does not say it; `aspects` are the columns of a comparison that asks for several.
    """

    query: Query
    searched: int
    papers: tuple[PaperEvidence, ...] = ()
    sides: tuple[SideEvidence, ...] = ()
    nearest: tuple[int, ...] = ()
    abstain: bool = False
    unsaid: int | None = None
    confidence: float = 0.0
    aspects: tuple[str, ...] = ()


LONG = 40
"""Words of a sentence that a row of a long table doesn't repeat: two cells of it would fill the answer."""


def is_long(sentence: str) -> bool:
    """Whether a sentence is told once in a row, and referred to by its marker after that."""
    return len(sentence.split()) > LONG


def quote(findings: Findings, index: Index, names: Names, citations: Citations) -> Iterator[str]:
    """The Markdown of the answer, in pieces; what it relies on is cited in `citations`."""
    writer = _Writer(findings, index, names, citations)
    if findings.abstain:
        return writer.abstain()
    kinds = {"comparison": writer.compare, "list": writer.enumerate, "single": writer.single}
    return kinds[findings.query.kind]()


@dataclass(slots=True)
class _Writer:
    findings: Findings
    index: Index
    names: Names
    citations: Citations

    def single(self) -> Iterator[str]:
        papers = self.findings.papers
        if len(papers) > 1:
            yield f"{_number(len(papers)).capitalize()} papers fit this, the closest first.\n\n"
        for i, paper in enumerate(papers):
            yield ("\n\n" if i else "") + f"**{self._title(paper.row)}**\n"
            for sentence in paper.sentences:
                yield f"\n> {self._quoted(sentence)}\n>"

    def compare(self) -> Iterator[str]:
        columns = [aspect.capitalize() for aspect in self.findings.aspects] or ["What its abstract says"]
        if any(s.paper is not None for s in self.findings.sides):
            yield f"| Paper | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|\n"
        for side in self.findings.sides:
            if side.paper is not None:
                row = side.paper.row
                cells = side.cells or (tuple(s.span for s in side.paper.sentences),)
                told = [{span for cell in cells[:n] for span in cell if side.brief} for n in range(len(cells))]
                quotes = " | ".join(_cell(self._quotes(row, *cell)) for cell in zip(cells, told, strict=True))
                yield f"| **{_cell(self._title(row))}** | {quotes} |\n"
        for side in self.findings.sides:
            if side.paper is None:
                yield "\n" + self._absent(side)

    def _quotes(self, row: int, spans: Sequence[Span], told: Collection[Span]) -> str:
        """What a cell says, `told` being what those before it in the row say."""
        abstract = self.index.papers[row].abstract
        again = [span in told and is_long(abstract[span.start : span.end]) for span in spans]
        quotes = [_between_marks(row, span, self.citations) for span in spans]
        marks = [f"The sentence at [{self.citations.cite(row, span).marker}]." for span in spans]
        return "<br>".join(m if a else q for q, m, a in zip(quotes, marks, again, strict=True)) or NOT_SAID

    def _absent(self, side: SideEvidence) -> str:
        text = f"{self._no_paper} on {as_it_is(side.text)}"
        if side.outside:
            text = not_chosen([as_it_is(side.text)])
        if side.mentioned:
            mention = ", ".join(self._title(row) for row in side.mentioned[:2])
            return f"{text}; it is only mentioned, in {mention}.\n"
        return f"{text}.\n"

    def enumerate(self) -> Iterator[str]:
        papers = self.findings.papers
        n = len(papers)
        if self.findings.query.size:
            yield f"{'You chose' if self._chosen else 'The collection holds'} **{_papers(self.findings.searched)}**."
            return
        yield f"**{n} of {_papers(self.findings.searched)}** {'fits' if n == 1 else 'fit'}; all were considered.\n"
        for i, paper in enumerate(papers, 1):
            quotes = " ".join(self._quoted(s) for s in paper.sentences)
            yield f"\n{i}. **{self._title(paper.row)}**: {quotes}"

    def abstain(self) -> Iterator[str]:
        searched = f"{self.findings.searched} abstract{'' if self.findings.searched == 1 else 's'}"
        if self.findings.query.chat:
            yield f"Ask me about the papers: I answer with exact quotes from {searched}."
            return
        if self.findings.query.negated and self.findings.query.kind == "list":
            yield f"I can list what papers say, not what they leave out. Ask which of the {searched} have something"
        elif self.findings.unsaid is not None:
            yield f"The abstract of **{self._title(self.findings.unsaid)}** does not say. "
            yield f"I searched {searched}"
        elif self.findings.query.sides:
            yield f"{self._none_of_the_sides()}. I searched {searched}"
        else:
            yield f"{self._nobody_says}: I searched {searched}, and none answers this"
        nearest = [row for row in self.findings.nearest if row != self.findings.unsaid][:3]
        if nearest:
            yield "; the nearest are\n\n" + "\n".join(f"- {self._title(row)}" for row in nearest)
        else:
            yield "."

    def _none_of_the_sides(self) -> str:
        outside = [as_it_is(s.text) for s in self.findings.sides if s.outside]
        absent = " or ".join(as_it_is(s.text) for s in self.findings.sides if not s.outside)
        if not outside:
            return f"{self._no_paper} on {absent or 'these'}"
        return not_chosen(outside) + (f", and none of these is on {absent}" if absent else "")

    @property
    def _chosen(self) -> bool:
        """Whether only some papers of the collection were asked."""
        return self.findings.searched < len(self.index)

    @property
    def _no_paper(self) -> str:
        if not self._chosen:
            return "The collection has no paper"
        return (
            "The paper that you chose is not" if self.findings.searched == 1 else "None of the papers that you chose is"
        )

    @property
    def _nobody_says(self) -> str:
        if not self._chosen:
            return "The collection does not say"
        return f"The paper{' that you chose does' if self.findings.searched == 1 else 's that you chose do'} not say"

    def _title(self, row: int) -> str:
        return as_it_is(self.index.papers[row].title)

    def _quoted(self, sentence: Evidence) -> str:
        return quoted(sentence, self.citations)


def not_chosen(names: Sequence[str]) -> str:
    """A sentence without its full stop: papers of the collection are not among those that were asked."""
    *most, last = names
    who = f"{', '.join(most)} and {last} are" if most else f"{last} is"
    return f"{who} not among the papers that you chose"


def quoted(sentence: Evidence, citations: Citations) -> str:
    """A sentence between quotation marks, with its marker."""
    return _between_marks(sentence.row, sentence.span, citations)


def _between_marks(row: int, span: Span, citations: Citations) -> str:
    citation = citations.cite(row, span)
    return f"“{as_it_is(citation.quote)}” [{citation.marker}]"


NOT_SAID = "The abstract does not say."
"""What stands in a cell of a table that no sentence of the abstract belongs into."""
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")


def as_it_is(text: str) -> str:
    """`text` as Markdown that shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _cell(text: str) -> str:
    """Markdown for one cell of a table, where a line can't be broken."""
    return text.replace("\n", " ")


def _papers(n: int) -> str:
    return f"{n} paper{'' if n == 1 else 's'}"


def _number(n: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(n, str(n))
