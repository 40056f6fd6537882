"""The mechanisms of the asking, each with a switch: a context manager in which it is off.

A switch patches a constant or a function of `rag.ask` or `rag.index.retrieval`; what it names has to exist. A feature
of a regression is switched off by giving every case its mean, so that no threshold moves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from rag.ask import certainty, cues, listing, plan, quoting, sentences, sides
from rag.ask.kinds import Reading
from rag.index import retrieval
from rag.index.lexical import Lexicon

Switch = Callable[[], AbstractContextManager[None]]

_NEVER = re.compile(r"(?!)")


@contextmanager
def _put(*patches: tuple[Any, str, Any]) -> Iterator[None]:
    """Each (owner, name, value) in place, and put back after."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    try:
        for owner, name, value in patches:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


def off(*patches: tuple[Any, str, Any]) -> Switch:
    """The switch that puts these values in place."""
    return lambda: _put(*patches)


def _weightless(name: str) -> Switch:
    return off((retrieval, "WEIGHTS", replace(retrieval.WEIGHTS, **{name: 0.0})))


def _no(question: str) -> bool:
    return False


def _uncorrected(self: Lexicon, term: str) -> str:
    return term


def _uncovered(pool: Sequence[sentences.Sentence], query: Any, budget: int) -> list[sentences.Sentence]:
    """`select` without what a sentence adds to those that are chosen."""
    return sentences.select([replace(s, cover=np.zeros_like(s.cover)) for s in pool], query, budget)


def _sure(probabilities: Any) -> Any:
    """The cut of a list at one half."""
    return np.asarray(probabilities) >= 0.5


def _unlabelled(abstract: str, spans: Sequence[Any]) -> tuple[list[Any], list[str]]:
    return list(spans), [""] * len(spans)


_features: dict[str, tuple[Any, tuple[str, ...]]] = {
    "sentence": (sentences.SentenceScorer, sentences.FEATURES),
    "list": (listing, listing.FEATURES),
    "certainty": (certainty.Certainty, certainty.FEATURES),
}
means: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in _features}
"""What the features of each regression were; `recording` fills it."""


def _columns(name: str, found: Any) -> Any:
    """The features in what `features` returns: of a sentence they stand between its span and its cover."""
    return found if name == "certainty" else found[1] if name == "sentence" else found[0]


def _single(question: str, _embed: Any) -> Reading:
    return Reading("single", question)


@contextmanager
def recording() -> Iterator[None]:
    """Notes the features of all that is asked, for their means."""
    with _put(*((owner, "features", _noted(name, owner.features)) for name, (owner, _) in _features.items())):
        yield


def _noted(name: str, features: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*given: Any, **options: Any) -> Any:
        found = features(*given, **options)
        means[name].append(np.atleast_2d(_columns(name, found)))
        return found

    return noted


def _flat(name: str, column: int) -> Switch:
    """The switch of one feature of a regression."""
    owner, _ = _features[name]
    features = owner.features

    @contextmanager
    def switch() -> Iterator[None]:
        mean = float(np.concatenate([m for m in means[name] if len(m)])[:, column].mean())

        def flat(*given: Any, **options: Any) -> Any:
            found = features(*given, **options)
            _columns(name, found)[..., column] = mean
            return found

        with _put((owner, "features", flat)):
            yield

    return switch


SWITCHES: dict[str, Switch] = {
    "retrieval: BM25 by how much of the question it finds": off(
        (retrieval, "LEXICAL_LEAST", 1.0), (retrieval, "LEXICAL_MOST", 1.0)
    ),
    "retrieval: BM25": off((retrieval, "LEXICAL_LEAST", 0.0), (retrieval, "LEXICAL_MOST", 0.0)),
    "retrieval: late interaction": _weightless("tokens"),
    "retrieval: passage": _weightless("passage"),
    "retrieval: document": _weightless("document"),
    "retrieval: sentence": _weightless("sentence"),
    "retrieval: feedback": _weightless("feedback"),
    "retrieval: slips corrected": off((Lexicon, "corrected", _uncorrected)),
    "plan: kinds of questions": off((quoting, "read_kind", _single)),
    "plan: follow-ups": off((plan, "_depends", lambda question, found: False)),
    "plan: the second one": off((plan, "_ORDINAL", _NEVER)),
    "plan: the other one": off((plan, "_OTHER", _NEVER)),
    "plan: what about X": off((plan, "_elsewhere", lambda *given: None)),
    "sides: by coverage": off((quoting, "SHARES", 2.0)),
    "sides: words of comparison": off((cues, "compares", _no)),
    "sides: three and four": off((sides, "MORE", 9.0)),
    "one paper: several quoted": off((quoting, "MOST", 1), (quoting, "MOST_LOOKED_FOR", 1)),
    "list: cut by expected F1": off((listing, "best_cut", _sure)),
    "sentence: links": off((sentences, "LINK", 1.0)),
    "sentence: title's words": off((sentences, "TITLE_SHARE", 1.0)),
    "sentence: headings cut off": off((sentences, "evidence_spans", _unlabelled)),
    "sentence: coverage": off((quoting, "select", _uncovered)),
    "sentence: floor": off((sentences, "FLOOR", 0.0)),
} | {
    f"{name}: {feature}": _flat(name, n) for name, (_, all_of) in _features.items() for n, feature in enumerate(all_of)
}
"""By the name of the mechanism."""
