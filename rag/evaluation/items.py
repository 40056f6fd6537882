"""Reference questions: what they hold, and how they are read and written. A set is a JSONL file, one item a line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, field_validator
from pydantic_core import ErrorDetails

from rag.core.answer import Turn
from rag.core.errors import EvaluationError
from rag.evaluation.spelling import alias, says

Kind = Literal[
    "fact",
    "number",
    "idea",
    "lookalike",
    "followup",
    "false_premise",
    "comparison",
    "list",
    "count",
    "overview",
    "unanswerable",
]
Split = Literal["dev", "test"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order of tables."""
SETS: tuple[Kind, ...] = ("list", "count")
"""Kinds whose answer is a set of papers."""


T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(False)]
"""A tuple, as which the list of a file is taken."""


class Record(BaseModel):
    """What stands in a file: no other field, and no value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Message(Record):
    """One turn of the conversation before a question."""

    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)


class Nugget(Record):
    """One fact that an answer should hold; without a vital one it is wrong or incomplete.

    It is there where an alias stands in the text as words, or a pattern (a regular expression) matches, in any case and
    usual spelling. `paper_id` is the paper that says it; it may be left out where there is one gold paper. After
    Voorhees 2003 (TREC QA) and Pradeep et al. 2025 (AutoNuggetizer).
    """

    text: str = Field(min_length=1)
    importance: Literal["vital", "okay"]
    aliases: Many[str] = ()
    patterns: Many[str] = ()
    paper_id: str = ""

    @field_validator("patterns")
    @classmethod
    def _compiles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as e:
                raise ValueError(f"{pattern[:80]!r} is no regular expression: {e}") from e
        return value

    @property
    def expressions(self) -> tuple[str, ...]:
        """The aliases and patterns as regular expressions."""
        return (*(alias(a) for a in self.aliases), *self.patterns)

    def found_in(self, text: str) -> bool:
        """Whether `text` has it, in any usual spelling (rag.evaluation.spelling)."""
        return any(says(text, expression) for expression in self.expressions)


class Span(Record):
    """Where a gold paper says it: `text == paper.abstract[start:end]`, in characters."""

    paper_id: str
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    text: str = Field(min_length=1)


class Item(Record):
    """One reference question.

    `gold_titles` are the titles of `gold_papers`, in their order, for people who read the file. `borderline_papers`
    are those of a list on which a careful reader would not insist either way (of an overview, `gold_papers` are the key
    papers, none where it is of the whole collection), `about_papers` those whose abstracts an
    unanswerable question asks for a detail that they lack. `sort` tells unanswerable questions
    apart (detail, absent, offtopic, injected). `missing` are the sides of a comparison that the collection lacks. A
    `draft` was written by a program, and is to be reviewed before it counts.
    """

    id: str = Field(min_length=1, max_length=80)
    kind: Kind
    question: str = Field(min_length=1)
    history: Many[Message] = ()
    reference_answer: str = Field(min_length=1)
    nuggets: Many[Nugget] = ()
    gold_papers: Many[str] = ()
    gold_titles: Many[str] = ()
    gold_spans: Many[Span] = ()
    borderline_papers: Many[str] = ()
    answerable: bool
    about_papers: Many[str] = ()
    missing: Many[str] = ()
    split: Split
    sort: str = ""
    notes: str = ""
    draft: bool = False

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history as `Rag.ask` takes it."""
        return tuple(Turn(m.role, m.content) for m in self.history)

    @property
    def cluster(self) -> str:
        """Items with the same set of gold papers are right or wrong together, and so are the unanswerable ones about a
        paper; one without any stands alone.

        One about several papers, as a list or a comparison, is in another cluster than those about each of them,
        though it shares papers with them.
        """
        return " ".join(sorted(self.gold_papers or self.about_papers)) or self.id

    def paper_of(self, nugget: Nugget) -> str:
        """The id of the paper that says a nugget."""
        return nugget.paper_id or self.gold_papers[0]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a line of a set: the item's id where it has one, else "line N"."""

    id: str
    what: str

    def __str__(self) -> str:
        return f"{self.id}: {self.what}"


