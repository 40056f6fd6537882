"""How far a judge agrees with labels, beyond what chance would make of it.

Cohen's kappa (Cohen 1960), weighted by the square of how far two grades are apart (Cohen 1968): our grades are ordered,
and 0 for 2 is worse than 1 for 2. 1 is full agreement, 0 what chance gives, below 0 less than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.intervals import LEVEL, draws, tails
from rag.evaluation.judging.grades import GRADES, NAMES
from rag.evaluation.judging.judge import Judge
from rag.evaluation.judging.labels import Label


def agreement(
    judge: Judge, labels: Sequence[Label], progress: Callable[[int], None] = lambda done: None
) -> dict[str, dict[str, Any]]:
    """The judge's agreement with these labels, by metric; `progress` is called with how many grades are done.

    Labels whose grade follows without asking the model, as that of an abstention's correctness does, are left out: on
    them a judge can't be wrong. Raises the `ModelError`s that every other label would meet as well.
    """
    found: dict[str, dict[str, Any]] = {}
    for n, name in enumerate(NAMES):  # one after the other: an endpoint keeps the part of a prompt that stays the same
        pairs: list[tuple[int, int | None, str]] = []
        for done, label in enumerate(labels, n * len(labels) + 1):
            given = label.grade(name)
            if given is not None and not label.script.known(name)[0]:
                pairs.append((given, judge.ask(name, label.script), label.item))
            progress(done)
        found[name] = of_pairs(pairs)
    return found


def of_pairs(pairs: Sequence[tuple[int, int | None, str]]) -> dict[str, Any]:
    """Agreement over (label, grade, question), for the manifest; a grade of None is one that the judge did not give.

    `kappa` with its 95% interval is None where both gave one and the same grade throughout; the interval is a bootstrap
    over questions. `equal` is the share of equal grades, `n` of how many.
    """
    judged = [(a, b, question) for a, b, question in pairs if b is not None]
    found: dict[str, Any] = {"kappa": None, "n": len(judged), "unjudged": len(pairs) - len(judged)}
    if not judged:
        return found
    found["equal"] = round(sum(a == b for a, b, _ in judged) / len(judged), 4)
    _, members = np.unique(np.asarray([question for *_, question in judged], np.str_), return_inverse=True)
    counts = np.zeros((int(members.max()) + 1, len(GRADES), len(GRADES)))
    np.add.at(counts, (members, np.array([a for a, *_ in judged]), np.array([b for _, b, _ in judged])), 1)
    found["kappa"] = _known(kappa(counts.sum(axis=0)))
    drawn = kappa(np.tensordot(draws(len(counts)), counts, axes=1))
    if found["kappa"] is not None and np.isnan(drawn).mean() < 2 * (1 - LEVEL):
        found |= zip(("low", "high"), np.nanquantile(drawn, tails(len(counts))).tolist(), strict=True)
    return found


def kappa(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cohen's kappa of tables of counts, (…, grades, grades): 1 - Σ w·o / Σ w·e with o the share in a cell, e what
    chance gives, and w the square of how far its grades are apart; NaN where chance leaves nothing to disagree on."""
    grades = np.arange(tables.shape[-1])
    apart = np.subtract.outer(grades, grades) ** 2.0
    chance = tables.sum(-1)[..., :, None] * tables.sum(-2)[..., None, :]
    observed, expected = tables.sum((-1, -2)) * (apart * tables).sum((-1, -2)), (apart * chance).sum((-1, -2))
    return np.asarray(1 - np.divide(observed, expected, out=np.full_like(expected, np.nan), where=expected > 0))


def _known(value: NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)
