"""How far a judge agrees with labels, beyond what chance would make of it.

Cohen's kappa: κ = 1 - Σ w·o / Σ w·e, summed over the cells of the table of labels by grades, where o is the share of
answers in a cell, e the product of its row's and its column's shares (what chance gives), and w how far apart the two
grades are. With w = 1 off the diagonal it is that of Cohen 1960 (A coefficient of agreement for nominal scales,
Educational and Psychological Measurement 20), with w = (difference of the grades)² the weighted one of Cohen 1968
(Weighted kappa, Psychological Bulletin 70). Our grades are ordered, and 0 for 2 is worse than 1 for 2: the weighted one
is the headline. 1 is full agreement, 0 what chance gives, below 0 less than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.intervals import LEVEL, draws, tails
from rag.evaluation.judging.grades import GRADES, NAMES

if TYPE_CHECKING:
    from rich.table import Table

    from rag.evaluation.judging.judge import Judge
    from rag.evaluation.judging.labels import Label

Confusion = tuple[tuple[int, ...], ...]
"""How often the reader gave the row's grade and the judge the column's."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one metric. `kappa` is quadratic-weighted, `low` and `high` the ends of its 95% interval.

    `agreement` is the share of equal grades, `unjudged` how many labels got no grade (`n` are those that did). Values
    are None where they are undefined, and `undefined` says why. Labels whose grade follows without asking the model, as
    that of an abstention's correctness does, are left out: on them a judge can't be wrong.
    """

    kappa: float | None
    low: float | None
    high: float | None
    unweighted: float | None
    agreement: float | None
    n: int
    unjudged: int
    confusion: Confusion
    undefined: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest of a run."""
        return {**asdict(self), "confusion": [list(row) for row in self.confusion]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Agreement:
        """What `to_json` gave. Raises `KeyError` or `TypeError` for what is none."""
        return cls(**{**data, "confusion": tuple(tuple(row) for row in data["confusion"])})


def agreement(
    judge: Judge, labels: Sequence[Label], progress: Callable[[int], None] = lambda done: None
) -> dict[str, Agreement]:
    """The judge's agreement with these labels, by metric; `progress` is called with how many grades are done.

    Raises the `ModelError`s that every other label would meet as well.
    """
    found: dict[str, Agreement] = {}
    done = 0
    for name in NAMES:  # one after the other: an endpoint keeps the part of a prompt that stays the same
        pairs: list[tuple[int, int | None]] = []
        groups: list[str] = []
        for label in labels:
            given = label.grade(name)
            if given is not None and not label.script.known(name)[0]:
                pairs.append((given, judge.ask(name, label.script)))
                groups.append(label.item)
            done += 1
            progress(done)
        found[name] = of_pairs(pairs, groups)
    return found


def of_pairs(pairs: Sequence[tuple[int, int | None]], groups: Sequence[str] = ()) -> Agreement:
    """Agreement over (label, grade); a grade of None is one that the judge did not give.

    `groups` has for each pair what it belongs to, here the question: the interval is a bootstrap over groups. It is
    undefined where a tenth or more of the resamples have no kappa.
    """
    judged = [(a, b, groups[n] if groups else str(n)) for n, (a, b) in enumerate(pairs) if b is not None]
    confusion = tuple(tuple(sum((a, b) == (x, y) for a, b, _ in judged) for y in GRADES) for x in GRADES)
    n = len(judged)
    weighted = kappa(confusion)
    low, high = _interval(judged) if weighted is not None else (None, None)
    return Agreement(
        kappa=weighted,
        low=low,
        high=high,
        unweighted=kappa(confusion, weighted=False),
        agreement=sum(a == b for a, b, _ in judged) / n if n else None,
        n=n,
        unjudged=len(pairs) - n,
        confusion=confusion,
        undefined="" if weighted is not None else _why(confusion, n, len(pairs)),
    )


def kappa(confusion: Sequence[Sequence[int]], *, weighted: bool = True) -> float | None:
    """Cohen's kappa of a square table of counts; None where chance leaves nothing to disagree on.

    That is so where both gave one and the same grade throughout, and where there is no pair.
    """
    found = float(_kappas(np.asarray(confusion, dtype=np.float64)[None], weighted=weighted)[0])
    return None if math.isnan(found) else found


def _kappas(tables: NDArray[np.float64], *, weighted: bool) -> NDArray[np.float64]:
    """Kappa of each of many tables, shape (tables, grades, grades); NaN where it is undefined."""
    apart = np.subtract.outer(np.arange(tables.shape[1]), np.arange(tables.shape[1])).astype(np.float64)
    weights = apart**2 if weighted else (apart != 0).astype(np.float64)
    by_chance = tables.sum(2)[:, :, None] * tables.sum(1)[:, None, :]
    observed = tables.sum((1, 2)) * (weights * tables).sum((1, 2))
    expected = (weights * by_chance).sum((1, 2))
    return np.where(expected > 0, 1 - observed / np.where(expected > 0, expected, 1), np.nan)


def _interval(judged: Sequence[tuple[int, int, str]]) -> tuple[float | None, float | None]:
    size = len(GRADES)
    _, members = np.unique(np.asarray([group for *_, group in judged], dtype=np.str_), return_inverse=True)
    counts = np.zeros((int(members.max()) + 1, size * size))
    np.add.at(counts, (members, np.asarray([a * size + b for a, b, _ in judged])), 1)
    drawn = _kappas((draws(len(counts)) @ counts).reshape(-1, size, size), weighted=True)
    if np.isnan(drawn).mean() >= (1 - LEVEL) * 2:
        return None, None
    low, high = np.nanquantile(drawn, tails(len(counts)))
    return float(low), float(high)


def _why(confusion: Confusion, n: int, labels: int) -> str:
    if not labels:
        return "there are no labels"
    if not n:
        return f"the judge gave no grade to any of {labels} labels"
    grade = next(x for x in GRADES if confusion[x][x])
    return f"labels and grades are all {grade}"


def table(agreements: Mapping[str, Agreement]) -> Table:
    """The agreements as a table for a terminal."""
    from rich.table import Table

    found = Table(
        "metric",
        *(("κ", "95%", "κ unweighted", "equal", "labels")),
        "labelled 0 / 1 / 2: judged 0, 1, 2",
        title="The judge against labels (Cohen's κ, weighted by squares)",
    )
    for name, a in agreements.items():
        found.add_row(
            name,
            _figure(a.kappa) if a.kappa is not None else f"undefined: {a.undefined}",
            f"{_figure(a.low)} to {_figure(a.high)}" if a.low is not None else "–",
            _figure(a.unweighted),
            f"{a.agreement:.0%}" if a.agreement is not None else "–",
            f"{a.n}" + (f", {a.unjudged} not judged" if a.unjudged else ""),
            " / ".join(", ".join(map(str, row)) for row in a.confusion),
        )
    return found


def beside(name: str, agreements: Mapping[str, Agreement]) -> str:
    """What stands beside a score of the judge: "κ .41 of 80 labels"."""
    found = agreements.get(name)
    if found is None:
        return "κ not measured"
    if found.kappa is None:
        return f"κ undefined: {found.undefined}"
    return f"κ {_figure(found.kappa)} of {found.n} labels"


def _figure(value: float | None) -> str:
    """.41, -.08, 1.00."""
    if value is None:
        return "–"
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 and text.lstrip("-").startswith("0.") else text


def manifest(judge: Judge, agreements: Mapping[str, Agreement]) -> dict[str, Any]:
    """manifest["judge"] of a run."""
    return {**judge.about(), "agreement": {name: a.to_json() for name, a in agreements.items()}}
