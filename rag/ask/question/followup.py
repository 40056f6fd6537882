"""Follow-ups: pronouns, ellipsis, "the second one", "what about …", made to stand alone from the history."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from rag.ask.names import Mention, Names
from rag.ask.question.lists import is_count, is_list
from rag.ask.question.query import MAX_SIDES, Query, Side
from rag.ask.question.sides import COMPARES, aspect, distinct
from rag.core.answer import Turn
from rag.index.lexical import STOPWORDS, words

Search = Callable[[str], int | None]
Reader = Callable[[str, str], Query]

_DEPENDENT = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|he|she|those|these|former|latter|second\s+one|first\s+one|third\s+one|last\s+one|other\s+one|"
    r"the\s+(?:first|second|third|fourth|fifth|last|other|same|two|bigger|larger|smaller)(?:\s+(?:one|paper|work|system|of\s+them))?|(?:this|that)(?:\s+(?:paper|work|method|system|approach|one|model|framework|technique|figure|number|result|speedup))?)\b",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(
    r"^\W*(?:and|but|or|so|also|then|ok(?:ay)?|no|yes|what\s+about|how\s+about|what\s+else|why|how\s+so|how\s+come|really|by\s+how\s+much|how\s+much|how\s+many|how\s+long|since\s+when|on\s+(?:which|what)|with\s+(?:which|what)|where|when)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^\W*(?:(?:and|but|so|also|then|ok(?:ay)?|no|yes|well|hmm|now)\b[\s,]*)+", re.IGNORECASE)
_SHIFT = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|now|so|well|right|and|thanks|fine|good)\b[\s,.!]*)*(?:(?:(?:on|to|let['’]s\s+(?:go|turn|switch|move)(?:\s+on)?\s+to)\s+)?(?:an?\s+)?"
    r"(?:(?:completely|totally|entirely|quite)\s+)?(?:different|new|other|another|unrelated)\s+(?:topic|subject|question|matter|thing)"
    r"|(?:let['’]s\s+)?chang(?:e|ing)\s+(?:of\s+)?(?:the\s+)?(?:topic|subject)|something\s+(?:else|different)(?:\s+(?:entirely|now))?)\s*[:,.;–—-]\s*",
    re.IGNORECASE,
)
"""What leaves the conversation behind: "OK, different topic: …"."""
_ABOUT = re.compile(
    r"^\W*(?:(?:and|but|so|ok(?:ay)?)\b[\s,]*)*(?:(?:what|how)\s+about|and)\s+(?P<what>.+?)[\s?.!]*$", re.IGNORECASE
)
_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "1st": 0, "2nd": 1, "3rd": 2}
_ORDINAL = re.compile(
    r"\b(?:the\s+(?P<n>first|second|third|fourth|fifth|last|1st|2nd|3rd|former|latter)(?!\s+(?:variants?|versions?|stages?|phases?|steps?|parts?|settings?|experiments?|results?|issues?|reasons?|tricks?|ideas?)\b)|(?P<m>first|second|third|fourth|fifth|last)(?=\s+(?:one|paper|of)\b))(?:\s+(?:one|paper|work|system|method|of\s+(?:them|these|those|the\s+\w+)))?\b",
    re.IGNORECASE,
)
_SAYS_SO = re.compile(
    r"\bwhere\s+(?:does|do|did)\s+(?:it|they)\s+(?:say|state|report)\s+(?:so|that|this|it)\b", re.IGNORECASE
)
"""Asks for the place, as every answer gives it."""
_PLURAL = frozenset({"they", "them", "their", "theirs"})
_OF_THEM = re.compile(
    r"\b(?:which|what|who|one|any|some|all|both|each|none|either|neither|how\s+many)\s+(?:one\s+)?of\s+(?:them|those|these|the\s+(?:two|three|four|five))\b|\bwhich\s+one\b|\bof\s+(?:them|the\s+two)\b",
    re.IGNORECASE,
)
_WHICH = re.compile(r"^\W*which\b(?!\s+(?:paper|work)s?\b)", re.IGNORECASE)
"""What asks to choose among what was talked of, where the question names nothing itself: not "which data does A use"."""
_WHICH_THAN = re.compile(
    r"^\W*which\s+(?:is|are|was|were|has|have|needs?|uses?|runs?|trains?|takes?|gets?|saves?)\b.*\bthan\b",
    re.IGNORECASE,
)
"""And where it names what the choice is to be compared with."""
_OTHER = re.compile(r"\b(?:the|an)?\s*other\s+(?:(?:\w|-)+\s+)?(?:one|paper|work|system|study)\b", re.IGNORECASE)


def resolve(question: str, history: Sequence[Turn], names: Names, search: Search, read: Reader) -> Query | None:
    """The question made to stand alone, or None where it already does."""
    shift = _SHIFT.match(question)
    if shift and len(question[shift.end() :].split()) > 2:
        return read(question, question[shift.end() :])
    mentions = names.mentions(question)
    dependent = _depends(question, distinct(mentions))
    elliptic = bool(_ELLIPSIS.match(question))
    content = [w for w in words(question) if w not in STOPWORDS]
    short = len(content) <= 4
    own = distinct(mentions)
    which = _WHICH_THAN.match(question) if own else _WHICH.match(question)
    choice = bool(which or _OF_THEM.search(question) or _ORDINAL.search(question))
    if own and not dependent and not choice and not (elliptic and _ABOUT.match(question)):
        return None
    if not (dependent or elliptic or choice or (short and not own) or _OTHER.search(question)):
        return None
    if is_list(question, mentions) and not choice and not dependent:
        return None
    last_question = next((t.content for t in reversed(history) if t.role == "user"), "")
    if own and _ABOUT.match(question) and len(own) == 1 and not dependent:
        return _what_about(question, own[0], last_question, names, read)
    found = _about_focus(question, history, names, search, read)
    if found is None or dependent or choice or _LEAD.match(question) or _ABOUT.match(question) or len(content) < 2:
        return found
    # "How many GPUs?" goes on; "How many bones has a hand?" does not. Which it is, what is found decides.
    return replace(found, otherwise=read(question, question))


def _depends(question: str, own: Sequence[Mention]) -> bool:
    """Whether a question has a word that stands for what was talked of before, and not for a paper that it names.

    "A and B on the same hardware" compares these two, as "their" behind both names does; "are they faster than A and
    B" asks of others.
    """
    for word in _DEPENDENT.finditer(_SAYS_SO.sub(lambda m: " " * len(m[0]), question)):
        text = word[0].lower()
        if own and text.startswith("the same"):
            continue
        if len(own) > 1 and text in _PLURAL and word.start() > own[0].start:
            continue
        return True
    return False


def _what_about(question: str, mention: Mention, last_question: str, names: Names, read: Reader) -> Query | None:
    """ "What about QLoRA?": the last question again, asked of another paper."""
    rest = _ABOUT.match(question)
    extra = question[mention.end :].strip(" ,?.!")
    old = names.mentions(last_question)
    name = question[mention.start : mention.end]
    if len([w for w in words(extra) if w not in STOPWORDS]) >= 1:
        standalone = f"{name}: {extra}?"
    elif old:
        first, last = old[0], old[-1]
        standalone = (
            last_question[: first.start] + name + last_question[last.end :]
            if first == last
            else f"{name}: {last_question}"
        )
    elif last_question and rest:
        standalone = f"{name}: {last_question}"
    else:
        return None
    query = read(question, standalone)
    return replace(query, kind="single", sides=(), rows=mention.rows, topic=standalone)


def _about_focus(question: str, history: Sequence[Turn], names: Names, search: Search, read: Reader) -> Query | None:
    focus = focus_rows(history, names, search)
    if not focus:
        return None
    own = distinct(names.mentions(question))
    other = _OTHER.search(question)
    ordinal = _ORDINAL.search(question)
    text = _LEAD.sub("", question) or question
    first = _FIRST_FEW.search(text)
    if first and len(focus) > 1:
        size = 3 if first.group("size").lower() == "three" else 2
        some = focus[:size] if first.group("end").lower() == "first" else focus[-size:]
        return _compared(question, text, some, names)
    if other and not own and len(focus) == 2:
        return _asked_of(question, text, focus[1], names, read, history)
    if other and not own:
        last_question = next((t.content for t in reversed(history) if t.role == "user"), "")
        standalone = f"{text.rstrip('?')} ({last_question.rstrip('?')}?)"
        return replace(read(question, standalone), kind="single", sides=(), exclude=tuple(focus[:1]))
    which = (ordinal.group("n") or ordinal.group("m")).lower() if ordinal else ""
    if ordinal and which not in ("former", "latter"):
        # "And the first?" after one of a list was looked at: the list, not what was said of that one.
        focus = _list_of(history, names, _ORDINALS.get(which, 0) + 1) or focus
        if _ORDINALS.get(which, 0) >= len(focus):
            return None
    if ordinal and len(focus) > 1:
        row = _pick(which, focus)
        offset = len(question) - len(text)
        standalone = text[: max(0, ordinal.start() - offset)] + names.short(row) + text[ordinal.end() - offset :]
        return replace(read(question, standalone), kind="single", sides=(), rows=(row,))
    if own:
        rows = [*focus[:1], *(m.rows[0] for m in own if m.rows[0] != focus[0])]
        standalone = _substitute(text, names.short(focus[0]))
        query = read(question, standalone)
        if len(rows) >= 2 and (COMPARES.search(question) or query.kind == "comparison"):
            sides = tuple(Side(names.short(r), (r,), True) for r in rows[:MAX_SIDES])
            return replace(query, kind="comparison", sides=sides, topic=aspect(text, sides))
        return replace(query, kind="single", sides=(), rows=tuple(rows))
    several = re.search(r"\b(?:both|each|the\s+two)\b", text, re.IGNORECASE) and not _of_them(text)
    plural = re.search(r"\b(?:they|their|these|those|them)\b", text, re.IGNORECASE)
    differ = plural and not _of_them(text) and (_DIFFER.search(text) or len(focus) <= MAX_SIDES)
    if len(focus) > 1 and (several or differ):
        return _compared(question, text, focus, names)
    if len(focus) > 1 and (_of_them(text) or re.search(r"\b(?:they|them|their|these|those)\b", text, re.IGNORECASE)):
        listed = ", ".join(names.short(r) for r in focus[:MAX_SIDES]) + (", …" if len(focus) > MAX_SIDES else "")
        standalone = f"{text.rstrip('?. ')} (of {listed})?"
        if len(focus) <= MAX_SIDES and _MORE.search(text):
            # "Which of them is faster?": what each says of it, side by side, lets the reader judge.
            return _compared(question, text, focus, names)
        query = Query(question, standalone, "single", text, rows=tuple(focus))
        if re.search(r"^(?:which|how\s+many)\s+of\s+(?:them|these|those)\b", text, re.IGNORECASE) and is_count(text):
            return replace(query, kind="list", count=True)
        return query
    name = names.short(focus[0])
    standalone = _substitute(text, name)
    by_pronoun = name in standalone
    if not by_pronoun:
        standalone = f"{name}: {_expand(text, history)}"
    query = read(question, standalone)
    if by_pronoun and query.kind == "comparison" and any(s.named and not s.rows for s in query.sides):
        # "Is it faster than Legion?", which is not here.
        return query
    return replace(query, kind="single", sides=(), rows=tuple(focus[:1]), topic=standalone)


def _of_them(text: str) -> bool:
    """Whether one or some of what was talked of is asked for."""
    return bool(_WHICH.match(text) or _OF_THEM.search(text))


_MORE = re.compile(
    r"\bwhich\b.*\b(?:is|are|was|were|has|have|does|do|runs?|trains?|needs?|takes?|uses?|gets?)\b.*\b(?:faster|slower|better|worse|cheaper|larger|smaller|bigger|quicker|more|less|fewer|higher|lower|best|fastest|most|least|cheapest|newer|older|stronger)\b",
    re.IGNORECASE,
)
_DIFFER = re.compile(r"\b(?:differ\w*|compare|distinguish\w*|in\s+common|contrast)\b", re.IGNORECASE)
_FIRST_FEW = re.compile(r"\bthe\s+(?P<end>first|last)\s+(?P<size>two|three)\b", re.IGNORECASE)


def _compared(question: str, text: str, rows: Sequence[int], names: Names) -> Query:
    """The question asked of several papers, side by side."""
    sides = tuple(Side(names.short(r), (r,), True) for r in rows[:MAX_SIDES])
    standalone = f"{text.rstrip('?. ')} ({' and '.join(s.text for s in sides)})?"
    return Query(question, standalone, "comparison", text, sides=sides)


def _asked_of(question: str, text: str, row: int, names: Names, read: Reader, history: Sequence[Turn]) -> Query:
    """The question asked of one paper of the conversation, in full."""
    rest = _OTHER.sub("", text).strip(" ,?.!") or question
    standalone = f"{names.short(row)}: {_expand(_ABOUT_ONLY.sub('', rest).strip() or '', history)}?"
    return replace(read(question, standalone), kind="single", sides=(), rows=(row,), topic=standalone)


_ABOUT_ONLY = re.compile(r"^(?:and\s+)?(?:what|how)\s+about\b|^and\b", re.IGNORECASE)


def _expand(text: str, history: Sequence[Turn]) -> str:
    """A fragment ("on A100?", "why?") with the last question before it, whose sense it borrows."""
    content = [w for w in words(text) if w not in STOPWORDS]
    if len(content) > 3 or (
        re.match(r"\W*(?:how|what|which|who|where|when|does|is|did|was|can)\b", text, re.IGNORECASE)
        and len(content) > 1
    ):
        return text
    last = next((t.content for t in reversed(history) if t.role == "user"), "")
    return f"{last.rstrip('?. ')}, {text}" if last else text


def _list_of(history: Sequence[Turn], names: Names, size: int) -> list[int]:
    """The papers of the last answer that names at least `size`, and two, of them."""
    for turn in reversed(history):
        rows = list(dict.fromkeys(m.rows[0] for m in names.mentions(turn.content)))
        if turn.role == "assistant" and len(rows) >= max(2, size):
            return rows
    return []


def _pick(ordinal: str, focus: Sequence[int]) -> int:
    if ordinal in ("last", "latter"):
        return focus[-1] if ordinal == "last" else focus[min(1, len(focus) - 1)]
    return focus[min(_ORDINALS.get(ordinal, 0), len(focus) - 1)]


_PRONOUN = re.compile(
    r"\b(?P<possessive>its|their)\b|\b(?:it|they|them|(?:this|that|the)\s+(?:paper|work|method|system|approach|latter|former|model\b(?!\s+size))|the\s+(?:first|second|latter|former)\s+one)\b",
    re.IGNORECASE,
)


def _substitute(text: str, name: str) -> str:
    """`text` with its first pronoun replaced by `name`; unchanged where there is none."""

    def put(match: re.Match[str]) -> str:
        return f"{name}'s" if match.group("possessive") else name

    return _PRONOUN.sub(put, text, count=1)


def focus_rows(history: Sequence[Turn], names: Names, search: Search) -> list[int]:
    """The papers that the conversation is about, in the order of the last answer that names some."""
    for turn in reversed(history):
        rows: list[int] = []
        for mention in names.mentions(turn.content):
            if mention.rows[0] not in rows:
                rows.append(mention.rows[0])
        if rows:
            return rows
    for turn in reversed(history):
        if turn.role == "user":
            row = search(turn.content)
            if row is not None:
                return [row]
    return []
