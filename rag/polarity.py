"""Signs that two texts about the same thing say opposite things: negation, antonyms, scope."""

# ruff: noqa: E501  patterns and word lists read worse when broken
from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from rag.lexical import stem, words

_PAIRS = """increase raise grow rise higher more larger greater expand enlarge gain add boost | decrease reduce lower fall shrink fewer less smaller decline drop lose cut diminish
faster quicker accelerate speedup speed | slower slow decelerate
improve enhance better best outperform surpass exceed superior beat | worsen degrade harm hurt worse worst underperform inferior impair trail
with | without
before precede | after follow
first initially | last finally
static fixed | dynamic adaptive variable
lossless | lossy
synchronous synchronously | asynchronous asynchronously
homogeneous uniform | heterogeneous
dense | sparse
coarse | fine
local | global
internal | external
inside | outside
maximum maximize maximal | minimum minimize minimal
upper | lower
above | below
high | low
large big | small tiny
long | short
many | few
same identical similar comparable | different dissimilar
possible feasible able | impossible infeasible unable cannot
efficient | inefficient
accurate | inaccurate
sufficient enough | insufficient
necessary required | unnecessary optional
need require | avoid eliminate remove
easy simple simply | hard difficult complex complicated
cheap inexpensive | expensive costly
supervised | unsupervised
online | offline
training train | inference
forward | backward
encoder | decoder
positive | negative
linear | quadratic exponential
parallel | sequential serial
succeed success | fail failure
allow enable permit facilitate | prevent prohibit forbid hinder
strong | weak
preserve maintain retain keep | lose sacrifice
always | never
all every each any | some
open | closed
include contain | exclude lack omit
random randomly | deterministic
public | private proprietary
early | late
hot | cold
safe | unsafe
stable | unstable
known | unknown
equal | unequal
regular | irregular
symmetric | asymmetric
rich | poor
start begin | end stop
push | pull
read | write
most majority | minority
temporal | spatial
row | column
centralized | decentralized distributed
single | multiple
lightweight | heavyweight
benefit advantage | drawback disadvantage
ignore neglect overlook | consider
support confirm | contradict refute
theoretical theoretically | empirical empirically"""

NEGATIONS = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|can't|\w+n't|without|lacks?|lacking|fail(?:s|ed)?\s+to|unable|instead\s+of"
    r"|rather\s+than|unlike|avoid(?:s|ed|ing)?|eliminat\w+|rarely|hardly|barely|little|impossible|no\s+longer"
    r"|prevent(?:s|ed|ing)?|infeasible|remov\w+|free\s+of|needn't|nothing|nobody|nowhere|doubt\w*)\b",
    re.IGNORECASE,
)
SCOPE = re.compile(
    r"\b(?:all|always|every|everywhere|everything|any|anything|never|none|entirely|entire|completely|complete|fully|guarantee[sd]?|guaranteeing"
    r"|only|sole(?:ly)?|exclusively|perfect(?:ly)?|universal(?:ly)?|whatever|regardless|invariably|unlimited|best|worst|most|optimal|first"
    r"|state[- ]of[- ]the[- ]art|proves?|proven|proof|certain(?:ly)?|must|impossible|no\s+matter|whole|wholly|exact(?:ly)?|drastic(?:ally)?"
    r"|dramatic(?:ally)?|significantly|much|far|greatly|each)\b",
    re.IGNORECASE,
)


@cache
def opposites() -> dict[str, frozenset[str]]:
    """The stems that mean the opposite of a stem."""
    table: dict[str, set[str]] = {}
    for line in _PAIRS.splitlines():
        left, right = ([stem(w) for w in side.split()] for side in line.split("|"))
        for one, other in ((left, right), (right, left)):
            for word in one:
                table.setdefault(word, set()).update(other)
    return {word: frozenset(found - {word}) for word, found in table.items()}


def reversed_words(claim: Iterable[str], evidence: set[str]) -> list[tuple[str, str]]:
    """Pairs (word of the claim, its opposite in the evidence), where the evidence lacks the word itself.

    Both sides are stems.
    """
    table = opposites()
    found = []
    mine = set(claim)
    for word in mine:
        against = table.get(word, frozenset()) & evidence
        if word not in evidence and against - mine:
            found.append((word, min(against - mine)))
    return found


def negations(text: str) -> int:
    """How many words of `text` negate something."""
    return len(NEGATIONS.findall(text))


def scope(claim: str, evidence: str) -> list[str]:
    """Words of `claim` that widen what it says ("all", "never", "guarantee") and that `evidence` lacks."""
    have = {stem(w) for w in words(evidence)}
    return [m.group() for m in SCOPE.finditer(claim) if not all(stem(w) in have for w in words(m.group()))]
