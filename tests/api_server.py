"""The interface for programs on a free port of this machine, in a thread, over any `Rag`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fake_rag import FakeRag

from rag.api.collections import Collections
from rag.core.config import Config
from rag.web.stack import bare


@contextmanager
def answering(config: Config, rag: Any = None) -> Iterator[str]:
    """Serves `rag`, or a fake one, until the context ends; gives the address, without a slash at its end."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = bare(config, Collections(config, rag or FakeRag(config)))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:  # a test that fails would wait for the thread
        server.should_exit = True
        thread.join()
        listener.close()
