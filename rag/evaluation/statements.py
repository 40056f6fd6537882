"""An answer taken apart into the sentences that claim something, as ALCE counts them (Gao et al. 2023, section 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rag.core.answer import Answer
from rag.evaluation.counting import stated_count
from rag.evaluation.markup import Plain, blocks, hide, plain


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, without Markdown and markers, and the markers that it carries."""

    text: str
    markers: tuple[int, ...] = ()


def statements(answer: Answer) -> tuple[Statement, ...]:
    """The sentences of an answer that claim something.

    Each sentence of a quotation carries the markers behind its end; a marker behind a full stop belongs to the sentence
    before it. Titles, headings, labels, introductions, questions, the count of a list, and what only says that
    something is not said claim nothing.
    """
    titles = frozenset(_key(t) for t in (*(c.title for c in answer.citations), *(r.title for r in answer.retrieved)))
    found: list[Statement] = []
    for block in blocks(answer.answer):
        if _REFERENCES.fullmatch(block.raw):
            break
        if block.place in ("heading", "header"):
            continue
        text = plain(_unlabelled(block.raw, titles))
        if block.place == "label" and not text.markers:
            continue
        found += (Statement(s.text, s.markers) for s in _sentences(text) if _claims(s, titles))
    return tuple(found)


_REFERENCES = re.compile(r"\W*(?:references?|sources|bibliography|citations|works\s+cited)\W*", re.IGNORECASE)
_BOLD = re.compile(r"\*\*(?P<label>.+?)\*\*\s*[:.—–-]?\s*")
_LABEL = re.compile(r"(?:its\s+)?abstract:\s*(?=[“\"])", re.IGNORECASE)


def _key(title: str) -> str:
    """A title as it is compared."""
    return " ".join(re.findall(r"\w+", title.casefold()))


def _unlabelled(raw: str, titles: frozenset[str]) -> str:
    """A block without the title or label before its text; what only a title is becomes empty."""
    raw = hide(raw)
    if bold := _BOLD.match(raw):
        rest = raw[bold.end() :]
        if _key(plain(bold["label"]).text) in titles or rest.startswith(("“", '"')):
            return rest
    head, colon, rest = raw.partition(": ")
    while colon:
        if _key(plain(head).text) in titles:
            return rest.lstrip()
        more, colon, rest = rest.partition(": ")
        head = f"{head}: {more}"
    label = _LABEL.match(raw)
    return raw[label.end() :] if label else raw


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    markers: tuple[int, ...]
    quoted: bool


def _sentences(plain: Plain) -> Iterator[_Sentence]:
    """The sentences of a block, each with the markers that belong to it."""
    from rag.papers.sentences import split_sentences

    text = plain.text
    quotes = _quotes(plain)
    ends = [end for _, end, _ in quotes if text[end:].lstrip()[:1] in ("“", '"')]
    borders = [0, *ends, len(text)]
    spans = [
        (first + s.start, first + s.end) for first, last in pairwise(borders) for s in split_sentences(text[first:last])
    ]
    for n, (start, end) in enumerate(spans):
        following = spans[n + 1][0] if n + 1 < len(spans) else len(text) + 1
        # What stands before the first sentence is its own, too.
        own = [m for at, some in plain.markers if (start < at or not n) and at <= max(end, following - 1) for m in some]
        inside = [q for q in quotes if q[0] < end and start < q[1]]
        own += [m for _, _, some in inside for m in some]
        # "It is fast." [1]. – the second full stop is the marker's.
        end = next((b for _, b, _ in inside if b < end and not text[b:end].strip(" .,;")), end)
        quoted = any(a <= start and end <= b for a, b, _ in inside)
        first = start + any(a == start for a, _, _ in inside) * quoted
        last = end - any(b == end for _, b, _ in inside) * quoted
        said = re.sub(r"([.!?])\.$", r"\1", text[first:last].strip(" |,;"))
        yield _Sentence(said, tuple(sorted(set(own))), quoted)


def _quotes(plain: Plain) -> list[tuple[int, int, tuple[int, ...]]]:
    """Quotations that markers stand behind: start, end and the markers."""
    found = []
    for at, some in plain.markers:
        end = len(plain.text[:at].rstrip(" .,;"))
        if end and plain.text[end - 1] in '”"' and (start := _opening(plain.text, end - 1)) is not None:
            found.append((start, end, some))
    return found


