"""How sure it is that the collection answers a question: a probability, and the state that follows from it.

The features compare a question, word by word, with the papers that were found. They mean the same in any field, and no
rule about a field's words or a kind of detail decides. What is less than sure is shown all the same, as the nearest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.ask.sentences import Sentence
from rag.core.answer import State
from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, terms, words
from rag.index.retrieval import Ranking
from rag.index.scores import Encoded, TokenScores

FEATURES = (
    "within", "beside", "lowest", "worst", "sentence", "strange", "restricted",
    "named_lead", "named_asked", "named_support", "named_strange",
)  # fmt: skip
"""
The support of a word of the question is 1 where the papers write it, else the mean cosine of its best word pieces
there; its percentile is the share of the other papers that fit it less. Words beside the title are those that the title
has not; a rare word of the title names the paper. within: the best mean support of the words beside the title in one
sentence (where there are none, whether the paper is named); beside: how many there are, of twelve; lowest: the least
percentile of one; worst: the mean cosine of the third of all word pieces that the abstracts fit worst; sentence: the
cosine of the best sentence; strange: the question has a name that the papers have not; restricted: the conversation
restricts it. The others are 0 unless the question names the paper: the lead of its score, the percentile of what is
asked for ("which …"), the mean support of the words beside the title, and strange.
"""
WEIGHTS = np.array([5.28, 3.36, 1.1, 6.89, 3.53, -2.07, 5.24, -0.11, 1.79, -2.02, 1.31], np.float32)
BIAS = -8.12
"""Logistic regression on 1,100 questions of four collections, each weighted alike. Cross-validated the area under the
ROC curve is .90 (systems, half of the unanswerable ones written to be mistaken), .85 (medicine), .90 (society)."""
NAMED, FEW = 0.6, 0.1
"""A word of the title names the paper if it is so rare, as a share of the rarest there can be, and at most this share
of the papers have it."""
LEAD, LONG = 8.0, 12
"""The features count no larger lead, and no more words."""
ANSWERS, NEAR = 0.6, 0.08
"""From these probabilities on papers answer, and are near."""
CAUTION = {"careful": 1.0, "usual": 0.0, "bold": -1.0}
"""What a user's wish adds to the odds, as a logarithm, that an answer needs."""


def caution_of(wanted: str) -> float:
    """What a user's wish adds to the odds: one of `CAUTION`, or a probability from which on papers answer."""
    if wanted in CAUTION:
        return CAUTION[wanted]
    p = float(wanted)
    return math.log(p / (1 - p)) - math.log(ANSWERS / (1 - ANSWERS))


_ASKED = re.compile(
    r"\b(?:how\s+many|how\s+much|(?:what|which)(?:'s)?(?:\s+(?:is|are|was|were)\s+(?:the|its|their))?|whose)\s+"
    r"(?P<what>(?:[\w-]+\s+){0,3}[\w-]+)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")