def text_of(path: Path, remedy: str) -> str:
    """The text of a file that a user names. Raises `EvaluationError`, with the remedy where it isn't there."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise EvaluationError(f"{path}: {e.strerror}. {remedy}") from e
    except UnicodeDecodeError as e:
        raise EvaluationError(f"{path} is not UTF-8 (byte {e.start + 1}).") from e


def parse(path: Path) -> tuple[list[Item], list[Flaw]]:
    """The items of a file that can be read, and what is wrong with the other lines.

    Raises `EvaluationError` where the file can't be read at all.
    """
    items: list[Item] = []
    flaws: list[Flaw] = []
    for number, line in enumerate(text_of(path, "--questions names a JSONL file.").split("\n"), 1):
        if not line.strip():
            continue
        # A line that is no JSON may still say whose it is.
        said = re.search(r'"id"\s*:\s*"([^"\\]+)"', line)
        name = said[1] if said else f"line {number}"
        try:
            data = json.loads(line, object_pairs_hook=_once)
            if isinstance(data, dict) and isinstance(data.get("id"), str) and data["id"]:
                name = data["id"]
            items.append(Item.model_validate(data))
        except ValidationError as e:
            flaws += [Flaw(name, _said(f)) for f in e.errors()]
        except (ValueError, RecursionError) as e:
            flaws.append(Flaw(name, f"line {number} is not JSON ({e})"))
    return items, flaws


def _said(error: ErrorDetails) -> str:
    """What the schema has against a field, in words of JSON."""
    place = ".".join(str(part) for part in error["loc"])
    text = error["msg"].replace("valid tuple", "valid list").replace("valid dictionary or instance of", "valid object:")
    return f"{place}: {text}" if place else text


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of a line, in which no field may be there twice: readers differ in which one they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name in found if sum(n == name for n, _ in pairs) > 1)
        raise ValueError(f"the field {twice!r} is there twice")
    return found


def read(path: Path) -> list[Item]:
    """The items of a file. Raises `EvaluationError` that names the first line that can't be used."""
    items, flaws = parse(path)
    if flaws:
        more = f" (and {len(flaws) - 1} more; rag eval check lists them)" if len(flaws) > 1 else ""
        raise EvaluationError(f"{path}: {flaws[0]}{more}")
    if not items:
        raise EvaluationError(f"{path} holds no questions.")
    return items


def to_line(item: Item) -> str:
    """An item as its line of a file, without the line's end."""
    return json.dumps(item.model_dump(mode="json"), ensure_ascii=False)


def write(path: Path, items: Iterable[Item]) -> None:
    """Write a set, replacing the file in one step."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text("".join(to_line(item) + "\n" for item in items), encoding="utf-8")
    part.replace(path)


def digest(items: Iterable[Item]) -> str:
    """The SHA-256, in hex, of a set: of what its items say, not of how the file is laid out."""
    found = hashlib.sha256()
    for item in items:
        found.update(json.dumps(item.model_dump(mode="json"), sort_keys=True).encode() + b"\n")
    return found.hexdigest()


def choose(
    items: Sequence[Item],
    *,
    split: str = "all",
    kinds: Sequence[str] = (),
    limit: int = 0,
    drafts: bool = False,
) -> list[Item]:
    """Those of a split ("all": both) and of some kinds (none: all), at most `limit` of each kind (0: all).

    Within a kind `limit` takes the first by a hash of their ids, so that fewer are always among more; the order is
    that of the file. Drafts are left out unless `drafts`.
    """
    of_split = [
        i for i in items if split in ("all", i.split) and (not kinds or i.kind in kinds) and (drafts or not i.draft)
    ]
    if not limit:
        return of_split
    kept: set[str] = set()
    for kind in KINDS:
        of_kind = (i.id for i in of_split if i.kind == kind)
        kept.update(sorted(of_kind, key=lambda id: hashlib.sha256(id.encode()).digest())[:limit])
    return [i for i in of_split if i.id in kept]
