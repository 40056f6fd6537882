"""Papers that callers add: files in, progress while they are embedded, a report of what became of each record."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from rag.api.collections import Collections, title
from rag.core.errors import Locked, PaperError, RagError, UsageError
from rag.core.paper import Paper
from rag.index import holdings
from rag.papers import Merged, Papers, Remark
from rag.papers.apart import load_apart
from rag.service import Rag

MOST = 20_000
"""Papers of a collection that readers add to: some twenty minutes of embedding on two cores."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is being done, and how much of it; `total` is 1 where that can't be told."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the records: `papers` are in the collection now, `new` are the ids of those that were not there
    before. Of those that were there, `changed` have other fields now, and `known` are as they were.

    File names are those that the reader knows, not where the server kept them.
    """

    collection: str
    papers: int
    new: frozenset[str] = frozenset()
    changed: tuple[Paper, ...] = ()
    known: tuple[Paper, ...] = ()
    merged: tuple[Merged, ...] = ()
    refused: tuple[PaperError, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def added(self) -> int:
        """How many papers are new."""
        return len(self.new)


class Uploads:
    """Adds files to the collections of a home, to each from one reader at a time."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self._busy: set[str] = set()
        self._guard = threading.Lock()

    def add(self, files: Sequence[str | Path], collection: str) -> Iterator[Step | Report]:
        """Add the papers of `files`, and delete the files; ends with the report.

        It goes on to its end even if nobody reads on: half a collection is of no use. Raises `RagError` with a sentence
        where there is no file, or no name that fits, or while others add to the collection, and leaves the files then;
        also where there would be too many papers, or an embedding fails.
        """
        paths = [Path(file) for file in files]
        rag = self._opened(paths, collection)
        self._begin(rag.config.collection)
        events: SimpleQueue[Step | Report | Exception] = SimpleQueue()

        def work() -> None:
            outcome: Report | Exception
            try:
                outcome = _added(rag, paths, events)
            except Exception as error:  # raised again where the events are read
                outcome = error
            self._end(rag.config.collection)
            _delete(paths)
            events.put(outcome)

        threading.Thread(target=work, name="upload", daemon=True).start()
        while not isinstance(event := events.get(), Report):
            if isinstance(event, Exception):
                raise event
            yield event
        yield event

    def remove(self, collection: str, ids: Collection[str] | None = None) -> str:
        """Delete the papers with these ids, and the collection with them where it has no other; its name.

        Without ids all papers go. Raises `RagError` where the collection is being added to or is gone.
        """
        rag = self._collections.rag(collection)
        with self._alone(rag.config.collection):
            held = {paper.id for paper in rag.papers()}
            gone = held if ids is None else held.intersection(ids)
            if gone == held and collection != self._collections.config.collection:
                self._collections.forget(collection)
                holdings.delete(rag.config.home, rag.config.collection, keep=True)
            elif gone:
                rag.remove(gone)
        return collection

    def restore(self, collection: str, id: str) -> str:
        """Bring back papers that were deleted; the name of the collection. Raises `RagError` where that can't be."""
        rag = self._collections.rag(collection)
        with self._alone(rag.config.collection):
            rag.restore(id)
        return collection

    @property
    def busy(self) -> frozenset[str]:
        """The collections that are being added to."""
        with self._guard:
            return frozenset(self._busy)

    def _opened(self, paths: Sequence[Path], collection: str) -> Rag:
        if not paths:
            raise UsageError("There is no file yet: choose one or more first.")
        if not collection:
            raise UsageError("The collection has no name yet: write a new one, or that of one to add to.")
        return self._collections.made(self._named(" ".join(collection.split())))

    def _named(self, name: str) -> str:
        """The collection that is called so on the page, whatever the case, or a new one of this name."""
        called = {known.casefold(): one for one in self._collections.names() for known in (title(one), one)}
        return called.get(name.casefold(), name)

    @contextmanager
    def _alone(self, collection: str) -> Iterator[None]:
        self._begin(collection)
        try:
            yield
        finally:
            self._end(collection)

    def _begin(self, collection: str) -> None:
        with self._guard:
            if collection in self._busy:
                raise Locked(f"Papers are being added to {title(collection)} already; try again when that is done.")
            self._busy.add(collection)

    def _end(self, collection: str) -> None:
        with self._guard:
            self._busy.discard(collection)


def _added(rag: Rag, paths: Sequence[Path], events: SimpleQueue[Step | Report | Exception]) -> Report:
    def report(stage: str, done: int, total: int) -> None:
        events.put(Step(stage, done, total))

    report("Reading the files", 0, 1)
    loaded = load_apart(paths, MOST)
    before = rag.papers()
    after = Papers(before)
    numbers = [after.add(paper, newer=True) for paper in loaded.papers]
    there = sorted({n for n in numbers if n is not None and n < len(before)})
    changed = tuple(after[n] for n in there if _said(after[n]) != _said(before[n]))
    known = tuple(after[n] for n in there if after[n] not in changed)
    if len(after) > MOST and len(after) > len(before):
        raise UsageError(
            f"With these the collection would have {len(after):,} papers, and here it can have {MOST:,}. Add "
            "fewer; whoever runs this server can add more, by rag ingest."
        )
    if changed or len(after) > len(before):
        rag.ingest(loaded, add=True, progress=report)
        with suppress(RagError):  # The papers are there all the same, and the next question says what is wrong.
            rag.index()  # Opens the index, for which the first question would wait otherwise.
    merged = tuple(Merged(m.kept, Path(m.file).name, m.line) for m in loaded.merged)
    refused = tuple(PaperError(Path(r.file).name, r.line, r.reason) for r in loaded.refused)
    remarks = tuple(Remark(Path(r.file).name, r.line, r.reason, r.about) for r in loaded.remarks)
    new = frozenset(p.id for p in list(after)[len(before) :])
    return Report(rag.config.collection, len(rag.papers()), new, changed, known, merged, refused, remarks)


def _said(paper: Paper) -> Paper:
    """What a record says, wherever it came from."""
    return replace(paper, sources=())


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()  # Gradio makes a folder for each file.
