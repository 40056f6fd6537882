"""What `rag ingest` is given, as files to read: files, folders, globs, standard input, Zotero libraries."""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rag.core.errors import UsageError
from rag.papers import zotero

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where papers come from, as a user names it.

    `folder` is where the copies of live libraries are kept from one time to the next; `key` and `base_url` are those of
    Zotero's web API.
    """

    named: tuple[str, ...]
    folder: Path
    key: str = ""
    base_url: str = ""

    @property
    def stdin(self) -> bool:
        """Whether standard input is among them."""
        return STANDARD_INPUT in self.named

    @property
    def live(self) -> bool:
        """Whether a library that is asked over HTTP is among them."""
        return any(map(_is_live, self.named))

    def on_disk(self) -> Iterator[Path]:
        """The files that they name now, those in folders too; what isn't there is left out."""
        for name in self.named:
            if name == STANDARD_INPUT or _is_live(name):
                continue
            try:
                named = _paths(name)
            except UsageError:  # gone, or nothing fits yet
                continue
            for path in named:
                if not path.is_dir():
                    yield path
                    continue
                inside = (file for file in sorted(path.rglob("*")) if file.is_file())
                yield from (f for f in inside if not any(p.startswith(".") for p in f.relative_to(path).parts))

    @contextmanager
    def files(self, stdin: BinaryIO | None = None) -> Iterator[list[Path]]:
        """The files and folders to read, good until the block is left: live libraries are brought up to date.

        Raises `UsageError` for a name that nothing has, and `PaperError` for a library that can't be read.
        """
        with tempfile.TemporaryDirectory(prefix="paper-rag-") as temporary:
            found: list[Path] = []
            for name in self.named:
                if name == STANDARD_INPUT:
                    found.append(_copied(stdin, Path(temporary)))
                elif _is_live(name):
                    found.append(zotero.fetch(name, self.folder, key=self.key, base_url=self.base_url))
                else:
                    found += _paths(name)
            yield list(dict.fromkeys(found))


def _is_live(name: str) -> bool:
    return name.startswith(zotero.SCHEME) and not Path(name).exists()


def _paths(name: str) -> list[Path]:
    """The file or folder of this name, else what the pattern fits, in order: "exports/*.ris", "**/*.bib".

    Raises `UsageError` where there is none.
    """
    path = Path(name).expanduser()
    if path.exists():
        return [path]
    if not glob.has_magic(name):
        raise UsageError(f"There is no file or folder {name!r}.")
    # Path.glob takes no absolute pattern.
    if found := sorted(Path(file) for file in glob.glob(str(path), recursive=True)):  # noqa: PTH207
        return found
    raise UsageError(f"No file fits {name!r}.")


def _copied(stdin: BinaryIO | None, folder: Path) -> Path:
    if stdin is None:
        raise UsageError("Standard input can't be read here: name a file.")
    file = folder / "standard input"
    if file.exists():
        raise UsageError("Standard input (-) can be read once: name it once.")
    with file.open("wb") as copy:
        shutil.copyfileobj(stdin, copy)
    return file
