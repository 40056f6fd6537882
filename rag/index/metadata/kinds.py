"""Which questions ask for metadata: who wrote papers, when, where they appeared, and which papers there are."""

from __future__ import annotations

import re
from typing import Literal

from rag.index.metadata.years import PAPER

Kind = Literal["who", "when", "where", "which"]
Order = Literal["newest", "oldest"]

_AUTHORS = r"(?:(?:first|last|senior|lead|main|corresponding)\s+)?(?:co-?)?authors?"
_PUBLISHED = r"(?:publish(?:e[sd])?|written|wrote|writes?|come\s+out|came\s+out|presented|printed)"
_PAPER_APPEARS = rf"\b{PAPER}\b.*\bappear(?:ed)?\b"
_TELL = r"(?:list|name|give(?:\s+me)?|show(?:\s+me)?|tell\s+me|find)"

# Each kind with how its questions begin. "WHO" in capitals is an organisation.
_BEGINNINGS: tuple[tuple[Kind, str], ...] = (
    (
        "who",
        r"\b[Ww]ho\s+(?:(?:has|have|had|all)\s+)*(?:co-?)?(?:wrote|written|authored|writes|publish(?:e[sd])?|studied"
        r"|researched|investigated|works?\s+on|worked\s+on"
        r"|(?:found|showed|shown|reported|demonstrated|concluded)(?=\s+that\b))\b",
    ),
    ("who", rf"\b(?:[Ww]ho\s+(?:is|are|was|were)|[Ww]ho's)\s+(?:all\s+)?(?:the\s+)?{_AUTHORS}\b"),
    ("who", r"\b[Ww]ho\s+(?:is|are|was|were)\s+(?:[\w.'’-]+\s+){1,3}?co-?authors\b"),
    ("who", r"\b[Ww]ho\s+(?:did|does|has|have)\b.*\b(?:writ|publish|work|collaborat)\w*\s+with\b"),
    ("who", rf"\b(?:[Bb]y\s+whom\b|[Ww]hose\s+(?={PAPER}\b))"),
    (
        "who",
        rf"\b(?:[Ww]hat|[Ww]hich|(?i:{_TELL}))\s+(?:(?:is|are|was|were|of)\s+)?(?:(?:the|all|names?\s+of)\s+)*{_AUTHORS}"
        r"\s+(?:of|behind)\b",
    ),
    (
        "who",
        r"\b[Ww](?:hich|hat)\s+(?:authors?|researchers?|scientists?)\s+(?:(?:has|have)\s+)?(?:wrote|written|publish(?:ed)?"
        r"|work(?:ed)?\s+on|stud(?:y|ied)|investigated?|researched)\b",
    ),
    ("when", rf"\b[Ww]hen\s+(?:was|were|is|did|has|have)\b(?=.*\b{_PUBLISHED}\b|.*{_PAPER_APPEARS})"),
    (
        "when",
        rf"\b(?:[Ii]n\s+|[Ff]rom\s+)?(?:[Ww]hich|[Ww]hat)\s+years?\b(?=.*\b{_PUBLISHED}\b|.*{_PAPER_APPEARS}"
        rf"|\s+is\b.*\bfrom\b|.*\b{PAPER}\b\W*$)",
    ),
    (
        "when",
        r"\b(?:[Ww]hat\s+(?:is|was)\s+)?(?:[Tt]he\s+)?(?:[Pp]ublication\s+(?:year|date)|[Yy]ear\s+of\s+publication"
        r"|date\s+of\s+publication)\s+of\b",
    ),
    ("when", rf"\b[Hh]ow\s+old\s+is\b(?=.*\b{PAPER}\b)"),
    ("where", rf"\b[Ww]here\s+(?:was|were|is|did|has|have)\b(?=.*\b{_PUBLISHED}\b|.*{_PAPER_APPEARS})"),
    (
        "where",
        r"\b(?:[Ii]n\s+|[Aa]t\s+)?(?:[Ww]hich|[Ww]hat)\s+(?:journals?|conferences?|venues?|proceedings|magazines?)\b"
        rf"(?=.*\b(?:{_PUBLISHED}|appear(?:ed)?|in\W*$))",
    ),
    ("where", r"\b[Ww]hat\s+(?:is|was)\s+the\s+(?:journal|venue|conference)\s+of\b"),
)
_KINDS = tuple((kind, re.compile(beginning)) for kind, beginning in _BEGINNINGS)

# What describes a paper stands between these: "(was the paper on) moth traps (published in)".
_LEADS = re.compile(
    r"^(?:\W*\b(?:publish(?:es|ed)|with|who|when|where|was|were|is|are|did|has|have|been|do|does|in|by|of|that|about|on|from|and)\b"
    rf"|\W*(?:\b(?:the|this|that|these|those|an?)\s+)?\b{PAPER}\b(?:\s+(?:called|titled|entitled|named|with\s+the\s+title))?)+",
    re.IGNORECASE,
)
_TAILS = re.compile(
    rf"(?:\W*\b(?:{_PUBLISHED}|appear(?:ed)?|first|in|at|by|was|were|{PAPER})\b)+\W*$|\W+$",
    re.IGNORECASE,
)
_PRONOUNS = frozenset("it this that they these those one ones he she them its their his her the a an there".split())

