"""Files that strangers send are read in another process, which ends where it takes too long or too much memory.

Whatever a file does to a reader, the server goes on: one call of a JSON or XML library holds the interpreter for
seconds, and memory that was taken once is not given back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from rag.core.errors import PaperError, UsageError

from .loading import Loaded, Merged, load

SECONDS, BYTES = 120, 2 << 30
"""What reading may take, of a processor and of memory. Windows knows no such bounds: there it is the time alone."""
_FAILED = (
    f"Reading the files took more than {SECONDS} seconds or {BYTES >> 30} GB, or failed: split them, or save them in "
    "another format. Nothing was added."
)
_ROOT = Path(__file__).parents[2]
_ONE = threading.Lock()  # so that two uploads take no more memory than one
_log = logging.getLogger(__name__)


def load_apart(paths: Sequence[Path], most: int) -> Loaded:
    """What `load` gives. Raises UsageError for more than `most` papers, and for what takes too long or too much."""
    # The package need not be installed (a Space runs app.py), and the working directory must not offer modules.
    code = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from rag.papers.apart import main; main()"
    with _ONE, TemporaryFile() as out:
        command = [sys.executable, "-P", "-c", code, str(most), *map(str, paths)]
        try:
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=4 * SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise UsageError(_FAILED) from error
        if done.returncode:
            _log.error("A reader ended with %s\n%s", done.returncode, done.stderr.decode(errors="replace")[-10_000:])
            raise UsageError(_FAILED)
        out.seek(0)
        return _received(out)


def _received(out: IO[bytes]) -> Loaded:
    """Object by object, as no other thread runs while one is made."""
    sizes = pickle.load(out)
    if isinstance(sizes, str):
        raise UsageError(sizes)
    papers, merged, refused, remarks = (tuple(pickle.load(out) for _ in range(size)) for size in sizes)
    repeats = tuple(Merged(papers[row], file, line) for row, file, line in merged)
    return Loaded(papers, repeats, tuple(PaperError(*error) for error in refused), remarks)


def main() -> None:
    """What the other process runs: its arguments are how many papers there may be, and the files."""
    with contextlib.suppress(ImportError, AttributeError):  # Windows
        import resource

        os.nice(5)  # Whoever asks goes first.
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    def send(value: object) -> None:
        pickle.dump(value, sys.stdout.buffer)

    try:
        loaded = load([Path(name) for name in sys.argv[2:]], most=int(sys.argv[1]))
    except UsageError as error:
        send(str(error))
        return
    rows = {id(paper): row for row, paper in enumerate(loaded.papers)}
    merged = [(rows[id(m.kept)], m.file, m.line) for m in loaded.merged]
    refused = [(error.file, error.line, error.reason) for error in loaded.refused]
    parts = (loaded.papers, merged, refused, loaded.remarks)
    send([len(part) for part in parts])
    for part in parts:
        for one in part:
            send(one)
