"""A collection on disk: its papers, filled from files by one process at a time, and the index that is made of them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from filelock import FileLock, Timeout

from rag.core import deleting
from rag.core.config import DEFAULT_COLLECTION, Config
from rag.core.errors import ConfigError, Locked, PaperError, RagError, StoreError, UsageError
from rag.core.resources import seeds
from rag.core.threads import one_thread
from rag.index.embedding import OnnxEmbedding
from rag.index.external import External, ExternalVectors
from rag.index.external_indexing import build as build_external
from rag.index.index import Index, current, digest, fingerprint_digest, held_at
from rag.index.indexing import Progress, switch
from rag.index.indexing import build as build_index
from rag.index.library import PACKED, PaperFile, read_papers, write_papers
from rag.index.remote import Place
from rag.papers import Loaded, Merged, Paper, Papers, Remark, load

_BEFORE, _REMOVED = "papers.jsonl", "removed.txt"
"""What is kept of a removal: all papers that there were, and the ids of those that were taken away."""
LOCK_SECONDS = 600
"""How long a question waits for another process that is filling the same collection."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did. Counts are papers; `merged` are duplicates, `refused` records that were left out, `remarks`
    what to know of the others; `read` says how many there were of each in the files.
    """

    papers: int
    added: int
    changed: int
    removed: int
    unchanged: int
    merged: tuple[Merged, ...]
    refused: tuple[PaperError, ...]
    seconds: float
    remarks: tuple[Remark, ...] = ()
    read: str = ""


class Collection:
    """The collection that a configuration names: all of it is in `folder`.

    `external` is the embedding whose vectors rank passages, where that is not the built-in one; `place` is where the
    vectors are kept, where that is not beside the index.
    """

    def __init__(
        self, config: Config, embedding: OnnxEmbedding, external: External | None, place: Place | None = None
    ) -> None:
        if external is not None and place is not None:
            raise ConfigError("RAG_STORE holds vectors of the built-in embedding or of onnx:FOLDER; unset one of both.")
        self._place = place
        self._home, self._name = config.home, config.collection
        self.folder = config.home / "collections" / config.collection
        self._library = self.folder / "papers.jsonl"
        self._embedding = embedding
        self._external = external
        self._papers: tuple[tuple[int, int, int], tuple[Paper, ...]] | None = None
        self._seen = False  # whether it was there when this process looked

    def papers(self) -> tuple[Paper, ...]:
        """The papers, in the order of their files; none before the first ingest."""
        try:
            state = self._library.stat()
        except OSError:
            self._check_there()
            return ()
        self._seen = True
        # The page asks for them at every answer; the file is read again when it has changed.
        key = (state.st_mtime_ns, state.st_size, state.st_ino)
        if self._papers is None or self._papers[0] != key:
            self._papers = (key, tuple(read_papers(self._library)))
        return self._papers[1]

    def ingest(self, paths: Sequence[Path] | Loaded, *, add: bool, strict: bool, progress: Progress | None) -> Ingested:
        """Make it hold exactly the papers in `paths`, or these too with `add`: `Rag.ingest`, which has the details."""
        started = time.perf_counter()
        progress = progress or (lambda stage, done, total: None)
        self._embedding.check()
        if self._external is not None:
            _ = self._external.probe  # an embedding that can't be reached fails before anything is changed
        self._make_folder(filled=bool(paths))
        with self._locked():
            old = self._held(replaced=bool(paths) and not add)
            progress("Reading papers", 0, 1)
            loaded = paths if isinstance(paths, Loaded) else load(paths or ([] if old else [seeds()]), strict=strict)
            papers = _merge(old if add or not paths else [], loaded.papers)
            progress("Reading papers", 1, 1)
            if not papers or (paths and not loaded.papers):
                raise _nothing(loaded)
            self._replace(papers, progress)
        return _ingested(old, papers, loaded, time.perf_counter() - started)

    def remove(self, ids: frozenset[str], *, progress: Progress | None = None) -> int:
        """Take papers away, and give how many are left: `Rag.remove`, which has the details."""
        progress = progress or (lambda stage, done, total: None)
        with self._locked():
            old = self._held()
            if absent := sorted(set(ids) - {p.id for p in old}):
                raise UsageError(
                    f"The collection has no paper with the id {absent[0]!r}: rag papers lists what it has."
                )
            papers = [p for p in old if p.id not in ids]
            if not papers:
                raise UsageError(
                    f"Without these {self._name} would have no papers: rag remove --collection {self._name} --all "
                    "deletes the collection."
                )
            if papers != old:
                self._keep(old, ids)
                self._replace(papers, progress)
        return len(papers)

    def _keep(self, old: Sequence[Paper], ids: frozenset[str]) -> None:
        """Keep the papers as they were, and which of them are removed, for `restore`."""
        kept = deleting.place(self.folder)
        write_papers(kept / _BEFORE, old)
        (kept / _REMOVED).write_text("\n".join(sorted(ids)))

    def removed(self) -> list[tuple[str, tuple[Paper, ...]]]:
        """What `restore` can bring back: for each removal of late, newest first, its id and its papers."""
        now = {p.id for p in self.papers()}
        found = ((d.id, tuple(p for p in _taken(d) if p.id not in now)) for d in deleting.recent(self.folder))
        return [(id, papers) for id, papers in found if papers]

    def restore(self, id: str) -> int:
        """Bring papers back that were removed, each to its place; how many: `Rag.restore`, which has the details."""
        with self._locked():
            deletion = next((d for d in deleting.recent(self.folder) if d.id == id), None)
            if deletion is None:
                raise UsageError("This can't be undone any more: what was removed is gone for good.")
            now = {p.id: p for p in self._held()}
            back = {p.id: p for p in _taken(deletion) if p.id not in now}
            order, after = list(now), ""
            for one in reversed([p.id for p in read_papers(deletion.files[0])]):
                if one in back:  # before the one that it stood before
                    order.insert(order.index(after) if after else len(order), one)
                after = one if one in now or one in back else after
            if back:
                self._replace([now.get(i) or back[i] for i in order], lambda stage, done, total: None)
            deleting.forget(self.folder, id)
        return len(back)

    def _replace(self, papers: Sequence[Paper], progress: Progress) -> None:
        """Make these the papers, once their index stands; whatever fails before leaves all as it was."""
        try:
            with one_thread():
                folder = build_index(self.folder, papers, self._embedding, progress, self._place)
                if self._external is not None:
                    build_external(folder, papers, self._embedding, self._external, progress)
            if _readable(self._library) != papers:
                write_papers(self._library, papers)
            switch(self.folder, folder, self._looks(), self._place)
        except OSError as e:
            raise StoreError(
                f"{self.folder} can't be written ({e.strerror or e}); the collection is as it was. Make room, or the "
                "folder writable, and try again."
            ) from e

    def _held(self, *, replaced: bool = False) -> list[Paper]:
        """The papers as they were ingested: of a file that was damaged or changed since, those that the index kept.

        Where both are damaged StoreError, or none where they are to be `replaced` anyway.
        """
        papers, index = _readable(self._library), self.current()
        if index is None or self._indexed(papers):
            return papers or []
        try:
            kept = list(PaperFile(index / PACKED, index / "lines.i64"))
        except (StoreError, OSError):
            kept = []
        if kept and index.name.endswith(digest(kept)):
            return kept
        return papers or [] if replaced else read_papers(self._library)

    def _indexed(self, papers: Sequence[Paper] | None) -> bool:
        """Whether an index of these papers stands, be it current or not yet."""
        return bool(papers) and any(self.folder.glob(f"index-*-{digest(papers or ())}/manifest.json"))

    def current(self) -> Path | None:
        """The folder of the index as it is, behind or not; None where none was made."""
        found = current(self.folder)
        if found is None:
            self._check_there()
        self._seen = self._seen or found is not None
        return found

    def behind(self, index: Path | None) -> bool:
        """Whether the index in the folder `index` is to be made, or made anew, before a question is asked of it."""
        return (
            index is None
            or fingerprint_digest(self._embedding.fingerprint) not in index.name
            or self._stale(index)
            or self._lacks(index)
            or self._elsewhere(index)
        )

    def open(self, folder: Path) -> Index:
        """The index in `folder`, with the vectors of the other embedding where one is used; to be closed."""
        index = Index(folder, self._embedding.fingerprint, self._place)
        if self._external is not None:
            passages = int(index.passage_starts[-1])
            try:
                index.external = ExternalVectors(self._external.folder(folder), self._external, passages)
            except StoreError:
                index.close()
                raise
        return index

    def close(self) -> None:
        """Let go of the other embedding's connection; the next question opens it again."""
        if self._external is not None:
            self._external.close()

    def _lacks(self, folder: Path) -> bool:
        """Whether another embedding is used and its vectors for the index in `folder` are still to be made."""
        return self._external is not None and not self._external.made(self._external.folder(folder))

    def _elsewhere(self, folder: Path) -> bool:
        """Whether the vectors for the index in `folder` are to be kept elsewhere than they are."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            return held_at(manifest) != (self._place.holds(folder) if self._place else "")
        return False  # to open it tells what is wrong with it

    def _stale(self, folder: Path) -> bool:
        """Whether the papers were replaced, and the process died before their index became the current one."""
        with contextlib.suppress(OSError, ValueError):
            if self._looks() in (self.folder / "current").read_text(encoding="utf-8").splitlines():
                return False
        papers = _readable(self._library) or []
        return not folder.name.endswith(digest(papers)) and self._indexed(papers)

    def _looks(self) -> str:
        """Size and times of the file of the papers: while they are the same, it need not be read to be compared."""
        state = self._library.stat()
        return f"{state.st_size} {state.st_mtime_ns} {state.st_ino}"

    def _check_there(self) -> None:
        """Raises StoreError where the collection was there and is gone: nothing is to be made in its place."""
        if self._seen and not self._library.is_file():
            raise StoreError(
                f"The collection {self._name!r} is gone from {self._home}. Is its disk still mounted? Nothing was put "
                "in its place; where it was removed on purpose, start the program anew."
            )

    def _make_folder(self, *, filled: bool) -> None:
        """Make the collection's folder; only the default collection comes filled, with the seeds."""
        self._check_there()
        name = self._name
        if not filled and name != DEFAULT_COLLECTION and not self._library.is_file():
            raise UsageError(
                f"There is no collection {name!r} in {self._home}: make it with rag ingest FILES -c {quote(name)}."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise ConfigError(f"RAG_HOME {self._home} can't be written ({e.strerror}); name another folder.") from e

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock(str(self.folder / "write.lock"), timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as e:
            raise Locked(f"Another process is writing {self.folder}; try again when it is done.") from e
        try:
            yield
        finally:
            lock.release()


def _taken(deletion: deleting.Deletion) -> list[Paper]:
    """The papers of a removal, in their order; none where the program died while it kept them."""
    if [file.name for file in deletion.files] != [_BEFORE, _REMOVED]:
        return []
    ids = set(deletion.files[1].read_text().split("\n"))
    return [p for p in read_papers(deletion.files[0]) if p.id in ids]


def _readable(library: Path) -> list[Paper] | None:
    """The papers on disk; None where the file is damaged."""
    try:
        return read_papers(library)
    except StoreError:
        return None


def _merge(old: Sequence[Paper], new: Sequence[Paper]) -> list[Paper]:
    """The papers of both; of one that is in both the newer text, and what that lacks from the older."""
    merged = Papers(old)
    for paper in new:
        merged.add(paper, newer=True)
    return list(merged)


def _nothing(loaded: Loaded) -> RagError:
    """The error of an ingest whose files hold no paper, with what is wrong with the first of them."""
    if not loaded.refused:
        return UsageError("There is no paper to ingest; nothing was changed.")
    first, more = loaded.refused[0], len(loaded.refused) - 1
    others = f" (and {more:,} more faults)" if more else ""
    return PaperError(
        first.file, first.line, f"{first.reason}{others}. There is no paper to ingest; nothing was changed."
    )


def _ingested(old: Sequence[Paper], papers: Sequence[Paper], loaded: Loaded, seconds: float) -> Ingested:
    """What differs between the `old` papers and those that there are now."""
    before, after = {p.id: p for p in old}, {p.id: p for p in papers}
    titles = {p.title for p in old if p.id not in after}
    added = [p for p in papers if p.id not in before]
    # A paper whose id differs and whose title was there has been changed.
    renamed = sum(p.title in titles for p in added)
    return Ingested(
        papers=len(papers),
        added=len(added) - renamed,
        changed=renamed + sum(before.get(p.id, p) != p for p in papers),
        removed=len([i for i in before if i not in after]) - renamed,
        unchanged=sum(before.get(p.id) == p for p in papers),
        merged=loaded.merged,
        refused=loaded.refused,
        seconds=seconds,
        remarks=loaded.remarks,
        read=loaded.counts,
    )
