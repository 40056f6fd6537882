"""What a question wants, read without a language model: its kind, what to search for, which papers it goes on about.

A model that writes the answers makes a better plan (rag.ask.reading); this one needs none, and is what stays where it
fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.ask import cues
from rag.ask.kinds import Reading
from rag.core.answer import Turn
from rag.core.paper import Paper
from rag.index.lexical import STOPWORDS, terms, words
from rag.index.metadata import Filters

PlanKind = Literal["single", "comparison", "list", "overview", "chat"]
Read = Callable[[str, bool], Reading]
"""Gives the kind of a question; the second says whether it comes later in a conversation."""

SHORT = 3
"""A question in a conversation with so few words of its own, at most, goes on with what was talked of."""
MARGIN = 0.5
"""Of the words of a question, how many more another paper has to have than those that were talked of."""
LONGEST = 4_000
"""Characters of a question, standing alone, that are read."""

RECENT = 12
"""Turns of a conversation in which a question may refer to something: each may cost a search."""

_REFERS = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|he|she|his|her|those|these|former|latter|this|that|"
    r"the\s+(?:first|second|third|fourth|last|other|same|two|three|both|paper|study|authors?|work|method|approach|team|trial|"
    r"technique|system|researchers|article|group|model|abstract|figure|result|finding)s?)\b|\b(?:second|first|third|last|other)\s+one\b",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"\b(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|should)\s+(?:it|they|he|she|this|that|these|those)\b|"
    r"\b(?:it|them|both|former|latter)\b|\bthe\s+(?:first|second|third|fourth|last|other|same|two|three)\b",
    re.IGNORECASE,
)
"""What can only refer to what was talked of."""
_BOTH = re.compile(r"\b(?:both|each|either|neither)\b", re.IGNORECASE)
_GOES_ON = re.compile(
    r"^\W*(?:and|but|or|so|also|then|ok(?:ay)?|no|yes|what\s+about|how\s+about|what\s+else|why|how\s+so|how\s+come|really|by\s+how\s+much|since\s+when|on\s+(?:which|what|how)|with\s+(?:which|what|how)|in\s+(?:which|what|how)|for\s+(?:which|what|how)|compared\s+(?:to|with)|any)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"^\W*(?:(?:and|but|so|ok(?:ay)?)\b[\s,]*)*(?:what|how)\s+about\b|^\W*and\s+(?:for|in|with|on|of)?\b", re.IGNORECASE
)
_NEW_TOPIC = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|now|so|well|right|thanks|fine|good)\b[\s,.!]*)*(?:(?:on\s+)?(?:an?\s+)?(?:completely\s+|totally\s+)?"
    r"(?:different|new|other|another|unrelated)\s+(?:topic|subject|question|matter)|something\s+(?:else|different))\W+",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"\bthe\s+(first|second|third|fourth|last|former|latter)\b|\b(first|second|third|last)\s+(?:one|paper|study)\b",
    re.IGNORECASE,
)
_PLACE = {"first": 0, "former": 0, "second": 1, "latter": 1, "third": 2, "fourth": 3, "last": -1}
_OTHER = re.compile(
    r"\b(?:the|an)?\s*other\s+(?:[\w-]+\s+)?(?:one|paper|work|study|trial|system|team|group)\b|\bthe\s+others?\b(?!\s+\w)",
    re.IGNORECASE,
)
UNSURE = "No sentence here clearly answers this"
"""How an answer that is not sure begins; a later question does not refer to what it shows."""
NOTHING = "Nothing in this collection"
NO_PAPERS = (
    "Hello! Ask me",
    "The collection ho",
    "The collection has no",
    "The papers of this collection have no",
    "You chose **",
    "Here with a title only",
)
"""How answers begin that are about no paper."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A question as the stages after it need it.

    `standalone` can be read without the conversation. `searches` are what to look for, the main one first; `topic` is
    the subject of a list or an overview ("" of an overview: the whole collection). `rows` restricts the answer to
    these papers of the conversation, `exclude` bars some. `count` asks how many; `one` describes a paper that is
    looked for; `compares` says that the question has a word of comparison. `filters` restrict by year, author or venue.
    """

    question: str
    standalone: str
    kind: PlanKind
    searches: tuple[str, ...]
    topic: str = ""
    sides: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    count: bool = False
    one: bool = False
    compares: bool = False
    filters: Filters | None = None


def read_question(question: str, read: Read, standalone: str | None = None, *, later: bool = False) -> Plan:
    """The plan of a question that stands alone; `standalone` is its text where the conversation completed it, `later`
    says that it may go on with one."""
    question = " ".join(question.split())  # A pattern may be slow where space follows space.
    text = " ".join((standalone or question).split())[:LONGEST]
    reading = read(text, later)
    kind, topic = reading.kind, reading.topic
    plan = Plan(question, text, "single", (text,), compares=kind == "comparison" or cues.compares(text))
    if kind in ("list", "count"):
        return replace(plan, kind="list", topic=topic, searches=(topic,), count=kind == "count")
    if kind in ("overview", "collection"):
        topic = topic if kind == "overview" else ""
        return replace(plan, kind="overview", topic=topic, searches=(topic or text,))
    if kind == "one":
        return replace(plan, one=True, topic=topic, searches=(topic,))
    return replace(plan, kind="chat") if kind == "chat" else plan


def read_in_conversation(
    question: str,
    history: Sequence[Turn],
    papers: Sequence[Paper],
    search: Callable[[str], Sequence[int]],
    named: Callable[[str], Sequence[int]],
    titled: Callable[[str], Sequence[int]],
    read: Read,
) -> Plan:
    """The plan of a question after the turns of a conversation. `search` gives the rows for a text, best first, `named`
    those that it names by their titles, `titled` those whose whole title it has, `read` the kind of a question."""
    shift = _NEW_TOPIC.match(question)
    if shift and len(question[shift.end() :].split()) > 2:
        return read_question(question, read, question[shift.end() :])
    asked = [t.content[:LONGEST] for t in history if t.role == "user"]
    plan = read_question(question, read, later=bool(asked))
    if not asked or plan.kind == "chat" or (plan.kind == "overview" and not plan.topic) or not _depends(question, plan):
        return plan
    focus, before = _focus(history, titled, search)
    if not focus:
        return plan
    previous = asked[-1]
    if new := tuple(row for row in named(question) if row not in focus):
        if not (cues.compares(question) or _STRONG.search(question)):
            return replace(plan, rows=new)
        # Two that were not talked of are compared with each other.
        rows = new if len(new) > 1 else (*focus[:1], *new)
        titles = "; ".join(papers[row].title for row in rows)
        standalone = f"{question.strip()} ({titles})"[:LONGEST]
        return replace(plan, kind="comparison", standalone=standalone, rows=rows)
    if found := _ORDINAL.search(question):
        place = _PLACE[(found[1] or found[2]).lower()]
        if len(focus) > 1 and place < len(focus):
            focus = (focus[place],)
    elif _OTHER.search(question):
        others = tuple(row for row in before if row not in focus)
        if others:
            focus = others[:1]
        elif len(focus) == 2:
            focus = focus[1:]
        else:
            return replace(read_question(question, read, f"{previous} {question}"), exclude=focus)
    if (
        not found
        and not _OTHER.search(question)
        and _ABOUT.match(question)
        and (moved := _elsewhere(question, previous, focus, papers, search, read))
    ):
        return moved
    if _stands_alone(question, focus, papers, search):
        return plan
    title = "; ".join(papers[row].title for row in focus[:3])
    standalone = f"{question.strip()} ({title})"[:LONGEST]
    if plan.kind == "list" and len(focus) > 1:
        return replace(plan, standalone=standalone, rows=focus)
    both = f"{previous} {question}"[:LONGEST]
    # "And the other one?" asks again what was asked before.
    searches = (question, both) if any(w not in STOPWORDS for w in words(question)) else (both,)
    kind: PlanKind = "comparison" if len(focus) > 1 and _BOTH.search(question) else "single"
    return replace(plan, kind=kind, one=False, standalone=standalone, searches=searches, rows=focus)


def _depends(question: str, plan: Plan) -> bool:
    """Whether a question needs the conversation to be understood."""
    content = [w for w in words(question) if w not in STOPWORDS]
    if _REFERS.search(question) or _GOES_ON.match(question):
        return True
    return len(content) <= SHORT and plan.kind not in ("list", "overview")


def _stands_alone(
    question: str, focus: Sequence[int], papers: Sequence[Paper], search: Callable[[str], Sequence[int]]
) -> bool:
    """Whether a question whose "that" or "its" may be its own has its words in a paper that was not talked of."""
    own = set(terms(question))
    if len(own) < SHORT or _STRONG.search(question):
        return False
    best = search(question)[:1]
    more = len(own & _terms_of(best, papers)) - len(own & _terms_of(focus, papers))
    return not set(best) & set(focus) and more >= MARGIN * len(own)


def _elsewhere(
    question: str,
    previous: str,
    focus: Sequence[int],
    papers: Sequence[Paper],
    search: Callable[[str], Sequence[int]],
    read: Read,
) -> Plan | None:
    """ "What about X?", where X is no part of what was talked of: the last question again, asked of X."""
    subject = _ABOUT.sub(" ", question).strip(" ?.!,")
    own = set(terms(subject))
    known = own & _terms_of(focus, papers)
    if not own or known == own:
        return None
    plan = read_question(previous, read)
    if plan.kind in ("list", "overview") and plan.topic:
        standalone = f"{question.strip()} ({previous})"[:LONGEST]
        return replace(plan, question=question, standalone=standalone, topic=subject, searches=(subject,))
    text = f"{subject}: {previous}"[:LONGEST]
    best = search(text)
    elsewhere = own & _terms_of(search(subject)[:1], papers)
    if not best or best[0] in focus or (known and len(elsewhere) - len(known) < MARGIN * len(own)):
        return None
    return replace(plan, question=question, standalone=text, searches=(text,))


def _terms_of(rows: Sequence[int], papers: Sequence[Paper]) -> set[str]:
    """The stems of the content words of some papers."""
    return set(terms(" ".join(f"{papers[row].title} {papers[row].abstract}" for row in rows)))


def _focus(
    history: Sequence[Turn], titled: Callable[[str], Sequence[int]], search: Callable[[str], Sequence[int]]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The papers that the last sure answer is about, in its order, and those of the answers before it."""
    found: list[tuple[int, ...]] = []
    asked = ""
    for turn in reversed(history[-RECENT:]):
        if turn.role == "user":
            if found and found[-1] == ():
                rows = search(f"{turn.content[:LONGEST]}")
                found[-1] = tuple(rows[:1])
            asked = turn.content
        elif not turn.content.lstrip("* ").startswith((UNSURE, NOTHING, *NO_PAPERS)):
            named = tuple(titled(turn.content))
            if not named:
                named = tuple(search(f"{asked_before(history, turn)} {turn.content[:600]}")[:1])
            found.append(named)
    if not found and asked and all(turn.role == "user" for turn in history):
        found.append(tuple(search(asked[:LONGEST])[:1]))
    before = tuple(dict.fromkeys(row for rows in found[1:] for row in rows))
    return (found[0] if found else ()), before


def asked_before(history: Sequence[Turn], turn: Turn) -> str:
    """The question that this turn answers; "" where there is none."""
    at = next(i for i, other in enumerate(history) if other is turn)
    return next((t.content[:LONGEST] for t in reversed(history[:at]) if t.role == "user"), "")
