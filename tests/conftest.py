"""What holds for every test: no network beyond this machine, no home but a temporary one, no user's settings."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from rag.service import Rag

ROOT = Path(__file__).parent.parent
# How long an example takes depends on what else the machine does.
settings.register_profile("rag", deadline=None)
settings.load_profile("rag")
# As rag.web sets it: gradio's client, too, asks the hub of Hugging Face for a list where it is imported first.
os.environ["HF_HUB_OFFLINE"] = "1"
# Servers run in threads here. A loop of uvloop that the garbage collector frees in another thread may crash Python, so
# that servers take asyncio's, as they do where uvloop is not installed.
sys.modules["uvloop"] = None  # type: ignore[assignment]


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket
        return True
    host = str(address[0]).partition("%")[0]
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host in ("localhost", "")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Connecting or sending to another machine fails the test; so does asking for its address."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, address: Any, original: Any = original) -> Any:
            if not _is_loopback(address):
                pytest.fail(f"a connection to {address!r} was tried", pytrace=True)
            return original(self, address)

        patch.setattr(socket.socket, name, guarded)
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_loopback((name, 0)) and name != socket.gethostname():
            pytest.fail(f"the address of {name!r} was asked for", pytrace=True)
        return look_up(host, *args, **kwargs)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def clean_slate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home and a working directory of the test's own, and none of the settings of whoever runs it."""
    for variable in [v for v in os.environ if v.startswith(("RAG_", "OPENAI_", "COV_", "NO_COLOR", "FORCE_COLOR"))]:
        monkeypatch.delenv(variable)
    home = tmp_path / "home"
    monkeypatch.setenv("RAG_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def home(clean_slate: Path) -> Path:
    """The temporary `RAG_HOME` of this test; it doesn't exist yet."""
    return clean_slate


@pytest.fixture(scope="session")
def collection_home(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The home of `collection`, for tests that open it again as another process would.

    The seeds are indexed once a run: of several processes the first does it, and each works on a copy.
    """
    from rag import Config, build

    parallel = hasattr(request.config, "workerinput")
    shared = tmp_path_factory.getbasetemp().parent if parallel else tmp_path_factory.getbasetemp()
    with FileLock(shared / "seeds.lock"):
        if not (shared / "seeds" / "whole").exists():
            with build(Config(home=shared / "seeds" / "home")) as rag:
                rag.ingest()
            (shared / "seeds" / "whole").touch()
    return Path(shutil.copytree(shared / "seeds" / "home", tmp_path_factory.mktemp("collection") / "home"))


@pytest.fixture(scope="session")
def collection(collection_home: Path) -> Iterator[Rag]:
    """A `Rag` on the seeds, built once for all tests. Don't change its papers."""
    from rag import Config, build

    with build(Config(home=collection_home)) as rag:
        yield rag


@pytest.fixture(scope="session")
def medicine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """A `Rag` on twelve invented papers in medicine, with authors, years and venues. Don't change its papers."""
    from small_collections import MEDICINE, write

    from rag import Config, build

    folder = tmp_path_factory.mktemp("medicine")
    with build(Config(home=folder / "home")) as rag:
        rag.ingest([write(folder, MEDICINE)])
        yield rag


CHROMIUM_FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
CHROMIUM_FLAGS += " --disable-component-update --disable-sync"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window, for the tests that are marked so."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    assert Path(path).exists(), "These tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_FLAGS.split())
        yield browser
        browser.close()
