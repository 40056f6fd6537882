"""Signs that a claim says something else than the sentences that it resembles.

Figures and names that the paper doesn't have; figures that it gives of something else; opposite words, and negations,
where the claim otherwise follows the text; comparisons that are turned round.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.ask.alignment import Alignment
from rag.ask.figures import Figure, figures, same
from rag.ask.grounding import EXACT, Abstract, Grounds, Reading
from rag.ask.polarity import opposites
from rag.ask.wording import Item
from rag.index.embedding import Floats
from rag.index.lexical import STOPWORDS, stem, words

AROUND = 3
"""Words on either side of an aligned word in which its neighbour's opposite is looked for."""
REACH, CLAIM_DECAY, TEXT_DECAY = 14, 4.0, 6.0
"""How many items from a figure what it is of may be, and how fast a word's bond to it falls with their distance."""
OTHER_CLAUSE, OTHER_UNIT = 0.6, 0.85
LEAST = 0.3
"""What a negated word weighs at least, however little it says."""


def missing_figures(reading: Reading, paper: Abstract) -> list[Figure]:
    """The claim's figures that the paper gives nowhere."""
    claimed = [f for f in figures(reading.text) if not f.named]
    return [f for f in claimed if not any(same(f, g) for g in paper.figures)]


_NAME = re.compile(r"[A-Za-z][\w+^]*(?:[-.][\w+]+)*")
_NAMEY = re.compile(r"[a-z][A-Z]|[A-Z]\w*[A-Z]|[A-Z]\w*-?\d|[a-z]-?\d")


def unknown_names(claim: str, text: str) -> list[str]:
    """The names in `claim` that `text` doesn't have: capitals inside, digits, or a capital in mid-sentence."""
    have = set(words(text))
    letters, stems = "".join(words(text)), {stem(w) for w in have}
    heads = "".join(w[0] for w in words(text))
    counted = [(f.start, f.end) for f in figures(claim) if not f.named]
    found = []
    for match in _NAME.finditer(claim):
        if any(a < match.end() and match.start() < b for a, b in counted):
            continue
        opens = match.start() == 0 or claim[: match.start()].rstrip()[-1:] in ".:!?"
        whole = "".join(words(match.group()))
        if whole in letters or (whole.endswith("s") and whole[:-1] in letters):
            continue
        if re.fullmatch(r"[A-Za-z]+-\d+(?:\.\d+)?", match.group()):
            found.append(match.group())  # "top-5", where the abstract has "top-1"
            continue
        for part in match.group().split("-"):
            folded = "".join(words(part))
            namey = _NAMEY.search(part) or (part[:1].isupper() and not (opens and part == match.group()))
            known = folded in letters if len(folded) > 3 else folded in have
            if not namey or known or stem(folded) in stems or folded.rstrip("s") in have or folded in STOPWORDS:
                continue
            if part.rstrip("s").isupper() and len(part) > 1 and folded.rstrip("s") in heads:
                continue
            found.append(match.group())
            break
    return found


@dataclass(frozen=True, slots=True)
class Bond:
    """How closely a figure of the claim stands with the same words in the abstract, `own`, and how closely the best
    other figure there does, `other`, both from 0 to 1."""

    item: Item
    given: Item
    own: float
    other: float


def bonds(reading: Reading, grounds: Grounds) -> list[Bond]:
    """What each figure of the claim is of, there and in the abstract."""
    numbers = [j for j, item in enumerate(grounds.items) if item.figure is not None]
    found = []
    for i, item in enumerate(reading.items):
        mine = [j for j in numbers if grounds.match[i, j] >= 0.99]
        if item.figure is None or not mine:
            continue
        near = _near(reading, i)
        own = max(_bond(near, grounds, j) for j in mine)
        best, given = 0.0, item
        for j in numbers:
            figure = grounds.items[j].figure
            if j in mine or figure is None or figure.word:
                continue
            bond = _bond(near, grounds, j) * (1.0 if figure.unit == item.figure.unit else OTHER_UNIT)
            if bond > best:
                best, given = bond, grounds.items[j]
        found.append(Bond(item, given, own, best))
    return found


