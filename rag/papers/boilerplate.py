"""What stands in an abstract and is none of it: publishers' marks, glued headings, words for "nothing here"."""

from __future__ import annotations

import re

from rag.core.paper import fold

_PHRASES = """
    na | n a | nan | none | null | nil | no | empty | missing | abstract | abstracts | summary | no abstract |
    not available | unavailable | no abstract available | abstract not available | abstract unavailable |
    no abstract is available | abstract is not available | there is no abstract available | there is no abstract |
    no abstract provided | no abstract supplied | no abstract found | no abstract given | abstract not provided |
    abstract not supplied | abstract missing | abstract not included | abstract is missing | no summary |
    no summary available | not applicable | not provided | tbd | tba | unknown | this article has no abstract |
    this article does not have an abstract | does not have an abstract | this record has no abstract |
    no abstract available for this article | an abstract is not available for this article |
    abstract not available for this article | an abstract is not available | the abstract is not available |
    no available abstract | please refer to full text | see full text | no abstract text | without abstract |
    without an abstract | no abstract entered
"""
_NOTHING = frozenset(" ".join(phrase.split()) for phrase in _PHRASES.split("|"))


def is_nothing(text: str) -> bool:
    """Whether a text only says that there is no abstract: "[No abstract available]", "NA", "nan", "-"."""
    return len(text) < 200 and (fold(text) in _NOTHING or not re.search(r"\w", text))


_LABEL = (
    "background|backgrounds|objective|objectives|purpose|aim|aims|introduction|method|methods"
    "|materials? and methods?|methods and materials|patients and methods|methods and results|results|result"
    "|findings|conclusions?|discussion|interpretation|context|setting|settings|design|study design"
    "|design and methods|significance|importance|participants|measurements|limitations|main outcome measures?"
    "|main results|trial registration|rationale|background and aims?|aims and objectives|implications"
    "|conclusions and relevance|results and discussion|results and conclusions?|motivation|hypothesis"
    "|data sources|intervention|funding"
)
_GLUED = re.compile(rf"(^|[.?!)\]%;]\s{{0,3}})((?i:{_LABEL}))(?=[A-Z][a-z]|A\s|I\s|[A-Z]{{2,6}}\s)")


_ON_A_LINE = re.compile(rf"^[ \t]*({_LABEL})[ \t]*[:.]?[ \t]*\n+(?=[ \t]*\S)", re.IGNORECASE | re.MULTILINE)


def on_lines(text: str) -> str:
    """`text` with ": " after headings that have a line of their own, as ScienceDirect writes them, where two have."""
    labels = {found[1].casefold() for found in _ON_A_LINE.finditer(text)}
    return _ON_A_LINE.sub(r"\1: ", text) if len(labels) > 1 else text


def separated(text: str) -> str:
    """`text` with ": " after headings that lost it: "orchards.MethodsWe planted" is "orchards. Methods: We planted".

    One such heading alone may be a name: "DesignBench is …".
    """
    labels = {found[2].casefold() for found in _GLUED.finditer(text)}
    return _GLUED.sub(_heading, text) if len(labels) > 1 else text


def _heading(found: re.Match[str]) -> str:
    before, label = found[1].strip(), found[2]
    if label[0].islower():
        return found[0]
    return f"{before} {label}: " if before else f"{label}: "


