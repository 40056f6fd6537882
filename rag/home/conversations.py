"""Conversations, kept in the home of the server, so that they survive a reload of the page and a restart.

    history/OWNER/ID.jsonl    a header, then one line an answer, in order
    history/OWNER/.deleted    what was deleted of late, see `rag.core.deleting`
    history/OWNER.lock        held by who writes a conversation of that owner

An owner is whoever the front end tells apart: a user, or a browser. Owner and id come from outside, and name a file
only where they are as they should be: an id is made by `new_id`, and any other owner than a short plain name is hashed.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from rag.core import deleting
from rag.core.answer import Answer
from rag.core.errors import StoreError
from rag.core.options import Options
from rag.core.paper import fold
from rag.home import journal
from rag.home.conversation import (
    Conversation,
    Summary,
    asked,
    beginning,
    conversation,
    entry,
    header,
    retitled,
    summary,
    turns,
)

FOLDER = "history"
MAX_ANSWERS = 200
"""Answers of a conversation: what comes earlier is beyond what a follow-up can refer to, and costs every reload."""
MAX_BYTES = 16 << 20
"""Of a conversation: 200 answers of the longest kind, lists with a quote from each of 82 papers."""
MAX_CONVERSATIONS = 1_000
"""Of an owner; the oldest make room."""
MAX_OWNED = 256 << 20
"""Bytes of all conversations of an owner; the oldest make room."""
MIN_FREE = 256 << 20
"""Bytes that are left on the disk: owners come and go, and whoever can open the page must not be able to fill it."""

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
# Without capitals: there are disks that don't tell them apart, and two owners would be one.
_PLAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

_log = logging.getLogger(__name__)


def new_id() -> str:
    """A new id: 22 characters for URLs, of 128 random bits, so that nobody guesses another's."""
    return secrets.token_urlsafe(16)


def append(home: Path, owner: str, id: str, collection: str, answer: Answer, *, options: Options | None = None) -> None:
    """Add an answer to a conversation, which is begun where there is none with this id.

    Raises `StoreError` where the conversation is full, the id is none of ours or the file can't be written, and
    `Locked` where another process doesn't let go of the owner's conversations.
    """
    file = _file(home, owner, id)
    if file is None:
        raise StoreError(f"{id[:40]!r} is no id of a conversation, so this answer was not saved; begin a new one.")
    line = entry(answer, options)
    with _writing(home, file, "the answer was not saved"):
        check_room(home, len(line))
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_room(file.parent, len(line))
            journal.replace(file, [header(id, collection, answer.question), line])
            return
        held = file.read_bytes()
        if held.count(b"\n") > MAX_ANSWERS or len(held) + len(line) > MAX_BYTES:
            raise StoreError(
                f"This conversation is full ({turns(held)} answers, {len(held):,} bytes), "
                "so the answer was not saved; begin a new one."
            )
        journal.append(file, line)


def load(home: Path, owner: str, id: str) -> Conversation | None:
    """The conversation; None where the owner has none with this id, or its header is damaged.

    An answer that is damaged is passed over, with a warning in the log, and so is one that is just being written.
    Raises `StoreError` where the file is there and can't be read.
    """
    file = _file(home, owner, id)
    data = _read(file) if file else None
    return None if data is None else conversation(id, data)


def names(home: Path, owner: str, query: str = "") -> list[Summary]:
    """What conversations the owner has, the one with the newest answer first; with `query` those whose title and
    questions have all of its words, or beginnings of them.

    A damaged one is left out, with a warning in the log. No answer is parsed: 500 conversations of six answers each
    take 40 ms on one core. Raises `StoreError` where the folder is there and can't be read.
    """
    found, words = [], fold(query).split()
    for file in _files(owned(home, owner)):
        try:
            data = _read(file)
        except StoreError as e:
            _log.warning("%s It is left out.", e)
            continue
        if data is None or (known := summary(file.stem, data)) is None:
            continue
        if words:
            text = f" {fold(f'{known.title} {asked(data)}')}"
            if not all(f" {word}" in text for word in words):
                continue
        found.append(known)
    return sorted(found, key=lambda s: (s.updated, s.id), reverse=True)


def truncate(home: Path, owner: str, id: str, keep: int) -> None:
    """Keep the first `keep` answers of a conversation, in one step; with 0 it is gone until the next is added.

    Does nothing where there is no such conversation. Raises `StoreError` and `Locked` as `append` does.
    """
    file = _file(home, owner, id)
    if file is None or not file.exists():
        return
    with _writing(home, file, "the conversation is as it was"):
        if keep <= 0:
            _remove(file)
            return
        if data := _read(file):
            journal.replace(file, beginning(id, data, keep))


