"""Errors planted into the recorded replies of a strong model: what the proof finds of them, and what it marks wrongly.

    python -m eval.planted [--file FILE -c COLLECTION --home HOME] [--model NAME --base-url URL]

One claim in five gets an error of one kind, in turn: a figure that the abstract does not have, a name of another paper,
the citation of another paper, a negation, an invention without figures and names. With a model each reply is also given
to the second look that `RAG_EFFORT=thorough` has. The claims that are left alone show how many true ones are marked.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from scipy.stats import binomtest

from eval.recorded import RECORDINGS, Recording, load
from rag.ask.reading.checks import claimed_figures, figures_of, stands
from rag.ask.reading.names import NameSet, names
from rag.ask.reading.prove import Proof, Prover
from rag.ask.reading.receipt import Receipt
from rag.ask.reading.sources import Source, Sources
from rag.ask.reading.statements import Parsed, Segment, Statement, parse
from rag.ask.reading.stream import ReplyParser
from rag.ask.reading.verify import verify
from rag.core.config import Config
from rag.index.index import Index
from rag.llm.client import Client
from rag.llm.models import client
from rag.llm.prompts import data
from rag.service import build

KINDS = ("figure", "name", "citation", "negation", "invention")
EVERY = 5
MOST_MARKED = 0.03
"""Share of the true claims that may be marked."""
TOGETHER = 32
"""Second looks at the same time."""
INVENTED = (
    "the authors also found that the effect vanishes once the data are collected anew",
    "it was confirmed by an independent group in the following year",
    "the cost of running it turned out to be too high for everyday use",
    "users preferred it clearly over everything that they had tried before",
    "a patent on the approach has been granted to the first author",
)
_VERB = re.compile(r"\b(is|are|was|were|has|have|can|does|do|achieves?|reduces?|improves?|increases?|shows?|uses?)\b")


@dataclass(frozen=True, slots=True)
class Planted:
    """A claim after the proof: the kind of the error in it, "" for none; whether the proof marks it, or gives it the
    paper back that it was taken from; the same after the second look, which may also put it right or leave it out."""

    kind: str
    text: str
    marked: bool
    looked: bool


def reread(recording: Recording, index: Index) -> tuple[Parsed, Sources]:
    """A reply to the prompt `read`, and the papers that it was given."""
    rows = {data(p.title).replace('"', "”"): row for row, p in enumerate(index.papers)}
    given = []
    for number, title in sorted(recording.titles.items(), key=lambda item: int(item[0])):
        row = rows[title]
        spans = tuple(index.sentences(row))
        given.append(Source(int(number), row, index.papers[row], spans, tuple(range(1, len(spans) + 1))))
    parser = ReplyParser(lambda pairs, line: [])
    parser.feed(recording.reply)
    parser.finish()
    return parse(parser.raw, parser.header), Sources(index, tuple(given), question=recording.asked)


def planted(recordings: Sequence[Recording], index: Index, model: Client | None, first: int = 0) -> Iterator[Planted]:
    """The claims of all replies, with errors in every fifth, `first` claims earlier than else."""
    replies: list[tuple[list[Proof], Sources, list[str], list[bool]]] = []
    rng, kinds, count = random.Random(first), Counter[str](), first
    for recording in (r for r in recordings if r.prompt == "read"):
        parsed, sources = reread(recording, index)
        errors: dict[int, str] = {}
        papers: dict[int, set[int]] = {}
        for s in (s for s in parsed.statements if s.is_claim and s.pairs and not s.is_absence):
            count += 1
            if count % EVERY:
                continue
            for kind in sorted(KINDS, key=lambda k: kinds[k]):
                papers[id(s)] = {number for number, _ in s.pairs}
                if _plant(kind, s, sources, rng):
                    errors[id(s)] = kind
                    kinds[kind] += 1
                    break
        proofs = Prover(sources).prove(parsed)
        marked = [_marked(p) or _given_back(p, errors, papers) for p in proofs]
        replies.append((proofs, sources, [errors.get(id(p.statement), "") for p in proofs], marked))
    with ThreadPoolExecutor(TOGETHER) as pool:
        if model is not None:
            list(pool.map(lambda r: verify(r[0], r[1], Receipt(), model, threading.Event()), replies))
    for proofs, _, planted_kinds, marked in replies:
        for proof, kind, before in zip(proofs, planted_kinds, marked, strict=True):
            if proof.verdict is not None:
                after = before or _marked(proof) or proof.changed or proof.dropped
                yield Planted(kind, proof.statement.text, before, after)


def _marked(proof: Proof) -> bool:
    return proof.verdict in ("unsupported", "partly")


def _given_back(proof: Proof, errors: Mapping[int, str], papers: Mapping[int, set[int]]) -> bool:
    """Whether a claim with the citation of another paper has its own paper again."""
    cited = {source.number for sentences in proof.cited for source, _ in sentences}
    return errors.get(id(proof.statement)) == "citation" and cited == papers[id(proof.statement)]


def _plant(kind: str, s: Statement, sources: Sources, rng: random.Random) -> bool:
    """Put an error of a kind into a claim; False where it has no place for one."""
    papers = [p for number in {n for n, _ in s.pairs} if (p := sources.get(number))]
    others = [p for p in sources.papers if p not in papers and p.spans]
    if not papers or not others:
        return False
    if kind == "citation":
        other = rng.choice(others)
        s.segments[:] = [
            replace(g, pairs=tuple((other.number, min(n, len(other.spans)) or 1) for _, n in g.pairs))
            for g in s.segments
        ]
        return True
    for i, segment in enumerate(s.segments):
        changed = _changed(kind, segment.text, papers, others, rng)
        if changed is not None:
            s.segments[i] = Segment(changed, segment.pairs)
            return True
    return False


def _changed(
    kind: str, text: str, papers: Sequence[Source], others: Sequence[Source], rng: random.Random
) -> str | None:
    abstracts = [t for p in papers for t in (p.paper.title, p.paper.abstract)]
    if kind == "figure":
        for figure in claimed_figures(text):
            number = re.search(r"\d+(?:\.\d+)?", figure.text)
            if number is None:
                continue
            value = float(number[0]) * rng.choice((0.6, 1.4, 1.7))
            new = figure.text.replace(number[0], f"{value:.{len(number[0].partition('.')[2])}f}", 1)
            (made,) = figures_of(new)[:1] or (figure,)
            if not any(stands(made, figures_of(a)) for a in abstracts):
                return text[: figure.start] + new + text[figure.end :]
    elif kind == "name":
        known = NameSet(abstracts)
        found = {n.text for p in others for n in names(p.paper.title) if n.strong and not known.has(n)}
        for name in (n for n in names(text) if n.strong and found):
            new = rng.choice(sorted(found))
            return text[: name.start] + new + text[name.start + len(name.text) :]
    elif kind == "negation":
        if verb := _VERB.search(text):
            return f"{text[: verb.start()]}{_denied(verb[1])}{text[verb.end() :]}"
    elif len(text.split()) > 5:
        lead = re.match(r"\W*", text)
        return (lead[0] if lead else "") + rng.choice(INVENTED)
    return None


def _denied(verb: str) -> str:
    return f"{verb} not" if verb in "is are was were has have can does do".split() else f"never {verb}"


@dataclass(frozen=True, slots=True)
class Found:
    """Of `n` claims the share that is marked, with its 95% interval (Wilson), and the share after the second look."""

    n: int
    marked: float
    interval: tuple[float, float]
    looked: float


def table(found: Sequence[Planted]) -> dict[str, Found]:
    """What is found of each kind of error, and of the true claims."""
    rows: dict[str, Found] = {}
    for kind in ("", *KINDS):
        mine = [p for p in found if p.kind == kind]
        if mine:
            marked = sum(p.marked for p in mine)
            interval = binomtest(marked, len(mine)).proportion_ci(method="wilson")
            looked = sum(p.looked for p in mine) / len(mine)
            rows[kind or "true"] = Found(len(mine), marked / len(mine), (interval.low, interval.high), looked)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is found of each kind."""
    parser = argparse.ArgumentParser(prog="python -m eval.planted", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--file", type=Path, default=RECORDINGS, help="the recordings (default: %(default)s)")
    parser.add_argument("-c", "--collection", default="")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--passes", type=int, default=EVERY, help="times that other claims get errors (default: 5)")
    parser.add_argument("--model", default="", help="a model for the second look")
    parser.add_argument("--base-url", default="", help="its endpoint")
    parser.add_argument("--least", type=float, default=0.0, help="fail where less of a figure or name is marked")
    parser.add_argument("--show", action="store_true", help="print what was not found, and what was marked wrongly")
    given = parser.parse_args(arguments)
    config = Config.load()
    config = replace(
        config, home=given.home or config.home, collection=given.collection or config.collection, llm="none"
    )
    model = None
    if given.model:
        model = client(replace(config, llm="openai", model=given.model, base_url=given.base_url or config.base_url))
    with build(config) as service:
        recordings, index = load(given.file), service.index()
        passes = range(given.passes)
        found = [p for first in passes for p in planted(recordings, index, model, first) if p.kind or not first]
    if given.show:
        for p in found:
            if bool(p.kind) != (p.looked if model else p.marked):
                print(p.kind or "TRUE", "|", p.text)
    rows = table(found)
    for kind, row in rows.items():
        low, high = row.interval
        print(
            f"{kind:<10} n {row.n:>3}  marked {row.marked:.3f} ({low:.3f} to {high:.3f})  second look {row.looked:.3f}"
        )
    falling = [kind for kind in ("figure", "name") if kind in rows and rows[kind].marked < given.least]
    return 1 if falling or rows["true"].marked > MOST_MARKED else 0


if __name__ == "__main__":
    sys.exit(main())
