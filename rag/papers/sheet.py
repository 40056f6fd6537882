"""Tables that are no text: Excel's .xlsx by openpyxl, and Parquet by pyarrow where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from .fields import FIELDS
from .record import Fault, Record, Unreadable
from .rows import Row
from .source import LARGEST_FILE, SUSPICIOUS_RATIO, SUSPICIOUS_SIZE
from .table import records

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_LARGEST = 64 << 20  # bytes unpacked: openpyxl holds all texts of a workbook
_MOST_ROWS = 1_000_000
_MOST_COLUMNS = 5_000
_HEADER_WITHIN = 40  # rows
_MOST_SHEETS = 20
_BATCH = 500  # rows of Parquet
_LARGEST_GROUP = 256 << 20  # bytes of a group of rows, unpacked


def read_xlsx(file: BinaryIO, unpacked: int) -> Iterator[Record | Fault]:
    """A record for each row below a header, on each sheet that has one; `unpacked` is the size of all its parts."""
    from openpyxl import load_workbook

    if unpacked > _LARGEST:
        raise Unreadable(f"unpacks to {unpacked:,} bytes, more than the {_LARGEST:,} allowed: save it as CSV")
    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises what it meets: KeyError, BadZipFile, ParseError, …
        raise Unreadable(f"is no workbook of Excel that can be read: {error}") from error
    found = False
    for sheet in book.worksheets[:_MOST_SHEETS]:
        sheet.reset_dimensions()  # which may be said to be the largest there are
        rows = islice(sheet.iter_rows(values_only=True), _MOST_ROWS)
        texts = ([_text(cell) for cell in row[:_MOST_COLUMNS]] for row in rows)
        try:
            for number, header in enumerate(islice(texts, _HEADER_WITHIN), 1):
                if _is_header(header):
                    found = True
                    yield from records(header, _numbered(texts, number, len(header)))
                    break
        except Unreadable:
            raise
        except Exception as error:
            yield Fault(None, f"is no workbook of Excel that can be read to its end: {error}")
    if not found:
        yield Fault(None, "has no sheet whose header names a title and an abstract")


def _numbered(rows: Iterator[list[str]], skipped: int, columns: int) -> Iterator[Row]:
    for number, fields in enumerate(rows, skipped + 1):
        yield number, [*fields[:columns], *[""] * (columns - len(fields))], ""  # cells beside the header have no name


def _is_header(cells: list[str]) -> bool:
    names = {cell.strip().lower() for cell in cells}
    return not names.isdisjoint(FIELDS["title"]) and not names.isdisjoint(FIELDS["abstract"])


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def read_parquet(file: BinaryIO) -> Iterator[Record | Fault]:
    """A record for each row, a batch at a time; pyarrow comes with `pip install 'paper-rag[parquet]'`."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise Unreadable("is Parquet: pip install 'paper-rag[parquet]' to read it, or save it as CSV") from error
    try:
        table = ParquetFile(file, pre_buffer=False)
        given = {name.lower() for name in table.schema_arrow.names}
        if given.isdisjoint(FIELDS["title"]) or given.isdisjoint(FIELDS["abstract"]):
            yield Fault(None, f"has no columns for title and abstract; it has {', '.join(sorted(given)[:8])}")
            return
        known = {alias for aliases in FIELDS.values() for alias in aliases}
        wanted = [name for name in table.schema_arrow.names if name.lower() in known]
        _check_size(table, wanted, file.seek(0, 2))
        number = 0
        for batch in table.iter_batches(batch_size=_BATCH, columns=wanted):
            for row in batch.to_pylist(maps_as_pydicts="lossy"):
                number += 1
                yield Record(number, {name.lower(): _plain(value) for name, value in row.items()})
    except (ArrowException, OSError, ValueError) as error:
        raise Unreadable(f"is no Parquet that can be read: {error}") from error


def _check_size(table: ParquetFile, columns: list[str], size: int) -> None:
    """Raise Unreadable where the columns unpack to more than texts of papers do, before they take the memory."""
    groups = [table.metadata.row_group(number).total_byte_size for number in range(table.metadata.num_row_groups)]
    allowed = min(LARGEST_FILE, max(SUSPICIOUS_SIZE, SUSPICIOUS_RATIO * size))
    unpacked = sum(groups)
    if max(groups, default=0) <= _LARGEST_GROUP and unpacked <= allowed:
        unpacked = 0  # as far as it says; a value that is there a thousand times is counted once
        for batch in table.iter_batches(batch_size=_BATCH, columns=columns):
            unpacked += batch.nbytes
            if unpacked > allowed:
                break
        else:
            return
    raise Unreadable(f"unpacks to {unpacked:,} bytes or more, too many at once: split it")


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if isinstance(value, date) else value
