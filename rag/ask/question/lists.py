"""Lists and counts: "which papers …", "list everything on …", "how many works …", and what they are of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.ask.names import Mention
from rag.ask.question.counts import asked_count, asked_later, of_one
from rag.index.lexical import STOPWORDS, words

_NOUN = r"(?:papers|works|abstracts|articles|studies|systems|methods|approaches|frameworks|publications|techniques|models|benchmarks|projects)"
_ASKED_OF = r"(?!\s+(?:is|are|was|were|do|does|did|has|have|can)\b)"
"""What a question about one paper goes on with: "which techniques are examined in …"."""
_POLITE = r"(?:please|pls|so|and|but|now|ok|okay|hi|hello|hey|could\s+you|can\s+you|would\s+you|i\s+want\s+(?:you\s+)?to|i'd\s+like\s+(?:you\s+)?to|tell\s+me|tell\s+me\s+about|me)"
_LIST = re.compile(
    rf"""^\W*(?:{_POLITE}\b[\s,.!]*)*(?:
      (?:in\s+|on\s+)?(?:which|what)\s+(?:of\s+(?:the|these|those|our|your)\s+)?(?:(?!are\b|is\b|do\b|does\b)[\w-]+\s+){{0,2}}?(?:(?:papers|works|abstracts|articles|studies|publications)\b|{_NOUN}\b{_ASKED_OF})
    | which\s+ones\b
    | how\s+many\s+(?:of\s+(?:the|these)\s+)?(?:\w+\s+){{0,2}}?{_NOUN}\b
    | (?:list|enumerate)\b
    | (?:name|show|give|find|get)\s+(?:me\s+|us\s+)?(?:a\s+list\s+of\s+|an\s+overview\s+of\s+)?(?:all|every|everything|each|any|the|some)?\s*(?:the\s+)?(?:[\w-]+\s+){{0,2}}?(?:{_NOUN}|paper|everything|all)\b
    | what\s+(?:work\s+|research\s+|else\s+)?(?:is|are)\s+there\b(?!\s+that) | what\s+(?:have\s+we\s+got|do\s+(?:we|you)\s+have|else\s+is\s+there)\b
    | (?:is|are)\s+there\s+(?:any\s+|other\s+)*{_NOUN}\b | do\s+(?:we|you)\s+have\s+(?:any\s+)?{_NOUN}\b
    | what\s+(?:work|research)\b | what\s+(?:does\s+the\s+collection|has\s+been\s+(?:written|done|published))\b
    | every\s+(?:paper|work|abstract|study|system|method|article)\b
    | (?:(?:is|are)\s+there|do\s+(?:we|you)\s+have|have\s+(?:we|you)\s+got)\s+(?:anything|something|any\s+work|any\s+research)\s+(?:on|about)\b
    | (?:anything|something)\s+(?:on|about)\b
    | everything\b | (?:any|all|other|more|some)\s+(?:the\s+)?{_NOUN}\b
    | (?:papers|works?|research|literature|studies|articles)\s+(?:on|about|that|which|in|with|using|from|reporting|dealing|for|building|related|concerning|mentioning|evaluating|proposing)\b
    | i(?:'m|\s+am)\s+looking\s+for\s+(?:all\s+)?{_NOUN}\b
    | (?:what\s+|what['’]ve\s+|what\s+all\s+)?(?:have\s+)?(?:we|you)\s+(?:have\s+)?got\s+(?:{_NOUN}\s+)?(?:on|about|with)\b
    | who\s+(?:else\s+|all\s+)?(?:claims?|reports?|relies|rely|evaluates?|compares?|beats?|releases?|employs?|tackles?|addresses|works\s+on|uses?)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_LIST_TAIL = re.compile(
    r"\bpapers\s*(?:pls|please)?\s*[?!.]*$|\bpapers\b.*\ball\s+of\s+them\b"
    r"|[,:;.–—-]\s*what(?:['’]ve|\s+have|\s+do)?\s+(?:we|you)\s+(?:got|have)\W*$"
    r"|,?\s*(?:gimme|give\s+me|list|show\s+me)\s+(?:them\s+)?all\b|\blist\s+them\b|\band\s+which\s+(?:are\s+they|ones)\b\W*$",
    re.IGNORECASE,
)
_ASKS_OF = re.compile(r"\b(?:does|do|did|is|was|are|were|has|have|can|of|in|by)\s+(?:the\s+)?$", re.IGNORECASE)
_INSIDE = re.compile(r"\b(?:in|for|by|across)\s+how\s+many\b|\bhow\s+many\s+of\s+the\b", re.IGNORECASE)
"""What counts papers though a name follows: "in how many papers is GPTQ a baseline"."""
_COUNT = re.compile(
    r"\bhow\s+many\s+(?:of\s+)?(?:\w+\s+){0,3}?(?:papers|works|abstracts|articles|studies|systems|publications|methods|approaches|them|these|those)\b",
    re.IGNORECASE,
)


def is_list(text: str, mentions: Sequence[Mention]) -> bool:
    """Whether several papers are asked for, and not something of the papers that are named."""
    if of_one(text):
        return False
    count = bool(asked_count(text))
    if not (count or _LIST.match(text) or _LIST_TAIL.search(text) or asked_later(text)):
        return False
    if _INSIDE.search(text):
        return True
    if len({m.rows for m in mentions}) > 1 and not count:
        return False
    return not any(_ASKS_OF.search(text[: m.start]) for m in mentions)


def is_count(text: str) -> bool:
    """Whether a number of papers is asked for."""
    return bool(_COUNT.search(text) or asked_count(text))


_SIZE = re.compile(
    r"^\W*(?:how\s+many|(?:what\s+is\s+)?(?:the\s+)?(?:total\s+)?number\s+of|count(?:\s+all)?(?:\s+the)?)\s+(?:papers|abstracts|articles|documents|works)\s+(?:are\s+(?:there|in\s+(?:the|this|your)\s+collection|here|indexed)|"
    r"do\s+(?:you|we)\s+have|does\s+(?:the|this)\s+collection\s+(?:have|hold|contain)|have\s+(?:you|we)\s+got|here|in\s+(?:the|this)\s+collection)[^\w]*(?:in\s+(?:the|this|your)\s+collection|in\s+total|altogether|here)?\W*$",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:do|does|did|are|is|were|was|have|has)(?:\s+not|n['’]t)\b|\bnot\s+(?:about|on|involving|using|related)\b|\bother\s+than\b|\bexcept\b"
    r"|\bexcluding\b|\bbut\s+(?:no|not)\b",
    re.IGNORECASE,
)


def asks_size(text: str) -> bool:
    """Whether the number of all papers is asked for."""
    return bool(_SIZE.match(text))


def is_negated(text: str) -> bool:
    """Whether a list is of papers that lack something: "which papers do not use GPUs"."""
    head = re.split(r"[,;]", text, maxsplit=1)[0]
    return bool(_NEGATED.search(head))


_FRAMES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^\W*(?:{_POLITE}\b[\s,.!]*)+",
        r"^(?:count|tally)\b(?:\s+(?:up|me))?(?:\s+all)?(?:\s+of)?|^(?:what\s+is\s+)?(?:the\s+)?number\s+of\b",
        r"^(?:in|on|for|by|across)?\s*(?:which|what|how many)\s+(?:of\s+)?(?:(?:the|these|those|our|your)\s+)?(?:other\s+)?(?:papers|works?|abstracts|articles|studies|ones|publications|research|literature)\b",
        r"^(?:what['’]ve|what\s+all)\b",
        r"^(?:list|enumerate|name|show|give|find|get)\b\s*(?:me\b|us\b)?\s*(?:a\s+list\s+of\b)?",
        r"^(?:i'm|i\s+am)\s+looking\s+for\b",
        r"^(?:what|which|who|how\s+many)\b(?:\s+(?:of\s+)?(?:these|those|the)\b)?",
        r"^(?:is|are|have|has|do|does|did|had)\s+(?:there|we\s+got|we\s+have|you\s+have|been\s+(?:written|done|published)|the\s+collection\s+(?:have|contain|offer|say))\b",
        r"^there\s+(?:is|are)\b",
        r"^(?:all|every|everything|anything|something|any|some|other|more|else)\b",
        r"^(?:of\s+)?(?:the|these|those|our)\b(?=\s+(?:papers|works?|articles|studies)\b)",
        r"^(?:papers?|works?|research|literature|studies|articles|abstracts)\b",
        r"^(?:in\s+(?:the|this|your|our)\s+collection|here)\b",
        r"^(?:that|which|who|where|(?:we|you)\s+(?:have|got)|(?:have\s+)?(?:we|you)\s+got)\b",
        r"^(?:is|are|was|were|do|does|deal(?:s|ing)?)\b(?:\s+(?:concerned|devoted|there|related))?",
        r"^(?:talks?|speaks?|writes?)\s+(?:about|of)\b|^(?:revolves?|turns?)\s+(?:a?round|on)\b|^(?:treat|discuss|cover|touch)(?:s|es)?\b(?:\s+on)?",
        r"^(?:chiefly|mainly|mostly|directly|actually)\b",
        r"^(?:on|about|with|to|regarding|concerning|related\s+to)\b",
    )
]
_FRAME_TAIL = re.compile(
    r"[\s,.?!]*(?:\b(?:and\s+which(?:\s+are\s+they|\s+ones)?|could\s+you\s+list\s+them|list\s+them(?:\s+all)?|gimme\s+all|give\s+me\s+all"
    r"|all\s+of\s+them|papers?|pls|please|works?|in\s+(?:this|the)\s+collection|are\s+there|is\s+there|(?:what\s+)?do\s+(?:we|you)\s+have"
    r"|what\s+have\s+(?:we|you)\s+got|(?:is\s+|are\s+)?(?:named|mentioned|written)(?:\s+(?:in|by)(?:\s+(?:the|its|their))?\s+(?:abstracts?|papers?|text))?|plays?\s+(?:a|any|some)\s+(?:part|role))\b[\s?.!]*)+$",
    re.IGNORECASE,
)


def list_topic(text: str) -> str:
    """What a list is of, without "which papers …" and the like; the whole text where nothing else is left."""
    topic = asked_count(text) or asked_later(text) or text
    for _ in range(3):
        for frame in _FRAMES:
            topic = frame.sub("", topic, count=1).strip(" ,.?!:")
    topic = _FRAME_TAIL.sub("", topic).strip(" ,.?!")
    return topic if any(w not in STOPWORDS for w in words(topic)) else text
