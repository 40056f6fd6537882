"""docs/api.md and docs/python.md: every example runs, against a server that was started as the page says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import ROOT, free_port, serving

if TYPE_CHECKING:
    from rag.service import Rag

PAGE = (ROOT / "docs" / "api.md").read_text()
PYTHON = (ROOT / "docs" / "python.md").read_text()
WRITTEN = "http://127.0.0.1:7860"
EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE + PYTHON, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def home(collection: Rag, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy: the examples add to it."""
    return Path(shutil.copytree(collection.config.home, tmp_path_factory.mktemp("home") / "home"))


@pytest.fixture(scope="module")
def address(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = re.findall(r"^    rag (serve --api.*)$", PAGE, re.MULTILINE)[0]
    arguments = ["-m", "rag.cli", *shlex.split(command), "--port", str(free_port())]
    with serving(tmp_path_factory.mktemp("docs"), [*arguments, "--home", str(home)]) as address:
        yield address.rstrip("/")


@pytest.mark.parametrize(("language", "code"), EXAMPLES, ids=lambda text: text.strip().splitlines()[0][:60])
def test_an_example_runs(address: str, home: Path, tmp_path: Path, language: str, code: str) -> None:
    command = [sys.executable, "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
    code = code.replace("curl -s ", "curl -sS --fail-with-body ").replace(WRITTEN, address)
    folders = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": folders, "RAG_HOME": str(home), "PYTHONPATH": str(ROOT)}
    run = subprocess.run([*command, code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(run.stdout) > 100


def test_there_are_examples_of_both_kinds() -> None:
    assert {language for language, _ in EXAMPLES} == {"sh", "python"}
    assert WRITTEN in PAGE
