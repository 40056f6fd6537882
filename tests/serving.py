"""Starts the chat page as a user does, in a process of its own, for the tests of the page."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_SECONDS = 120
"""Generous: Gradio takes five seconds to import on an idle machine, and the tests may share theirs."""


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(folder: Path, arguments: Sequence[str]) -> Iterator[str]:
    """Runs Python with `arguments` until the context ends; gives the address that it announces.

    What it prints goes to `server.log` in `folder`, which is there to be read.
    """
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if found := re.search(r"ready at\s+(http://127\.0\.0\.1:\d+/)", log.read_text()):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"The page was not served:\n{log.read_text()}")
