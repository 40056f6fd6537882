"""A file of questions in, a file of answers out, line by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rag.cli import console
from rag.cli.session import opened
from rag.core.answer import Answer, Turn, failed
from rag.core.config import Config
from rag.core.errors import RagError, UsageError

if TYPE_CHECKING:
    from rag.service import Rag


@dataclass(frozen=True, slots=True)
class Line:
    """One question of a batch."""

    question: str
    history: tuple[Turn, ...] = ()
    id: str | None = None


def run(source: str, target: str, config: Config) -> bool:
    """Answer every line of `source` into `target` (`-`: standard input, standard output), each as soon as it is known.

    Raises `UsageError` where a file can't be opened. A line that fails, whatever the reason, becomes an answer; False
    where all of them did.
    """
    with _input(source) as lines, opened(config) as rag, _output(target, source) as out:
        total = failures = 0
        with console.Progress() as progress:
            for raw in lines:
                if not raw.strip():
                    continue
                answer, ok = _answer(rag, raw)
                out.write(console.to_line(answer.to_json()).encode() + b"\n")
                out.flush()
                total, failures = total + 1, failures + (not ok)
                progress("Answering", total, None)
    console.note(f"{total} answers" + (f", {failures} of them failed (see their warnings)." if failures else "."))
    return failures < total or not total


def to_line(raw: bytes) -> Line:
    """A question from a line of JSON; raises `ValueError` with a reason that starts where the line is wrong."""
    data = _object(raw)
    id = data.get("id")
    if id is not None and (isinstance(id, bool) or not isinstance(id, str | int)):
        raise ValueError("`id` must be a string.")
    question = data.get("question")
    if not isinstance(question, str):
        raise ValueError("`question` must be there, as a string.")
    return Line(question, to_turns(data.get("history") or []), None if id is None else str(id))


def to_turns(value: Any) -> tuple[Turn, ...]:
    """A conversation from parsed JSON: a list of objects with a role (user or assistant) and content."""
    if not isinstance(value, list):
        raise ValueError("the history must be a list of turns.")
    turns = []
    for n, turn in enumerate(value, 1):
        role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else (None, None)
        if role not in ("user", "assistant") or not isinstance(content, str):
            raise ValueError(f'turn {n} of the history must be {{"role": "user" or "assistant", "content": a string}}.')
        turns.append(Turn(role, content))
    return tuple(turns)


def _answer(rag: Rag, raw: bytes) -> tuple[Answer, bool]:
    try:
        line = to_line(raw)
    except ValueError as e:
        return _unreadable(raw, str(e)), False
    try:
        return rag.ask(line.question, line.history, id=line.id), True
    except RagError as e:
        return failed(line.question, str(e), line.id), False
    except Exception as e:  # a batch of a thousand questions must not end at one that meets a fault of ours
        return failed(line.question, f"internal error ({type(e).__name__}: {e})", line.id), False


def _unreadable(raw: bytes, reason: str) -> Answer:
    """The answer to a malformed line: with what of its question and id can still be made out."""
    try:
        data = _object(raw)
    except ValueError:
        data = {}
    question, id = data.get("question"), data.get("id")
    return failed(
        question if isinstance(question, str) else "",
        f"the line can't be read: {reason}",
        str(id) if isinstance(id, str | int) and not isinstance(id, bool) else None,
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as e:
        raise ValueError(f"it is not UTF-8 (byte {e.start + 1}).") from e
    except (ValueError, RecursionError) as e:
        raise ValueError(f"it is not JSON ({e}).") from e
    if not isinstance(data, dict):
        raise ValueError('it must be an object such as {"question": "..."}.')
    return data


@contextmanager
def _input(source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115
    except OSError as e:
        raise UsageError(f"{source}: {e.strerror}. --batch names a JSONL file.") from e
    with file:
        yield file


@contextmanager
def _output(target: str, source: str) -> Iterator[IO[bytes]]:
    if target == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        return
    path = Path(target)
    # Opening it for writing would empty the questions before they are read.
    if source != "-" and path.exists() and path.samefile(source):
        raise UsageError(f"--output {target} is the file of questions itself; name another.")
    try:
        file = path.open("wb")
    except OSError as e:
        raise UsageError(f"{target}: {e.strerror}. --output names a file that can be written.") from e
    with file:
        yield file
