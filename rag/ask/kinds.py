"""What kind of answer a question wants, and of which subject: read by two small linear models.

They were trained on questions that writers made up for many fields (`eval/kinds.jsonl`, `python -m eval.kinds`), on
what stays of a question where its rare words are left out: the stretches of it, and its embedding. What a question is
about is in the rare words; how it asks is in the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from rag.index.embedding import Floats
from rag.index.lexical import STOPWORDS, stem, words

Kind = Literal["single", "one", "list", "count", "overview", "collection", "comparison", "chat"]
KINDS: tuple[Kind, ...] = ("single", "one", "list", "count", "overview", "collection", "comparison", "chat")
"""A question of one finding; one that describes a paper; all papers that fit, or their number; a view of a subject, or
of the whole collection; things set against each other; small talk."""
HEAD = 1_000
"""Characters of a question that are read."""
LONGEST_GRAM = 3
"""Words of the stretches of a question that the models know."""
GRAM_SCALE, EMBEDDING_SCALE = 4.0, 3.0
"""The lengths that the grams of a question, as a vector, and its embedding are given: so a long question, which has
many grams that tell nothing, is read like a short one."""
LENGTHS = (2, 4, 7, 12, 20, 32)
"""Steps of the number of words."""
KEEP = 1.0
"""Added to the log-odds of each word to be of the subject: a word too many costs less than one too few."""

_TOKEN = re.compile(r"[^\W_]{1,60}(?:['’][a-z]{1,3}\b)?|[?!:;,]|\.(?!\S)")
_WORD = re.compile(r"[^\W_]{1,60}(?:[-'’.][^\W_]{1,60}){0,4}")


@dataclass(frozen=True, slots=True)
class Model:
    """The weights: of each gram for each kind, (grams, kinds); of the embedding, (384, kinds); of each kind, (kinds,);
    `alone` are those of the grams and of the kinds, in its last row, where there is no embedding; of each feature of a
    word for being of the subject. `vocabulary` are the stems of the words that aren't rare."""

    vocabulary: frozenset[str]
    grams: dict[str, int]
    gram_weights: Floats
    embedding_weights: Floats
    bias: Floats
    alone: Floats
    subject: dict[str, float]
    subject_bias: float

    def probabilities(self, question: str, vector: Floats | None, *, later: bool = False) -> Floats:
        """How likely each of `KINDS` is. `vector` is the built-in embedding of the question's `skeleton`, of shape
        (384,); None where another model is used. `later`: it isn't the first question of a conversation."""
        known = [self.grams[g] for g in grams(question[:HEAD], self.vocabulary, later=later) if g in self.grams]
        scale = GRAM_SCALE / math.sqrt(max(1, len(known)))
        if vector is None:
            scores = scale * self.alone[known].sum(axis=0) + self.alone[-1]
        else:
            scores = scale * self.gram_weights[known].sum(axis=0) + self.bias
            scores += EMBEDDING_SCALE * vector @ self.embedding_weights
        odds = np.exp(scores - scores.max())
        return np.asarray(odds / odds.sum(), np.float32)

    def topic(self, question: str, kind: Kind) -> str:
        """The stretch of a question that says what the papers should be about; all of it where none stands out."""
        question = question[:HEAD]
        places = [m.span() for m in _WORD.finditer(question)]
        scores = [
            KEEP + self.subject_bias + sum(self.subject.get(f, 0.0) for f in features)
            for features in word_features([question[a:b] for a, b in places], kind, self.vocabulary)
        ]
        first, last = best_stretch(scores)
        return question[places[first][0] : places[last][1]] if places else question


@cache
def model() -> Model:
    """The trained model."""
    with np.load(Path(__file__).with_name("kinds.npz")) as kept:
        lines = {name: bytes(kept[name]).decode().split("\n") for name in ("vocabulary", "grams", "subject")}
        weights = kept["subject_weights"].astype(np.float32)
        return Model(
            vocabulary=frozenset(lines["vocabulary"]),
            grams={gram: n for n, gram in enumerate(lines["grams"])},
            gram_weights=kept["gram_weights"].astype(np.float32),
            embedding_weights=kept["embedding_weights"].astype(np.float32),
            bias=kept["bias"].astype(np.float32),
            alone=kept["alone"].astype(np.float32),
            subject=dict(zip(lines["subject"], weights[:-1].tolist(), strict=True)),
            subject_bias=float(weights[-1]),
        )


def tokens(question: str) -> list[str]:
    """The words and signs of a question, in small letters."""
    return [m.group().lower().replace("’", "'") for m in _TOKEN.finditer(question)]


