"""Words that mean the opposite of each other, and words that widen what is said."""

from __future__ import annotations

import re
from functools import cache

from rag.index.lexical import stem, words

_PAIRS = """
increase raise rose risen grow grew grown rise higher more larger greater
  expand enlarge gain add boost lengthen extend up
| decrease reduce lower fall fell fallen shrink shrank fewer less smaller decline drop lose cut diminish shorten down
improve enhance better best outperform surpass exceed superior beat strengthen
| worsen degrade harm hurt worse worst underperform inferior impair trail drop decline lower weaken loss
faster quicker fast quick rapid accelerate speedup speed hasten quickly | slower slow decelerate delay slowly
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
possible feasible able can | impossible infeasible unable cannot
efficient | inefficient
accurate precise | inaccurate imprecise
sufficient enough | insufficient
necessary required | unnecessary optional
need require depend rely | avoid eliminate remove obviate
easy simple simply easily | hard difficult complex complicated
cheap inexpensive | expensive costly
supervised | unsupervised
online | offline
training train | inference
forward | backward
encoder | decoder
positive | negative
linear | quadratic exponential cubic
parallel | sequential serial
succeed success | fail failure
allow enable permit facilitate | prevent prohibit forbid hinder
strong | weak
preserve maintain retain keep kept | lose lost sacrifice degrade
always | never
open | closed
include contain | exclude lack omit
random randomly | deterministic
public | private proprietary
early earlier | late later
hot | cold
safe | unsafe
stable | unstable
known | unknown
equal | unequal
regular periodic | irregular
predictable | unpredictable
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
couple tie | decouple separate
lightweight | heavyweight
benefit advantage | drawback disadvantage
ignore neglect overlook | consider
support confirm | contradict refute
theoretical theoretically | empirical empirically
compatible | incompatible
reliable | unreliable
"""

_SCOPE = re.compile(
    r"\b(?:all|always|every|everywhere|everything|any|anything|never|none|entirely|entire|completely|complete|fully"
    r"|guarantee[sd]?|guaranteeing|only|sole(?:ly)?|exclusively|perfect(?:ly)?|universal(?:ly)?|whatever|regardless"
    r"|invariably|unlimited|best|worst|most|optimal|first|state[- ]of[- ]the[- ]art|proves?|proven|proof|certain(?:ly)?"
    r"|must|impossible|no\s+matter|whole|wholly|exact(?:ly)?|drastic(?:ally)?|dramatic(?:ally)?|each)\b",
    re.IGNORECASE,
)


@cache
def opposites() -> dict[str, frozenset[str]]:
    """The stems that mean the opposite of a stem."""
    table: dict[str, set[str]] = {}
    for line in re.sub(r"\n[| ]", lambda m: f" {m.group()[1]} ", _PAIRS.strip()).splitlines():
        left, right = ([stem(w) for w in side.split()] for side in line.split("|"))
        for one, other in ((left, right), (right, left)):
            for word in one:
                table.setdefault(word, set()).update(other)
    return {word: frozenset(found - {word}) for word, found in table.items()}


def widened(claim: str, evidence: str) -> list[str]:
    """Words of `claim` that widen what it says ("all", "never", "guarantee") and that `evidence` lacks."""
    have = {stem(w) for w in words(evidence)}
    return [m.group() for m in _SCOPE.finditer(claim) if not all(stem(w) in have for w in words(m.group()))]
