"""Deleting that can be undone: what is deleted is kept for a while beside what is there.

    FOLDER/.deleted/TIME/NAME    the file or folder FOLDER/NAME, deleted at TIME (nanoseconds since 1970)

Errors of the disk are raised as `OSError`, for callers to say what they mean.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

KEPT = 3600
"""Seconds from a deletion until it is final."""
_FOLDER = ".deleted"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted at once: `id` names it in its folder, `files` are the files and folders where they are kept."""

    id: str
    files: tuple[Path, ...]


def place(folder: Path) -> Path:
    """A new folder that keeps what is deleted from `folder` now."""
    kept = folder / _FOLDER / str(time.time_ns())
    kept.mkdir(mode=0o700, parents=True)
    return kept


def put_away(files: Iterable[Path]) -> None:
    """Delete files or folders of one folder, so that `bring_back` can undo it."""
    kept: Path | None = None
    for file in files:
        kept = kept or place(file.parent)
        file.rename(kept / file.name)


def bring_back(folder: Path, id: str) -> bool:
    """Undo a deletion; what has got a namesake since then stays deleted. Whether all of it is back."""
    files = next((deletion.files for deletion in recent(folder) if deletion.id == id), ())
    left = [file for file in files if (folder / file.name).exists()]
    for file in set(files).difference(left):
        file.rename(folder / file.name)
    if files and not left:
        (folder / _FOLDER / id).rmdir()
    return bool(files) and not left


def recent(folder: Path) -> list[Deletion]:
    """What was deleted from `folder` of late, newest first; what was deleted earlier is removed for good."""
    found, now = [], time.time_ns()
    for kept in sorted((folder / _FOLDER).glob("*"), reverse=True):
        if not re.fullmatch("[0-9]{1,20}", kept.name) or now - int(kept.name) > KEPT * 10**9:
            shutil.rmtree(kept, ignore_errors=True)
        elif files := tuple(sorted(kept.iterdir())):
            found.append(Deletion(kept.name, files))
    return found


def forget(folder: Path, id: str = "") -> None:
    """Make a deletion from `folder` final, without an id all of them."""
    shutil.rmtree(folder / _FOLDER / id, ignore_errors=True)


def sweep(home: Path) -> None:
    """Remove for good, in all folders of a home, what was deleted too long ago to be brought back."""
    for kept in (*home.glob(f"*/{_FOLDER}"), *home.glob(f"*/*/{_FOLDER}")):
        recent(kept.parent)
