"""What each mechanism of the asking is worth: its gain on three collections, with intervals.

    python -m eval.ablate --medicine ori_pqal.json --society arxiv.jsonl
    make ablate ARGS="--only follow-ups"

Quoting mode, without the text around the quotes. A gain is what is lost without the mechanism, on the same questions;
intervals are those of rag.evaluation.intervals, with the questions of a paper drawn together. `all` is the mean score
of a question: half for the cited papers and half for the key facts, of a list its F1, of an overview the share of its
key papers, of an unanswerable question whether it is hedged. Where the abstracts of eval/collections.py are not given,
the seeds alone are asked.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.collections import COLLECTIONS, NEEDED, items, records
from eval.switches import SWITCHES, recording
from rag.ask.quoting import Finder, Found
from rag.core import resources
from rag.core.threads import one_thread
from rag.evaluation.intervals import SEED, Estimate, difference
from rag.evaluation.items import SETS, Item, choose, read
from rag.evaluation.risk import auroc
from rag.evaluation.session import reference_set
from rag.index.embedding import BuiltinEmbedding, States
from rag.index.index import Index, current
from rag.index.indexing import build
from rag.index.retrieval import PaperRanker
from rag.index.scores import Encoded
from rag.papers import load

LIMIT = 45
"""Questions of each kind, of the seeds."""
FOLDER = Path(".evaluation/ablate")
"""Where the indices are kept from one time to the next."""
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question got, by metric; whether it can be answered, and how sure that was."""

    scores: Mapping[str, float]
    answerable: bool
    confidence: float | None


class Remembering(PaperRanker):
    """A ranker that runs the model once for each text."""

    def __init__(self, index: Index, embedding: BuiltinEmbedding) -> None:
        super().__init__(index, embedding)
        self._known: dict[str, States] = {}
        self._model = embedding

    def encode(self, text: str) -> Encoded:
        """What the scores need of a question, from states that are kept."""
        if text not in self._known:
            self._known[text] = self._model.encode([text])[0]
        return self.encoded(text, self._known[text])


class Collection:
    """The index of some papers, and what is asked of it."""

    def __init__(self, folder: Path, asked: Sequence[Item], embedding: BuiltinEmbedding) -> None:
        where = current(folder)
        assert where is not None, "prepared() builds it"
        self.index, self.items = Index(where), list(asked)
        self._finder = Finder(self.index, Remembering(self.index, embedding))

    def ask(self) -> list[Outcome]:
        """What every question gets, with the mechanisms as they are now."""
        return [self._one(item) for item in self.items]

    def _one(self, item: Item) -> Outcome:
        found = self._finder.find(self._finder.plan(item.question, item.turns))
        return Outcome(dict(self._scores(item, found)), item.answerable, found.probability)

    def _scores(self, item: Item, found: Found) -> Iterator[tuple[str, float]]:
        hedged = found.state in ("nearest", "nothing")
        shown = [p for p in found.papers if found.state != "nothing"]
        cited = {self.index.papers[p.row].id for p in shown}
        gold = set(item.gold_papers)
        if not item.answerable:
            yield from (("hedged", float(hedged)), ("all", float(hedged)))
        elif item.kind in SETS:
            listed = cited - set(item.borderline_papers)
            f1 = 2 * len(listed & gold) / max(1, len(listed) + len(gold))
            yield from (("list F1", f1), ("all", f1))
        elif item.kind == "overview":
            share = len(cited & gold) / len(gold) if gold else float(bool(cited))
            yield from (("overview", share), ("all", share))
        else:
            text = " ".join(
                self.index.papers[p.row].abstract[s.span.start : s.span.end] for p in shown for s in p.sentences
            )
            vital = [n for n in item.nuggets if n.importance == "vital"]
            facts = float(all(n.found_in(text) for n in vital))
            name = f"{item.kind} cited" if item.kind in ("comparison", "followup") else "cited"
            yield from ((name, float(gold <= cited)), ("facts", facts), ("all", (float(gold <= cited) + facts) / 2))


def prepared(data: Mapping[str, Path]) -> dict[str, list[Item]]:
    """The questions of each collection that can be asked, by name; its index is built where it is not there yet."""
    embedding = BuiltinEmbedding(threads=2)
    papers = {"seeds": load([resources.seeds()]).papers}
    asked = {"seeds": choose(read(reference_set()), limit=LIMIT)}
    for name, file in data.items():
        FOLDER.mkdir(parents=True, exist_ok=True)
        own = FOLDER / f"{name}.jsonl"
        own.write_text("".join(json.dumps(r) + "\n" for r in records(name, [file]).values()))
        papers[name] = load([own]).papers
        asked[name] = items(name, papers[name])
    for name, some in papers.items():
        build(FOLDER / name, some, embedding, lambda *given: None)
    return asked