_SPELLED = re.compile(r"[^\W_][\w.+-]*[^\W_]|[^\W_]")
_NAME = re.compile(r"[A-Za-z]\w{0,40}[A-Z]|[A-Za-z]\d|-[A-Z]")


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the question without its stop words: its stem, its word pieces (t,), its rarity."""

    stem: str
    pieces: NDArray[np.bool_]
    rarity: float


class Certainty:
    """Estimates for one index whether papers answer a question."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tokens = TokenScores(index)

    def probability(
        self,
        query: Encoded,
        ranking: Ranking,
        rows: Sequence[int],
        best: Sequence[Sentence],
        *,
        restricted: bool = False,
    ) -> float:
        """The probability that the papers in `rows`, best first, answer; `best` are the sentences of the first one."""
        if query.unread:
            return self._written(query, rows)
        odds = float(self.features(query, ranking, rows, best, restricted=restricted) @ WEIGHTS) + BIAS
        return 1 / (1 + math.exp(-odds))

    def _written(self, query: Encoded, rows: Sequence[int]) -> float:
        """Without the model: the square root of the share of the question's words that the papers write."""
        held = set().union(*(terms(f"{p.title} {p.abstract}") for p in (self._index.papers[row] for row in rows)))
        asked = set(query.terms)
        return math.sqrt(len(asked & held) / len(asked)) if asked else 0.0

    def unknown_names(self, text: str) -> list[str]:
        """Names in a text of which no paper has a word, in its spelling: "PointPillars", where nobody writes of it."""
        return list(dict.fromkeys(_names_beside(text, self._index.lexicon.__contains__)))

    def features(
        self, query: Encoded, ranking: Ranking, rows: Sequence[int], best: Sequence[Sentence], *, restricted: bool
    ) -> Floats:
        """The features (len(FEATURES),) of the papers in `rows`, best first. `ranking` is that of all candidates,
        `best` are the scored sentences of the first paper."""
        asked = self._words(query)
        if not asked or not rows:
            return np.zeros(len(FEATURES), np.float32)
        papers = [self._index.papers[row] for row in rows]
        head = set().union(*(terms(p.title) for p in papers))
        held = head.union(*(terms(p.abstract) for p in papers))
        at = [int(np.flatnonzero(ranking.rows == row)[0]) for row in rows]
        support, body = self._support(query, asked, rows)
        percentile = self._percentiles(ranking, asked, at)
        beside = np.array([w.stem not in head for w in asked])
        named = float(self._named(asked, head))
        lead = float(ranking.score[0] - ranking.score[1]) if len(ranking.score) > 1 else LEAD
        strange = float(any(_names_beside(query.text, held.__contains__)))
        rest = [w for w in asked if w.stem not in head]
        values = [
            self._within(rest, rows[0], best) if rest else named,
            min(int(beside.sum()), LONG) / LONG,
            float(percentile[beside].min(initial=1.0)),
            float(np.sort(body)[: max(1, len(body) // 3)].mean()),
            float(ranking.sentence[at].max()),
            strange,
            float(restricted),
            named * min(lead, LEAD),
            named * _asked(query.text, asked, percentile),
            named * (float(support[beside].mean()) if beside.any() else 1.0),
            named * strange,
        ]
        return np.array(values, np.float32)

    def _named(self, asked: Sequence[_Word], head: Collection[str]) -> bool:
        """Whether a rare word of a title is in the question."""
        rarest = math.log1p((len(self._index) - 0.5) / 1.5)
        few = max(2, FEW * len(self._index))
        lexicon = self._index.lexicon
        return any(w.stem in head and w.rarity > NAMED * rarest and lexicon.frequency(w.stem) <= few for w in asked)

    def _words(self, query: Encoded) -> list[_Word]:
        found: dict[str, _Word] = {}
        for match in _WORD.finditer(query.text):
            parts = words(match.group())
            if not parts or parts[0] in STOPWORDS:
                continue
            inside = (query.offsets[:, 0] >= match.start()) & (query.offsets[:, 1] <= match.end())
            inside &= query.offsets[:, 0] >= 0
            if inside.any():
                stemmed = stem(parts[0])
                found.setdefault(stemmed, _Word(stemmed, inside, self._index.lexicon.idf(stemmed)))
        return list(found.values())

    def _support(self, query: Encoded, asked: Sequence[_Word], rows: Sequence[int]) -> tuple[Floats, Floats]:
        """The support of each word in any of the papers, and the best cosine of each word piece in their abstracts."""
        support = np.zeros(len(asked), np.float32)
        body = np.zeros(len(query.tokens), np.float32)
        for row in rows:
            paper = self._index.papers[row]
            first, last = (int(i) for i in self._index.token_starts[row : row + 2])
            if last <= first:
                continue
            similarity = self._tokens.similarities(query, slice(first, last))
            inside = similarity[np.asarray(self._index.token_owners[first:last]) >= 0]
            body = np.maximum(body, inside.max(axis=0)) if len(inside) else body
            whole = similarity.max(axis=0)
            written = set(terms(f"{paper.title} {paper.abstract}"))
            own = [1.0 if w.stem in written else float(whole[w.pieces].mean()) for w in asked]
            support = np.maximum(support, np.array(own, np.float32))
        return support, body

    def _within(self, asked: Sequence[_Word], row: int, sentences: Sequence[Sentence]) -> float:
        """The best mean support of the words within one sentence."""
        abstract, best = self._index.papers[row].abstract, 0.0
        for s in sentences:
            written = set(terms(abstract[s.span.start : s.span.end]))
            best = max(best, float(np.mean([1.0 if w.stem in written else s.cover[w.pieces].mean() for w in asked])))
        return best

    def _percentiles(self, ranking: Ranking, asked: Sequence[_Word], at: Sequence[int]) -> Floats:
        """For each word the share of the other finely ranked papers that support it less."""
        cover = ranking.cover[np.isfinite(ranking.cover).all(axis=1)]
        if len(cover) < 5:
            return np.full(len(asked), 0.75, np.float32)
        own = np.nan_to_num(ranking.cover[at], nan=0.0).max(axis=0)
        below = (cover < own).mean(axis=0)
        return np.array([float(below[w.pieces].mean()) for w in asked], np.float32)


def names(text: str) -> list[str]:
    """The words of a text with a capital or a digit within: "QLoRA", "IL-6", and not "Deep"."""
    return [m.group() for m in _SPELLED.finditer(text) if _NAME.search(m.group())]


def _names_beside(text: str, known: Callable[[str], bool]) -> Iterator[str]:
    """The names in a text, words with a capital or a digit within, of which no stem is known."""
    for match in _SPELLED.finditer(text):
        word, before = match.group(), text[: match.start()].rstrip()
        begins = not before or before[-1] in ".?!:"
        if word.casefold() in STOPWORDS or not (_NAME.search(word) or (word[:1].isupper() and not begins)):
            continue
        parts = [stem(w) for w in words(word) if w not in STOPWORDS and not w.isdigit()]
        if parts and not any(known(part) for part in parts):
            yield word


def _asked(question: str, words_of: Sequence[_Word], percentile: Floats) -> float:
    """The least percentile of what is asked for: the words behind "which" or "how many"; 1 where nothing is."""
    match = _ASKED.search(question)
    wanted = set()
    for word in words(match["what"]) if match else []:
        if word in STOPWORDS:
            break
        wanted.add(stem(word))
    return min((float(p) for w, p in zip(words_of, percentile, strict=True) if w.stem in wanted), default=1.0)


def state_of(probability: float, caution: float = 0.0, *, near: bool = False) -> State:
    """The state of an answer with this probability. `near`: the papers are those that were asked about, so that
    something is near whatever the probability."""
    odds = math.log(max(probability, 1e-9) / max(1 - probability, 1e-9)) - caution
    likely = 1 / (1 + math.exp(-odds))
    if likely >= ANSWERS:
        return "answers"
    return "nearest" if near or likely >= NEAR else "nothing"
