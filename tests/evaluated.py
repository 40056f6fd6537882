"""Runs written by hand, in the layout that rag/evaluation/runs.py documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.core.answer import Answer, Citation, Retrieved, failed
from rag.evaluation.intervals import ratio
from rag.evaluation.items import Item, Nugget, Span, write
from rag.evaluation.runs import Run, load

MANIFEST = {
    "system": "quoting",
    "set": "5e7" + "0" * 61,
    "split": "dev",
    "kinds": [],
    "limit": 0,
    "collection": "papers",
    "papers": 82,
    "revision": {"git": "0123456789abcdef0123456789abcdef01234567", "dirty": False},
    "versions": {"paper-rag": "0.1.0"},
    "machine": {"processor": "x86_64", "python": "3.13.1"},
    "created": "2026-11-23T08:00:00+00:00",
    "finished": "2026-11-23T08:01:00+00:00",
}


@dataclass
class Entry:
    """An item, its answer, and its scores as (part, whole)."""

    item: Item
    answer: Answer
    scores: Mapping[str, tuple[float, float] | None] = field(default_factory=dict)
    error: str = ""


def paper(name: str) -> str:
    """The title of the paper with this id."""
    return f"The {name} paper"


def item(id: str, kind: str = "fact", gold: Sequence[str] = ("one",), **fields: Any) -> Item:
    """An item about some papers, whose vital nugget is "forty-two"."""
    defaults: dict[str, Any] = {
        "question": f"What does {' and '.join(gold) or 'nobody'} say?",
        "reference_answer": "It says forty-two.",
        "nuggets": (Nugget(text="forty-two", importance="vital", aliases=("forty-two",)),) if gold else (),
        "gold_papers": tuple(gold),
        "gold_titles": tuple(paper(g) for g in gold),
        "gold_spans": tuple(Span(paper_id=g, start=10, end=30, text="We find: forty-two. ") for g in gold),
        "answerable": bool(gold),
        "split": "dev",
    }
    return Item.model_validate({"id": id, "kind": kind, **defaults, **fields})


def answer(asked: Item, cited: Sequence[str] = (), retrieved: Sequence[str] = (), **fields: Any) -> Answer:
    """An answer that quotes some papers; it abstains where it cites none."""
    defaults: dict[str, Any] = {
        "question": asked.question,
        "standalone_question": asked.question,
        "kind": "single",
        "answer": " ".join(f'> "forty-two" [{n}]' for n, _ in enumerate(cited, 1)) or "The abstracts do not say.",
        "abstained": not cited,
        "citations": tuple(Citation(n, c, paper(c), "find: forty-two", 13, 28) for n, c in enumerate(cited, 1)),
        "retrieved": tuple(Retrieved(r, paper(r), 1 - n / 20) for n, r in enumerate(retrieved)),
        "searched": 82,
        "timings_ms": {"understand": 1.0, "retrieve": 9.0, "answer": 10.0, "total": 20.0},
        "id": asked.id,
    }
    return Answer(**{**defaults, **fields})


def entry(asked: Item, cited: Sequence[str] = (), retrieved: Sequence[str] = (), **fields: Any) -> Entry:
    """An answered item, scored by whether it cites all gold papers."""
    scores = fields.pop("scores", {})
    found = answer(asked, cited, retrieved, **fields)
    right = float(bool(asked.gold_papers) and set(asked.gold_papers) <= set(cited))
    known: dict[str, tuple[float, float] | None] = {
        "recall@10": (float(set(asked.gold_papers) <= set(retrieved)), 1.0) if asked.gold_papers else None,
        "gold_citation_recall": (right, 1.0) if asked.gold_papers else None,
        "all_vital": (right, 1.0) if asked.nuggets and asked.kind not in ("list", "count") else None,
        "list_f1": (right, 1.0) if asked.kind in ("list", "count") else None,
        "missing_named": None,
        "accuracy": (right if asked.answerable else float(found.abstained), 1.0),
        "words": (float(len(found.answer.split())), 1.0),
    }
    return Entry(asked, found, {**known, **scores})


def broken(asked: Item, error: str = "ModelTimeout: no token within 120 s") -> Entry:
    """An item that the system failed at."""
    return Entry(asked, failed(asked.question, error, asked.id), {"accuracy": (0.0, 1.0)}, error)


def write_run(
    folder: Path,
    entries: Sequence[Entry],
    manifest: Mapping[str, Any] = MANIFEST,
    speed: Mapping[str, Any] | None = None,
) -> Run:
    """Write a run into a folder, and load it."""
    folder.mkdir(parents=True)
    write(folder / "items.jsonl", [e.item for e in entries])
    answers = ({**e.answer.to_json(), "id": e.item.id, **({"error": e.error} if e.error else {})} for e in entries)
    scores = (
        {"id": e.item.id, "kind": e.item.kind, "cluster": e.item.cluster, "failed": bool(e.error), "scores": e.scores}
        for e in entries
    )
    for name, lines in (("answers.jsonl", answers), ("scores.jsonl", scores)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    groups = {"all": entries, **{k: [e for e in entries if e.item.kind == k] for k in {e.item.kind for e in entries}}}
    summary = {"n": len(entries), "groups": {g: _summary(of) for g, of in sorted(groups.items())}}
    for name, value in (("summary", summary), ("manifest", manifest), ("speed", speed or {})):
        (folder / f"{name}.json").write_text(json.dumps(value))
    return load(folder)


def _summary(entries: Sequence[Entry]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for metric in dict.fromkeys(m for e in entries for m in e.scores):
        shares = [(share, e.item.cluster) for e in entries if (share := e.scores.get(metric)) is not None]
        if not shares:
            found[metric] = {"undefined": f"no question has {metric}"}
            continue
        estimate = ratio([s[0] for s, _ in shares], [s[1] for s, _ in shares], [c for _, c in shares])
        found[metric] = {name: getattr(estimate, name) for name in ("value", "low", "high", "n", "clusters")}
    return found
