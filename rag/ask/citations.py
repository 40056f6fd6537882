"""Markers and what they stand for. Nothing leaves the service whose quote is not in its abstract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from rag.core.answer import Citation
from rag.core.errors import RagError
from rag.index.index import Index
from rag.papers.sentences import Span


@dataclass(slots=True)
class Citations:
    """Gives sentences their markers: 1, 2, … in the order of use; the same sentence keeps its marker."""

    index: Index
    _found: dict[tuple[int, int, int], Citation] = field(default_factory=dict)

    def cite(self, row: int, span: Span, *, supported: bool = True) -> Citation:
        """The citation of a stretch of the abstract of the paper in `row`.

        It is supported where it bears out all that one claim says, whatever else it is cited for.
        """
        key = (row, span.start, span.end)
        if key not in self._found:
            paper = self.index.papers[row]
            quote = paper.abstract[span.start : span.end]
            marker = len(self._found) + 1
            self._found[key] = Citation(marker, paper.id, paper.title, quote, span.start, span.end, supported)
        elif supported and not self._found[key].supported:
            self._found[key] = replace(self._found[key], supported=True)
        return self._found[key]

    def doubt(self, marker: int) -> None:
        """Take back that a citation bears out a claim."""
        for key, found in self._found.items():
            if found.marker == marker:
                self._found[key] = replace(found, supported=False)

    def all(self) -> tuple[Citation, ...]:
        """Every citation so far, by marker."""
        return tuple(self._found.values())


def check(citations: Iterable[Citation], index: Index) -> None:
    """Raise RagError where a quote is not, to the character, what its abstract has between its offsets."""
    for c in citations:
        row = index.rows.get(c.paper_id)
        if row is None or not c.quote or index.papers[row].abstract[c.start : c.end] != c.quote:
            raise RagError(
                f"Citation [{c.marker}] of {c.paper_id} does not match its abstract; the answer is withheld."
            )
