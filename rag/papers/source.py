"""The text of a file, read piece by piece: encodings, files packed by gzip, bzip2 or xz, and limits of size."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, cast

from .record import Unreadable

LARGEST_FILE = 1 << 30  # bytes, unpacked: a million abstracts fit in one
LARGEST_WHOLE = 128 << 20  # characters of a file that can't be read piece by piece, such as a JSON array
LONGEST_LINE = 16 << 20  # characters
HEAD = 1 << 18  # characters by which the format is told
_CHUNK = 1 << 17

# A file packed fifty times smaller than it is holds no texts (these pack 3 to 20 times smaller).
SUSPICIOUS_RATIO = 50
SUSPICIOUS_SIZE = 32 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARIES = {
    b"%PDF": "a PDF: papers come from an export of a reference manager or database, as RIS or BibTeX",
    b"\xd0\xcf\x11\xe0": "an old Office file: save it as .xlsx or CSV",
    b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"GIF8": "a picture",
    b"SQLite format 3": "a database: export its papers as RIS or BibTeX", b"\x7fELF": "a program",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first", b"Rar!": "a RAR archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it first", b"ARROW1": "an Arrow file: save it as CSV or Parquet",
}  # fmt: skip
_PACKED: dict[bytes, Callable[..., object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
UNPACKING = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a file raises that is damaged or packed in another way than it says."""

# Bytes that are not UTF-8 are decoded to these lone surrogates (PEP 383); each becomes its sign in Windows-1252.
_ESCAPED = re.compile("[\udc80-\udcff]")
_FOREIGN_WORD = re.compile("[^\\s,;.:\"'()]{0,200}[\udc80-\udcff][^\\s,;.:\"'()]{3,200}")
_OTHER_SCRIPT = 0.6  # of the letters of words with such bytes: Swedish has 0.5, Chinese and Russian 0.7 to 1
_WINDOWS = {0xDC00 + n: bytes([n]).decode("cp1252", "replace").replace("�", " ") for n in range(0x80, 0x100)}


class Source:
    """A text that is read once: `head` is its beginning, `lines` or `read` give all of it, with lines ended by \\n.

    Texts are UTF-8, or UTF-16 or UTF-32 with a byte order mark; UTF-16 is also known by its zero bytes. Bytes of a text
    in UTF-8 that are none are read as Windows-1252, and `foreign` is the line of the first. Reading raises Unreadable
    where there is more text than is allowed, or such bytes are of another script, and what `UNPACKING` names.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        start = file.read(8)
        file.seek(0)
        packed = next((opener for magic, opener in _PACKED.items() if start.startswith(magic)), None)
        if packed:  # counted before it is read: records by the million are no error of their own
            for _ in iter(partial(_Counted(cast(BinaryIO, packed(file)), size).read, 1 << 20), b""):
                pass
            file.seek(0)
        counted = _Counted(cast(BinaryIO, packed(file)) if packed else file, size if packed else None)
        self._file = io.BufferedReader(counted, _CHUNK)  # type: ignore[type-var]
        self.foreign: int | None = None
        self._read_lines = 1
        encoding = self._encoding()
        errors = "surrogateescape" if encoding == "utf-8" else "strict"
        self._text = io.TextIOWrapper(self._file, encoding, errors, newline=None)
        self.head = self._more(HEAD)
        if (nul := self.head.find("\0")) >= 0:
            raise Unreadable(f"holds a NUL byte in line {self.head.count(chr(10), 0, nul) + 1}: it is no text")
        if not self.head.strip() and not self._file.peek(1):
            raise Unreadable("is empty")

    def lines(self) -> Iterator[str]:
        """All lines, without their ends. Raises Unreadable at one of more than 16 million characters."""
        rest, more = "", self.head
        while more:
            *complete, rest = (rest + more).split("\n")
            yield from complete
            if len(rest) > LONGEST_LINE:
                raise Unreadable(
                    f"has a line of more than {LONGEST_LINE:,} characters: it is none of the formats we read"
                )
            more = self._more(_CHUNK)
        if rest:
            yield rest

    def chunks(self) -> Iterator[str]:
        """All of the text, in pieces."""
        more = self.head
        while more:
            yield more
            more = self._more(_CHUNK)

    def read(self) -> str:
        """All of the text at once. Raises Unreadable if it has more than 128 million characters."""
        parts, size = [], 0
        for chunk in self.chunks():
            parts.append(chunk)
            size += len(chunk)
            if size > LARGEST_WHOLE:
                raise Unreadable(
                    f"has more than {LARGEST_WHOLE:,} characters, too many at once: split it, or save JSONL"
                )
        return "".join(parts)

    def _encoding(self) -> str:
        start = self._file.peek(512)[:512]
        for magic, kind in _BINARIES.items():
            if start.startswith(magic):
                raise Unreadable(f"is {kind}" if ":" in kind or kind.startswith("packed") else f"is {kind}, not text")
        if start[257:262] == b"ustar":
            raise Unreadable("is a tar archive: unpack it first")
        if any(start.startswith(magic) for magic in (*_PACKED, b"PK\x03\x04")):
            raise Unreadable("is an archive in an archive: unpack it first")
        for mark, name in _BOMS:
            if start.startswith(mark):
                self._file.read(len(mark))
                return name
        # Latin letters in UTF-16 have a zero for every second byte.
        pairs = len(start) // 2
        if pairs >= 8 and start[1::2].count(0) > pairs * 0.6 and not start[::2].count(0):
            return "utf-16-le"
        if pairs >= 8 and start[::2].count(0) > pairs * 0.6 and not start[1::2].count(0):
            return "utf-16-be"
        return "utf-8"

    def _more(self, size: int) -> str:
        try:
            text = self._text.read(size)
        except UnicodeDecodeError as error:
            kind = error.encoding[:6].upper()
            raise Unreadable(f"says it is {kind} but is not: {error.reason} at byte {error.start}") from error
        if not text.isascii() and (found := _ESCAPED.search(text)):
            if _is_other_script(text):
                raise Unreadable("is neither UTF-8 nor Windows-1252, and in another script: save it as UTF-8")
            if self.foreign is None:
                self.foreign = self._read_lines + text.count("\n", 0, found.start())
            text = text.translate(_WINDOWS)
        self._read_lines += text.count("\n")
        # One at the beginning says that it is no text; further on it is a slip of whatever wrote the file.
        return text if size == HEAD else text.replace("\0", " ")


def _is_other_script(text: str) -> bool:
    """Whether the words with bytes that are not UTF-8 are of little else, so that none is of Latin letters."""
    words = "".join(_FOREIGN_WORD.findall(text))
    others = sum(not letter.isascii() for letter in words)
    foreign = len(_ESCAPED.findall(words))  # Some pairs of them happen to be UTF-8.
    return len(words) > 12 and others > _OTHER_SCRIPT * len(words) and foreign > others / 2


class _Counted(io.RawIOBase):
    """A file that raises Unreadable when more comes out of it than is allowed."""

    def __init__(self, file: BinaryIO, packed: int | None) -> None:
        self._file, self._packed, self._count = file, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        self._count += len(data)
        if self._count > LARGEST_FILE:
            raise Unreadable(f"{self._has()} more than the {LARGEST_FILE:,} bytes allowed: split it")
        if self._packed and self._count > max(SUSPICIOUS_SIZE, SUSPICIOUS_RATIO * self._packed):
            raise Unreadable(f"unpacks to more than {SUSPICIOUS_RATIO} times its size: it holds no texts of papers")
        buffer[: len(data)] = data
        return len(data)

    def _has(self) -> str:
        return "has" if self._packed is None else "unpacks to"
