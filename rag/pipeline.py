"""The service: build it, feed it papers, ask it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout
from llama_index.core.base.embeddings.base import BaseEmbedding

from rag.answer import Answer, Event, Retrieved, Step, Text, Turn
from rag.answering import Findings, quote
from rag.citations import Citations, check
from rag.config import DEFAULT_COLLECTION, MAX_HISTORY, MAX_QUESTION, MAX_TURN, Config
from rag.embedding import BuiltinEmbedding, check_model
from rag.errors import ConfigError, Locked, PaperError, RagError, StoreError, UsageError
from rag.external import External, ExternalVectors, chosen
from rag.external_indexing import build as build_external
from rag.finding import Finder, Found
from rag.index import Index, current, digest, fingerprint_digest
from rag.indexing import build as build_index
from rag.library import read_papers, write_papers
from rag.names import Names
from rag.papers import Merged, Paper, load
from rag.question import understand
from rag.resources import seeds
from rag.retrieval import PaperRanker
from rag.retriever import PaperRetriever
from rag.threads import one_thread

RETRIEVED = 20
"""Papers of the ranking that an answer shows."""
LOCK_SECONDS = 600
"""How long a question waits for another process that is filling the same collection."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did. Counts are papers; `merged` are duplicates, `refused` records that were left out."""

    papers: int
    added: int
    changed: int
    removed: int
    unchanged: int
    merged: tuple[Merged, ...]
    refused: tuple[PaperError, ...]
    seconds: float


def build(config: Config | None = None, *, embedding: BaseEmbedding | None = None) -> Rag:
    """The service for a configuration; without one, for that of the environment. Reads nothing yet.

    `embedding` is any LlamaIndex embedding, to rank passages with instead of the one that the configuration names.
    """
    return Rag(config or Config.load(), embedding=embedding)