def rename(home: Path, owner: str, id: str, title: str) -> None:
    """Give a conversation another title, shortened as all are; an empty one, or of no conversation, changes nothing.

    Raises `StoreError` and `Locked` as `append` does.
    """
    file = _file(home, owner, id)
    if file is None or not file.exists() or not title.strip():
        return
    with _writing(home, file, "the conversation is called as it was"):
        if (data := _read(file)) and (lines := retitled(id, data, title)):
            journal.replace(file, lines)


def delete(home: Path, owner: str, id: str) -> bool:
    """Delete a conversation, so that `restore` can bring it back; False where there was none.

    Raises `StoreError` and `Locked` as `append` does.
    """
    file = _file(home, owner, id)
    if file is None or not file.exists():
        return False
    with _writing(home, file, "the conversation is still there"):
        found = file.exists()
        file.with_suffix(".part").unlink(missing_ok=True)
        deleting.put_away([file] if found else [])
    return found


def delete_all(home: Path, owner: str) -> int:
    """Delete all conversations of the owner, as `delete` does; how many there were. Raises `StoreError`, `Locked`."""
    folder = owned(home, owner)
    if not folder.exists():
        return 0
    with _writing(home, folder, "some conversations are still there"):
        found = _files(folder)
        deleting.put_away(found)
    return len(found)


def deleted(home: Path, owner: str) -> list[tuple[str, list[str]]]:
    """What `restore` can bring back: for each deletion, newest first, its id and the titles of its conversations."""
    found = []
    for deletion in deleting.recent(owned(home, owner)):
        known = [summary(file.stem, file.read_bytes()) for file in deletion.files]
        found.append((deletion.id, [one.title for one in known if one]))
    return found


def restore(home: Path, owner: str, id: str) -> bool:
    """Undo a deletion; False where it is final by now. Raises `StoreError` and `Locked` as `append` does."""
    folder = owned(home, owner)
    with _writing(home, folder, "what was deleted was not brought back"):
        return deleting.bring_back(folder, id)


def owned(home: Path, owner: str, kind: str = FOLDER) -> Path:
    """Where what is the owner's is kept. A hashed name begins as no plain one does, so that nobody can ask for it."""
    if not _PLAIN.fullmatch(owner):
        owner = "_" + hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return home / kind / owner


def _file(home: Path, owner: str, id: str) -> Path | None:
    """Where the conversation is kept; None for what `new_id` has not made."""
    return owned(home, owner) / f"{id}.jsonl" if _ID.fullmatch(id) else None


def _files(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.suffix == ".jsonl" and _ID.fullmatch(file.stem)]
    except FileNotFoundError:
        return []
    except OSError as e:
        raise StoreError(f"{folder} can't be read ({e.strerror or e}); see who may read it.") from e


def _writing(home: Path, path: Path, loss: str) -> AbstractContextManager[None]:
    """The lock of the owner; messages name the path inside the home, for strangers read them."""
    folder = path if path.suffix == "" else path.parent
    return journal.writing(path.relative_to(home), folder.with_suffix(".lock"), loss)


def check_room(home: Path, more: int) -> None:
    """Raise `StoreError` where the disk has no room for so many bytes more."""
    if (free := shutil.disk_usage(home).free) < MIN_FREE + more:
        raise StoreError(
            f"The disk of {FOLDER} has {free >> 20:,} MB left, and {MIN_FREE >> 20:,} MB are kept free, "
            "so this was not saved; delete what nobody needs."
        )


def _make_room(folder: Path, more: int) -> None:
    """Remove the owner's oldest conversations until there is room for one that begins with `more` bytes."""
    for part in folder.glob("*.part"):
        part.unlink()  # Of a process that died: whoever is alive holds no lock now.
    sizes = {file: file.stat() for file in _files(folder)}
    oldest = sorted(sizes, key=lambda file: sizes[file].st_mtime_ns, reverse=True)
    total = sum(size.st_size for size in sizes.values()) + more
    if total + sum(file.stat().st_size for kept in deleting.recent(folder) for file in kept.files) > MAX_OWNED:
        deleting.forget(folder)
    while oldest and (len(oldest) >= MAX_CONVERSATIONS or total > MAX_OWNED):
        file = oldest.pop()
        total -= sizes[file].st_size
        _remove(file)


def _remove(file: Path) -> None:
    for path in (file, file.with_suffix(".part")):
        path.unlink(missing_ok=True)


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as e:
        name = file.relative_to(file.parents[2])
        raise StoreError(f"{name} can't be read ({e.strerror or e}); see who may read it.") from e
