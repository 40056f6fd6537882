"""The files of a public set: found, read, and told by their SHA-256, so that figures can be traced to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

WHERE = "docs/public-sets.md says where the set is found"


class SetError(Exception):
    """A file of a set that is missing, or of another shape than its owners document; the message says what to do."""


class Files:
    """The files of a set in a folder, or the one file that holds it. `hashes` are those of the files that were read."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.hashes: dict[str, str] = {}

    def there(self, *names: str) -> Path:
        """The first of these names that is there; a set of one file may be named itself.

        Raises `SetError` where none is.
        """
        if self._data.is_file():
            return self._data
        found = [path for name in names for path in sorted(self._data.glob(f"**/{name}"))]
        if not found:
            raise SetError(f"{self._data} has no {' or '.join(names)}; {WHERE}.")
        return found[0]

    def read(self, *names: str) -> bytes:
        """What the first of these files holds."""
        path = self.there(*names)
        content = path.read_bytes()
        self.hashes[path.name] = hashlib.sha256(content).hexdigest()
        return content

    def table(self, *names: str) -> Mapping[str, Any]:
        """A JSON object."""
        path = self.there(*names)
        try:
            found = json.loads(self.read(*names))
        except ValueError as e:
            raise SetError(f"{path} is not JSON ({e}); {WHERE}.") from e
        if not isinstance(found, dict):
            raise SetError(f"{path} is no object of records; {WHERE}.")
        return found

    def rows(self, *names: str, needed: Sequence[str]) -> list[Mapping[str, Any]]:
        """The records of a JSONL or Parquet file, each of which has the `needed` fields."""
        path = self.there(*names)
        found = list(self._parquet(*names) if path.suffix == ".parquet" else self._lines(path, *names))
        for number, row in enumerate(found, 1):
            if not isinstance(row, dict) or (missing := [field for field in needed if field not in row]):
                what = f"lacks {', '.join(missing)}" if isinstance(row, dict) else "is no object"
                raise SetError(f"{path}, record {number} {what}; {WHERE}.")
        if not found:
            raise SetError(f"{path} holds no record; {WHERE}.")
        return found

    def _lines(self, path: Path, *names: str) -> Iterator[Any]:
        for number, line in enumerate(self.read(*names).decode("utf-8").split("\n"), 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as e:
                    raise SetError(f"{path}, line {number} is not JSON ({e}); {WHERE}.") from e

    def _parquet(self, *names: str) -> list[Any]:
        try:
            from pyarrow import BufferReader, parquet
        except ImportError as e:
            raise SetError('Parquet needs pyarrow: pip install "paper-rag[parquet]".') from e
        rows: list[Any] = parquet.read_table(BufferReader(self.read(*names))).to_pylist()
        return rows
