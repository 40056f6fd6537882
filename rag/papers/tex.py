"""What macros and accents of TeX read as: the changes that `cleaning` makes for them."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable
from functools import cache


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables that would be long as lists."""
    return frozenset(text.split())


# TeX, by name. Symbols that are not here are asked of pylatexenc, which knows some thousand.
_SYMBOLS = {
    "times": "×", "cdot": "·", "pm": "±", "mp": "∓", "approx": "≈", "sim": "~", "simeq": "≃", "leq": "≤", "le": "≤",
    "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "ll": "≪", "gg": "≫", "rightarrow": "→", "to": "→", "infty": "∞",
    "ldots": "…", "dots": "…", "cdots": "…", "circ": "∘", "degree": "°", "textdegree": "°", "textasciitilde": "~",
    "textasciicircum": "^", "textbraceleft": "{", "textbraceright": "}", "textless": "<", "textgreater": ">",
    "textbar": "|", "textdollar": "$", "textasteriskcentered": "*", "textquotesingle": "'", "textquotedbl": '"',
    "textquoteleft": "‘", "textquoteright": "’", "textellipsis": "…", "textbullet": "•", "textmu": "μ",
    "ampersand": "&",
    "textbackslash": "\\", "textunderscore": "_", "textpercent": "%", "lbrace": "{", "rbrace": "}", "textendash": "–",
    "textemdash": "—", "textquotedblleft": '"', "textquotedblright": '"', "textregistered": "®", "texttrademark": "™",
    "ie": "i.e.", "eg": "e.g.", "etal": "et al.", "etc": "etc.",
    "mid": "|", "vert": "|", "lvert": "|", "rvert": "|", "langle": "⟨", "rangle": "⟩",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å",
    "i": "ı", "j": "ȷ",
}  # fmt: skip
_ESCAPES = words("n r t")  # of programs, as in "the sign \\n"; TeX has no such macros
_FUNCTIONS = words("log ln exp max min sin cos tan tanh arg argmax argmin det dim lim sup inf Pr softmax")
_SPACES = words("quad qquad par newline linebreak hfill smallskip medskip bigskip space")
_SILENT = words(
    "left right big Big bigg Bigg bigl bigr displaystyle textstyle limits nolimits item centering noindent em it bf tt "
    "sc rm sf sl itshape bfseries ttfamily scshape small large Large footnotesize protect xspace bibcyr cyr"
)
_DROPPED = words(
    "cite citep citet citealp citeauthor citeyear ref eqref autoref cref Cref label vspace hspace begin end color "
    "includegraphics input bibliography bibliographystyle index pageref"
)
_OWN_NAMES = words(
    "proj project projname projectname sys sysname system systemname ours name method methodname model modelname tool "
    "toolname framework approach solution fwname algname ourmethod oursystem"
)
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "r": "\u030a", "d": "\u0323",
    "b": "\u0331",
}  # fmt: skip


def accent(match: re.Match[str]) -> str | None:
    r"""The letter with its accent: `\'{e}` is "é"."""
    letter = next(g for g in match.groups()[1:] if g).lstrip("\\")
    composed = unicodedata.normalize("NFC", letter + _ACCENTS[match.group(1)])
    return composed if len(composed) == 1 else None


@cache
def _symbol(name: str) -> str | None:
    r"""The character that TeX sets for `\name`, by pylatexenc (https://pylatexenc.readthedocs.io); None for words."""
    from pylatexenc.latex2text import LatexNodes2Text  # here, for its import takes 40 ms

    quiet = logging.getLogger("pylatexenc")
    quiet.setLevel(logging.CRITICAL)
    try:
        found = str(LatexNodes2Text().latex_to_text("\\" + name)).strip()
    except Exception:  # its substitutions raise what they like on a macro without its arguments
        return None
    return found if 1 <= len(found) <= 2 and not found.isascii() else None


def argument(match: re.Match[str]) -> str | None:
    r"""`\name{argument}`: formatting gives its argument, references give nothing."""
    left, name, content, more = match.groups(default="")
    if name in _DROPPED:
        return ""
    if name in {"footnote", "thanks", "footnotetext"}:
        return f"{left} ({content.strip()}){more}"
    if name in {"textsuperscript", "textsubscript"}:
        return left + ("^" if name == "textsuperscript" else "_") + content + more
    if name == "sqrt":
        return f"{left}√{content}{more}" if content.isalnum() else f"{left}√({content}){more}"
    if name in _SYMBOLS or name in _LETTERS:
        return f"{left}\\{name} {content}{more}" if content else None
    if name in _ACCENTS or (not content and not more):
        return None
    return left + content + more


def two_arguments(match: re.Match[str]) -> str | None:
    r"""Fractions, links, quantities and colours: `\frac{1}{2}` is "1/2"."""
    name, first, second = match.groups()
    if name in {"frac", "tfrac", "dfrac", "nicefrac", "sfrac"}:
        return f"{first}/{second}"
    if name == "href":
        return second if first == second else f"{second} ({first})"
    if name in {"SI", "qty"}:
        return f"{first} {second}"
    return second if name in {"textcolor", "colorbox"} else None


def macros(own_name: str) -> Callable[[re.Match[str]], str | None]:
    r"""The change for `\name` without arguments; `own_name` is what an author's own macro reads as, if known."""

    def change(match: re.Match[str]) -> str | None:
        name, _, space = match.groups(default="")
        left = match.string[match.start() - 1 : match.start()] if match.start() else ""
        if left in ("\\", ":", "/") or name in _ESCAPES or name in _ACCENTS:
            return None
        gap = " " if left.isalpha() else ""
        if name in _LETTERS:
            return _LETTERS[name] if left.isalpha() or not space or name.isupper() else _LETTERS[name] + space
        if name in _SYMBOLS:
            known = _SYMBOLS[name]
            dotted = known.endswith(".") and match.string.startswith(".", match.end())
            return (known[:-1] if dotted else known) + space
        if name in _SPACES:
            return " "
        if name in _SILENT:
            return gap + ("" if left.isspace() else space)
        if name in _FUNCTIONS:
            return (" " if left.isalnum() else "") + name + space
        if own_name and name.lower() in _OWN_NAMES:
            return gap + own_name + space
        symbol = _symbol(name) or _symbol(name.removeprefix("var"))
        if symbol:
            return symbol + space
        return None if left.isalnum() or left == "_" else name + space

    return change