_BETWEEN = r"(?:(?!(?:do|does|did|is|are|was|were|has|have|in|from|by|at|for)\b)\S+\s+){0,3}?"
_WANTED = re.compile(
    rf"^\W*(?:(?:and|so|please|can\s+you|could\s+you)\s+)*(?:(?:which|what|how\s+many|any|all|{_TELL}|do\s+(?:we|you)\s+have"
    rf"|(?:are|is)\s+there)\s+(?:(?:are|were)\s+)?{_BETWEEN})?(?:{PAPER}|works|anything|everything)(?!\s+(?:say|report|find|show|use)\b)\b",
    re.IGNORECASE,
)
_WANTED_FIRST = re.compile(
    rf"^\W*(?:which|what)(?:['’]s|\s+(?:is|are|was))\s+\S+\s+(?:newest|latest|most\s+recent|oldest|earliest)\s+(?:\S+\s+)?{PAPER}"
    r"\b(?!\W+about\W*$)",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"^\W*(?:what|which)\b.*?\b(?:did|has|have|had)\b.*?\b(?:(?:co-?)?(?:write|written|author(?:ed)?)|publish(?:ed)?"
    r"|work(?:ed)?\s+on)\b|^\W*what\s+(?:was|were|has\s+been|got|is)\s+(?:newly\s+)?published\b",
    re.IGNORECASE,
)
# A request for papers that has no other words gives no subject to look for.
_NO_SUBJECT = frozenset(
    """which what how many list show me find give name tell all any are is was were there the a an paper papers article
    articles publication publications preprint preprints study studies work works research literature did do does has
    have had been we you i it in this of by from on about at to for and or that published publish write written wrote
    author authored authors appear appeared collection please can could s else other ever also so
    anything everything something together""".split()
)
_ABOUT = re.compile(
    r"^\W*(?:(?:which|what)\b(?:['’]s)?\s*)?(?:(?:was|were|has\s+been|is)\s+published\s+)?(?:(?:is|are)\s+)?(?:the\s+)?"
    rf"(?:(?:{PAPER}|works|anything|everything)\s+)?(?:are\s+(?:there\s+)?)?(?:about|on)\s+(?P<subject>.+?)\W*$",
    re.IGNORECASE,
)
_ORDERS: tuple[tuple[Order, re.Pattern[str]], ...] = (
    ("newest", re.compile(rf"\b(?:newest|latest|most\s+recent)\s+(?=(?:\w+\s+){{0,3}}?{PAPER}\b)", re.IGNORECASE)),
    ("newest", re.compile(r"(?<=\bpublished)\s+(?:most\s+recently|latest|last)\b(?!\s+\w)", re.IGNORECASE)),
    ("oldest", re.compile(r"(?<=\bpublished)\s+(?:first|earliest)\b(?!\s+\w)", re.IGNORECASE)),
    ("oldest", re.compile(rf"\b(?:oldest|earliest)\s+(?=(?:\w+\s+){{0,3}}?{PAPER}\b)", re.IGNORECASE)),
)


def kind_of(question: str) -> Kind | None:
    """What is asked for: "who", "when" or "where"; None where it is none of these."""
    return next((kind for kind, pattern in _KINDS if pattern.search(question)), None)


def wants_papers(question: str) -> bool:
    """Whether papers are asked for: a list of them, how many there are, the newest, or what somebody wrote."""
    return any(pattern.search(question) for pattern in (_WANTED, _WANTED_FIRST, _WROTE))


def wants_writings(question: str) -> bool:
    """Whether it is asked what somebody wrote."""
    return bool(_WROTE.search(question))


def order_of(text: str) -> tuple[Order | None, str]:
    """Whether the newest or the oldest paper is asked for, and the question without the word that says so."""
    for order, pattern in _ORDERS:
        if pattern.search(text):
            return order, pattern.sub("", text)
    return None, text


def described(text: str) -> str:
    """What describes the papers in a question of `kind_of`; "" where it has nothing, or a pronoun."""
    for _, pattern in _KINDS:
        if found := pattern.search(text):
            text = text[: found.start()] + text[found.end() :]
            break
    text = _LEADS.sub("", text)
    text = _TAILS.sub("", text).strip(" ,.:;?!\"“”'‘’")
    text = re.sub(r"^(?:the|an?)\s+", "", text, flags=re.IGNORECASE)
    return "" if all(word.casefold() in _PRONOUNS for word in re.findall(r"\w+", text)) else text


def subject(text: str) -> str:
    """A request for papers without what the metadata answers, as a question; "" where no subject is left."""
    if all(word in _NO_SUBJECT for word in re.findall(r"\w+", text.casefold())):
        return ""
    text = re.sub(r"\s+(?:(?:that\s+)?(?:were|was|are|is)\s+)?(?:published|written|printed)(?=\W*$)", "", text)
    about = _ABOUT.match(text)
    return f"Which papers are about {about['subject']}?" if about else text
