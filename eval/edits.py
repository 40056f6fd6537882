"""Sentences of abstracts, edited by rule: claims as models mostly write them, near to the text, with known labels.

The written pairs of eval/claims.jsonl are hard on purpose: most that are supported are free paraphrases, and most that
are wrong repeat a sentence with one change. Fitted on them alone, the checker would learn that what is near to the text
is wrong. So the fit also sees sentences that were shortened, joined and lightly reworded (supported), and others into
which a mistake was put.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.ask.figures import Figure, figures
from rag.ask.names import Names
from rag.ask.polarity import opposites
from rag.core.paper import Paper
from rag.papers.passages import split_sentences

_REWORDED = {
    "propose": "introduce",
    "introduce": "present",
    "achieves": "reaches",
    "demonstrate": "show",
    "shows": "demonstrates",
    "utilizes": "uses",
    "leverages": "uses",
    "improves": "enhances",
    "enhances": "improves",
    "significantly": "substantially",
    "reduces": "lowers",
    "various": "several",
    "novel": "new",
    "enables": "allows",
    "accelerate": "speed up",
    "outperforms": "surpasses",
}
_OPENERS = re.compile(
    r"^(?:Furthermore|Moreover|However|Additionally|In addition|Specifically|Therefore|Thus|Besides|Finally"
    r"|To this end|Notably|Importantly|Consequently|Unfortunately|As a result),\s*"
)
_OWN = re.compile(r"\b(?:[Oo]ur|[Tt]he proposed) (?:method|approach|framework|system|technique|model)\b")
_COMPARED = re.compile(
    r"\b(\w+(?: \w+){1,3}) (rather than|outperforms?|than|instead of|reduces|improves) ((?:the )?\w+(?: \w+){1,3})\b"
)
_NAME = re.compile(r"\b[A-Z][a-z]*[A-Z]\w*(?:-\w+)*\b")
_VERB = re.compile(r"\b(?:can|is|are|does|do|has|have|to)\b")
_FLIPPED = frozenset(
    """increase decrease increases reduce reduces reducing improve improves improving higher lower faster slower fewer
    more less larger smaller dense sparse static dynamic local global linear training inference parallel sequential high
    low long short many few different similar positive negative forward supervised online offline efficient accurate
    before after with without large small maximum minimum stable public homogeneous heterogeneous lossless""".split()
)


@dataclass(frozen=True, slots=True)
class Edited:
    """A claim made of a sentence of the paper `paper_id`, whether that supports it, and how it was made."""

    claim: str
    paper_id: str
    supported: bool
    kind: str


class Editor:
    """Makes claims of the sentences of `papers`, the same at each run."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = papers
        self._names = Names(papers)
        self._sentences = [_sentences(p) for p in papers]

    def claims(self, row: int, rounds: int = 2) -> list[Edited]:
        """The claims on the paper in `row`."""
        rng = random.Random(self._papers[row].id)
        if len(self._sentences[row]) < 3:
            return []
        found = [e for _ in range(rounds) for e in (*self._true(row, rng), *self._false(row, rng))]
        return [Edited(claim, self._papers[row].id, kind in _TRUE, kind) for kind, claim in found]

    def _true(self, row: int, rng: random.Random) -> Iterator[tuple[str, str]]:
        def pick() -> str:
            return rng.choice(self._sentences[row])

        yield "named", self._named(pick(), row, rng)
        yield "reworded", _reworded(self._named(pick(), row, rng), rng)
        yield "shortened", self._named(_shortened(pick()), row, rng)
        yield "shortened", _reworded(self._named(_shortened(pick()), row, rng), rng)
        n = rng.randrange(len(self._sentences[row]) - 1)
        one, other = (self._named(_shortened(s), row, rng) for s in self._sentences[row][n : n + 2])
        yield "joined", _joined(_reworded(one, rng), rng.choice((", and ", "; ", ", while ")), other)

    def _false(self, row: int, rng: random.Random) -> Iterator[tuple[str, str]]:
        mine = self._sentences[row]
        other = rng.choice([r for r in range(len(self._papers)) if r != row and self._sentences[r]])
        theirs = self._sentences[other]
        for kind, sentence in (*_changed(mine, rng), *_refigured(mine, rng)):
            yield kind, self._named(sentence, row, rng)
        yield "other paper", self._named(rng.choice(theirs), row, rng)
        added = self._named(_shortened(rng.choice(theirs)), row, rng)
        yield "added clause", _joined(self._named(_shortened(rng.choice(mine)), row, rng), ", and ", added)
        here = [(s, m) for s in mine for m in _NAME.finditer(s)]
        text = f"{self._papers[row].title} {self._papers[row].abstract}".lower()
        foreign = [n for s in theirs for n in _NAME.findall(s) if n.lower() not in text]
        if here and foreign:
            s, m = rng.choice(here)
            yield "foreign name", self._named(s[: m.start()] + rng.choice(foreign) + s[m.end() :], row, rng)

    def _named(self, sentence: str, row: int, rng: random.Random) -> str:
        """`sentence` told by another: "we" and "our method" become the paper's name or "the authors"."""
        name = self._names.short(row)
        if name.startswith("“"):
            name = rng.choice(("The method", "The proposed approach", "The system"))
        told = _OWN.sub(name, _OPENERS.sub("", sentence))
        told = re.sub(r"\b[Ww]e\b", rng.choice(("the authors", name, "they")), told)
        told = re.sub(r"\b[Oo]ur\b", rng.choice(("their", "its")), told)
        return told[:1].upper() + told[1:]