# How publishers begin and end abstracts. What is not followed by words of theirs may be a list's "(c)".
_YEAR = r"(?:19|20)\d\d"
_MARK = rf"(?:©|\(c\)|copyright\s{{0,2}}(?:©|\(c\))|(?:crown |&)?copyright(?=,? {_YEAR})|crown copyright)"
_OWNER = re.compile(
    r"\b(?:rights reserved|ltd|limited|inc|b\.?v|gmbh|llc|press|elsevier|springer|wiley|publish\w*|authors?"
    r"|society|association|institute|university|ieee|acm|apa|licen[sc]\w*|sage|taylor|nature|company|foundation"
    r"|college|federation|academy|union|group|journal|international|crown|bmj|verlag|s\.?a|ag|kgaa|mdpi"
    r"|frontiers|plos|oxford|cambridge|karger|thieme|lippincott|wolters|library|media|science|sciences|center"
    r"|centre|council|editors?|corporation|corp|ab|as|oy)\b",
    re.IGNORECASE,
)
_TAILS = (
    re.compile(rf"(?:^|(?<=\s)|(?<=[.!?)])){_MARK}[\s,;:]{{0,3}}", re.IGNORECASE),
    re.compile(r"\[ABSTRACT FROM (?:AUTHOR|PUBLISHER)\]"),
    re.compile(r"Copyright of .{1,200} is the property of "),
    re.compile(r"\(?\b(?:Psyc\w+|\w+) Database Record \((?:c|C)\)"),
    re.compile(r"(?:^|(?<=[.!?)] ))(?:All rights reserved|Published by [A-Z]|This article is protected by copyright|"
               r"This is an open[- ]access article|This article is part of |Licensee )"),
)  # fmt: skip
_LONGEST_TAIL = 700
_FROM_MARK = 300  # characters after a © that are still its sentence
_HEAD = re.compile(rf"^{_MARK}[\s,]{{0,3}}{_YEAR}(?:[^.]|\.(?! [A-Z])){{0,200}}\.(?=\s)", re.IGNORECASE)
_HEAD_MORE = re.compile(
    r"^\s*(?:all rights reserved|published by [^.]{1,99}|licensee [^.]{1,99}|this is an open[- ]access [^.]{1,200})\.",
    re.IGNORECASE,
)


def trimmed(text: str, title: str = "") -> str:
    """`text` without the word Abstract before it, and without a publisher's mark before or after it."""
    text = _without_word(_without_head(text), title)
    while (end := _tail(text)) is not None:
        text = text[:end].rstrip(" (;,|")
    return text


def _without_head(text: str) -> str:
    found = _HEAD.match(text)
    if not found or len(text) - found.end() < 40:
        return text
    text = text[found.end() :].lstrip()
    while more := _HEAD_MORE.match(text):
        text = text[more.end() :].lstrip()
    return text


# Words that "Abstract" belongs to when it begins an abstract: "Abstract Meaning Representation is …".
_ABSTRACTIONS = frozenset(
    """meaning syntax interpretation data state states algebra algebras art reasoning machine machines
    argumentation wiener text screening screenings concept concepts thinking domain domains model models
    visual type types rewriting dialectical expressionism nouns words knowledge class classes syntactic
    harmonic simplicial cauchy""".split()
)
_WORD = re.compile(
    r"^(?:abstract|summary)\s*(?P<mark>[:.—–-]+\s*|\n)|^(?P<plain>Abstract|ABSTRACT|SUMMARY)\s+(?=(?P<next>[A-Z]\w*))",
    re.IGNORECASE,
)


_GLUED_WORD = re.compile(r"Abstract(?=(?:[A-Z][a-z]+|A) [a-z])")


def _without_word(text: str, title: str) -> str:
    if _GLUED_WORD.match(text):  # "AbstractWe planted …"; a name that begins so is there again, or in the title
        word = text.partition(" ")[0]
        return text if word in title or text.count(word) > 1 else text[len("Abstract") :]
    found = _WORD.match(text)
    if not found or len(text) - found.end() < 20:
        return text
    following = found["next"]
    if following and (not following[0].isupper() or not found["plain"][0].isupper()):
        return text
    if following and (following.casefold() in _ABSTRACTIONS or f"abstract {following}".casefold() in title.casefold()):
        return text
    if (
        found["mark"] is not None
        and found["mark"].strip("—–- ") == ""
        and "\n" not in found["mark"]
        and " " not in found["mark"]
    ):
        return text  # "abstract-level" is a word
    return text[found.end() :].lstrip()


def _tail(text: str) -> int | None:
    """Where a publisher's mark begins that runs to the end of `text`; None where there is none."""
    first = max(0, len(text) - _LONGEST_TAIL)
    ends = []
    for number, pattern in enumerate(_TAILS):
        for found in pattern.finditer(text, first):
            if found.start() < 20:
                continue
            rest = text[found.end() :]
            if number == 0 and (len(rest) > _FROM_MARK or not _owned(rest, found[0])):
                continue
            ends.append(found.start())
            break
    return min(ends, default=None)


def _owned(rest: str, mark: str) -> bool:
    """Whether what follows a © or (c) to the end names its year or its owner."""
    if "(c)" in mark.lower() and "copyright" not in mark.lower():
        return bool(re.match(rf"{_YEAR}\b", rest) and _OWNER.search(rest))
    return bool(re.match(rf"{_YEAR}\b", rest) or _OWNER.search(rest) or len(rest) < 80)