_open: dict[str, Collection] = {}


def _begin(asked: Mapping[str, Sequence[Item]]) -> None:
    embedding = BuiltinEmbedding(threads=1)
    _open.update({name: Collection(FOLDER / name, some, embedding) for name, some in asked.items()})
    with recording():
        _ask("")


def _ask(name: str) -> dict[str, list[Outcome]]:
    """What is answered without the mechanism `name`; "": with all."""
    with SWITCHES[name]() if name else nullcontext(), one_thread():
        return {of: collection.ask() for of, collection in _open.items()}


def gains(whole: Sequence[Outcome], without: Sequence[Outcome], clusters: Sequence[str]) -> dict[str, Estimate]:
    """What a mechanism adds, by metric, where it changes anything."""
    found: dict[str, Estimate] = {}
    for metric in dict.fromkeys(m for o in whole for m in o.scores):
        rows = [n for n, o in enumerate(whole) if metric in o.scores]
        ours, theirs = ([run[n].scores[metric] for n in rows] for run in (whole, without))
        if ours != theirs:
            found[metric] = difference(ours, theirs, [clusters[n] for n in rows])
    if (auc := _auc(whole, without)) is not None:
        found["AUC"] = auc
    return found


def _auc(whole: Sequence[Outcome], without: Sequence[Outcome]) -> Estimate | None:
    """What a mechanism adds to the area under the ROC curve of the confidence; None where nothing changes."""
    rows = [n for n, (a, b) in enumerate(zip(whole, without, strict=True)) if None not in (a.confidence, b.confidence)]
    answerable = np.array([whole[n].answerable for n in rows], bool)
    ours, theirs = (np.array([run[n].confidence for n in rows], np.float64) for run in (whole, without))
    if np.array_equal(ours, theirs) or answerable.all():
        return None
    random = np.random.default_rng(SEED)
    drawn = []
    for _ in range(RESAMPLES):
        some = random.integers(0, len(rows), len(rows))
        drawn.append((auroc(ours[some], answerable[some]) or 0.5) - (auroc(theirs[some], answerable[some]) or 0.5))
    value = (auroc(ours, answerable) or 0.5) - (auroc(theirs, answerable) or 0.5)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(value, float(low), float(high), len(rows), len(rows))


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "·"
    sure = " *" if estimate.decided else ""
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f}){sure}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.ablate", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", metavar="NAME", default="", help="mechanisms whose name has this")
    for name in COLLECTIONS:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=NEEDED[name])
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    given = parser.parse_args()
    names = [name for name in SWITCHES if given.only.casefold() in name.casefold()]
    if not names:
        print(f"No mechanism has {given.only!r} in its name; there are:\n  " + "\n  ".join(SWITCHES), file=sys.stderr)
        return 1
    data = {name: file for name in COLLECTIONS if (file := getattr(given, name)) is not None}
    started = time.perf_counter()
    asked = prepared(data)
    context = multiprocessing.get_context("spawn")
    jobs = max(1, min(given.jobs, len(names)))
    clusters = {name: [item.cluster for item in some] for name, some in asked.items()}
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(asked,)) as pool:
        found = pool.map(_ask, ["", *names])
        whole = next(found)
        print(f"| mechanism | metric | {' | '.join(whole)} |\n|---|---|{'---:|' * len(whole)}")
        print(f"| with all | | {' | '.join(_summary(outcomes) for outcomes in whole.values())} |", flush=True)
        for name, without in zip(names, found, strict=True):
            gained = {of: gains(whole[of], without[of], clusters[of]) for of in whole}
            for metric in dict.fromkeys(("all", *(m for g in gained.values() for m in g))):
                shown = name if metric == "all" else ""
                cells = (_cell(gained[of].get(metric)) for of in whole)
                print(f"| {shown} | {metric} | {' | '.join(cells)} |", flush=True)
    print(f"\n{len(names)} mechanisms in {time.perf_counter() - started:.0f} s. * 0 is outside the interval.")
    return 0


def _summary(outcomes: Sequence[Outcome]) -> str:
    metrics = dict.fromkeys(m for o in outcomes for m in o.scores)
    values = {m: float(np.mean([o.scores[m] for o in outcomes if m in o.scores])) for m in metrics}
    sure = [o for o in outcomes if o.confidence is not None]
    told = auroc(np.array([o.confidence for o in sure], np.float64), np.array([o.answerable for o in sure], bool))
    return ", ".join([*(f"{m} {v:.2f}" for m, v in values.items()), f"AUC {told or 0:.2f}"])


if __name__ == "__main__":
    sys.exit(main())