def beside(reading: Reading, grounds: Grounds) -> tuple[float, float]:
    """What the sentences that give a figure of the claim don't have of what the claim says of it, from 0 to 1: of all
    of it, and of the two telling words next to it. The worst figure counts; 0 where the claim has none."""
    worst, least = 0.0, 0.0
    for i, item in enumerate(reading.items):
        mine = [j for j in range(len(grounds.items)) if item.figure is not None and grounds.match[i, j] >= 0.99]
        if not mine:
            continue
        near = _near(reading, i)
        telling = [
            k
            for k, o in enumerate(reading.items)
            if k != i and o.clause == item.clause and o.figure is None and reading.weights[k] > TELLING
        ]
        closest = sorted(telling, key=lambda k: abs(reading.items[k].at - item.at))[:2]
        found = []
        for s in {int(grounds.owners[j]) for j in mine}:
            here = np.maximum(grounds.match[:, grounds.owners == s].max(axis=1), grounds.title)
            found.append((float(near @ here), min((float(here[k]) for k in closest), default=1.0)))
        worst = max(worst, 1.0 - max(f[0] for f in found))
        least = max(least, 1.0 - max(f[1] for f in found))
    return worst, least


TELLING = 0.3
"""Weight above which a word of the claim says something of its own."""
_CLAIMS_BETTER = re.compile(
    r"\b(?:outperform\w*|exceed\w*|surpass\w*|beats?|superior\s+to|(?:better|faster|higher|more\s+\w+)\s+than)\b",
    re.IGNORECASE,
)


def unfounded_comparison(reading: Reading, evidence: str) -> bool:
    """Whether the claim puts one thing above another, and its evidence compares nothing so."""
    return bool(_CLAIMS_BETTER.search(reading.text)) and not _PUTS_ABOVE.search(evidence)


_PUTS_ABOVE = re.compile(
    r"\b(?:outperform\w*|exceed\w*|surpass\w*|beat(?:s|en|ing)?|superior|better|faster|slower|higher|lower|larger|smaller|worse"
    r"|greater|than|over|improve\w*|reduc\w+|speed-?ups?|advantage)\b|\d\s?[x×](?!\w)",
    re.IGNORECASE,
)


def _near(reading: Reading, i: int) -> Floats:
    """How much each item of the claim says of what item `i` is of, summing to 1."""
    here = reading.items[i]
    found = [
        0.0 if k == i else w * np.exp(-abs(o.at - here.at) / CLAIM_DECAY) * (1.0 if o.clause == here.clause else 0.4)
        for k, (o, w) in enumerate(zip(reading.items, reading.weights, strict=True))
    ]
    shares = np.array(found, np.float32)
    total: Floats = shares / max(float(shares.sum()), 1e-9)
    return total


def _bond(near: Floats, grounds: Grounds, j: int) -> float:
    here = grounds.items[j]
    window = [
        x
        for x in range(max(0, j - REACH), min(len(grounds.items), j + REACH + 1))
        if x != j and grounds.owners[x] == grounds.owners[j]
    ]
    if not window:
        return 0.0
    fall = np.array(
        [
            np.exp(-max(0, abs(grounds.items[x].at - here.at) - 2) / TEXT_DECAY)
            * (1.0 if grounds.items[x].clause == here.clause else OTHER_CLAUSE)
            for x in window
        ]
    )
    matched = grounds.match[:, window]
    return float(near @ (np.where(matched >= 0.5, matched, 0.0) * fall).max(axis=1))


def opposite_words(reading: Reading, grounds: Grounds, aligned: Alignment) -> list[tuple[Item, Item]]:
    """Words of the claim whose opposite stands in the abstract nearer to their place than they themselves do."""
    against = opposites()
    mine = {item.stem for item in reading.items}
    found = []
    for i, item in enumerate(reading.items):
        others = against.get(item.stem)
        if not others:
            continue
        for y in _place(grounds, aligned.path, i):
            other = grounds.items[y]
            if other.stem == item.stem:
                break
            if other.stem in others and other.stem not in mine and other.negated == item.negated:
                found.append((item, other))
                break
    return found


