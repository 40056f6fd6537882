"""A run on disk: a folder with its manifest, answers, scores and summary.

manifest.json   what was run: name, system, settings, versions, git revision, hashes, machine, times
answers.jsonl   one line an item: the JSON of the answer, with `id` the item's, and `error` where it failed
scores.jsonl    one line an item: {"id", "kind", "cluster", "failed", "scores": {metric: [part, whole] or null}}
summary.json    {"n", "failed", "groups": {group: {metric: {"value", "low", "high", "n", "clusters"} or
                {"undefined": why}}}}; groups are "all" and the kinds
speed.json      what differs from run to run: latency, tokens, cost
items.jsonl     the items that were asked, as they were
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.core.answer import Answer
from rag.core.errors import EvaluationError
from rag.core.malformed import malformed
from rag.evaluation.intervals import Estimate
from rag.evaluation.items import Item, read
from rag.evaluation.metrics.metric import Share

MANIFEST, ANSWERS, SCORES, SUMMARY, SPEED, ITEMS = (
    "manifest.json",
    "answers.jsonl",
    "scores.jsonl",
    "summary.json",
    "speed.json",
    "items.jsonl",
)


@dataclass(frozen=True, slots=True)
class Scored:
    """One item of a run: the answer it got, the error where there is none, and its scores (None: undefined)."""

    item: Item
    answer: Answer
    error: str
    scores: Mapping[str, Share | None]

    @property
    def failed(self) -> bool:
        """Whether the system raised an error instead of answering."""
        return bool(self.error)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. `summary[group][metric]` is None where the metric is undefined; `undefined` then says why."""

    folder: Path
    manifest: Mapping[str, Any]
    scored: tuple[Scored, ...]
    summary: Mapping[str, Mapping[str, Estimate | None]]
    speed: Mapping[str, Any]
    undefined: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name


def load(folder: Path) -> Run:
    """A finished run. Raises `EvaluationError` where it is none, is not finished, or is damaged."""
    if not (folder / MANIFEST).is_file():
        raise EvaluationError(f"{folder} is no run: it has no {MANIFEST}. rag eval run makes one.")
    if not (folder / SUMMARY).is_file():
        raise EvaluationError(f"The run {folder.name} is not finished: the same rag eval run goes on with it.")
    with _reading(folder, MANIFEST):
        manifest = _object(folder / MANIFEST)
    with _reading(folder, SPEED):
        speed = _object(folder / SPEED)
    with _reading(folder, ITEMS):
        items = {i.id: i for i in read(folder / ITEMS)}
    with _reading(folder, ANSWERS):
        answers = {a["id"]: (Answer.from_json(a), str(a.get("error", ""))) for a in lines(folder / ANSWERS)}
    with _reading(folder, SCORES):
        scored = tuple(_scored(s, items, answers) for s in lines(folder / SCORES))
    with _reading(folder, SUMMARY):
        summary = _object(folder / SUMMARY)
        if len(scored) != summary["n"]:
            raise ValueError(f"counts {summary['n']} questions, and {SCORES} has {len(scored)}")
        estimates: dict[str, dict[str, Estimate | None]] = {}
        undefined: dict[str, dict[str, str]] = {}
        for group, metrics in summary["groups"].items():
            estimates[group] = {m: Estimate(**v) if "value" in v else None for m, v in metrics.items()}
            undefined[group] = {m: v["undefined"] for m, v in metrics.items() if "undefined" in v}
    return Run(folder, manifest, scored, estimates, speed, undefined)


def _scored(line: Any, items: Mapping[str, Item], answers: Mapping[str, tuple[Answer, str]]) -> Scored:
    """An item with its answer and its scores, from a line of scores.jsonl."""
    id, scores = line["id"], {name: tuple(share) if share else None for name, share in line["scores"].items()}
    for file, known in ((ITEMS, items), (ANSWERS, answers)):
        if id not in known:
            raise ValueError(f"scores {id!r}, which {file} lacks")
    return Scored(items[id], *answers[id], scores)


@contextlib.contextmanager
def _reading(folder: Path, name: str) -> Iterator[None]:
    """Turn what reading a file of a run raises into an `EvaluationError` that says in words what is wrong with it."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise EvaluationError(
            f"The run {folder} is damaged: {name} {malformed(e)}. rag eval run makes it anew with --fresh."
        ) from e


def _object(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("is no object with fields")
    return found


def lines(file: Path) -> Iterator[Any]:
    """The objects of a JSONL file, none where there is no file; a line that was cut is passed over."""
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def put(file: Path, text: str) -> None:
    """Write a file in one step, so that nobody reads half of it."""
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
