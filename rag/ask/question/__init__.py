"""What is asked: one paper, a comparison, or a list; and the standalone form of a follow-up. Without a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from rag.ask.names import Names
from rag.ask.question.choosing import choose
from rag.ask.question.followup import Search, resolve
from rag.ask.question.lists import asks_size, is_count, is_list, is_negated, list_topic
from rag.ask.question.query import MAX_SIDES, Query, Side
from rag.ask.question.restricted import restricted
from rag.ask.question.sides import aspect, comparison_sides
from rag.core.answer import Turn
from rag.index.lexical import STOPWORDS, words

__all__ = ["Query", "Side", "read", "restricted", "understand", "understand_among"]

_GREETING = re.compile(
    r"^\W*(?:(?:hi|hello|hey|thanks?(?:\s+(?:you|a\s+lot|so\s+much))?|good\s+(?:morning|evening|afternoon|night|day)|bye|goodbye|ok(?:ay)?|great|"
    r"cool|nice|perfect|yes|no|lol|test|how\s+are\s+you|who\s+(?:are|made)\s+you|tell\s+me\s+a\s+joke)\b[\s,.!?;:]*)+",
    re.IGNORECASE,
)
_SMALL_TALK = frozenset(
    "feeling today slept well doing joke helpful bye thanks thank lot really anyway useless weather nice day name you made good".split()
)


def is_small_talk(text: str) -> bool:
    """Whether `text` only greets, thanks or chats: without the courtesies nothing is left to search for."""
    rest = _GREETING.sub("", text)
    content = [w for w in words(rest) if w not in STOPWORDS and w not in _SMALL_TALK]
    return not content and (rest != text or not words(rest))


def understand(question: str, history: Sequence[Turn], names: Names, search: Search) -> Query:
    """Read a question in the light of what was said before.

    `search` gives the row of the best paper for a text, for a history that names none.
    """
    question = " ".join(question.split())

    def alone(question: str, standalone: str) -> Query:
        return read(question, standalone, names)

    if history and not is_small_talk(question):
        resolved = resolve(question, history, names, search, alone)
        if resolved is not None:
            return resolved
    return read(question, question, names)


def understand_among(
    question: str, history: Sequence[Turn], names: Names, search: Search, rows: Collection[int]
) -> Query:
    """The same of a reader who has chosen the papers in `rows`. A few are on the table, as if they had just been named:
    "Which hardware do they use?", or of a single one "What hardware is used?", "How do the authors measure it?"."""
    table = Turn("assistant", "; ".join(names.title(row) for row in sorted(rows)[:MAX_SIDES]))
    they = bool(_THEY.search(question))
    if len(rows) > 1 or (they and history):
        few = they and len(rows) <= MAX_SIDES
        return understand(question, [table, *history] if few else history, names, search)
    query = understand(question, [*history, table], names, search)
    about = bool(_THE_PAPER.search(question))
    if query.kind == "single" and query.rows and not history:
        # With this many words it may as well describe another paper, which then answers better.
        alone = not about and len([w for w in words(question) if w not in STOPWORDS]) > SHORT
        return replace(query, otherwise=read(question, question, names) if alone else None)
    if query.kind != "single" or query.rows or query.mentions or not about:
        return query
    (row,) = rows
    standalone = f"{names.short(row)}: {query.standalone}"
    return replace(query, standalone=standalone, topic=standalone, rows=(row,))


SHORT = 4
"""Words, without stopwords, of a question that says too little by itself to be of another paper than the chosen one."""
_THE_PAPER = re.compile(
    r"\bthe\s+(?:papers?|authors?|work|study|abstract|method|approach|system|framework|technique)\b", re.IGNORECASE
)
_THEY = re.compile(r"\b(?:they|them|their|these|those|both|each)\b", re.IGNORECASE)


def read(question: str, standalone: str, names: Names) -> Query:
    """A question that stands alone, as `standalone`, and was asked as `question`."""
    mentions = tuple(names.mentions(standalone))
    query = Query(question, standalone, "single", standalone, mentions=mentions, chat=is_small_talk(standalone))
    if is_list(standalone, mentions):
        return replace(
            query,
            kind="list",
            topic=list_topic(standalone),
            count=is_count(standalone),
            size=asks_size(standalone),
            negated=is_negated(standalone),
        )
    choice = choose(standalone, names)
    if choice.text != standalone or choice.single:
        mentions = tuple(m for m in names.mentions(choice.text) if m.start >= choice.lead)
        query = replace(query, standalone=choice.text, topic=choice.text, mentions=mentions)
        query = replace(query, rows=choice.rows, exclude=choice.exclude)
    sides = () if choice.single else comparison_sides(choice.text, mentions, names)
    if sides:
        return replace(query, kind="comparison", sides=sides, topic=aspect(choice.text, sides))
    return query
