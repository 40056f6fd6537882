"""How far the checker of claims agrees with labelled pairs of a claim and a paper.

    python -m eval.support                  # the table, dev cross-validated by paper with --fit
    python -m eval.support --fit            # fit the weights on dev anew, and print them for rag/ask/support.py
    python -m eval.support --failures       # the pairs on which it errs, with its reasons

The pairs are in eval/claims.jsonl; eval/NOTES.md says how they were made and what the figures are worth.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from eval.edits import Editor
from rag import Config, build
from rag.ask.support import SupportChecker, Verdict
from rag.core.threads import one_thread
from rag.index.embedding import BuiltinEmbedding
from rag.index.index import Index, current

CLAIMS = Path(__file__).parent / "claims.jsonl"
LEVELS = ("supported", "partly", "unsupported")
SPLITS = ("dev", "test", "generated")
"""Pairs written by hand, of two sets of papers, and sentences that a model wrote; `test` is not fitted on."""
FOLDS = 8
PENALTY = 2.0
WRITTEN_WEIGHT, EDIT_WEIGHT, GENERATED_WEIGHT = 0.5, 0.5, 3.0
"""What a pair written by hand, an edited sentence and a sentence that a model wrote count in the fit. The last are the
fewest and the most like what is checked: cross-validated on them, weights of 1, .5 and 0 give precision .89 and recall
.77, these .91 and .86."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim, the paper that it is checked against, and the label that a reader gave."""

    id: str
    claim: str
    paper_id: str
    label: str
    kind: str
    split: str


def read_pairs(split: str = "all") -> list[Pair]:
    """The labelled pairs of one of SPLITS, or "all"."""
    lines = CLAIMS.read_text(encoding="utf-8").splitlines()
    pairs = [Pair(**{k: v for k, v in json.loads(line).items() if k in Pair.__slots__}) for line in lines]
    return [p for p in pairs if split in ("all", p.split)]


def fold(paper_id: str) -> int:
    """The fold of a paper in cross-validation."""
    return int(hashlib.sha256(f"{paper_id}/fold".encode()).hexdigest(), 16) % FOLDS


