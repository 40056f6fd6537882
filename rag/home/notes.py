"""What a reader keeps of papers, a star or a note: in the home of the server, as conversations are.

notes/OWNER/COLLECTION.json    {PAPER: [STAR, NOTE], …}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rag.core.errors import StoreError
from rag.core.values import collection as checked_name
from rag.home import journal
from rag.home.conversations import check_room, owned

FOLDER = "notes"
MAX_NOTE = 2_000
"""Characters of a note."""
MAX_BYTES = 8 << 20
"""Of the notes of an owner on a collection: some 4,000 of the longest."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept of a paper."""

    star: bool = False
    text: str = ""

    def __str__(self) -> str:
        return f"★ {self.text}".strip() if self.star else self.text


def load(home: Path, owner: str, collection: str) -> dict[str, Note]:
    """The notes by the ids of their papers. Raises `StoreError` where they can't be read."""
    file = _file(home, owner, collection)
    try:
        found = json.loads(file.read_bytes()) if file.exists() else {}
        return {id: Note(bool(star), str(text)) for id, (star, text) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError) as e:
        raise StoreError(f"{file.relative_to(home)} can't be read ({e}); repair it, or move it away.") from e


def save(home: Path, owner: str, collection: str, paper: str, *, star: bool | None = None, text: str = "") -> None:
    """Give a paper a star or take it away, or without `star` give it the note `text`, "" for none.

    Raises `StoreError` where there is no room, or the file can't be read or written, and `Locked` where another
    process doesn't let go of it.
    """
    file = _file(home, owner, collection)
    with journal.writing(file.relative_to(home), file.parent.with_suffix(".lock"), "this was not kept"):
        notes = load(home, owner, collection)
        before = notes.pop(paper, Note())
        after = Note(before.star, text.strip()[:MAX_NOTE]) if star is None else Note(star, before.text)
        if after != Note():
            notes[paper] = after
        line = journal.encoded({id: [note.star, note.text] for id, note in notes.items()})
        check_room(home, len(line))
        if len(line) > MAX_BYTES:
            raise StoreError(f"The notes on this collection have more than {MAX_BYTES:,} bytes; shorten some.")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        journal.replace(file, [line])


def _file(home: Path, owner: str, collection: str) -> Path:
    try:
        return owned(home, owner, FOLDER) / f"{checked_name(collection)}.json"
    except ValueError as e:
        raise StoreError(f"{collection[:100]!r} is no collection: {e}") from e
