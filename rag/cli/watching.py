"""`rag ingest --watch`: a round of reading, and another one whenever the sources have changed."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rag.cli import console
from rag.core.errors import RagError, UsageError

if TYPE_CHECKING:
    from rag.papers.sources import Sources

SECONDS = 3.0
"""Between two looks at the files."""
LIVE_SECONDS = 60.0
"""Between two questions to a live library."""

_Stamp = tuple[int, int]
_Seen = dict[Path, str]


def watch(sources: Sources, read: Callable[[], None]) -> None:
    """Call `read` now and after each change, until the user presses Ctrl-C. What it raises is told, and no end."""
    for _ in rounds(sources):
        try:
            read()
        except RagError as e:
            console.fail(str(e))
        sys.stdout.flush()


def rounds(sources: Sources, *, sleep: Callable[[float], object] = time.sleep) -> Iterator[None]:
    """Yield at once, and again whenever the content of a file has changed, or one came or went; never ends.

    A change counts when a second look finds the same: a file that is still being written is left alone. A live library
    makes a round each minute, which finds by itself whether there is something new.
    """
    if sources.stdin:
        raise UsageError("--watch watches files, folders and libraries; standard input (-) has an end.")
    if not sources.named:
        raise UsageError("--watch needs something to watch: name files, folders or a library.")
    watch = _Watch(sources)
    known = watch.look()
    yield
    asked = time.monotonic()
    before = known
    while True:
        sleep(SECONDS)
        now = watch.look()
        due = sources.live and time.monotonic() - asked >= LIVE_SECONDS
        if (now != known and now == before) or due:
            known, asked = now, time.monotonic()
            yield
        before = now


class _Watch:
    """What the files hold; one whose size and time are as they were isn't read again."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._digests: dict[Path, tuple[_Stamp, str]] = {}

    def look(self) -> _Seen:
        """The digest of each file."""
        found: dict[Path, tuple[_Stamp, str]] = {}
        for file in self._sources.on_disk():
            try:
                stat = file.stat()
                stamp = (stat.st_mtime_ns, stat.st_size)
                held = self._digests.get(file)
                found[file] = held if held and held[0] == stamp else (stamp, _digest(file))
            except OSError:  # it has just gone
                continue
        self._digests = found
        return {file: digest for file, (_, digest) in found.items()}


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
