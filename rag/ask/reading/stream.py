"""A model's reply as it comes: the lines that say its state taken off, its citations made into markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from rag.ask.reading.brackets import OPENING, PENDING, Cited, citation_at

State = Literal["answers", "partly", "nearest", "nothing"]
LONGEST = 24_000
"""Characters of an answer that are used; the rest of a model that runs on is cut off."""

_FIELD = re.compile(
    r"[\s>*_`#\[-]*(?P<name>state|missing|search|wants|headline)[\s*_`]*[:=–-][\s*_`]*(?P<value>.*?)[\s*_`\]]*\Z",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s*(?:```\w*|---+)\s*\Z")
_ENDING = re.compile(r"(?<![.!?;:,…。！？])[.!?;:,…。！？]+[\"'”’)]*\Z")
_TAIL = re.compile(r"(?:[.!?;:,…。！？]+[\"'”’)]*)?[ \t]*\\?\Z")
LONGEST_SEARCH = 200
"""Characters of what is searched for on a model's wish."""
_LONGEST_FIELD = 600
STEP = 2_000
"""Characters that are looked at together, so that a long piece costs no more than its parts."""
_STATE_WORDS: tuple[tuple[re.Pattern[str], State], ...] = (
    (re.compile(r"\bpart(?:ly|ial)", re.IGNORECASE), "partly"),
    (re.compile(r"\bnearest|\b(?:un|no[nt]?.?)answer|\binsufficient|\bcannot", re.IGNORECASE), "nearest"),
    (re.compile(r"\bnothing|\bnone|\boff.?topic", re.IGNORECASE), "nothing"),
    (re.compile(r"\banswer|\bfull|\bcomplete|\byes", re.IGNORECASE), "answers"),
)
_FIELDS = ("state", "missing", "search", "wants", "headline")


class Header:
    """The lines before an answer: "STATE: partly", "MISSING: …; …", "SEARCH: …", "WANTS: …", "HEADLINE: …".

    Any may be absent.

    `state` is None where no line gave one that is known. `search` is what the model would search for to find a paper
    that answers, "" where it wants no other. `wants` says that the question is one for many papers.
    """

    def __init__(self) -> None:
        self.state: State | None = None
        self.missing: tuple[str, ...] = ()
        self.search = ""
        self.wants: Literal["", "list", "overview"] = ""
        self.headline: str | None = None

    def take(self, line: str) -> bool:
        """Whether a line belongs to the header; what it says is kept."""
        if not line.strip() or _FENCE.match(line):
            return True
        found = _FIELD.match(line)
        if found is None:
            return False
        name, value = found["name"].lower(), found["value"].strip()
        if name == "state":
            state = next((state for pattern, state in _STATE_WORDS if pattern.search(value[:80])), None)
            if state is None:
                return False
            self.state = state
        elif value and value.lower().strip(".-–") not in ("none", "n/a", "nothing", ""):
            if name == "missing":
                self.missing = tuple(p for part in value.split(";") if (p := part.strip(" .")))[:6]
            elif name == "search":
                self.search = value[:LONGEST_SEARCH]
            elif name == "wants":
                self.wants = "overview" if "overview" in value.lower() else "list" if "list" in value.lower() else ""
            else:
                self.headline = value
        return True


class ReplyParser:
    """Reads the pieces of a reply; gives the text to show, with markers.

    `mark` gives the markers of what a bracket cites, in the light of the sentence before it. A bracket that cites
    nothing that exists vanishes, and so does one before any text of its line. `raw` is the text without its header and
    with its own brackets, for the proof; `received` is all that was fed.
    """

    def __init__(self, mark: Callable[[Sequence[tuple[int, int]], str], Sequence[int]]) -> None:
        self.header = Header()
        self.raw = self.received = ""
        self._mark = mark
        self._in_header = True
        self._held = ""
        self._line = ""
        self._length = 0
        self._marked: tuple[int, ...] = ()
        self._raw: list[str] = []

    @property
    def full(self) -> bool:
        """Whether the answer has all the length that is used."""
        return self._length >= LONGEST

    def feed(self, piece: str) -> str:
        """The text that is certain after this piece; "" when there is none."""
        self.received += piece
        return "".join(self._take(piece[i : i + STEP], final=False) for i in range(0, len(piece), STEP))

    def finish(self) -> str:
        """What was held back, when no more pieces come."""
        shown = self._take("", final=True)
        self.raw = "".join(self._raw).strip()
        return shown

    def _take(self, piece: str, *, final: bool) -> str:
        self._held += piece
        if self._in_header:
            self._read_header(final=final)
        if self._in_header:
            return ""
        if self.full:
            self._held = ""
            return ""
        return self._drain(final=final)

    def _read_header(self, *, final: bool) -> None:
        while self._in_header:
            line, newline, rest = self._held.partition("\n")
            if newline or (final and line):
                if self.header.take(line):
                    self._held = rest
                    continue
                self._in_header = False
            elif final or len(line) > _LONGEST_FIELD or not _may_be_field(line):
                self._in_header = False
            return

    def _drain(self, *, final: bool) -> str:
        shown: list[str] = []
        while self._held:
            opened = OPENING.search(self._held)
            if opened is None:
                shown.append(self._show_certain(len(self._held), final=final))
                break
            start = opened.start()
            found = citation_at(self._held[start:], final=final)
            if found == PENDING:
                shown.append(self._show_certain(start, final=False))
                break
            if isinstance(found, Cited):
                shown.append(self._cite(start, found))
                continue
            shown.append(self._show(self._held[: opened.end()]))
            self._held = self._held[opened.end() :]
        return "".join(shown)

    def _show_certain(self, end: int, *, final: bool) -> str:
        """Show what is held up to `end`, but for what a citation may yet have to stand before."""
        found = None if final else _TAIL.search(self._held, 0, end)
        certain = found.start() if found else end
        shown = self._show(self._held[:certain])
        self._held = self._held[certain:]
        return shown

    def _cite(self, start: int, cited: Cited) -> str:
        before, bracket = self._held[:start], self._held[start : start + cited.length]
        rest = self._held[start + cited.length :]
        if not re.search(r"\w", (self._line + before).rpartition("\n")[2]):
            # Before any text of its line: shown nowhere; the proof gives it to the sentence that follows.
            shown, self._held = self._show(before), rest
            self._raw.append(bracket)
            return shown
        stripped = before.rstrip(" \t")
        ending = _ENDING.search(stripped)
        end = ending.start() if ending else len(stripped)
        # What ends the sentence comes behind its markers.
        self._held = stripped[end:] + rest
        shown = self._show(stripped[:end])
        self._raw.append(bracket)
        markers = [m for m in self._mark(cited.pairs, self._line) if m not in self._marked]
        self._marked += tuple(markers)
        return shown + "".join(f" [{m}]" for m in markers)

    def _show(self, text: str) -> str:
        if not text:
            return ""
        text = text[: max(0, LONGEST - self._length)]
        self._length += len(text)
        self._raw.append(text)
        self._line = (self._line + text).rpartition("\n")[2][-2_000:]
        if re.search(r"\w", text):
            self._marked = ()
        return text


def _may_be_field(line: str) -> bool:
    """Whether the beginning of a line may yet turn out to belong to the header."""
    word = re.sub(r"^[\s>*_`#\[-]+", "", line).lower()
    return any(field.startswith(word) or re.match(rf"{field}[\s*_`]*(?:[:=–-]|\Z)", word) for field in _FIELDS)
