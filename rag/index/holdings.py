"""The collections of a home: which there are, and taking one away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag.core import deleting
from rag.core.errors import Locked, StoreError, UsageError
from rag.core.values import collection as checked_name


@dataclass(frozen=True, slots=True)
class Holding:
    """A collection on disk: how many papers, how many bytes with its index, and when its papers last changed (UTC)."""

    name: str
    papers: int
    bytes: int
    changed: datetime


def holdings(home: Path) -> tuple[Holding, ...]:
    """The collections in `home` that have papers, by name."""
    folders = sorted((home / "collections").glob("*/papers.jsonl"), key=lambda file: file.parent.name.casefold())
    return tuple(_holding(file) for file in folders)


def delete(home: Path, name: str, *, keep: bool = False) -> int:
    """Delete a collection with its index, and give how many papers it had; `keep` it a while, for `restore`.

    Raises `UsageError` where there is no such collection, and `Locked` while another process writes it.
    """
    try:
        folder = home / "collections" / checked_name(name)
    except ValueError as e:
        raise UsageError(f"{name!r} is no collection: {e}") from e
    if not (folder / "papers.jsonl").is_file():
        raise UsageError(f"There is no collection {name!r} in {home}: rag collections lists those that there are.")
    papers = _holding(folder / "papers.jsonl").papers
    lock = FileLock(str(folder / "write.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as e:
        raise Locked(f"Another process is writing {folder}; try again when it is done.") from e
    try:
        if keep:
            deleting.put_away([folder])
            return papers
        # Out of sight at once: a process killed on the way leaves no half of a collection.
        gone = home / f".deleted-{name}-{os.getpid()}"
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    except OSError as e:
        raise StoreError(f"{folder} can't be deleted ({e.strerror}).") from e
    finally:
        lock.release()
    return papers


def deleted(home: Path) -> list[tuple[str, str]]:
    """The collections that `restore` can bring back, the last deleted first: the id of the deletion, and the name."""
    return [(deletion.id, file.name) for deletion in deleting.recent(home / "collections") for file in deletion.files]


def restore(home: Path, id: str) -> str:
    """Bring a collection back, and give its name. Raises `UsageError` where that can't be done any more."""
    name = dict(deleted(home)).get(id, "")
    if not name or not deleting.bring_back(home / "collections", id):
        why = f"there is another collection {name!r} now" if name else "what was deleted is gone for good"
        raise UsageError(f"This can't be undone: {why}.")
    return name


def _holding(file: Path) -> Holding:
    with file.open("rb") as lines:
        papers = sum(1 for line in lines if line.strip())
    changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return Holding(file.parent.name, papers, sum(_sizes(file.parent)), changed)


def _sizes(folder: Path) -> Iterator[int]:
    for file in folder.rglob("*"):
        try:
            if file.is_file():
                yield file.stat().st_size
        except OSError:  # another process has swept it away
            continue