def fit(features: Vector, labels: Vector, weights: Vector, rounds: int = 3000) -> tuple[Vector, float]:
    """Logistic regression of `labels` (n,) on `features` (n, k): coefficients and bias.

    Each feature says how much speaks against a claim, so that none may have a coefficient above 0: projected gradient
    with Nesterov's momentum (Beck and Teboulle 2009), and a ridge of PENALTY on standardised features.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    x = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    ridge = np.full(x.shape[1], PENALTY)
    ridge[-1] = 0.0
    step = 1 / (np.linalg.norm(x * np.sqrt(weights)[:, None], 2) ** 2 / 4 + PENALTY)
    found = ahead = np.zeros(x.shape[1])
    momentum = 1.0
    for _ in range(rounds):
        error = weights * (1 / (1 + np.exp(-x @ ahead)) - labels)
        new = ahead - step * (x.T @ error + ridge * ahead)
        new[:-1] = np.minimum(new[:-1], 0.0)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * (new - found)
        found, momentum = new, following
    coefficients = found[:-1] / spread
    return coefficients, float(found[-1] - coefficients @ mean)


class Fitting:
    """The features of dev pairs and of edited sentences of the same papers."""

    def __init__(self, checker: SupportChecker, index: Index, pairs: Sequence[Pair]) -> None:
        editor = Editor(index.papers)
        rows = sorted({index.rows[p.paper_id] for p in pairs})
        edits = [e for row in rows for e in editor.claims(row)]
        written = [checker.compare(checker.read(p.claim), index.rows[p.paper_id]).features for p in pairs]
        edited = [checker.compare(checker.read(e.claim), index.rows[e.paper_id]).features for e in edits]
        self.names = list(written[0])
        self.features = np.array([[f[n] for n in self.names] for f in (*written, *edited)])
        self.labels = np.array([*(p.label == "supported" for p in pairs), *(e.supported for e in edits)], float)
        own = [GENERATED_WEIGHT if p.kind == "generated" else WRITTEN_WEIGHT for p in pairs]
        self.weights = np.array([*own, *[EDIT_WEIGHT] * len(edits)])
        self.folds = np.array([*(fold(p.paper_id) for p in pairs), *(fold(e.paper_id) for e in edits)])

    def whole(self) -> tuple[Vector, float]:
        """Fitted on everything."""
        return fit(self.features, self.labels, self.weights)

    def held_out(self) -> Vector:
        """The probability of each, from a fit on the other folds' papers."""
        found = np.zeros(len(self.labels))
        for n in range(FOLDS):
            rest = self.folds != n
            weights, bias = fit(self.features[rest], self.labels[rest], self.weights[rest])
            found[~rest] = 1 / (1 + np.exp(-(self.features[~rest] @ weights + bias)))
        return found


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the verdicts on some pairs: `accuracy` and `kappa` of supported against the rest, `precision` and `recall` of
    supported, `marked` of those with the label unsupported, `rest_marked` of those with partly or unsupported."""

    n: int
    accuracy: float
    precision: float
    recall: float
    marked: float
    rest_marked: float
    kappa: float


def agreement(labels: Sequence[str], levels: Sequence[str]) -> Agreement:
    """How verdicts agree with labels; NaN where there is nothing to measure."""
    true = np.array([label == "supported" for label in labels])
    said = np.array([level == "supported" for level in levels])
    wrong = np.array([label == "unsupported" for label in labels])
    accuracy = float((true == said).mean())
    chance = float(true.mean() * said.mean() + (1 - true.mean()) * (1 - said.mean()))
    return Agreement(
        n=len(true),
        accuracy=accuracy,
        precision=_mean(true[said]),
        recall=_mean(said[true]),
        marked=_mean(~said[wrong]),
        rest_marked=_mean(~said[~true]),
        kappa=(accuracy - chance) / (1 - chance) if chance < 1 else 1.0,
    )


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def tables(pairs: Sequence[Pair], verdicts: Sequence[Verdict]) -> list[Table]:
    """The agreement by split, the confusion, and the share of right verdicts by kind."""
    whole = Table(title="supported against the rest")
    for column in ("split", "n", "accuracy", "precision", "recall", "wrong marked", "rest marked", "kappa"):
        whole.add_column(column, justify="left" if column == "split" else "right")
    for split in SPLITS:
        mine = [(p, v) for p, v in zip(pairs, verdicts, strict=True) if p.split == split]
        if mine:
            a = agreement([p.label for p, _ in mine], [v.level for _, v in mine])
            figures = (a.accuracy, a.precision, a.recall, a.marked, a.rest_marked, a.kappa)
            whole.add_row(split, str(a.n), *(f"{x:.3f}" for x in figures))
    kinds = Table(title="share with the verdict supported")
    for column in ("label", "kind", *SPLITS):
        kinds.add_column(column)
    for label in LEVELS:
        for kind in sorted({p.kind for p in pairs if p.label == label}):
            cells = []
            for split in SPLITS:
                said = [
                    v.level == "supported"
                    for p, v in zip(pairs, verdicts, strict=True)
                    if (p.label, p.kind, p.split) == (label, kind, split)
                ]
                cells.append(f"{np.mean(said):.2f} of {len(said)}" if said else "")
            kinds.add_row(label, kind, *cells)
    return [whole, kinds]


def check_all(checker: SupportChecker, index: Index, pairs: Sequence[Pair]) -> list[Verdict]:
    """The verdict on each pair."""
    return [checker.check(p.claim, [index.rows[p.paper_id]])[0] for p in pairs]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=(*SPLITS, "all"), default="all")
    parser.add_argument("--fit", action="store_true", help="fit the weights on dev anew and print them")
    parser.add_argument("--failures", action="store_true", help="show the pairs on which the checker errs")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as home:
        with build(Config(home=Path(home), threads=1)) as rag:
            rag.ingest()
        index = Index(current(Path(home) / "collections" / "papers") or Path(home))
        try:
            with one_thread():
                _report(console, index, arguments)
        finally:
            index.close()


def _report(console: Console, index: Index, arguments: argparse.Namespace) -> None:
    checker = SupportChecker(index, BuiltinEmbedding(threads=1))
    if arguments.fit:
        _fit(console, checker, index)
        return
    pairs = read_pairs(arguments.split)
    started = time.perf_counter()
    verdicts = check_all(checker, index, pairs)
    console.print(f"{len(pairs)} pairs, {1000 * (time.perf_counter() - started) / len(pairs):.1f} ms each")
    for table in tables(pairs, verdicts):
        console.print(table)
    if arguments.failures:
        for p, v in zip(pairs, verdicts, strict=True):
            if (p.label == "supported") != (v.level == "supported"):
                console.print(f"{p.id} {p.label} {p.kind} [{v.score:.2f}] {p.claim}\n    {v.reason}", markup=False)


def _fit(console: Console, checker: SupportChecker, index: Index) -> None:
    pairs = [*read_pairs("dev"), *read_pairs("generated")]
    fitting = Fitting(checker, index, pairs)
    weights, bias = fitting.whole()
    for name, weight in zip(fitting.names, weights, strict=True):
        if weight < -0.005:
            console.print(f'    "{name}": {weight:.3g},')
    console.print(f"BIAS = {bias:.3g}")
    held_out = fitting.held_out()
    for threshold in (0.5, 0.6, 0.7, 0.8):
        levels = ["supported" if p >= threshold else "unsupported" for p in held_out]
        for split in ("dev", "generated"):
            mine = [(p.label, level) for p, level in zip(pairs, levels, strict=False) if p.split == split]
            console.print(threshold, split, agreement([m[0] for m in mine], [m[1] for m in mine]))
        labels = ["supported" if x else "unsupported" for x in fitting.labels[len(pairs) :]]
        console.print("    edited", agreement(labels, levels[len(pairs) :]))


if __name__ == "__main__":
    main()
