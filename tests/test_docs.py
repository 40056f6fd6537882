"""The documentation as a site: it is made of README.md, docs/ and others, and no link in it is dead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from serving import ROOT


def test_the_site_is_made_and_no_link_is_dead(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    pages = {page.parent.name: page.read_text() for page in (tmp_path / "site").glob("*/index.html")}
    assert {"asking", "library", "models", "evaluation", "settings", "api", "python", "how", "limits"} <= pages.keys()
    assert "rag ingest my-papers.bib" in pages["library"]
    assert 'href="../settings/"' in pages["models"], "a section of README.md is a page here"
    assert not any("fonts.googleapis" in page for page in pages.values())
