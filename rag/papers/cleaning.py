r"""Makes an abstract readable: leftovers of TeX and of lost characters become what their author meant.

No figure ever changes: each edit is checked where it happens, and one that would join, split or drop digits is not made
(character references such as `&#215;`, `\cite{…}` and `\href{…}` are the exceptions, whose digits are not figures of
the text). URLs are left as they are. `clean(clean(x)) == clean(x)`, because the rules run until nothing changes.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from . import tex

_FIGURE = re.compile(r"\d+(?:\.\d+)*")
_URL = re.compile(r"""(?:https?://|ftp://|www\.)[^\s{}$\\"<>^]+""")
_LONGEST_NAME = 5  # words before the colon of a title that still read as the name of a system
_MOST_PASSES = 60


@dataclass(frozen=True, slots=True)
class _Rule:
    """Every match of `pattern` becomes `change(match)`; None leaves it.

    `mark`: every match holds it, and finding that first is ten times as fast as looking for the pattern.
    `url`: also inside URLs. `figures`: an edit that would change a figure is not made.
    """

    mark: str
    pattern: re.Pattern[str]
    change: Callable[[re.Match[str]], str | None]
    url: bool = False
    figures: bool = True


def clean(text: str, *, title: str = "") -> str:
    r"""`text` as a reader would want it: on one line, without leftovers of TeX, HTML and broken encodings.

    `title` lends its system name to an author's own macro that was lost: in "Deep Optimizer States: …", `\proj` reads
    "Deep Optimizer States"; without a name in the title such a macro keeps its own, without the backslash.
    """
    head, colon, _ = title.partition(":")
    name = " ".join(head.split()) if colon and len(head.split()) <= _LONGEST_NAME and "\\" not in head else ""
    for _ in range(_MOST_PASSES):
        before = text
        text = _plain(text)
        for rule in _RULES:
            text = _apply(rule, text)
        if text == before and "\\" in text:  # macros without arguments, once those with some are resolved
            text = _apply(_Rule("\\", _MACRO, tex.macros(name)), text)
        text = " ".join(text.split())
        if text == before:
            break
    return text


def _plain(text: str) -> str:
    """`text` composed (NFC), and without characters that can't be seen."""
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", _apply(_MOJIBAKE, text)))
    return _CONTROL.sub(" ", text.translate(_LIGATURES))


def _apply(rule: _Rule, text: str) -> str:
    first = rule.pattern.search(text) if rule.mark in text else None
    if first is None:
        return text
    urls = [] if rule.url else [m.span() for m in _URL.finditer(text)]
    done, last = "", 0
    parts: list[str] = []
    for match in rule.pattern.finditer(text, first.start()):
        new = None if _inside(match.start(), urls) else rule.change(match)
        if new is None or new == match.group():
            continue
        parts.append(text[last : match.start()])
        done = (done + parts[-1])[-80:]
        after = text[match.end() : match.end() + 80]
        if not new and _join(done, after):
            new = " "
        if rule.figures and _figures(done, new, after) != _figures(done, match.group(), after):
            new = match.group()
        parts.append(new)
        done, last = done + new, match.end()
    return "".join(parts) + text[last:]


def _inside(position: int, spans: list[tuple[int, int]]) -> bool:
    at = bisect_right(spans, (position, len(spans) + position + 1)) - 1
    return at >= 0 and spans[at][0] <= position < spans[at][1]


def _join(left: str, right: str) -> bool:
    return bool(re.search(r"\d\.?$", left) and re.match(r"\.?\d", right))


def _figures(left: str, middle: str, right: str) -> list[str]:
    return _FIGURE.findall(left + middle + right)


# Characters. Joiners stay where scripts need them, and go beside Latin letters.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
    "|(?<=[\x00-\u024f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\u024f])"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WINDOWS = {n: bytes([n]).decode("cp1252") for n in range(0x80, 0xA0) if n not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
_LIGATURES = _WINDOWS | str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})


def _mojibake(match: re.Match[str]) -> str | None:
    """UTF-8 that was read as Windows-1252: "Ã©" is "é", "â€œ" is a quotation mark."""
    raw = b""
    for char in match.group():
        try:
            raw += char.encode("cp1252")
        except UnicodeEncodeError:
            if ord(char) > 0xFF:
                return None
            raw += char.encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


_MOJIBAKE = _Rule(
    "",
    re.compile(r"[ÂÃ][\x80-\xbf\u0152-\u02dc\u2013-\u2122]|â[\x80-\xbf\u0152-\u02dc\u2013-\u2122]{2}"),
    _mojibake,
    url=True,
)


