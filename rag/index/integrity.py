"""Whether the files of an index are those that were written: their sizes and SHA-256 stand in its manifest.

What Chroma keeps is left out: it writes into its files when it is opened. It is counted, and can be made anew from the
vectors, which have their sums.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LARGE = 8 << 20
"""Bytes of a file from which on its sum is left to `rag doctor --deep` and to the next ingest: to open a collection is
no work that grows with it. The files of 700 papers and fewer are all below."""

Sums = dict[str, tuple[int, str]]
"""Size and SHA-256 of each file, by its path in the folder."""


def sums(folder: Path) -> Sums:
    """Those of all files in `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {name: (path.stat().st_size, _sum(path)) for path in files if (name := _name(path, folder))}


def damage(folder: Path, files: Mapping[str, Any], *, deep: bool = False) -> str:
    """What differs from the sums in a manifest, in words; "" where nothing does. `deep` reads large files, too."""
    for name, (size, wanted) in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size:,} bytes instead of {size:,}"
        if (deep or size <= LARGE) and _sum(path) != wanted:
            return f"{name} is not what was written"
    return ""


def _name(path: Path, folder: Path) -> str:
    name = path.relative_to(folder).as_posix()
    return "" if name == "manifest.json" or name.startswith("chroma/") else name


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
