"""Names that no paper owns, beside one that a paper goes by: "do GraphVite and Legion …", "is Legion faster than …"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.ask.facets import SETTING
from rag.ask.names import Mention, Names
from rag.ask.question.query import MAX_SIDES
from rag.index.lexical import STOPWORDS

FEW = 4
"""Papers, at most, that write a name of which none is the paper: what more of them write is a tool, like PyTorch."""
NEAR = 160
"""Characters on either side of a name that are looked at."""

_NAME = r"(?P<name>[A-Za-z][\w+^-]*(?:\.[A-Za-z][\w+-]*)*)"
_THAT_OF = (
    r"(?:(?:(?:that|those)\s+)?of\s+|for\s+|(?:the\s+)?(?:one|paper|work|study)\s+(?:on|of|about)\s+)?(?:the\s+)?"
)
_AND = r"(?:,?\s+(?:and|or|nor)|,?\s+as\s+well\s+as|,|\s*[&/])"
_ADVERB = r"(?:\s+(?:also|even|both|either|rather))?"
_THAN = (
    r"(?:(?:\w+er|more|less|better|worse|other)\b[^,;:.?!]*?\s+than|as\s+\w+\b[^,;:.?!]*?\s+as"
    r"|(?:beat|outperform|surpass|exceed|overtake|outpace)(?:s|es|ed)?|(?:below|above|over|against))"
)
_BESIDE_AFTER = re.compile(rf"(?:['’]s)?{_AND}{_ADVERB}\s*{_THAT_OF}{_NAME}")
_BESIDE_BEFORE = re.compile(rf"(?<![\w.-]){_NAME}(?:['’]s)?{_AND}{_ADVERB}\s*{_THAT_OF}$")
_THAN_AFTER = re.compile(rf"\b[^,;:.?!]*?\s{_THAN}\s+{_THAT_OF}{_NAME}", re.IGNORECASE)
_THAN_BEFORE = re.compile(
    rf"\b(?:is|are|was|were|do|does|did|has|have|can|could|will|would)\s+(?:the\s+)?{_NAME}(?:['’]s)?\s[^,;:.?!]*?{_THAN}\s+{_THAT_OF}$",
    re.IGNORECASE,
)
_NO_PAPER = re.compile(
    r"(?:BF|FP|INT|TF|NF|W)\d+\w*|[AVHPTL]\d{1,3}s?|M?RTX|[A-Z]{2,5}s|SGD|Adam\w?|AdamW|AI|API|I|NVIDIA|AMD|Intel|Google|Microsoft|Meta|OpenAI|Amazon|AWS"
    r"|Apple|Python|Java|Linux|Windows|MPI|OpenMP|English|Ethernet|InfiniBand|NVLink|PCIe",
)
"""Formats, hardware, firms and languages, which stand beside a system and are none."""


def beside(text: str, mentions: Sequence[Mention], names: Names) -> list[tuple[int, str]]:
    """Where such names begin, and the names; empty where each name of the question is of a paper, or of no system.

    What the paper that is asked compares itself with is its own matter: "is Sarathi-Serve faster than vLLM" is asked
    of Sarathi-Serve, whose abstract speaks of vLLM.
    """
    found: dict[int, str] = {}
    called = [m for m in mentions if _is_called(m, names)]
    spans = [(m.start, m.end) for m in mentions]
    while len(found) < MAX_SIDES:
        more = {
            at: name
            for start, end, row in [
                *((m.start, m.end, m.rows[0]) for m in called),
                *((at, at + len(name), -1) for at, name in found.items()),
            ]
            for at, name in _neighbours(text, start, end, row, names)
            if at not in found and not any(a < at + len(name) and at < b for a, b in spans)
        }
        if not more:
            break
        found.update(more)
    return sorted(found.items())


def _neighbours(text: str, start: int, end: int, row: int, names: Names) -> Iterator[tuple[int, str]]:
    """The names of systems that are joined to `text[start:end]`, or compared with it, the name of the paper in `row`."""
    lower = text.islower()
    before, after = max(0, start - NEAR), end + NEAR
    joined = (_BESIDE_AFTER.match(text, end, after), _BESIDE_BEFORE.search(text, before, start))
    for match in filter(None, joined):
        name = match.group("name")
        if _is_system(name, names, lower) and names.frequency(name) <= FEW:
            yield match.start("name"), name
    if row < 0:
        return
    for match in filter(None, (_THAN_AFTER.match(text, end, after), _THAN_BEFORE.search(text, before, start))):
        name = match.group("name")
        if _is_system(name, names, lower) and names.frequency(name) <= FEW and not names.writes(row, name):
            yield match.start("name"), name


def leading(phrase: str, names: Names) -> str:
    """The name of a system that no paper writes, at the head of `phrase`: "FastMoE overlap communication"; or ""."""
    match = re.match(_NAME, phrase)
    name = match.group("name") if match else ""
    absent = bool(name) and not _ADJECTIVE.search(name) and not names.frequency(name)
    return name if absent and _is_system(name, names, lower=False) else ""


_ADJECTIVE = re.compile(r"^[A-Z][a-z]+(?:[ei]?an|ic|al|ese|ish)$")
"""What a description may begin with: "Bayesian optimization"."""


def is_setting(mention: Mention, names: Names) -> bool:
    """Whether a mention is of a card, a format or the like, which a paper owns and is not the paper of."""
    setting = _NO_PAPER.fullmatch(mention.name) or SETTING.fullmatch(mention.name)
    return bool(setting) and not _is_called(mention, names)


def _is_called(mention: Mention, names: Names) -> bool:
    """Whether a paper goes by this name, and doesn't merely own it."""
    return mention.titled or names.short(mention.rows[0]) == mention.name


def _is_system(name: str, names: Names, lower: bool) -> bool:
    """Whether `name` is written as the name of a system; in a question without capitals, whether no paper writes it."""
    if name.lower() in STOPWORDS or _NO_PAPER.fullmatch(name) or SETTING.fullmatch(name):
        return False
    if lower:
        return len(name) > 2 and not names.knows_word(name)
    return not name.islower() and names.is_name(name)
