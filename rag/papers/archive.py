"""The files in a file: itself, or what a zip holds; each opened, and known as a text, a workbook or Parquet."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from . import formats, sheet
from .record import Fault, Record, Unreadable
from .source import LARGEST_FILE, UNPACKING, Source

_log = logging.getLogger(__name__)

_MOST_MEMBERS = 1_000
_LARGEST_MEMBER = 256 << 20  # bytes, unpacked; a larger one is unpacked first
_LARGEST_RATIO = 50
_SMALL = 32 << 20
_MOST_FAULTS = 2_000  # of a file that is hardly anything else
_PACKED = (".gz", ".bz2", ".xz")

Found = Record | Fault
Part = tuple[str, Iterator[Found]]
"""The name of a file, for a zip with that of the file in it, and what is read in it."""


def parts(path: Path, name: str) -> Iterator[Part]:
    """What a file holds. Faults take the place of what can't be opened."""
    try:
        if not path.exists():
            raise Unreadable("there is no such file")
        if not path.is_file():
            raise Unreadable("is neither a file nor a folder")
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise Unreadable(f"has {size:,} bytes, more than the {LARGEST_FILE:,} allowed: split it")
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                file.seek(0)
                yield from _in_zip(file, name)
            else:
                file.seek(0)
                yield name, _guarded(_read(file, size, path.name))
    except (Unreadable, *UNPACKING) as error:
        yield name, iter([Fault(None, _reason(error))])


def is_text_about(name: str) -> bool:
    """Whether a file in a folder or zip is known by its name to hold no papers: README, LICENSE and the like."""
    path = PurePosixPath(name)
    about = (
        "readme",
        "license",
        "licence",
        "copying",
        "changelog",
        "changes",
        "notice",
        "contributing",
        "authors",
        "manifest",
    )
    plain = path.suffix.lower() in ("", ".md", ".txt", ".rst", ".html", ".markdown")
    return plain and path.stem.lower().replace("-", "_").split("_")[0].split(".")[0] in about


def hidden(name: str) -> bool:
    """Whether a path inside of a folder or zip is hidden, or made by macOS beside the files."""
    return any(
        part.startswith(".") or part in ("__MACOSX", "Thumbs.db", "desktop.ini") for part in PurePosixPath(name).parts
    )


def _in_zip(file: BinaryIO, name: str) -> Iterator[Part]:
    try:
        packed = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, *UNPACKING) as error:
        raise Unreadable(f"is a zip that can't be read: {error}") from error
    with packed:
        members = [one for one in packed.infolist() if not one.is_dir() and not hidden(one.filename)]
        names = {one.filename for one in members}
        if "xl/workbook.xml" in names:
            yield name, _guarded(sheet.read_xlsx(file, sum(one.file_size for one in members)))
            return
        if office := _office(names):
            raise Unreadable(office)
        if len(members) > _MOST_MEMBERS:
            raise Unreadable(f"is a zip of {len(members):,} files, more than the {_MOST_MEMBERS:,} allowed: unpack it")
        if not members:
            raise Unreadable("is a zip without files")
        for one in members:
            if not is_text_about(one.filename):
                yield f"{name}/{one.filename}", _guarded(_member(packed, one))


def _office(names: set[str]) -> str:
    if "word/document.xml" in names:
        return "is a Word document: export the papers from the reference manager, as RIS or BibTeX"
    if "ppt/presentation.xml" in names:
        return "is a presentation, and holds no papers"
    if "mimetype" in names and "content.xml" in names:
        return "is an OpenDocument file: save it as .xlsx or CSV"
    return ""


def _member(packed: zipfile.ZipFile, one: zipfile.ZipInfo) -> Iterator[Found]:
    if one.flag_bits & 1:
        raise Unreadable("is locked by a password: unpack it first")
    if one.file_size > _LARGEST_MEMBER or one.file_size > max(_SMALL, _LARGEST_RATIO * one.compress_size):
        raise Unreadable(f"unpacks to {one.file_size:,} bytes, too many for papers: unpack and split it")
    # No more than `file_size` bytes are unpacked, whatever follows.
    data = packed.read(one)
    if data.startswith(b"PK\x03\x04"):
        try:
            inner = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError) as error:
            raise Unreadable(f"is a zip that can't be read: {error}") from error
        if "xl/workbook.xml" not in inner.namelist():
            raise Unreadable("is an archive in an archive: unpack it first")
        yield from sheet.read_xlsx(io.BytesIO(data), sum(i.file_size for i in inner.infolist()))
        return
    if any(data.startswith(magic) for magic in (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        raise Unreadable("is an archive in an archive: unpack it first")
    yield from _read(io.BytesIO(data), len(data), one.filename)


def _read(file: BinaryIO, size: int, name: str) -> Iterator[Found]:
    """The records of a text or of Parquet, and a remark on its encoding at its end."""
    start = file.read(4)
    file.seek(0)
    if start == b"PAR1":
        yield from sheet.read_parquet(file)
        return
    source = Source(file, size)
    count = faults = 0
    for found in formats.reader(source, _unpacked(name))(source):
        count += 1
        faults += isinstance(found, Fault)
        yield found
        if faults > _MOST_FAULTS and faults > count / 2:
            yield Fault(None, "is not read to its end, for most of it can't be read")
            break
    if not count:
        yield Fault(None, "holds no papers")
    if source.foreign is not None:
        yield Foreign(source.foreign)


class Foreign(Fault):
    """No fault: from this line on, bytes were read as Windows-1252, for they are not UTF-8."""

    def __init__(self, line: int) -> None:
        super().__init__(line, "is not UTF-8: read as Windows-1252")


def _unpacked(name: str) -> str:
    return name[: name.rfind(".")] if name.lower().endswith(_PACKED) else name


def _guarded(found: Iterator[Found]) -> Iterator[Found]:
    """What is found, and a Fault in place of the error at which reading ends."""
    try:
        yield from found
    except (Unreadable, *UNPACKING, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        yield Fault(None, _reason(error))
    except (RecursionError, MemoryError):
        yield Fault(None, "is nested too deeply, or too large, to be read")
    except Exception as error:  # A reader's own, or of a library: the papers before it and the other files are read.
        _log.exception("A reader failed")
        yield Fault(None, f"can't be read any further ({type(error).__name__}): save it in another format")


def _reason(error: BaseException) -> str:
    if isinstance(error, Unreadable):
        return str(error)
    return f"can't be read: {getattr(error, 'strerror', None) or error}"