def _place(grounds: Grounds, path: Sequence[int], i: int) -> list[int]:
    """The items of the abstract around those that the neighbours of item `i` are aligned with, the nearest first."""
    around = [*[j for j in path[:i] if j >= 0][-2:], *[j for j in path[i + 1 :] if j >= 0][:2]]
    inside = {
        y
        for x in around
        for y in range(max(0, x - AROUND), min(len(grounds.items), x + AROUND + 1))
        if grounds.owners[y] == grounds.owners[x]
    }
    return sorted(inside, key=lambda y: sum(abs(y - x) for x in around))


def negations(reading: Reading, grounds: Grounds, aligned: Alignment) -> tuple[float, float]:
    """The weight of the words that only the claim negates, and of those that only the abstract does."""
    claimed = given = 0.0
    evidence = [j for j, owner in enumerate(grounds.owners) if owner in grounds.chosen]
    for i, j in enumerate(aligned.path):
        places = [j] if j >= 0 else [k for k in evidence if grounds.match[i, k] >= 0.99]
        theirs = {grounds.items[k].negated for k in places if grounds.match[i, k] >= 0.8}
        if len(theirs) == 1 and reading.items[i].negated not in theirs:
            weight = max(LEAST, float(reading.weights[i]))
            claimed, given = (claimed + weight, given) if reading.items[i].negated else (claimed, given + weight)
    return claimed, given


_COMPARED = re.compile(
    r"\b(?P<contrast>rather\s+than|instead\s+of)\b|\b(?:outperform\w*|exceed\w*|surpass\w*|beats?|underperform\w*|than"
    r"|compared\s+(?:to|with)|relative\s+to|versus|vs|against)\b",
    re.IGNORECASE,
)


def turned(reading: Reading, grounds: Grounds, paper: Abstract) -> float:
    """How far a comparison in the claim has on its left what the evidence has on its right, from 0 to 2."""
    worst = 0.0
    first = {s: next((n for n, o in enumerate(grounds.owners) if o == s), 0) for s in grounds.chosen}
    for here in _COMPARED.finditer(reading.text):
        left, right = _sides(reading.items, 0, len(reading.items), here, 6, 5)
        if not left or not right:
            continue
        for s in grounds.chosen:
            span = paper.spans[s]
            text = _sentence(paper, span.start, span.end)
            size = int((grounds.owners == s).sum())
            for there in _COMPARED.finditer(text):
                if bool(here.group("contrast")) != bool(there.group("contrast")):
                    continue
                before, after = _sides(grounds.items, first[s], size, there, 7, 6)
                share = {
                    (a, b): _share(grounds.match, x, y)
                    for a, x in (("l", left), ("r", right))
                    for b, y in (("l", before), ("r", after))
                }
                over, under = share["l", "r"] - share["l", "l"], share["r", "l"] - share["r", "r"]
                if (over > 0 and under >= 0) or (under > 0 and over >= 0):
                    worst = max(worst, over + under)
    return worst


def _sentence(paper: Abstract, start: int, end: int) -> str:
    shift = len(paper.text) - paper.length
    return paper.text[start + shift : end + shift]


def _sides(
    found: Sequence[Item], first: int, size: int, middle: re.Match[str], most_left: int, most_right: int
) -> tuple[list[int], list[int]]:
    """The items before and after a comparison, the nearest ones."""
    mine = [n for n in range(first, first + size) if not found[n].generic and found[n].figure is None]
    left = [n for n in mine if found[n].end <= middle.start()]
    right = [n for n in mine if found[n].start >= middle.end()]
    return left[-most_left:], right[:most_right]


def _share(match: Floats, rows: Sequence[int], columns: Sequence[int]) -> float:
    if not rows or not columns:
        return 0.0
    return float((match[np.ix_(rows, columns)].max(axis=1) >= EXACT).mean())
