"""`make bench-scale`: what grows with a collection, and how fast: open, question, list, ingest, memory, disk.

    make bench-scale ARGS="--data abstracts.jsonl --output figures.md"

The files, in any format that `rag ingest` reads, are yours; papers are taken from them at random, the same each time.
Each size is ingested on top of the one before, by a process of its own, and asked by another. The built-in model reads
the sizes up to `--model-up-to`. Beyond, a stand-in gives the vectors, since the model would take an hour for 28,000
papers: each word piece has a random vector, mixed with those of its text. All that is timed but the ingest does the
same work on them; what is found among them says nothing, and is not told.

In parentheses is the time of the processor, which means the same on a busy machine. The last line has the slopes, of
that time where there is one, by least squares on log-log: 0 does not grow, 1 grows as the collection does.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from rag import Config, Paper, Rag, build
from rag.index.embedding import BuiltinEmbedding, Floats
from rag.index.library import write_papers
from rag.papers import load

SIZES = (82, 1_000, 10_000, 28_000)
ADDED = 100
"""Papers of the small ingest into a large collection."""
ASKED = 40
VIEWS = {
    "list": "Which papers are about recommendation?",
    "count": "How many papers are about code review?",
    "overview": "What is this collection about?",
}
COLUMNS: dict[str, str] = {
    "ingest": "ingest, papers/s",
    "add": f"add {ADDED}, s",
    "open": "open, s",
    "first": "first question, s",
    "p50": "question p50, ms",
    "p95": "p95, ms",
    **{name: f"{name}, s" for name in VIEWS},
    "memory": "memory asking, MB",
    "peak": "memory ingesting, MB",
    "disk": "disk, kB/paper",
}


class StandIn(BuiltinEmbedding):
    """Vectors that cost nothing, in place of the model's."""

    @property
    def fingerprint(self) -> dict[str, Any]:
        return super().fingerprint | {"model": "stand-in", "sha256": ""}

    @cached_property
    def _table(self) -> Floats:
        return np.random.default_rng(0).normal(size=(self.vocabulary, self.dimensions)).astype(np.float32)

    def _hidden(self, feeds: dict[str, Any]) -> Floats:
        own = self._table[feeds["input_ids"]]
        mixed: Floats = own + 1.5 * own.mean(axis=1, keepdims=True) + 0.3 * np.roll(own, 1, axis=1)
        return mixed


def main() -> None:
    """Measure, and print the table in Markdown."""
    parser = argparse.ArgumentParser(prog="make bench-scale ARGS=...", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, nargs="+", metavar="FILE", required=True, help="files of papers")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="default: %(default)s")
    parser.add_argument("--model-up-to", type=int, default=1_000, metavar="N", help="default: %(default)s papers")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the table here, too")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="keep the collections here")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        print(json.dumps(_step(args.step[0], args.step[1] == "model", args.home, args.data)))
        return
    papers = list(load(args.data).papers)
    random.Random(0).shuffle(papers)
    sizes = sorted({min(size, len(papers) - ADDED) for size in args.sizes})
    with tempfile.TemporaryDirectory(prefix="rag-scale-") as scratch:
        figures = _measured(papers, sizes, args.model_up_to, args.home or Path(scratch) / "home", Path(scratch))
    print(text := table(figures))
    if args.output:
        args.output.write_text(text + "\n", encoding="utf-8")


def _measured(
    papers: Sequence[Paper], sizes: Sequence[int], limit: int, home: Path, scratch: Path
) -> dict[int, dict[str, float]]:
    figures: dict[int, dict[str, float]] = {}
    before = {"model": 0, "stand-in": 0}
    for size in sizes:
        kind = "model" if size <= limit else "stand-in"
        file = scratch / "papers.jsonl"
        write_papers(file, papers[before[kind] : size])
        found = _child("ingest", kind, home / kind, file)
        figures[size] = {"peak": found["peak"]}
        if kind == "model":
            figures[size]["ingest"] = (size - before[kind]) / found["seconds"]
        figures[size] |= _child("ask", kind, home / kind, file)
        write_papers(file, papers[size : size + ADDED])
        added = _child("ingest", kind, home / kind, file)
        figures[size] |= {"add": added["seconds"], "add cpu": added["cpu"]}
        before[kind] = size + ADDED
        print(size, kind, json.dumps(figures[size]), file=sys.stderr)
    return figures


def _child(step: str, kind: str, home: Path, file: Path) -> dict[str, float]:
    """What one step measured, in a process of its own."""
    command = [sys.executable, "-m", "eval.scale", "--step", step, kind, "--home", str(home), "--data", str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _step(step: str, model: bool, home: Path, data: Sequence[Path]) -> dict[str, float]:
    embedding = BuiltinEmbedding() if model else StandIn()
    embedding.load()
    with build(Config(home=home, llm="none"), embedding=embedding) as rag:
        if step == "ask":
            return _ask(rag)
        seconds, cpu = _timed(partial(rag.ingest, data, add=True))
        return {"seconds": seconds, "cpu": cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def _ask(rag: Rag) -> dict[str, float]:
    import chromadb  # noqa: F401  # loading the library is no part of opening a collection

    found: dict[str, float] = {}
    found["open"], found["open cpu"] = _timed(rag.index)
    found["first"], found["first cpu"] = _timed(partial(rag.ask, "How is code review studied?"))
    papers = rag.papers()
    asked = [p.title if n % 2 else p.abstract[:200] for n, p in enumerate(papers[:: max(1, len(papers) // ASKED)])]
    times = [_timed(partial(rag.ask, f"What is reported on {text}?")) for text in asked]
    wall = sorted(1000 * seconds for seconds, _ in times)
    found |= {"p50": statistics.median(wall), "p95": wall[int(0.95 * len(wall))]}
    found["p50 cpu"] = 1000 * statistics.median(cpu for _, cpu in times)
    for name, question in VIEWS.items():
        found[name], found[f"{name} cpu"] = min(_timed(partial(rag.ask, question)) for _ in range(3))
    size = sum(file.stat().st_size for file in rag.config.home.rglob("*") if file.is_file())
    return found | {
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "disk": size / 1000 / len(papers),
    }


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the clock and of the processor, all threads together."""
    began, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - spent


def slope(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """The slope of values over sizes on log-log, by least squares; None for fewer than two."""
    if len(sizes) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(values, 1e-9)), 1)[0])


def table(figures: dict[int, dict[str, float]]) -> str:
    """The figures as a Markdown table, a line a size, the slopes at the end."""
    lines = ["| papers | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for size, found in figures.items():
        lines.append(f"| {size:,} | " + " | ".join(_cell(found, name) for name in COLUMNS) + " |")
    slopes = []
    for name in COLUMNS:
        there = {size: found.get(f"{name} cpu", found[name]) for size, found in figures.items() if name in found}
        value = slope(list(there), list(there.values()))
        slopes.append("–" if value is None else f"{value:.2f}")
    return "\n".join([*lines, "| slope | " + " | ".join(slopes) + " |"])


def _cell(found: dict[str, float], name: str) -> str:
    if name not in found:
        return "–"
    cpu = f" ({found[f'{name} cpu']:.3g})" if f"{name} cpu" in found else ""
    return f"{found[name]:.3g}{cpu}"


if __name__ == "__main__":
    main()
