"""Files in, papers out: encodings, formats, folders, duplicates and faults."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from rag.core.errors import PaperError
from rag.core.paper import Paper, fold

from . import bibtex, jsonlines, page, ris, table
from .record import Fault, Record, bad_byte, paper_from

LARGEST_FILE = 1 << 30  # bytes: a file is read whole, and a million abstracts fit in one

Reader = Callable[[str], Iterator[Record | Fault]]

_BY_NAME: dict[str, Reader] = {
    ".jsonl": jsonlines.read, ".ndjson": jsonlines.read, ".json": jsonlines.read, ".csv": table.read,
    ".tsv": table.read, ".bib": bibtex.read, ".ris": ris.read,
}  # fmt: skip
_BY_CONTENT: tuple[tuple[Callable[[str], bool], Reader], ...] = (
    (jsonlines.fits, jsonlines.read),
    (ris.fits, ris.read),
    (bibtex.fits, bibtex.read),
    (table.fits, table.read),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARIES = {
    b"%PDF": "a PDF", b"PK\x03\x04": "a zip or Office file", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture", b"SQLite format 3": "a database", b"\x7fELF": "a program",
}  # fmt: skip
_PACKED: dict[bytes, Callable[[Path], BufferedIOBase]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}


@dataclass(frozen=True, slots=True)
class Merged:
    """A record that repeats `kept`, and where it stands: its file, and the line where it begins."""

    kept: Paper
    file: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What files gave: papers in the order of the files, none twice; repeats; and what could not be read."""

    papers: tuple[Paper, ...]
    merged: tuple[Merged, ...] = ()
    refused: tuple[PaperError, ...] = ()


def load(paths: Sequence[Path], *, skip_bad: bool = False) -> Loaded:
    """The papers of `paths`: files, or folders whose files are all read, in order of name, hidden ones left out.

    The format of a file is known by its content: a page of titles and abstracts in turn, JSONL or a JSON array, CSV or
    TSV with a header, BibTeX, RIS; each may be packed by gzip, bzip2 or xz. Texts are UTF-8, or UTF-16 or UTF-32 with a
    byte order mark. Records with the same
    title and abstract, apart from case, accents, punctuation and space, are one paper, reported in `merged`.

    Raises PaperError at the first file or record that can't be read; with `skip_bad` the rest is read, and `refused`
    holds the errors.
    """
    papers: dict[tuple[str, str], Paper] = {}
    merged: list[Merged] = []
    refused: list[PaperError] = []
    for file, found in _found(paths):
        if isinstance(found, Fault):
            error = PaperError(file, found.line, found.reason)
            if not skip_bad:
                raise error
            refused.append(error)
            continue
        line, paper = found
        same = fold(paper.title) or paper.title, fold(paper.abstract) or paper.abstract
        if same in papers:
            merged.append(Merged(papers[same], file, line))
        else:
            papers[same] = paper
    return Loaded(tuple(papers.values()), tuple(merged), tuple(refused))


def _found(paths: Sequence[Path]) -> Iterator[tuple[str, tuple[int, Paper] | Fault]]:
    for path in paths:
        if not path.is_dir():
            yield from ((str(path), found) for found in _in_file(path))
            continue
        files = [file for file in sorted(path.rglob("*")) if file.is_file() and not _hidden(file, path)]
        if not files:
            yield str(path), Fault(None, "holds no files")
        for file in files:
            yield from ((str(file), found) for found in _in_file(file))


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _in_file(path: Path) -> Iterator[tuple[int, Paper] | Fault]:
    text = _text_of(path)
    if isinstance(text, Fault):
        yield text
        return
    told = False
    records = 0
    for found in _reader(text, path)(text):
        if isinstance(found, Record):
            records += 1
            try:
                yield found.line, paper_from(found)
                continue
            except ValueError as error:
                found = Fault(found.line, str(error))
        told = True
        yield found
    if not told and (bad := re.search("[\udc80-\udcff]", text)):
        # Outside of every record: the file is still not what it says it is.
        yield Fault(text.count("\n", 0, bad.start()) + 1, bad_byte(bad.group()))
    elif not told and not records:
        yield Fault(None, "holds no papers")


def _reader(text: str, path: Path) -> Reader:
    for fits, read in _BY_CONTENT:
        if fits(text):
            return read
    name = path.stem if path.suffix.lower() in (".gz", ".bz2", ".xz") else path.name
    return _BY_NAME.get(Path(name).suffix.lower(), page.read)


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(6)
    for magic, opened in _PACKED.items():
        if start.startswith(magic):
            with opened(path) as packed:
                return packed.read(LARGEST_FILE + 1)
    return path.read_bytes()


def _text_of(path: Path) -> str | Fault:
    """The text of a file, lines ended by \\n; a byte that is not UTF-8 stays as a lone surrogate (PEP 383)."""
    try:
        if not path.exists():
            return Fault(None, "there is no such file")
        if not path.is_file():
            return Fault(None, "is neither a file nor a folder")
        if (size := path.stat().st_size) > LARGEST_FILE:
            return Fault(None, f"has {size:,} bytes, more than the {LARGEST_FILE:,} allowed: split it")
        data = _unpacked(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        return Fault(None, f"can't be read: {getattr(error, 'strerror', None) or error}")
    if len(data) > LARGEST_FILE:
        return Fault(None, f"unpacks to more than the {LARGEST_FILE:,} bytes allowed: split it")
    for start, kind in _BINARIES.items():
        if data.startswith(start):
            return Fault(None, f"is {kind}, not text")
    mark, encoding = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError as error:
        return Fault(None, f"says it is {encoding[:6].upper()} but is not: {error.reason} at byte {error.start}")
    if (nul := text.find("\0")) >= 0:
        return Fault(text.count("\n", 0, nul) + 1, "holds a NUL byte: a binary file, or UTF-16 without its mark")
    if not text.strip():
        return Fault(None, "is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")
