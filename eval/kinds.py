"""Train what reads the kind and the subject of a question (rag/ask/kinds.py), and measure it.

    python -m eval.kinds                train, report, write rag/ask/kinds.npz
    python -m eval.kinds --report       measure the model that is there

The questions of `eval/kinds.jsonl` were made up for this by eight writers who knew nothing of the program, each for
people of other professions; those of the third are the test split, and those of the eighth, which have a `before`, come
later in a conversation. The dev questions of three reference sets are used, too. Logistic regressions by scikit-learn.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.ask import kinds
from rag.ask.kinds import KINDS, Kind, Model, grams, model, skeleton, tokens, word_features
from rag.index.embedding import BuiltinEmbedding, Floats
from rag.index.lexical import stem

HERE = Path(__file__).parent
MADE = HERE / "kinds.jsonl"
SETS, UNSEEN = ("questions", "medicine", "society"), ("astronomy", "law")
KIND_OF: dict[str, Kind] = {"list": "list", "count": "count", "comparison": "comparison", "overview": "overview"}
"""What the kinds of the reference sets are here; the others are single."""
LEAST_WORD, LEAST_GRAM, LEAST_FEATURE = 4, 3, 2
"""Questions that have a word, a gram or a feature of a word, at least, before it is known."""
REGULARIZATION, SUBJECT_REGULARIZATION = 1.0, 1.0
"""Inverse strengths; .03 to 1 were tried, as were 1 to 12 for the scales, and hardly differ."""
HAS_TOPIC = ("one", "list", "count", "overview")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its kind and the stretch that is its subject ("" where it has none). `later`: it isn't the first
    of a conversation."""

    question: str
    kind: Kind
    topic: str = ""
    made: bool = False
    later: bool = False


def made(split: str) -> list[Asked]:
    """The made-up questions of a split, "train" or "test"."""
    lines = (json.loads(line) for line in MADE.read_text(encoding="utf-8").splitlines())
    return [
        Asked(r["q"], r["kind"], r["topic"], made=True, later=bool(r.get("before")))
        for r in lines
        if r["split"] == split
    ]


