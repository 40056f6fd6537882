"""The text of a model, as it streams in, turned into ours: markers resolved, claims told apart, markup made harmless.

Text passes through at once, but for what may still become a marker, a link, a tag or the end of a sentence. Code and
maths pass as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from rag.ask.writing import literal
from rag.ask.writing.claims import is_claim, plain
from rag.ask.writing.markers import Marker, Pending, behind, marker_at
from rag.papers.passages import split_sentences

Settle = Callable[[str, tuple[int, ...]], str | None]
"""Given a claim in plain text and the numbers of the sources that it cites: what to write behind it, or None where the
claim is to be left out."""

CLAUSE_WORDS = 5
"""A marker in mid-sentence ends a claim of its own only behind so many words: not in "GPipe [1], a pipeline, …"."""
_PLAIN = re.compile(r"(?:[^\s`~$\\\[【!(<|.?:hHwW]|(?<=[^\W_])[hHwW])+")
"""Text in which nothing can begin; an address begins no word's end."""
_SPACES = re.compile(r"[^\S\n]+")
_STOP = re.compile(r"[.!?]+[\"'”’)*_]*")
_JOINS = re.compile(r"\s*(?:[,;]|(?:while|whereas|but|and|although|though)\b)", re.IGNORECASE)


class Draft:
    """One answer in the making. `feed` and `finish` return the text to show next, `text` is all that holds so far.

    `known` are the numbers of the sources, `abstracts` their texts: an address that is not in them is left out. A claim
    that is left out was shown by then, but for `strict`, which holds each back until it is settled. `added` says which
    of the `pieces` of the text stand behind a claim, in the order of the claims that were kept. `heard` is the model's
    own text.
    """

    def __init__(self, settle: Settle, known: Collection[int], abstracts: str = "", *, strict: bool = False) -> None:
        self._settle = settle
        self._known = known
        self._abstracts = abstracts
        self._strict = strict
        self.heard = ""
        self._raw = ""
        self._claim = ""
        self._cited: list[int] = []
        self._piece = ""
        self.pieces: list[str] = []
        self.added: list[int] = []
        self._fence = ""
        self._line = ""
        self._last = ""
        self._spaced = False

    @property
    def text(self) -> str:
        """All that holds so far."""
        return "".join(self.pieces)

    def feed(self, piece: str) -> str:
        """The next piece of the model's text."""
        self.heard += piece
        self._raw += piece.replace("\r", "")
        return self._run(final=False)

    def finish(self) -> str:
        """No more text comes."""
        return self._run(final=True) + self._end("") + self._fence_closed()

    def cut_off(self) -> str:
        """No more text is wanted: the sentence that was begun is left out."""
        self._raw, self._claim, self._piece, self._cited = "", "", "", []
        return self._fence_closed()

    def _run(self, *, final: bool) -> str:
        shown = []
        while self._raw:
            piece = self._step(final=final)
            if piece is None:
                break
            shown.append(piece)
        return "".join(shown)

    def _step(self, *, final: bool) -> str | None:
        """What to show for the start of the raw text, which is consumed; None where more of it is needed."""
        first = self._raw[0]
        if self._fence:
            return self._in_fence(final=final)
        if first == "\n":
            return self._end("") + self._take(1, claim=False)
        if first.isspace():
            return self._space(final=final)
        if first in "[【(":
            return self._bracket(final=final)
        if first == "#" and not self._line:
            return self._heading(final=final)
        if self._raw.startswith("!["):
            return self._image(final=final)
        if first in ".!?":
            return self._stop(final=final)
        other = {"`": self._code, "~": self._tildes, "$": self._maths, "\\": self._maths, "<": self._tag}
        other |= dict.fromkeys(":hHwW", self._address)
        if first in other:
            return other[first](final=final)
        if first == "|" and self._line.lstrip().startswith("|"):
            return self._end("") + self._take(1, claim=False)
        match = _PLAIN.match(self._raw)
        return self._take(match.end() if match else 1)

    def _take(self, size: int, shown: str | None = None, *, claim: bool = True) -> str:
        """Consume `size` characters; they count to the claim, and are shown as they are, or as `shown`."""
        text, self._raw = self._raw[:size], self._raw[size:]
        if claim:
            self._claim += text
        self._last = text[-1:]
        return self._emit(text if shown is None else shown)

    def _emit(self, text: str) -> str:
        """`text` as part of the claim that is being read, or of what stands between claims."""
        self._spaced = text[-1:].isspace() if text else self._spaced
        self._line = (self._line + text).rpartition("\n")[2]
        self._piece += text
        if self._claim:
            return "" if self._strict else text
        self.pieces.append(self._piece)
        self._piece = ""
        return text

    # --- what the text is made of

    def _space(self, *, final: bool) -> str | None:
        match = _SPACES.match(self._raw)
        assert match is not None
        rest = self._raw[match.end() :]
        if not rest and not final:
            return None
        if rest and rest[0] in "[【(\\":
            found = marker_at(rest, self._known, final=final)
            if found is Pending:
                return None
            if isinstance(found, Marker):
                # The space before a marker of the model's goes with it.
                self._raw = rest
                return ""
        return self._take(match.end(), claim=bool(self._claim))

    def _heading(self, *, final: bool) -> str | None:
        signs = re.match(r"#+", self._raw)
        assert signs is not None
        if signs.end() == len(self._raw) and not final:
            return None
        if signs.end() > 6 or not self._raw[signs.end() : signs.end() + 1].isspace():
            return self._take(signs.end(), "\\" + signs.group())
        self._raw = self._raw[signs.end() :].lstrip(" \t")  # an answer has no headings
        return ""

    def _image(self, *, final: bool) -> str | None:
        found = marker_at(self._raw[1:], self._known, final=final) if self._claim else False
        if found is Pending:
            return None
        if isinstance(found, Marker):
            return self._stop(final=final)  # "It is fast![1]"
        self._raw = self._raw[1:]  # an image is what its description says
        return ""

    def _bracket(self, *, final: bool) -> str | None:
        found = marker_at(self._raw, self._known, final=final)
        if found is Pending:
            return None
        if isinstance(found, Marker):
            return self._cite(found, final=final)
        if self._raw[0] != "[":
            return self._take(1)
        link = literal.MARKDOWN_LINK.match(self._raw)
        if link:
            # Only what a link says, never where it leads.
            self._raw = link["text"] + self._raw[link.end() :]
            return ""
        return None if literal.OPEN_LINK.match(self._raw) and not final else self._take(1, "\\[")

    def _cite(self, marker: Marker, *, final: bool) -> str | None:
        rest = behind(self._raw[marker.length :], self._known, final=final)
        if rest is None:
            return None
        self._raw = rest
        self._note(marker)
        joined = _JOINS.match(self._raw)
        if joined and len(self._claim.split()) >= CLAUSE_WORDS:
            return self._end("")
        return ""

    def _note(self, marker: Marker) -> None:
        self._last = ""
        self._cited += [n for n in marker.numbers if n in self._known and n not in self._cited]

    def _stop(self, *, final: bool) -> str | None:
        match = _STOP.match(self._raw)
        assert match is not None
        rest = self._raw[match.end() :]
        if not rest and not final:
            return None
        if rest and not rest[0].isspace() and rest[0] not in "[【":
            return self._take(match.end())
        after = _SPACES.sub("", rest, count=1) if rest[:1].isspace() else rest
        if not after and not final:
            return None
        if after[:1] in ("[", "【") and after:
            found = marker_at(after, self._known, final=final)
            if found is Pending:
                return None
            if isinstance(found, Marker):
                # "… twice as fast. [1]": the marker belongs to the sentence before it.
                left = behind(after[found.length :], self._known, final=final)
                if left is None:
                    return None
                self._raw = match.group() + left
                self._note(found)
                return ""
        if after and after[0] != "\n":
            word = re.match(r"\S{1,24}(?=(\s|\S)?)", after)
            assert word is not None
            if word[1] is None and not final:
                return None  # the next word tells whether a sentence begins
            if not self._is_end(match.group(), word[0]):
                return self._take(match.end())
        return self._end(match.group(), size=match.end())

    def _is_end(self, stop: str, after: str) -> bool:
        # "**A bold sentence.** And the next": the signs of emphasis are none of theirs.
        text = (self._claim + stop).rstrip("*_")
        return any(span.start >= len(text) for span in split_sentences(f"{text} {after.lstrip('*_`<') or 'A'}"))

    def _code(self, *, final: bool) -> str | None:
        run = re.match(r"`+", self._raw)
        assert run is not None
        ticks = run.end()
        if ticks == len(self._raw) and not final:
            return None
        line, end, _ = self._raw.partition("\n")
        if ticks >= 3 and not self._line and "`" not in line[ticks:]:
            if not end and not final:
                return None
            self._fence = run.group()
            return self._end("") + self._take(ticks, claim=False)
        return self._stretch(literal.code_span(self._raw, ticks, final=final), "`", "\\`")

    def _tildes(self, *, final: bool) -> str | None:
        run = re.match(r"~+", self._raw)
        assert run is not None
        if run.end() == len(self._raw) and not final:
            return None
        if run.end() < 3 or self._line:
            return self._take(run.end())
        self._fence = run.group()
        return self._end("") + self._take(run.end(), claim=False)

    def _in_fence(self, *, final: bool) -> str | None:
        line, end, _ = self._raw.partition("\n")
        if not end and not final:
            return None
        line += end
        closed = not self._line and literal.closes(line, self._fence)
        text = literal.without_addresses(line, self._abstracts)
        self._raw = text + self._raw[len(line) :]
        shown = self._take(len(text), claim=not closed)
        if not closed:
            return shown
        self._fence = ""
        # What is written as code is a claim all the same; its verdict stands below it.
        return shown + self._end("")

    def _fence_closed(self) -> str:
        """What closes a code block that the model left open, so that it does not swallow what follows."""
        if not self._fence:
            return ""
        closing, self._fence = ("\n" if self._line else "") + self._fence, ""
        return self._emit(closing)

    def _maths(self, *, final: bool) -> str | None:
        if not final and (len(self._raw) < 2 or re.fullmatch(r"\$\s*", self._raw)):
            return None
        found = marker_at(self._raw, self._known, final=final) if self._raw[0] == "\\" else False
        if found is Pending:
            return None
        if isinstance(found, Marker):
            return self._cite(found, final=final)
        opening = re.match(r"\$\$|\$|\\\(|\\\[|\\", self._raw)
        assert opening is not None
        sign = opening.group()
        if sign == "\\":
            return self._take(1 if self._raw[1:2].isalnum() else 2)
        if sign == "$" and re.match(r"\$\s*(?:\d|$)", self._raw):
            return self._take(1)  # money
        return self._stretch(literal.maths_span(self._raw, sign, final=final), sign, sign)

    def _stretch(self, size: int | None, sign: str, shown: str) -> str | None:
        """Code or maths, which passes as it is; where it is none, its first sign."""
        if size is None:
            return None
        if not size:
            return self._take(len(sign), shown)
        text = literal.without_addresses(self._raw[:size], self._abstracts)
        self._raw = text + self._raw[size:]
        return self._take(len(text))

    def _tag(self, *, final: bool) -> str | None:
        found = literal.tag(self._raw, final=final)
        if found is None:
            return None
        size, shown = found
        if size:
            self._raw = shown + self._raw[size:]
            return ""
        return self._take(1, "\\<")

    def _address(self, *, final: bool) -> str | None:
        inside = self._last.isalnum() and self._raw[0] != ":"
        if not final and not inside and literal.may_be_address(self._raw):
            return None
        match = None if inside else literal.ADDRESS.match(self._raw)
        if match is None:
            plain = _PLAIN.match(self._raw, 1)
            return self._take(plain.end() if plain else 1)
        if match.end() == len(self._raw) and not final and len(self._raw) < literal.SPAN:
            return None
        found = literal.address(match)
        if literal.held(found, self._abstracts):
            return self._take(len(found))
        self._raw = literal.REMOVED + self._raw[len(found) :]
        return self._take(len(literal.REMOVED))

    # --- claims

    def _end(self, stop: str, *, size: int = 0) -> str:
        """The claim is complete; what its verdict adds goes before the full stop."""
        claim, cited = plain(self._claim), tuple(self._cited)
        piece, self._piece, self._claim, self._cited = self._piece, "", "", []
        self._raw = self._raw[size:]
        self._line += stop
        if not is_claim(claim):
            self.pieces += [piece, stop]
            return (piece if self._strict else "") + stop
        added = self._settle(claim + stop[:1], cited)
        if added is None:
            return ""
        shown = added.lstrip(" ") if self._spaced else added
        self.added.append(len(self.pieces) + 1)
        self.pieces += [piece.rstrip(" ,;"), added, stop] if stop else [piece, shown, stop]
        return (piece if self._strict else "") + shown + stop