class Rag:
    """A collection that answers. Safe to use from several threads; close it, or use it as a context manager."""

    def __init__(self, config: Config, *, embedding: BaseEmbedding | None = None) -> None:
        self.config = config
        self._folder = config.home / "collections" / config.collection
        other = embedding or chosen(config)
        self._embedding = other if isinstance(other, BuiltinEmbedding) else BuiltinEmbedding(threads=config.threads)
        self._external = External(other) if other is not None and other is not self._embedding else None
        self._finder: Finder | None = None
        self._papers: tuple[tuple[int, int, int], tuple[Paper, ...]] | None = None
        self._guard = threading.RLock()

    def __enter__(self) -> Rag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, question: str, history: Sequence[Turn | Mapping[str, str]] = (), *, id: str | None = None) -> Answer:
        """Answer a question, in the light of the turns before it.

        Raises UsageError for a question or history that is empty or too long.
        """
        for event in self.stream(question, history):
            if isinstance(event, Answer):
                return replace(event, id=id)
        raise RagError("The answer broke off.")

    def stream(self, question: str, history: Sequence[Turn | Mapping[str, str]] = ()) -> Iterator[Event]:
        """The same as events: steps, pieces of text, and the Answer at the end."""
        turns = _turns(question, history)
        started = time.perf_counter()
        finder = self._open()
        yield Step("understand", "Reading the question")
        with one_thread():
            query = understand(question, turns, finder.names, self._best_row)
        understood = time.perf_counter()
        yield Step("retrieve", f"Searching {len(finder.index):,} papers")
        with one_thread():
            found = finder.find(query)
        retrieved = time.perf_counter()
        yield Step("answer", "Quoting")
        citations = Citations(finder.index)
        pieces = []
        for piece in quote(found.findings, finder.index, finder.names, citations):
            pieces.append(piece)
            yield Text(piece)
        check(citations.all(), finder.index)
        done = time.perf_counter()
        marks = (started, understood, retrieved, done)
        yield _answer(question, found, finder, "".join(pieces), citations, marks)

    def ingest(
        self,
        paths: Sequence[Path] = (),
        *,
        add: bool = False,
        skip_bad: bool = False,
        progress: Progress | None = None,
    ) -> Ingested:
        """Make the collection hold exactly the papers in `paths`, or these too with `add`.

        Without paths an empty collection is filled from the seeds, and any other is only brought up to date with this
        version. Only what differs is embedded. Raises PaperError for what can't be read, unless `skip_bad`; Locked
        while another process writes the collection; ModelError where another embedding than the built-in one fails.
        """
        started = time.perf_counter()
        progress = progress or (lambda stage, done, total: None)
        check_model()
        if self._external is not None:
            _ = self._external.probe  # an embedding that can't be reached fails before anything is changed
        self._make_folder(filled=bool(paths))
        with self._locked():
            library = self._folder / "papers.jsonl"
            old = _readable(library) if paths and not add else read_papers(library)
            progress("Reading papers", 0, 1)
            loaded = load(paths or ([] if old else [seeds()]), skip_bad=skip_bad)
            papers = _merge(old if add or not paths else [], loaded.papers)
            progress("Reading papers", 1, 1)
            if not papers:
                raise UsageError("There is no paper to ingest; nothing was changed.")
            if papers != old:
                write_papers(library, papers)
            with one_thread():
                folder = build_index(self._folder, papers, self._embedding, progress)
                if self._external is not None:
                    build_external(folder, papers, self._embedding, self._external, progress)
        before, after = {p.id: p for p in old}, {p.id: p for p in papers}
        titles = {p.title for p in old if p.id not in after}
        added = [p for p in papers if p.id not in before]
        changed = sum(p.title in titles for p in added) + sum(before.get(p.id, p) != p for p in papers)
        return Ingested(
            papers=len(papers),
            added=len(added) - sum(p.title in titles for p in added),
            changed=changed,
            removed=len([i for i in before if i not in after]) - sum(p.title in titles for p in added),
            unchanged=sum(before.get(p.id) == p for p in papers),
            merged=loaded.merged,
            refused=loaded.refused,
            seconds=time.perf_counter() - started,
        )

    def papers(self) -> tuple[Paper, ...]:
        """The papers of the collection, in the order of their files; none before the first ingest."""
        library = self._folder / "papers.jsonl"
        try:
            state = library.stat()
        except OSError:
            return ()
        # The page asks for them at every answer; the file is read again when it has changed.
        key = (state.st_mtime_ns, state.st_size, state.st_ino)
        if self._papers is None or self._papers[0] != key:
            self._papers = (key, tuple(read_papers(library)))
        return self._papers[1]

    def as_retriever(self, top_k: int = 10) -> PaperRetriever:
        """The retrieval as a LlamaIndex retriever."""
        finder = self._open()
        return PaperRetriever(PaperRanker(finder.index, self._embedding), top_k)

    def close(self) -> None:
        """Let go of the index; the next question opens it again."""
        with self._guard:
            if self._finder is not None:
                self._finder.index.close()
                self._finder = None
            if self._external is not None:
                self._external.close()

    def _make_folder(self, *, filled: bool) -> None:
        """Make the collection's folder; only the default collection comes filled, with the seeds."""
        name = self.config.collection
        if not filled and name != DEFAULT_COLLECTION and not (self._folder / "papers.jsonl").is_file():
            raise UsageError(
                f"There is no collection {name!r} in {self.config.home}: make it with rag ingest FILES -c {name}."
            )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise ConfigError(
                f"RAG_HOME {self.config.home} can't be written ({e.strerror}); name another folder."
            ) from e

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock(str(self._folder / "write.lock"), timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as e:
            raise Locked(f"Another process is writing {self._folder}; try again when it is done.") from e
        try:
            yield
        finally:
            lock.release()

    def _open(self) -> Finder:
        """The finder on the current index; builds or renews the index where that is needed."""
        with self._guard:
            folder = current(self._folder)
            if self._finder is not None and folder == self._finder.index.folder:
                return self._finder
            if folder is None or fingerprint_digest() not in folder.name or self._stale(folder) or self._lacks(folder):
                self.ingest()
                folder = current(self._folder)
            self.close()
            if folder is None:
                raise RagError(f"The index in {self._folder} could not be made; run rag ingest.")
            index = self._index(folder)
            names = Names(index.papers)
            self._finder = Finder(index, PaperRanker(index, self._embedding), names)
            return self._finder

    def _index(self, folder: Path) -> Index:
        """The index in `folder`, with the vectors of the other embedding where one is used."""
        index = Index(folder)
        if self._external is not None:
            passages = int(index.passage_starts[-1])
            try:
                index.external = ExternalVectors(self._external.folder(folder), self._external, passages)
            except StoreError:
                index.close()
                raise
        return index

    def _lacks(self, folder: Path) -> bool:
        """Whether another embedding is used and its vectors for the index in `folder` are still to be made."""
        return self._external is not None and not self._external.made(self._external.folder(folder))

    def _stale(self, folder: Path) -> bool:
        """Whether the papers were written and the process died before their index was."""
        papers = read_papers(self._folder / "papers.jsonl")
        return bool(papers) and not folder.name.endswith(digest(papers))

    def _best_row(self, text: str) -> int | None:
        finder = self._open()
        ranking = finder.rank(text)
        return int(ranking.rows[0]) if len(ranking.rows) else None


def _readable(library: Path) -> list[Paper]:
    """The papers on disk; none where the file is damaged, for a caller that replaces it anyway."""
    try:
        return read_papers(library)
    except StoreError:
        return []


def _turns(question: str, history: Sequence[Turn | Mapping[str, str]]) -> list[Turn]:
    """The last turns of the history, given as `Turn` or as {"role", "content"}; UsageError for what can't be used."""
    if not isinstance(question, str):
        raise UsageError(f"The question must be a text, not {type(question).__name__}.")
    if not question.strip():
        raise UsageError("The question is empty.")
    if len(question) > MAX_QUESTION:
        raise UsageError(f"The question has {len(question):,} characters; at most {MAX_QUESTION:,} are read.")
    turns = []
    for turn in list(history)[-MAX_HISTORY:]:
        role, content = (turn.role, turn.content) if isinstance(turn, Turn) else (turn.get("role"), turn.get("content"))
        if role not in ("user", "assistant") or not isinstance(content, str):
            raise UsageError('A turn of the history needs "role" ("user" or "assistant") and "content" (text).')
        if len(content) > MAX_TURN:
            raise UsageError(f"A turn of the history is longer than {MAX_TURN:,} characters.")
        turns.append(Turn("user" if role == "user" else "assistant", content))
    return turns


def _merge(old: Sequence[Paper], new: Sequence[Paper]) -> list[Paper]:
    """The papers of both, the newer text of one that is in both."""
    merged = {p.id: p for p in old}
    merged.update({p.id: p for p in new})
    return list(merged.values())


def _answer(
    question: str, found: Found, finder: Finder, text: str, citations: Citations, marks: Sequence[float]
) -> Answer:
    findings = found.findings
    query = findings.query
    started, understood, retrieved, done = marks
    cited = citations.all()
    return Answer(
        question=question,
        standalone_question=query.standalone,
        kind=query.kind,
        answer=text.strip(),
        abstained=findings.abstain,
        citations=cited,
        missing=tuple(s.text for s in findings.sides if s.paper is None),
        retrieved=_retrieved(found, finder, findings),
        searched=findings.searched,
        timings_ms={
            "understand": round((understood - started) * 1000, 2),
            "retrieve": round((retrieved - understood) * 1000, 2),
            "answer": round((done - retrieved) * 1000, 2),
            "total": round((done - started) * 1000, 2),
        },
    )


def _retrieved(found: Found, finder: Finder, findings: Findings) -> tuple[Retrieved, ...]:
    """The best of the ranking. The sides of a comparison, each found on its own, come first."""
    scores = dict(zip((int(r) for r in found.ranking.rows), (float(s) for s in found.ranking.score), strict=True))
    sides = [s.paper.row for s in findings.sides if s.paper is not None]
    top = max(scores.values(), default=0.0)
    order = [*sides, *(r for r in scores if r not in sides)][:RETRIEVED]
    papers = finder.index.papers
    return tuple(Retrieved(papers[r].id, papers[r].title, round(top if r in sides else scores[r], 4)) for r in order)
