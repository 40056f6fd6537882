"""The text of a model, as it streams in, turned into ours: markers resolved, claims told apart, markup made harmless.

Text passes through at once, but for what may still become a marker, a link, a tag or the end of a sentence. Code and
maths pass as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from rag.passages import split_sentences
from rag.writing.claims import is_claim, plain
from rag.writing.markers import Marker, Pending, marker_at

Settle = Callable[[str, tuple[int, ...]], str | None]
"""Given a claim in plain text and the numbers of the sources that it cites: what to write behind it, or None where the
claim is to be left out."""

CLAUSE_WORDS = 5
"""A marker in mid-sentence ends a claim of its own only behind so many words: not in "GPipe [1], a pipeline, …"."""
_PLAIN = re.compile(r"[^\s`$\\\[【!(<|.?hH]+")
_STOP = re.compile(r"[.!?]+[\"'”’)*_]*")
_OWN_TAG = re.compile(r"</?(?:sources?|conversation|answer)\b[^<>\n]{0,300}>", re.IGNORECASE)
_OWN_TAGS = ("<source", "</source", "<conversation", "</conversation", "<answer", "</answer")
_URL = re.compile(r"https?://[^\s<>\[\]()`|]+")
_TARGET = r"\((?:[^()\n]|\([^()\n]{0,100}\)){0,300}"
_MARKDOWN_LINK = re.compile(rf"\[(?P<text>[^\[\]\n]{{0,200}})\]{_TARGET}\)")
_OPEN_LINK = re.compile(rf"\[[^\[\]\n]{{0,200}}(?:\](?:{_TARGET}(?:\([^()\n]{{0,100}})?)?)?$")
_JOINS = re.compile(r"\s*(?:[,;]|(?:while|whereas|but|and|although|though)\b)", re.IGNORECASE)
_SPAN = 300
"""Characters within which code, maths and links that were opened are closed."""


class Draft:
    """One answer in the making. `feed` and `finish` return the text to show next, `text` is all that holds so far.

    `known` are the numbers of the sources, `abstracts` their texts: an address that is not in them is left out. A claim
    that is left out was shown by then, but for `strict`, which holds each back until it is settled. `added` says which
    of the `pieces` of the text stand behind a claim, in the order of the claims that were kept.
    """

    def __init__(self, settle: Settle, known: Collection[int], abstracts: str = "", *, strict: bool = False) -> None:
        self._settle = settle
        self._known = known
        self._abstracts = abstracts
        self._strict = strict
        self._raw = ""
        self._claim = ""
        self._cited: list[int] = []
        self._piece = ""
        self.pieces: list[str] = []
        self.added: list[int] = []
        self._fence = ""
        self._line = ""
        self._spaced = False

    @property
    def text(self) -> str:
        """All that holds so far."""
        return "".join(self.pieces)

    def feed(self, piece: str) -> str:
        """The next piece of the model's text."""
        self._raw += piece.replace("\r", "")
        return self._run(final=False)

    def finish(self) -> str:
        """No more text comes."""
        return self._run(final=True) + self._end("")

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
        if self._raw.startswith("!["):
            self._raw = self._raw[1:]  # an image is what its description says
            return ""
        if first in ".!?":
            return self._stop(final=final)
        other = {"`": self._code, "$": self._maths, "\\": self._maths, "<": self._tag, "h": self._link, "H": self._link}
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
        self._line = "" if text.endswith("\n") else self._line + text
        return self._emit(text if shown is None else shown)

    def _emit(self, text: str) -> str:
        """`text` as part of the claim that is being read, or of what stands between claims."""
        self._spaced = text[-1:].isspace() if text else self._spaced
        self._piece += text
        if self._claim:
            return "" if self._strict else text
        self.pieces.append(self._piece)
        self._piece = ""
        return text

    # --- what the text is made of

    def _space(self, *, final: bool) -> str | None:
        spaces = len(self._raw) - len(self._raw.lstrip(" \t\v\f\u00a0\u2009\u202f"))
        spaces = max(1, spaces)
        rest = self._raw[spaces:]
        if not rest and not final:
            return None
        if rest[:1] in ("[", "【", "(") and rest:
            found = marker_at(rest, self._known, final=final)
            if found is Pending:
                return None
            if isinstance(found, Marker):
                # The space before a marker of the model's goes with it.
                self._raw = rest
                return ""
        return self._take(spaces, claim=bool(self._claim))

    def _bracket(self, *, final: bool) -> str | None:
        found = marker_at(self._raw, self._known, final=final)
        if found is Pending:
            return None
        if isinstance(found, Marker):
            return self._cite(found, final=final)
        if self._raw[0] != "[":
            return self._take(1)
        link = _MARKDOWN_LINK.match(self._raw)
        if link:
            # Only what a link says, never where it leads.
            self._raw = link["text"] + self._raw[link.end() :]
            return ""
        return None if _OPEN_LINK.match(self._raw) and not final else self._take(1, "\\[")

    def _cite(self, marker: Marker, *, final: bool) -> str | None:
        rest = self._raw[marker.length :]
        if rest.startswith("(") and ")" not in rest[:_SPAN] and not final and len(rest) < _SPAN and "\n" not in rest:
            return None
        if not final and re.fullmatch(r"\s*[a-z]{0,8}", rest, re.IGNORECASE) and "\n" not in rest:
            return None  # "and" may become "android"
        address = re.match(rf"{_TARGET}\)", rest) if rest.startswith("(") else None
        self._raw = rest[address.end() :] if address else rest
        self._cited += [n for n in marker.numbers if n in self._known and n not in self._cited]
        joined = _JOINS.match(self._raw)
        if joined and len(self._claim.split()) >= CLAUSE_WORDS:
            return self._end("")
        return ""

    def _stop(self, *, final: bool) -> str | None:
        match = _STOP.match(self._raw)
        assert match is not None
        rest = self._raw[match.end() :]
        if not rest and not final:
            return None
        if rest and not rest[0].isspace() and rest[0] not in "[【":
            return self._take(match.end())
        after = rest.lstrip(" \t")
        if not after and not final:
            return None
        if after[:1] in ("[", "【") and after:
            found = marker_at(after, self._known, final=final)
            if found is Pending:
                return None
            if isinstance(found, Marker):
                # "… twice as fast. [1]": the marker belongs to the sentence before it.
                self._raw = after[: found.length] + match.group() + after[found.length :]
                return self._cite_before_stop(found)
        if after and after[0] != "\n":
            word = re.match(r"\S{1,24}(?=(\s|\S)?)", after)
            assert word is not None
            if word[1] is None and not final:
                return None  # the next word tells whether a sentence begins
            if not self._is_end(match.group(), word[0]):
                return self._take(match.end())
        return self._end(match.group(), size=match.end())

    def _cite_before_stop(self, marker: Marker) -> str:
        self._raw = self._raw[marker.length :]
        self._cited += [n for n in marker.numbers if n in self._known and n not in self._cited]
        return ""

    def _is_end(self, stop: str, after: str) -> bool:
        text = self._claim + stop
        return any(span.start >= len(text) for span in split_sentences(f"{text} {after}"))

    def _code(self, *, final: bool) -> str | None:
        ticks = re.match(r"`+", self._raw)
        assert ticks is not None
        if ticks.end() == len(self._raw) and not final:
            return None
        if ticks.end() >= 3:
            self._fence = ticks.group()
            return self._end("") + self._take(ticks.end(), claim=False)
        return self._closed(self._raw.find(ticks.group(), ticks.end()), ticks.end(), "\\`", final=final)

    def _in_fence(self, *, final: bool) -> str | None:
        end = self._raw.find(self._fence)
        if end >= 0:
            size, self._fence = end + len(self._fence), ""
            return self._take(size, claim=False)
        kept = 0 if final else len(self._fence) - 1
        return self._take(len(self._raw) - kept, claim=False) if len(self._raw) > kept else None

    def _maths(self, *, final: bool) -> str | None:
        if len(self._raw) < 2 and not final:
            return None
        opening = re.match(r"\$\$|\$|\\\(|\\\[|\\", self._raw)
        assert opening is not None
        sign = opening.group()
        if sign == "\\":
            return self._take(2)
        if sign == "$" and re.match(r"\$\s*(?:\d|$)", self._raw):
            return self._take(1)  # money
        closing = {"\\(": "\\)", "\\[": "\\]"}.get(sign, sign)
        return self._closed(self._raw.find(closing, len(sign)), len(closing), sign, final=final)

    def _closed(self, end: int, closing: int, literal: str, *, final: bool) -> str | None:
        """A stretch that passes as it is where it is closed at `end`; else only its first sign, as `literal`."""
        line = self._raw.find("\n\n")
        if 0 <= end < _SPAN and not 0 <= line < end:
            return self._take(end + closing)
        if not final and line < 0 and len(self._raw) < _SPAN:
            return None
        return self._take(1 if literal.startswith("\\`") else len(literal), literal)

    def _tag(self, *, final: bool) -> str | None:
        lower = self._raw[:_SPAN].lower()
        own = _OWN_TAG.match(self._raw)
        if own:
            self._raw = self._raw[own.end() :]
            return ""
        partial = any(tag.startswith(lower) or lower.startswith(tag) for tag in _OWN_TAGS)
        if not final and len(lower) < _SPAN and (lower == "<" or (partial and ">" not in lower and "\n" not in lower)):
            return None
        if re.match(r"<br ?/?>", lower):
            self._raw = self._raw[lower.index(">") + 1 :]
            return self._emit(" ")
        return self._take(1, "\\<")

    def _link(self, *, final: bool) -> str | None:
        if not final and any(scheme.startswith(self._raw.lower()) for scheme in ("https://", "http://")):
            return None
        match = _URL.match(self._raw)
        if match is None:
            plain = _PLAIN.match(self._raw, 1)
            return self._take(plain.end() if plain else 1)
        if match.end() == len(self._raw) and not final and len(self._raw) < _SPAN:
            return None
        address = match.group().rstrip(".,;:!?*_'\"")
        held = address.rstrip("/") in self._abstracts
        return self._take(len(address), None if held else "(address removed)")

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
        if self._spaced:
            added = added.lstrip(" ")
        self.added.append(len(self.pieces) + 1)
        self.pieces += [piece.rstrip(" ,;") if stop else piece, added, stop]
        return (piece if self._strict else "") + added + stop