def reference(name: str) -> list[Asked]:
    """The dev questions of a reference set."""
    lines = (json.loads(line) for line in (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Asked(r["question"], "collection" if _whole(r) else KIND_OF.get(r["kind"], "single"), later=bool(r["history"]))
        for r in lines
        if r["split"] == "dev"
    ]


def _whole(r: dict[str, object]) -> bool:
    return r["kind"] == "overview" and not r["gold_papers"]


def vectors(asked: Sequence[Asked], vocabulary: frozenset[str]) -> Floats:
    """The embeddings of the skeletons of the questions, of shape (n, 384)."""
    states = BuiltinEmbedding().encode([skeleton(a.question, vocabulary) for a in asked])
    return np.array([s.pooled() for s in states], np.float32)


def train(asked: Sequence[Asked]) -> dict[str, NDArray[np.generic]]:
    """The arrays of rag/ask/kinds.npz."""
    counts = Counter(stem(word) for a in asked if a.made for word in set(tokens(a.question)))
    vocabulary = frozenset(word for word, n in counts.items() if n >= LEAST_WORD)
    embedded = vectors(asked, vocabulary)
    names, weights, bias = _kinds(asked, embedded, vocabulary)
    _, alone, alone_bias = _kinds(asked, embedded[:, :0], vocabulary)
    subject, subject_weights = _subject([a for a in asked if a.topic and a.kind in HAS_TOPIC], vocabulary)
    return {
        "vocabulary": _text(sorted(vocabulary)),
        "grams": _text(names),
        "gram_weights": weights[:, : len(names)].T.astype(np.float16),
        "embedding_weights": weights[:, len(names) :].T.astype(np.float16),
        "bias": bias.astype(np.float32),
        "alone": np.vstack([alone.T, alone_bias]).astype(np.float16),
        "subject": _text(subject),
        "subject_weights": subject_weights.astype(np.float16),
    }


def _text(lines: Sequence[str]) -> NDArray[np.generic]:
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def _kinds(asked: Sequence[Asked], embedded: Floats, vocabulary: frozenset[str]) -> tuple[list[str], Floats, Floats]:
    from scipy.sparse import csr_array, diags_array, hstack
    from sklearn.feature_extraction.text import CountVectorizer  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    found = [grams(a.question, vocabulary, later=a.later) for a in asked]
    counts = Counter(gram for some in found for gram in some)
    names = sorted(gram for gram, n in counts.items() if n >= LEAST_GRAM)
    known = (
        CountVectorizer(analyzer=lambda some: some, lowercase=False, vocabulary=names)
        .fit_transform(found)
        .astype(np.float32)
    )
    scale = kinds.GRAM_SCALE / np.sqrt(np.maximum(1, known.sum(axis=1).A1))
    fitted = LogisticRegression(C=REGULARIZATION, max_iter=1000).fit(
        hstack([diags_array(scale) @ known, csr_array(kinds.EMBEDDING_SCALE * embedded)]).tocsr(),
        [a.kind for a in asked],
    )
    order = [list(fitted.classes_).index(kind) for kind in KINDS]
    return names, fitted.coef_[order], fitted.intercept_[order]


def _subject(asked: Sequence[Asked], vocabulary: frozenset[str]) -> tuple[list[str], Floats]:
    from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression

    features, inside = [], []
    for a in asked:
        places = [m.span() for m in kinds._WORD.finditer(a.question)]
        start = a.question.find(a.topic)
        features += list(word_features([a.question[x:y] for x, y in places], a.kind, vocabulary))
        inside += [start <= x < start + len(a.topic) for x, _ in places]
    counts = Counter(f for some in features for f in some)
    vectorizer = DictVectorizer()
    given = vectorizer.fit_transform([{f: 1 for f in some if counts[f] >= LEAST_FEATURE} for some in features])
    fitted = LogisticRegression(C=SUBJECT_REGULARIZATION, max_iter=1000).fit(given, inside)
    return list(vectorizer.get_feature_names_out()), np.append(fitted.coef_[0], fitted.intercept_)


def report(name: str, asked: Sequence[Asked], reader: Model) -> str:
    """Recall and precision of each kind, and how much of the subjects is found, as a paragraph of text."""
    embedded = vectors(asked, reader.vocabulary)
    read = [
        KINDS[int(np.argmax(reader.probabilities(a.question, v, later=a.later)))]
        for a, v in zip(asked, embedded, strict=True)
    ]
    lines = [f"{name}: {len(asked)} questions"]
    for kind in KINDS:
        of, taken = [r == kind for a, r in zip(asked, read, strict=True) if a.kind == kind], read.count(kind)
        if of:
            precision = f"{sum(of) / taken:.2f}" if taken else "–"
            lines.append(f"  {kind:<11} {len(of):>4}  recall {np.mean(of):.2f}  precision {precision}")
    if some := [a for a in asked if a.topic and a.kind in HAS_TOPIC]:
        f1, kept = zip(*(_overlap(reader.topic(a.question, a.kind), a.topic) for a in some), strict=True)
        lines.append(f"  subjects    {len(some):>4}  F1 {np.mean(f1):.2f}  all of it {np.mean(kept):.2f}")
    return "\n".join(lines)


def _overlap(found: str, topic: str) -> tuple[float, bool]:
    """F1 of the words of a subject, and whether all are there."""
    a, b = set(tokens(found)), set(tokens(topic))
    return 2 * len(a & b) / max(1, len(a) + len(b)), b <= a


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.kinds", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--report", action="store_true", help="measure the model that is there, and train nothing")
    if not parser.parse_args().report:
        asked = [*made("train"), *(a for name in SETS for a in reference(name))]
        with Path(kinds.__file__).with_name("kinds.npz").open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **train(asked))
        model.cache_clear()
    for name, asked in (("made-up, test", made("test")), *((name, reference(name)) for name in UNSEEN)):
        print(report(name, asked, model()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