def _opening(text: str, closing: int) -> int | None:
    """Where the quotation begins that is closed there; quotations inside it are passed over."""
    if text[closing] == '"':
        start = text.rfind('"', 0, closing)
        return None if start < 0 else start
    depth = 0
    for at in range(closing, -1, -1):
        depth += (text[at] == "”") - (text[at] == "“")
        if not depth:
            return at
    return None


_SCAFFOLD = re.compile(
    r"\w+ papers fit this, the closest first\b|the collection (?:has no papers? on|holds|does not)\b"
    r"|no paper that you chose\b"
    r"|no sentence here clearly answers\b|nothing in (?:this|the) collection\b|\w+ papers? here (?:is|are|write)\b"
    r"|(?:i|we) (?:searched|looked|found|considered)\b|all were considered\b|numbers? [\d to]{1,20}may not fit\b"
    r"|the reply broke off here\b"
    r"|the abstract of .{1,300}? does not say\b"
    r"|what (?:follows is quoted|comes nearest in|the model wrote in answer)\b|the model found no answer\b"
    r"|(?:here|below|the following|these) (?:is|are)\b[^.]*:$",
    re.IGNORECASE,
)
_OF_SOURCES = re.compile(
    r"\b(?:sources?|abstracts?|papers?|texts?|context|excerpts?|documents?|collection)\b"
    r"|\bnot\s+(?:\w+\s+){0,2}?(?:mentioned|stated|specified|given|provided|reported|discussed|described|disclosed)\b",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"\b(?:sources?|abstracts?|papers?|texts?|context|excerpts?|documents?|collection|information)\b[^.;]{0,40}?"
    r"(?:\b(?:do|does|did)\s+not|n['’]t)\s+(?:\w+\s+){0,2}?(?:say|stat|mention|specif|provid|giv|contain|includ|discuss|describ"
    r"|address|answer|explain|report|indicat|disclos|cover|list|detail|compar)"
    r"|\b(?:is|are|was|were)(?:\s+not|n['’]t)\s+(?:\w+\s+){0,2}?(?:mentioned|stated|specified|given|provided|reported|discussed"
    r"|described|disclosed|available|included|addressed)\b"
    r"|\bno\s+(?:\w+\s+){0,2}?(?:information|mention|details?|answer|data|evidence)\b|\bnone\s+of\s+(?:the|these)\b[^.;]{0,30}?\b"
    r"(?:say|mention|state|report|discuss|describe|compare)s?\b"
    r"|\bi\s+(?:do\s+not|don['’]t|cannot|can['’]t|am\s+unable|could\s+not|couldn['’]t)\b|\bcannot\s+be\s+(?:answered|determined)\b"
    r"|\b(?:unclear|unknown|unspecified|impossible\s+to\s+(?:say|tell|determine|answer))\b",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"(?:sure|certainly|of course|okay|here (?:is|are)|let me know|i hope|feel free|please|in summary|answer)\b"
    r"[^.]{0,60}$|[^0-9]*:$",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"\b(?:reach|beat|outperform|achiev|reduc|improv|surpass|exceed|sav|prov|support|requir)\w*\b", re.IGNORECASE
)
MIN_WORDS = 3
"""Fewer words make no claim: "In summary", "GPipe"."""


def says_absent(text: str) -> bool:
    """Whether a text says that something is not said: "The abstract does not mention a learning rate."."""
    return bool(_ABSENT.search(text))


def _is_claim(text: str) -> bool:
    """Whether a text is no heading, introduction or courtesy. A figure by itself claims something, as in a table."""
    if re.search(r"\d", text):
        return not re.fullmatch(r"\W*\d{1,2}\W*", text)  # the number of a list
    return len(re.findall(r"[^\W_]+", text)) >= MIN_WORDS and (not _TALK.match(text) or bool(_RESULT.search(text)))


_BUT = re.compile(r"\b(?:however|but|although|though|while|only)\b", re.IGNORECASE)


def _claims(sentence: _Sentence, titles: frozenset[str]) -> bool:
    """Whether a sentence says something that the papers can bear out."""
    text, cited = sentence.text, bool(sentence.markers)
    if not re.search(r"[^\W_]", text):
        return False
    if sentence.quoted and cited:
        return True
    if _key(text) in titles or _SCAFFOLD.match(text) or not _is_claim(text):
        return False
    if says_absent(text) and not (cited and (_BUT.search(text) or not _OF_SOURCES.search(text))):
        return False
    return cited or not (text.endswith((":", "?")) or stated_count(text) is not None)