def _entity(match: re.Match[str]) -> str | None:
    from html import unescape
    from html.entities import html5

    body = match.group()[1:]
    return unescape(match.group()) if body[0] == "#" or body in html5 else None


def _escape(match: re.Match[str]) -> str | None:
    """What JSON writes as a backslash, "u" and four digits: half of a surrogate pair stays."""
    char = chr(int(match.group(1), 16))
    return None if unicodedata.category(char) in ("Cs", "Cc", "Cn", "Co") else char


def _tag(match: re.Match[str]) -> str:
    tag, content = match.group(1).lower(), match.group(2)
    if tag == "sup":
        return "^" + content if content[:1].isalnum() else content
    if tag == "sub" and content[:1].isdigit() and match.string[match.start() - 1 : match.start()].isdigit():
        return "_" + content
    return content


def _second_address(match: re.Match[str]) -> str:
    return match.group(1) if match.group(1) == match.group(2) else f"{match.group(1)} ({match.group(2)})"


def _maths(match: re.Match[str]) -> str | None:
    """What stands between dollars, where they mark maths and not money."""
    content = match.group(2)
    left = match.string[match.start() - 1 : match.start()] if match.start() else ""
    if (left.isalnum() or left == "_") and content[0] not in "_^\\":
        return None
    right = match.string[match.end() : match.end() + 1]
    if right.isdigit() and content[0] != "\\":
        return None
    if re.search(r"[\\^_=<>{}×≤≥≈∞]", content):
        return content + "{}" if right.isalpha() and re.search(r"\\[A-Za-z]+$", content) else content
    if " " in content:
        return None if re.search(r"[^\W\d_]{2}", content) else content
    return content if len(content) <= 20 else None


def _tie(match: re.Match[str]) -> str | None:
    """A TeX tie is a space; "~3x" (about), "5~10" and "10GB~20GB" (ranges), and "x~N" (distributed as) stay."""
    left, right = match.group(1), match.group(2)
    if len(left) == 1 and left.isalpha() and left not in "aAI":
        return None
    if right.isdigit() and any(c.isdigit() for c in left):
        return None
    return f"{left} {right}"


_STARTERS = tex.words(
    "A An And As Additionally All At Both But By Code Compared Despite Experiments Extensive Finally First For From "
    "Furthermore Given Here However If In Instead It Its Moreover Most On Our Recent Results Second Since Specifically "
    "Such That The Their Then There Therefore These They This Those Through Thus To Unlike Unfortunately Using We When "
    "While With Yet"
)


def _lost_space(match: re.Match[str]) -> str | None:
    """A sentence that starts without a space, told from `torch.Tensor` by its first word being used as a word."""
    word = match.group(2)
    known = word in _STARTERS or word in _capitalized(match.string)
    return f"{match.group(1)}. {word}" if known else None


@lru_cache(maxsize=4)
def _capitalized(text: str) -> frozenset[str]:
    """The words with a capital that stand alone in a text, outside of dotted names."""
    return frozenset(re.findall(r"(?<![\w./])(?<!\w\.)[A-Z][A-Za-z]*(?![\w.])", text))


def _script(match: re.Match[str]) -> str:
    sign, content = match.group(1), match.group(2).strip()
    if re.fullmatch(r"[\w∞+\-−*',.]*", content):
        return sign + content if content else ""
    return f"{sign}({content})"


def _rule(mark: str, pattern: str, change: str | Callable[[re.Match[str]], str | None], **flags: bool) -> _Rule:
    if callable(change):
        return _Rule(mark, re.compile(pattern), change, **flags)
    template = change
    return _Rule(mark, re.compile(pattern), lambda match: match.expand(template), **flags)


