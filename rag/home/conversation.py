"""A conversation, and the lines that its file has: a header, then one for each answer."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rag.core.answer import Answer, Turn
from rag.core.config import MAX_HISTORY, MAX_TURN
from rag.core.errors import UsageError
from rag.core.malformed import malformed
from rag.core.options import Options
from rag.home import journal

TITLE = 60
"""Characters of a title."""

_TIME = re.compile(rb'\{"time": "([^"\\]{1,40})"')
_QUESTION = re.compile(rb'"answer": \{"id": (?:null|"(?:[^"\\]|\\.)*"), "question": ("(?:[^"\\]|\\.)*")')
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation. Times are UTC in ISO 8601; `title` is its first question, shortened.

    `times` and `options` say of each answer when it was given and what it was asked with, None where that isn't known.
    """

    id: str
    collection: str
    created: str
    updated: str
    title: str
    answers: tuple[Answer, ...] = ()
    times: tuple[str, ...] = ()
    options: tuple[Options | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list of conversations shows of one; `turns` is how many answers it has."""

    id: str
    title: str
    updated: str
    collection: str
    turns: int


def header(id: str, collection: str, question: str) -> bytes:
    """The first line of a conversation that begins with this question now."""
    title = shortened(question)
    return journal.encoded({"id": id, "collection": collection, "created": _now(), "title": title})


def entry(answer: Answer, options: Options | None) -> bytes:
    """The line of an answer that is given now. `time` comes first, and two braces end it, for `summary` to find."""
    asked = {}
    if options is not None:
        asked["options"] = asdict(options) | {"papers": sorted(options.papers) if options.papers else None}
    return journal.encoded({"time": _now(), **asked, "answer": answer.to_json()})


def conversation(id: str, data: bytes) -> Conversation | None:
    """What a file holds; None where its header is damaged.

    An answer that is damaged is passed over. Both are said in the log. A last line that was cut off isn't, as it may be
    one that is just being written.
    """
    first, *lines = data.split(b"\n")
    about = _about(id, first)
    if about is None:
        return None
    entries = list(_entries(id, lines))
    times = tuple(time for time, _, _ in entries)
    return Conversation(
        **about,
        updated=times[-1] if times else about["created"],
        answers=tuple(answer for _, answer, _ in entries),
        times=times,
        options=tuple(options for _, _, options in entries),
    )


def beginning(id: str, data: bytes, keep: int) -> list[bytes]:
    """The lines of a file with its header and its first `keep` answers, without what is damaged."""
    head, *lines = data.split(b"\n")
    return [line + b"\n" for line in (head, *[line for line in lines if list(_entries(id, [line]))][:keep])]


def retitled(id: str, data: bytes, title: str) -> list[bytes] | None:
    """The file with another title in its header, in two pieces; None where the header is damaged."""
    first, end, rest = data.partition(b"\n")
    about = _about(id, first)
    return None if about is None else [journal.encoded({**about, "title": shortened(title)}), rest if end else b""]


def asked(data: bytes) -> str:
    """The questions of a file, one a line. No answer is parsed."""
    found = (json.loads(match) for match in _QUESTION.findall(data))
    return "\n".join(question for question in found if isinstance(question, str))


def summary(id: str, data: bytes) -> Summary | None:
    """What a list shows of a file; None where its header is damaged. No answer is parsed."""
    about = _about(id, data.partition(b"\n")[0])
    if about is None:
        return None
    last = data[: data.rfind(b"}}")].rpartition(b"\n")[2]
    updated = _TIME.match(last)
    return Summary(
        id=id,
        title=about["title"],
        updated=updated[1].decode("utf-8", "replace") if updated else about["created"],
        collection=about["collection"],
        turns=turns(data),
    )


def history(answers: Sequence[Answer]) -> tuple[Turn, ...]:
    """The last turns of a conversation, as the next question comes with them."""
    found = [turn for a in answers for turn in (Turn("user", a.question), Turn("assistant", a.answer[:MAX_TURN]))]
    return tuple(found[-MAX_HISTORY:])


def turns(data: bytes) -> int:
    """How many whole answers a file has: no text in JSON holds the end of a line, and a header ends in one brace."""
    return data.count(b"}}\n") + data.endswith(b"}}")


def shortened(text: str, most: int = TITLE) -> str:
    """`text` on one line of at most `most` characters, cut between words where it has any; no control characters."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(text) <= most:
        return text
    head, _, rest = text[:most].rpartition(" ")
    return (head if len(head) > most // 2 else head + " " + rest[:-1]).strip(" ,;:.") + "…"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _about(id: str, header: bytes) -> dict[str, str] | None:
    """The fields of the header; None where it is damaged."""
    try:
        found = journal.parsed(header.decode())
        about = {name: found[name] for name in ("collection", "created", "title")}
        if not all(isinstance(value, str) for value in about.values()):
            raise TypeError
    except _MALFORMED as e:
        _log.warning("The conversation %s, line 1 %s; it is left out.", id, malformed(e))
        return None
    return {"id": id, **about}


def _entries(id: str, lines: Sequence[bytes]) -> Iterator[tuple[str, Answer, Options | None]]:
    """Time, answer and options of each line that is whole."""
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        try:
            found = journal.parsed(line.decode())
            if not isinstance(found["time"], str):
                raise TypeError
            yield found["time"], Answer.from_json(found["answer"]), _options(found.get("options"))
        except _MALFORMED as e:
            if number <= len(lines):  # The last line may be one that is just being written.
                _log.warning("The conversation %s, line %d %s; it is passed over.", id, number, malformed(e))


def _options(found: Mapping[str, Any] | None) -> Options | None:
    try:
        return Options(**found) if found else None
    except (TypeError, UsageError):  # as another version of the program knew them
        return None
