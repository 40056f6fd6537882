"""The sides of a comparison: named ("A vs B"), described ("the paper on … and the one that …"), or not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rag.ask.names import Mention, Names
from rag.ask.question.beside import beside, is_setting, leading
from rag.ask.question.enumerated import enumerated
from rag.ask.question.query import MAX_SIDES, Side
from rag.index.lexical import STOPWORDS, words

COMPARES = re.compile(
    r"\bcompar(?:e|ed|ison|ing)\b|\bcontrast\b|\bvs\b\.?|\bversus\b|\bdiffer(?:s|ed|ent|ence|ences|ently)?\b|\bdistinguish|\bdistinction"
    r"|\beach\b|\brespectively\b|\bboth\b|\bside\s+by\s+side\b|\bin\s+common\b|\bsimilarit|\bon\s+(?:the\s+)?one\s+hand\b|\bas\s+opposed\s+to\b"
    r"|\bthe\s+(?:two|three|four)\b",
    re.IGNORECASE,
)
_JOIN = r"\s*(?:,\s*and|,\s*or|,|;|/|&|\band\b|\bor\b|\bvs\b\.?|\bversus\b|\bwith\b|\bto\b|\bagainst\b|\bthan\b|\bfrom\b)\s*"
_BETWEEN = re.compile(
    r"\b(?:between|(?:compare|contrast|comparing)(?!\s+(?:with|to|against))|distinguishes?)\s+(?P<a>.+?)\s+(?:and|with|to|vs\.?|versus|against|from)\s+(?P<b>.+?)(?:\s*[:?;.]|\s+(?:in\s+(?:terms|respect|their|the|how|what|which|on)|on|for|with\s+(?:regard|respect)|regarding|by|when|as\s+to|how)\b|$)",
    re.IGNORECASE,
)
_DESCRIBED = re.compile(
    r"(?P<a>\b(?:the|a)\s+(?:paper|work|one|study|method|system|approach)\s+(?:on|about|that|which|for|with|of|using)\s+.+?)\s*,?\s+(?:and|vs\.?|versus|with|to|from|or)\s+(?P<b>(?:the\s+)?(?:one|paper|work|study|method|system|approach)\s+(?:on|about|that|which|for|with|of|using|in)\s+.+?)(?=\s*[:?;]|\s+(?:differ|compare|each)\b|$)",
    re.IGNORECASE,
)
_VERSUS = re.compile(
    r"^(?P<a>.+?)\s+(?:vs\.?|versus)\s+(?P<b>.+?)(?=\s*[:?;,.]|\s+(?:on|in|for|by|when)\b|$)", re.IGNORECASE
)
_HOW_DO = re.compile(
    r"\b(?:do|does|did|are|is|can)\s+(?P<a>.+?)\s+(?:and|differ\s+from|compare\s+(?:with|to|against)|relate\s+to|or)\s+(?P<b>.+?)\s*(?:,|\?|$|:|\b(?:each|both|have|has|differ|compare|in|on|for|use|handle|when|with\s+regard|regarding|relate|respectively)\b)",
    re.IGNORECASE,
)
_ELLIPTIC = re.compile(
    r"\b(?P<at>in|of|for|by|with)\s+(?P<a>[^,;:?]+?)\s*,?\s+(?:and|but)\s+(?:what|which|who|how\s+(?:much|many))\s+(?P=at)\s+(?P<b>[^?;:]+?)[?.\s]*$",
    re.IGNORECASE,
)
""" "What … in A and what in B"."""
_ASKING = re.compile(r"\W*(?:(?:in|on|at|by|with|for|to|of)\s+)?(?:what|which|how|why|who|whether)\b", re.IGNORECASE)
_NAME_LIKE = re.compile(r"[A-Z].*[A-Z0-9]|^[A-Z][\w-]+$|\d")

_INSIDE = re.compile(
    r"\bin\s+the\s+(?:[\w-]+\s+){1,6}?(?:papers?|stud(?:y|ies)|benchmarks?|surveys?|work|abstract)\W*$", re.IGNORECASE
)
"""What says that both sides are dealt with by one paper: "Adam and SGD … in the AlgoPerf benchmark"."""


_CHOOSES = re.compile(
    r"\b(?:which|who)\b|\bwhat(?:['’]s|\s+is|\s+are|\s+was|\s+works?|\s+runs?|\s+does)\s+(?:the\s+)?(?:\w+(?:er|est)|more|less|better|best|worse)\b",
    re.IGNORECASE,
)
"""What asks to choose: "A or B: which …", "what is cheaper, A or B"."""
_HOW = re.compile(r"\W*(?:how|what|which)\s+(?:\w+\s+)?(?:do|are|did)\b", re.IGNORECASE)
_IS_MORE = re.compile(
    r"^\W*(?:is|are|does|do|which|who)\b(?!\s+much).*\b(?:\w+er|more|less|better|worse)\b.*\b(?:than|or)\b",
    re.IGNORECASE,
)


_GLUED = re.compile(r"(?<![\w.-])[A-Z][\w+^]*-$")
LONGEST = 40
"""Characters of a name before a hyphen that are looked at."""


def comparison_sides(text: str, mentions: Sequence[Mention], names: Names) -> tuple[Side, ...]:
    """The sides of a comparison, two to four, in the order of the question; none where nothing is compared."""
    mentions = [m for m in mentions if not _is_part(text, m, names) and not is_setting(m, names)]
    groups = distinct(mentions)
    listed = enumerated(text, groups, lambda phrase: _absent_name(phrase, names))
    if len(listed) > 2:
        return listed[:MAX_SIDES]
    cue = (
        COMPARES.search(text)
        or _ELLIPTIC.search(text)
        or _coordinated(text, groups)
        or (len(groups) > 1 and _IS_MORE.search(text))
    )
    if not cue:
        return _uncued(text, mentions, groups, names)
    sides = _with_joined(text, mentions, names) if groups else ()
    if len(sides) < 2 or (len(groups) < 2 and _ELLIPTIC.search(text)):
        sides = _described_sides(text, groups, names)
    return sides[:MAX_SIDES] if len(sides) >= 2 else ()


def _uncued(text: str, mentions: Sequence[Mention], groups: Sequence[Mention], names: Names) -> tuple[Side, ...]:
    """The sides where no word tells a comparison: names to choose from, or side by side, of which one is not here."""
    if not groups:
        return ()
    chosen = tuple(s for s in _with_joined(text, mentions, names) if s.named) if _CHOOSES.search(text) else ()
    if len(chosen) > 1 and any(_either(text, a, b) for a, b in pairwise(chosen)):
        return chosen[:MAX_SIDES]
    # "How do H2O and SqueezeLLM treat the cache?"
    named = _with_joined(text, mentions, names) if _HOW.match(text) else ()
    if len(named) > 1 and all(s.named for s in named):
        return named[:MAX_SIDES]
    absent = [(at, Side(name, (), True)) for at, name in beside(text, mentions, names)]
    known = [(m.start, Side(text[m.start : m.end], m.rows, True)) for m in groups]
    sides = tuple(side for _, side in sorted([*known, *absent], key=lambda pair: pair[0]))
    return sides[:MAX_SIDES] if absent else ()


def _is_part(text: str, mention: Mention, names: Names) -> bool:
    """Whether a mention is only the end of another name: of "Winograd-NN" the "NN"."""
    whole = _GLUED.search(text, max(0, mention.start - LONGEST), mention.start)
    return whole is not None and not names.frequency(whole.group() + text[mention.start : mention.end])


def distinct(mentions: Sequence[Mention]) -> list[Mention]:
    """Mentions of different papers; one paper named twice is one side."""
    found: list[Mention] = []
    for m in mentions:
        if all(m.rows[0] != other.rows[0] for other in found):
            found.append(m)
    return found


def _coordinated(text: str, groups: Sequence[Mention]) -> bool:
    """Whether two of the names stand side by side: "A and B", "A, B or C", "A vs B"."""
    for a, b in pairwise(groups):
        if re.fullmatch(
            r"['’]?s?\s*(?:,|,?\s*and|,?\s*or|&|/|vs\.?|versus|or\s+the)\s*(?:the\s+)?",
            text[a.end : b.start],
            re.IGNORECASE,
        ):
            return True
    return False


def _either(text: str, a: Side, b: Side) -> bool:
    """Whether `text` offers "a or b" to choose from."""
    return bool(re.search(rf"{re.escape(a.text)}\s*,?\s*or\s+(?:the\s+)?{re.escape(b.text)}", text, re.IGNORECASE))


def _with_joined(text: str, mentions: Sequence[Mention], names: Names) -> tuple[Side, ...]:
    """The named sides, and what is joined to one: a name that no paper owns, or "the … scheme"."""
    found: list[tuple[int, Side]] = [(m.start, Side(text[m.start : m.end], m.rows, True)) for m in distinct(mentions)]
    # Of "FlashAttention-3" the name "FlashAttention" is only a part.
    taken = [(m.start, m.end) for m in mentions if m in distinct(mentions) or text[m.end : m.end + 1] != "-"]
    queue = list(taken)
    while queue:
        start, end = queue.pop(0)
        for at, phrase, described in (*_after(text, end), *_before(text, start)):
            name = leading(phrase, names) if described else ""
            phrase, described = (name, False) if name else (phrase, described)
            stop = at + len(phrase)
            if not phrase or any(a < stop and at < b for a, b in taken):
                continue
            if described or _absent_name(phrase, names):
                taken.append((at, stop))
                queue.append((at, stop))
                found.append((at, Side(phrase, (), not described)))
    return tuple(side for _, side in sorted(found, key=lambda pair: pair[0]))


_STARTER = re.compile(
    r"^.*(?:[.:;?!,](?=\s)|\b(?:compare|comparing|contrast|between|versus|vs|do|does|did|how|is|are|which|what|both|please|in\s+what\s+manner|distinguishes?|of)\b)\s*",
    re.IGNORECASE | re.DOTALL,
)
_ENDER = re.compile(
    r"[:;?!]|,|\s[-–—]\s|\s+(?:differ\w*|compare[sd]?|each|both|respectively|in\s+(?:the\s+way|what|how|which|terms|their|respect|regard)|regarding|when|while|how|what|which|where|leave|leaves|"
    r"reports?|treats?|handles?|sound|with\s+(?:respect|regard)|get|gets|has|have|is|are|was|were|do|does|did|use|uses|reach|work|works|place|attack|allow|address\w*|solve\w*|to\s+\w+|and|or|vs|versus|as)\b",
    re.IGNORECASE,
)
_SHORT_ENDER = re.compile(r"\s+(?:on|for|in|of(?!\s+[A-Z])|with|at|by|under|over|about|regarding)\b")
_VERB = r"(?:\s+(?:compares?|differs?|fares?|relates?|stacks?\s+up))?"


def _after(text: str, end: int) -> list[tuple[int, str, bool]]:
    """What follows a side after a comma, "and", "vs" …: where it begins, its words, whether it describes."""
    match = re.match(r"['’]?s?" + _VERB + _JOIN + r"(?P<x>\S.*)$", text[end:], re.IGNORECASE)
    if not match or re.match(r"(?:what|how|which|why|where|by)\b", match.group("x"), re.IGNORECASE):
        return []
    phrase = match.group("x")
    cut = _ENDER.search(phrase)
    phrase = phrase[: cut.start()] if cut else phrase
    return _conjunct(phrase, end + match.start("x"))


def _before(text: str, start: int) -> list[tuple[int, str, bool]]:
    """What stands before a side, in the same way."""
    match = re.search(_VERB + _JOIN + r"(?:the\s+)?$", text[:start], re.IGNORECASE)
    if not match or not match.group().strip():
        return []
    phrase = text[: match.start()]
    head = _STARTER.match(phrase)
    at = head.end() if head else 0
    return _conjunct(phrase[at:], at)


_NO_SIDE = re.compile(
    r"(?:both|each|all|it|its|they|their|why|how|others?|more|report|reports|claim|state|give|measure|use|achieve)\b",
    re.IGNORECASE,
)


def _conjunct(phrase: str, at: int) -> list[tuple[int, str, bool]]:
    """A phrase that is joined to a side: a name of one or two words, or a description; nothing where it is neither."""
    article = re.match(r"(?:the|a|an|that\s+of)\s+", phrase, re.IGNORECASE)
    if article is None:
        cut = _SHORT_ENDER.search(phrase)
        phrase = phrase[: cut.start()] if cut else phrase
    else:
        at, phrase = at + article.end(), phrase[article.end() :]
    phrase = re.sub(r"['’]s$", "", phrase.rstrip(" .?!,'\"“”"))
    parts = phrase.split()
    content = [w for w in words(phrase) if w not in STOPWORDS]
    if not content or len(parts) > 12 or phrase.count("(") != phrase.count(")") or _NO_SIDE.match(phrase):
        return []
    capitals = [w for w in parts if _NAME_LIKE.search(w)]
    if len(parts) == 1 or (len(parts) == 2 and capitals and parts[0] in capitals) or len(capitals) == len(parts):
        return [(at, phrase, False)]
    return [(at, phrase, True)] if len(content) >= 2 or article else []


_NO_NAME = frozenset(
    "regard respect respects regards terms speedup speedups gains latency throughput memory compare compares differ".split()
)
_NO_PAPER = re.compile(r"(?:BF|FP|INT|TF|W)\d+\w*|[AVHPT]\d{2,3}|RTX|CPUs?|GPUs?|TPUs?|LLMs?|SGD", re.IGNORECASE)
"""Formats and hardware, which are compared with and which no paper is the paper of."""


def _absent_name(phrase: str, names: Names) -> bool:
    """Whether `phrase` is written as a name, or is a single word that no abstract has."""
    first = phrase.split()[0] if phrase.split() else ""
    if _NO_PAPER.fullmatch(first) or not re.fullmatch(r"[\w^+.’'-]+", first) or first.lower() in STOPWORDS | _NO_NAME:
        return False
    if _NAME_LIKE.search(first):
        return True
    return len(phrase.split()) == 1 and len(phrase) > 2 and not names.knows_word(phrase)


def _described_sides(text: str, mentions: Sequence[Mention], names: Names) -> tuple[Side, ...]:
    for pattern in (_DESCRIBED, _ELLIPTIC, _BETWEEN, _VERSUS, _HOW_DO):
        match = pattern.search(text)
        if not match or any(_ASKING.match(match.group(part)) for part in "ab"):
            continue
        parts = [
            match.group("a"),
            *re.split(r"\s*,\s*(?:and\s+)?(?:the\s+one\s+)?|\s+and\s+the\s+one\s+", match.group("b")),
        ]
        sides = [_side(p, names) for p in parts if any(w not in STOPWORDS for w in words(p))]
        if not 2 <= len(sides) <= MAX_SIDES:
            continue
        if _INSIDE.search(text, match.end()) and not any(s.rows or s.text[:1].islower() for s in sides):
            continue
        if pattern not in (_DESCRIBED, _ELLIPTIC):
            # "COAT's memory saving vs BF16" asks one paper for a figure; "A vs B" compares two.
            known = [s for s in sides if s.rows]
            if mentions and not known:
                continue
            if (len(known) == 1 and any(not s.named for s in sides)) or max(len(s.text.split()) for s in sides) > 8:
                continue
        return tuple(sides)
    return ()


def _side(text: str, names: Names) -> Side:
    text = re.sub(r"^both\s+|^the\s+(?=[A-Z])|\s+(?:differs?|compares?|do|does)$", "", text.strip(" ,.?!"))
    mentions = [m for m in names.mentions(text) if not _is_part(text, m, names)]
    if mentions:
        return Side(text, mentions[0].rows, True)
    return Side(text, (), len(text.split()) <= 2 and _written_as_name(text) and _absent_name(text, names))


def _written_as_name(text: str) -> bool:
    return not text[:1].islower() or bool(re.match(r"[a-z]+[A-Z]", text))


def aspect(text: str, sides: Sequence[Side]) -> str:
    """What is compared: the question without the names of its sides, or the whole of it where nothing is left."""
    rest = text
    for side in sorted(sides, key=lambda side: -len(side.text)):
        rest = rest.replace(side.text, " ")
    rest = re.sub(
        r"^\W*(?:how|what)\s+(?:do|does|did|are|is)\b|\b(?:compare|contrast|versus|vs|differ\w*|between|each|both|respectively|comparison|distinguish\w*|two|sound\w*|alike)\b\.?",
        " ",
        rest,
        flags=re.IGNORECASE,
    )
    rest = re.sub(r"^(?:[\s,;:.?!]|\b(?:and|or|with|to|from|of|than)\b)+", "", " ".join(rest.split()))
    return rest if any(w not in STOPWORDS for w in words(rest)) else ""