_MACRO = re.compile(r"\\([A-Za-z]+)(\{\})?(\s?)")
_TAGS = "p|i|b|em|strong|sub|sup|italic|bold|sc|span|div|title|sec|a|u|br|mark|small|tt|code"
_RULES = (
    # HTML, and text read in the wrong encoding. A known tag goes only with its end: "<kernel>" is a word.
    _rule("&", r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});", _entity, url=True, figures=False),
    _rule("\\u", r"\\u([0-9a-fA-F]{4})", _escape, figures=False),
    _rule("<", rf"<({_TAGS})(?: [^<>]{{0,200}})?>([^<>]*)</\1>", _tag, url=True, figures=False),
    _rule("<", r"</?(?:jats|mml):[a-z]+(?: [^<>]{0,200})?/?>|<br ?/?>", " ", url=True, figures=False),
    _rule("\\", r"\\([A-Za-z]+)\s?\{([^{}]*)\}\s?\{([^{}]*)\}", tex.two_arguments, figures=False),
    # Addresses that a lost \href gave twice, or glued to its text.
    _rule(
        "{",
        r"((?:https?://|www\.)[^\s{}]{1,2000})\{((?:https?://|www\.)[^\s{}]{1,2000})\}",
        _second_address,
        url=True,
        figures=False,
    ),
    # Dollars: pairs first, then an end whose beginning was lost.
    _rule("$", r"(?<![\\$])(\${1,2})(?=[^\s$])([^$\n]{1,200}?)(?<=[^\s\\$])\1(?!\$)", _maths),
    _rule("\\", r"(\d)\s?\\times\s?\$(?!\w)", r"\1×"),
    _rule("$", r"(?<=[%×])\$(?![\w$])", ""),
    _rule("\\", r"\\[()\[\]](?!\w*\\)|\\[()](?=.)", ""),
    # Figures and their units.
    _rule("times", r"(?<![A-Za-z\d.,])(\d[\d.,]*)times(?![A-Za-z])", r"\1×"),
    _rule("{", r"(\d)\{,\}(?=\d)", r"\1,"),
    _rule("\\", r"\^\s?\{?\s?\\circ(?:\{\})?\s?\}?", "°"),
    _rule("^", r"(\d)\^\{?(st|nd|rd|th)\}?(?!\w)", r"\1\2"),
    _rule("infty", r"(?<![A-Za-z\\])infty(?![A-Za-z])", "∞"),
    # Macros with arguments, from the innermost outwards.
    _rule("\\", r"""(?<!\w)\\(["'])([^"'\\{}]{1,200})(?<=\w)\\\1(?![\w{])""", r"\1\2\1"),
    _rule("\\", r"""\\(['`^"~=.])\s?(?:\{\s?(\\[ij]|[A-Za-z])\s?\}|(\\[ij](?![A-Za-z])|[A-Za-z]))""", tex.accent),
    _rule("\\", r"\\([uvHckrdb])\{\s?(\\[ij]|[A-Za-z])\s?\}", tex.accent),
    _rule("\\", r"(?<=[A-Za-z])\\([cvHk])\s([A-Za-z])", tex.accent),
    _rule("{", r"\{([^\x00-\x7f]|[%&#~^<>|*]|[$_](?=\}))\}", r"\1"),
    _rule("{", r"\{\\([%&#_$])\}", r"\1", url=True),
    _rule("{", r"\{(\\[A-Za-z]+)\}", r"\1{}"),
    _rule("\\", r"\{\\(?:em|it|bf|tt|sc|rm|sf|sl|itshape|bfseries|ttfamily|scshape)\s([^{}]*)\}", r"\1"),
    _rule("\\", r"[~\s]?\\(?:cite[a-z]*|[a-zC]*ref|label)\*?(?:\[[^\[\]]*\])?\{[^{}]*\}", "", figures=False),
    _rule("\\", r"(?<![\\:])()\\([A-Za-z]+)\*?\s?\{([^{}]*)\}()", tex.argument, figures=False),
    _rule("{", r"(?<=\w)\{((?:https?://|www\.)[^\s{}]+)\}", r" (\1)", url=True),
    _rule("{", r"([_^])\{([^{}]*)\}", _script),
    # Ties, escapes and spaces. A range or an "about" keeps its ~.
    _rule("\\", r"\\([%&#_{}$])", r"\1", url=True),
    _rule("~", r"((?<![\w~/])[^\W_]{1,60}(?:[-'.][^\W_]{1,60}){0,20}[.,;:)%\]]?|(?<!~)[.,;:)%\]])~(?=[^\s~])(.)", _tie),
    _rule("\\", r"\\[~^]\{\}", lambda match: match.group()[1]),
    _rule("\\", r"\\\\(?:\[[^\[\]]{0,20}\])?(?=\s|$)", " "),
    _rule("\\", r"\\[,;: ]", " "),
    _rule("\\", r"\\[!/@-]", ""),
    # Punctuation.
    _rule("``", r"``([^`]*?)''", r'"\1"'),
    _rule("``", r"``(?!`)", '"'),
    _rule("`", r"(?<![\w`])`([^`'\s](?:[^`'\n]{0,80}[^`'\s])?)'(?![\w'])", r"'\1'"),
    _rule("---", r"(?<=\w)---(?=\w)|(?<=\s)---(?=\s)", "—"),
    _rule("--", r"(?<=\w)--(?=\w)|(?<=\s)--(?=\s)", "–"),
    _rule(".", r"(?<![\w./@])((?:[^\W\d_]{1,60}-){0,20}[^\W\d_]{2,60})\.([A-Z][A-Za-z]*)(?=\s)", _lost_space),
)