def skeleton(question: str, vocabulary: frozenset[str]) -> str:
    """A question with "something" for its rare words and "five" for its figures, to be embedded."""
    stand_in = {"X": "something", "0": "five"}
    shown = [stand_in.get(_shown(word, vocabulary), word) for word in tokens(question[:HEAD])]
    return " ".join(_once(shown, "something")) or "something"


def grams(question: str, vocabulary: frozenset[str], *, later: bool = False) -> set[str]:
    """What is known of a question: its stretches of up to three words, rare ones left out, how long it is, and whether
    it comes later in a conversation."""
    shown = ["<s>", *_without_rare(question, vocabulary), "</s>"]
    found = {" ".join(shown[i : i + n]) for n in range(1, LONGEST_GRAM + 1) for i in range(len(shown) - n + 1)}
    length = f"length {np.searchsorted(LENGTHS, len(tokens(question)))}"
    return found | {length} | ({"later", f"later {length}"} if later else set())


def _without_rare(question: str, vocabulary: frozenset[str]) -> list[str]:
    """The tokens of a question, with one "X" for rare words that stand together."""
    return _once([_shown(word, vocabulary) for word in tokens(question[:HEAD])], "X")


def _once(given: Sequence[str], repeated: str) -> list[str]:
    """The words, with one `repeated` for several that follow each other."""
    return [word for word, before in zip(given, ["", *given], strict=False) if (word, before) != (repeated, repeated)]


def word_features(given: Sequence[str], kind: Kind, vocabulary: frozenset[str]) -> Iterator[list[str]]:
    """What tells of each word whether it belongs to the subject: the words around it, its place, the kind."""
    shown = [_shown(word.lower(), vocabulary) for word in given]
    padded = ["<s>"] * 3 + shown + ["</s>"] * 2
    for i in range(len(given)):
        around = padded[i : i + 6]
        yield [
            *(f"{place}:{word}" for place, word in enumerate(around, start=-3)),
            f"before:{around[2]} {around[3]}",
            f"behind:{around[3]} {around[4]}",
            f"led:{around[1]} {around[2]}",
            f"first:{min(i, 6)}",
            f"last:{min(len(given) - 1 - i, 4)}",
            f"kind:{kind}",
            f"kind:{kind} {around[3]}",
        ]


def best_stretch(scores: Sequence[float]) -> tuple[int, int]:
    """The first and the last place of the stretch with the largest sum (by Kadane); all where there is none."""
    best, found, total, start = 0.0, (0, len(scores) - 1), 0.0, 0
    for i, score in enumerate(scores):
        if total <= 0:
            total, start = 0.0, i
        total += score
        if total > best:
            best, found = total, (start, i)
    return found


def _shown(word: str, vocabulary: frozenset[str]) -> str:
    """A word as the models see it: its stem, or that it has a digit, or that it is rare."""
    root = stem(word)
    return root if root in vocabulary else "0" if any(c.isdigit() for c in word) else "X"


TOPIC_WORDS = 4
"""Words at most, none of them known, that are a subject."""
SURE = 0.5
"""Probability from which on a question gets small talk or a view of the whole collection, which hold no answer to any
other question."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a question was read as: its kind, and the stretch that says what the papers should be about."""

    kind: Kind
    topic: str


def read_kind(question: str, embed: Callable[[str], Floats | None], *, later: bool = False) -> Reading:
    """The likeliest kind of a question. `embed` gives the built-in embedding of a text, of shape (384,), or None;
    `later`: it isn't the first question of a conversation.

    A question in another language is single, unless it is a few words only: those are a subject.
    """
    reader = model()
    if not reader.vocabulary.intersection(map(stem, tokens(question))):
        few = len([word for word in words(question) if word not in STOPWORDS]) <= TOPIC_WORDS
        return Reading("overview" if few else "single", question.strip(" ?？。."))
    vector = embed(skeleton(question, reader.vocabulary))
    likely = dict(zip(KINDS, reader.probabilities(question, vector, later=later).tolist(), strict=True))
    # Which of two it is, matters less than that it is one of both.
    several, whole = likely["list"] + likely["count"], likely["overview"] + likely["collection"]
    kind: Kind = max(("single", "one", "comparison"), key=likely.__getitem__)
    if likely["chat"] >= SURE and "X" not in _without_rare(question, reader.vocabulary):
        kind = "chat"  # Whoever uses a rare word has a subject.
    elif several > max(whole, 1 - several - whole):
        kind = "count" if likely["count"] > likely["list"] else "list"
    elif whole > 1 - several - whole:
        kind = "collection" if likely["collection"] >= SURE else "overview"
    return Reading(kind, reader.topic(question, kind))
