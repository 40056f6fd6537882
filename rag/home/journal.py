"""Files that grow by a line of JSON at a time, whoever else writes them, and whenever a writer dies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.core.errors import Locked, StoreError

LOCK_SECONDS = 10
"""How long a writer waits for another."""


def encoded(record: Mapping[str, Any]) -> bytes:
    """The record as a line. Half a character (a lone surrogate), which no file can hold, becomes a question mark."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def parsed(line: str) -> Any:
    """What a line holds, of which all can be written again. Raises `ValueError` or `RecursionError`."""
    found = json.loads(line)
    if "\\ud" in line.lower():  # An escape may be half a character.
        found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return found


@contextmanager
def writing(file: Path, lock: Path, loss: str) -> Iterator[None]:
    """Hold the lock, while the block writes `file`, or what `file` is called by.

    `OSError` in the block becomes `StoreError`, with `loss` to say what that means; raises `Locked` where another
    process doesn't let go.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(lock), timeout=LOCK_SECONDS):
            yield
    except Timeout as e:
        raise Locked(f"Another process is writing {file}; try again when it is done.") from e
    except OSError as e:
        raise StoreError(f"{file} can't be written ({e.strerror or e}); {loss}.") from e


def append(file: Path, line: bytes) -> None:
    """Add an encoded line to the end, on the disk when this returns. Only under the lock; raises `OSError`."""
    with file.open("ab+") as out:
        if out.seek(0, os.SEEK_END):
            out.seek(-1, os.SEEK_END)
            if out.read(1) != b"\n":  # A process died while it wrote: its line is lost, and not this one too.
                line = b"\n" + line
        out.write(line)
        out.flush()
        os.fsync(out.fileno())


def replace(file: Path, lines: Iterable[bytes]) -> None:
    """Write the file anew in one step, on the disk when this returns. Only under the lock; raises `OSError`."""
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # The new name, too, has to outlive a power cut.
    finally:
        os.close(folder)
