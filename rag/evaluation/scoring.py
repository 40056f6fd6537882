"""From answers to scores, and from scores to the summary of a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rag.core.answer import Answer
from rag.evaluation.intervals import Estimate, ratio
from rag.evaluation.items import KINDS, Item
from rag.evaluation.metrics.metric import Case, Metric, Share

Scores = dict[str, Share | None]
"""The share of each metric, None where it is undefined."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What an endpoint takes for a million tokens, in any currency."""

    prompt: float = 0.0
    completion: float = 0.0


def score(
    cases: Sequence[Case], metrics: Sequence[Metric], progress: Callable[[int], None] = lambda done: None
) -> list[Scores]:
    """The shares of each case, by metric; `progress` is called with how many are done."""
    found: list[Scores] = []
    for case in cases:
        found.append({m.name: m.of(case) for m in metrics})
        progress(len(found))
    return found


def line(item: Item, shares: Mapping[str, Share | None], *, failed: bool) -> dict[str, Any]:
    """One line of scores.jsonl."""
    rounded = {name: [round(x, 12) for x in share] if share else None for name, share in shares.items()}
    return {"id": item.id, "kind": item.kind, "cluster": item.cluster, "failed": failed, "scores": rounded}


def summarise(
    scores: Sequence[Mapping[str, Any]], undefined: Mapping[str, str], unbounded: Collection[str] = ()
) -> dict[str, Any]:
    """summary.json: every metric over all items and over each kind, with 95% intervals clustered by gold paper.

    `undefined` has for each metric, by name, when it is undefined; `unbounded` names those that are no share of
    something (`Metric.bounded`). A metric that a kind never has is left out there.
    """
    groups: dict[str, dict[str, Any]] = {"all": _group(scores, undefined, unbounded)}
    for kind in KINDS:
        of_kind = [s for s in scores if s["kind"] == kind]
        if of_kind:
            found = _group(of_kind, undefined, unbounded)
            groups[kind] = {name: value for name, value in found.items() if "value" in value}
    return {"n": len(scores), "failed": sum(s["failed"] for s in scores), "groups": groups}


def _group(
    scores: Sequence[Mapping[str, Any]], undefined: Mapping[str, str], unbounded: Collection[str]
) -> dict[str, Any]:
    return {name: _estimate(name, scores, why, name not in unbounded) for name, why in undefined.items()}


def _estimate(name: str, scores: Iterable[Mapping[str, Any]], why: str, bounded: bool) -> dict[str, Any]:
    shares = [(s["scores"][name], s["cluster"]) for s in scores if s["scores"].get(name)]
    if not shares:
        return {"undefined": why}
    parts, wholes = ([s[side] for s, _ in shares] for side in (0, 1))
    found: Estimate = ratio(parts, wholes, [c for _, c in shares], bounded=bounded)
    return {key: round(value, 12) for key, value in asdict(found).items()}


def speed(answers: Sequence[Answer], prices: Prices | None = None) -> dict[str, Any]:
    """speed.json: latency of the answers in milliseconds (p50, p95, mean), tokens, and cost where prices are given.

    Replies from the cache took no time and cost nothing: `cached` counts them, and latency is of the others.
    """
    fresh = [a.timings_ms["total"] for a in answers if "total" in a.timings_ms and not a.replayed]
    prompt, completion = sum(a.prompt_tokens for a in answers), sum(a.completion_tokens for a in answers)
    found: dict[str, Any] = {
        "answers": len(answers),
        "cached": sum(a.replayed for a in answers),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cost": None,
    }
    for name, at in (("p50_ms", 50), ("p95_ms", 95)):
        found[name] = round(float(np.percentile(fresh, at)), 2) if fresh else None
    if prices is not None:
        found["cost"] = round((prompt * prices.prompt + completion * prices.completion) / 1e6, 6)
    return found
