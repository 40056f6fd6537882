"""What readers of the chat page think of its answers: one line a rating in `feedback.jsonl`, in the home of the server.

A rating is written when a thumb is clicked, and again with the reason when one is given, or when the thumb is taken
back: of several on the same answer the last counts (`latest`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from rag.core.answer import Answer, Turn
from rag.core.errors import EvaluationError, StoreError
from rag.core.malformed import malformed
from rag.home import journal

Thumb = Literal["up", "down", "none"]
"""What a reader thinks of an answer; "none" takes an earlier thumb back."""

FILE = "feedback.jsonl"
MAX_REASON = 1_000
"""Characters of a reason; what is longer is cut."""
MAX_FILE = 256 << 20
"""Bytes: some ten thousand ratings. Whoever can open the page can click, and must not be able to fill the disk."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One rating: what was asked, after which turns, the whole answer, and what the reader thinks of it.

    `time` is UTC in ISO 8601. A reason is cut to `MAX_REASON`.
    """

    collection: str
    thumb: Thumb
    question: str
    answer: Answer
    history: tuple[Turn, ...] = ()
    reason: str = ""
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", self.reason.strip()[:MAX_REASON])

    @property
    def about(self) -> tuple[str, str, tuple[Turn, ...], str]:
        """What two ratings of the same answer share."""
        return self.collection, self.question, self.history, self.answer.answer

    def to_json(self) -> dict[str, Any]:
        """The rating as a line of the file holds it."""
        return {
            "time": self.time,
            "collection": self.collection,
            "thumb": self.thumb,
            "reason": self.reason,
            "question": self.question,
            "history": [asdict(turn) for turn in self.history],
            "answer": self.answer.to_json(),
        }

    @classmethod
    def from_json(cls, data: Any) -> Feedback:
        """The rating that `to_json` wrote. Raises `KeyError`, `TypeError` or `ValueError` for what is none."""
        texts = {name: data[name] for name in ("time", "collection", "thumb", "reason", "question")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("has no text as its time, collection, thumb, reason or question")
        if texts["thumb"] not in get_args(Thumb):
            raise ValueError(f"has the thumb {texts['thumb']!r}, which is neither up, down nor none")
        turns = tuple(Turn(turn["role"], turn["content"]) for turn in data["history"])
        if not all(turn.role in ("user", "assistant") and isinstance(turn.content, str) for turn in turns):
            raise ValueError("has a turn in its history that is none")
        return cls(**texts, answer=Answer.from_json(data["answer"]), history=turns)


def append(home: Path, feedback: Feedback) -> None:
    """Add a rating to the file in `home`, after what other processes write at the same time.

    Raises `StoreError` where it can't be written, `Locked` where another process doesn't let go of the file.
    """
    line = journal.encoded(feedback.to_json())
    file = home / FILE
    with journal.writing(file, file.with_suffix(".lock"), "the rating was not saved"):
        size = file.stat().st_size if file.exists() else 0
        if size + len(line) > MAX_FILE:
            raise StoreError(f"{file} is full ({size:,} bytes); move it away, and a new one begins.")
        journal.append(file, line)


def read(path: Path) -> tuple[list[Feedback], list[str]]:
    """The ratings in a file, in order, and a sentence on each line that is none, such as a last one that was cut off.

    Raises `EvaluationError` where the file can't be read at all.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as e:
        raise EvaluationError(f"{path}: {e.strerror}. The chat page writes it when an answer is rated.") from e
    found: list[Feedback] = []
    bad: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Feedback.from_json(journal.parsed(line)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            what = "is cut off" if number == len(lines) else f"is no rating: it {malformed(e)}"
            bad.append(f"{path}, line {number} {what}; it is passed over.")
    return found, bad


def latest(ratings: Iterable[Feedback]) -> list[Feedback]:
    """The last rating of each answer, in the order of the first; none of those that were taken back.

    A reason that was given with the same thumb stays.
    """
    last: dict[tuple[Any, ...], Feedback] = {}
    for rating in ratings:
        before = last.get(rating.about)
        if before is not None and before.reason and not rating.reason and before.thumb == rating.thumb:
            continue
        last[rating.about] = rating
    return [rating for rating in last.values() if rating.thumb != "none"]
