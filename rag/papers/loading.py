"""Files in, papers out: folders, duplicates, and a report of what became of each record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.core.errors import PaperError, UsageError
from rag.core.paper import Paper

from .archive import Foreign, hidden, is_text_about, parts
from .building import paper_from
from .merging import Papers
from .record import Fault, Record


@dataclass(frozen=True, slots=True)
class Merged:
    """A record that repeats `kept`, and where it stands: its file, and the line where it begins."""

    kept: Paper
    file: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know of a record or file that was read all the same; `about` is the title of the record."""

    file: str
    line: int | None
    reason: str
    about: str = ""


NO_ABSTRACT = "has no abstract"
ENCODING = "is not UTF-8: read as Windows-1252"
LEFT_OUT = "is left out: its name says that it holds no papers"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What files gave: papers in the order of the files, none twice; repeats; what could not be read; remarks."""

    papers: tuple[Paper, ...]
    merged: tuple[Merged, ...] = ()
    refused: tuple[PaperError, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def counts(self) -> str:
        """How many of each kind: "776 papers; 224 records without abstract; 3 merged"."""
        return counts(self.papers, self.merged, self.refused, self.remarks)


def counts(
    papers: Sequence[Paper], merged: Sequence[Merged], refused: Sequence[PaperError], remarks: Sequence[Remark]
) -> str:
    """Papers that were read and records by what became of them, in words."""
    full = sum(bool(paper.abstract) for paper in papers)
    bare = sum(remark.reason == NO_ABSTRACT for remark in remarks)
    reasons = Counter(_kind(error.reason) for error in refused)
    told = [
        f"{full:,} paper{'' if full == 1 else 's'}",
        f"{bare:,} record{'' if bare == 1 else 's'} without abstract" if bare else "",
        f"{len(merged):,} merged" if merged else "",
        *(f"{count:,} refused ({reason})" for reason, count in reasons.most_common(5)),
    ]
    return "; ".join(part for part in told if part)


def _kind(reason: str) -> str:
    """The part of a reason that many records share."""
    return reason.partition(" (")[0].partition(": ")[0]


def load(paths: Sequence[Path], *, strict: bool = False, most: int | None = None) -> Loaded:
    """The papers of `paths`: files, or folders whose files are all read, in order of name, hidden ones left out.

    The format of a file is known by its content (`formats`); it may be packed by zip, gzip, bzip2 or xz. Records of the
    same paper are one, with the fullest fields of all (`merging`), reported in `merged`. What can't be read is
    reported in `refused`; a record without an abstract is a paper with an abstract of "" and a remark.

    Raises PaperError with `strict`, at the first file or record that can't be read or has no abstract; UsageError as
    soon as there are more than `most` papers.
    """
    papers = Papers()
    merged: list[tuple[int, str, int]] = []
    refused: list[PaperError] = []
    remarks: list[Remark] = []
    for found in read(paths):
        if isinstance(found, PaperError):
            if strict:
                raise found
            refused.append(found)
        elif isinstance(found, Remark):
            if strict and found.reason == NO_ABSTRACT:
                raise PaperError(found.file, found.line, f"{NO_ABSTRACT} ({found.about!r})")
            remarks.append(found)
        else:
            file, line, paper = found
            if (number := papers.add(paper)) is not None:
                merged.append((number, file, line))
            elif most is not None and len(papers) > most:
                raise UsageError(
                    f"The files hold more than {most:,} papers, the most that can be added here: add fewer."
                )
    repeats = tuple(Merged(papers[number], file, line) for number, file, line in merged)
    return Loaded(tuple(papers), repeats, tuple(refused), tuple(remarks))


def read(paths: Sequence[Path]) -> Iterator[tuple[str, int, Paper] | PaperError | Remark]:
    """Each record of the files, one after the other, as it is read: its file, its line and its paper, none merged."""
    for path in paths:
        if not path.is_dir():
            yield from _in_file(path)
            continue
        files = [file for file in sorted(path.rglob("*")) if file.is_file() and not hidden(_under(file, path))]
        if not files:
            yield PaperError(str(path), None, "holds no files")
        for file in files:
            if is_text_about(file.name):
                yield Remark(str(file), None, LEFT_OUT)
            else:
                yield from _in_file(file)


def _under(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _in_file(path: Path) -> Iterator[tuple[str, int, Paper] | PaperError | Remark]:
    for name, found in parts(path, str(path)):
        source = name[len(str(path.parent)) :].lstrip("/\\") if path.parent != Path() else name
        for one in found:
            yield from _of(one, name, _without_packing(source))


def _of(one: Record | Fault, file: str, source: str) -> Iterator[tuple[str, int, Paper] | PaperError | Remark]:
    if isinstance(one, Foreign):
        yield Remark(file, one.line, ENCODING)
        return
    if isinstance(one, Fault):
        yield PaperError(file, one.line, one.reason)
        return
    try:
        paper = paper_from(one, source)
    except ValueError as error:
        yield PaperError(file, one.line, str(error))
        return
    if not paper.abstract:
        yield Remark(file, one.line, NO_ABSTRACT, paper.title)
    yield file, one.line, paper


def _without_packing(name: str) -> str:
    return next((name[: -len(end)] for end in (".gz", ".bz2", ".xz") if name.lower().endswith(end)), name)