_TRUE = frozenset({"named", "reworded", "shortened", "joined"})


def _sentences(paper: Paper) -> list[str]:
    texts = [paper.abstract[s.start : s.end] for s in split_sentences(paper.abstract)]
    return [t for t in texts if 8 < len(t.split()) < 45]


def _reworded(sentence: str, rng: random.Random) -> str:
    for word, other in _REWORDED.items():
        if rng.random() < 0.5:
            sentence = re.sub(rf"\b{word}\b", other, sentence)
    return sentence


def _shortened(sentence: str) -> str:
    parts = re.split(r"(?<=\D),\s(?!and\b|or\b)", sentence.rstrip("."))
    if len(parts) > 1 and len(parts[0].split()) >= 7:
        return parts[0] + "."
    if len(parts) > 1 and len(parts[-1].split()) >= 7 and not re.match(r"which|while|with|thereby|such", parts[-1]):
        return parts[-1][:1].upper() + parts[-1][1:] + "."
    return re.sub(r"\s*\([^)]*\)", "", sentence)


def _joined(one: str, link: str, other: str) -> str:
    return one.rstrip(".") + link + other[:1].lower() + other[1:]


def _changed(mine: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Sentences with a word turned into its opposite, with a "not", with the sides of a comparison exchanged."""
    words = [(s, w) for s in mine for w in set(re.findall(r"[a-z]+", s)) & _FLIPPED]
    for s, w in rng.sample(sorted(words), min(2, len(words))):
        others = sorted(o for o in _FLIPPED if _opposed(w, o))
        if others:
            yield "opposite word", re.sub(rf"\b{w}\b", rng.choice(others), s, count=1)
    verbs = [(s, m) for s in mine if (m := _VERB.search(s))]
    if verbs:
        s, m = rng.choice(verbs)
        yield "negated", f"{s[: m.end()]} not{s[m.end() :]}"
    compared = [(s, m) for s in mine if (m := _COMPARED.search(s))]
    if compared:
        s, m = rng.choice(compared)
        yield "turned", f"{s[: m.start()]}{m.group(3)} {m.group(2)} {m.group(1)}{s[m.end() :]}"


def _opposed(one: str, other: str) -> bool:
    from rag.index.lexical import stem

    return stem(other) in opposites().get(stem(one), frozenset()) and one.endswith("ing") == other.endswith("ing")


def _refigured(mine: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Sentences with another digit in a figure, and with another figure of the abstract in its place."""
    found = [(s, f) for s in mine for f in figures(s) if not f.named and re.match(r"\d", f.text)]
    if not found:
        return
    s, f = rng.choice(found)
    at = rng.choice([i for i in range(f.start, f.end) if s[i].isdigit()])
    yield "wrong digit", s[:at] + rng.choice([d for d in "123456789" if d != s[at]]) + s[at + 1 :]
    moved: list[Figure] = [g for _, g in found if g.unit == f.unit and g.value != f.value]
    if moved:
        yield "moved figure", s[: f.start] + rng.choice(moved).text + s[f.end :]
