"""Errors planted into the recorded replies of a strong model: what the proof finds of them, and what it marks wrongly.

    python -m eval.planted [--file FILE -c COLLECTION --home HOME] [--model NAME --base-url URL]

One claim in five gets an error of one kind, in turn: a figure that the abstract does not have, a name of another paper,
the citation of another paper, a negation, an invention without figures and names. With a model each reply is also given
to the second look that `RAG_EFFORT=thorough` has. The claims that are left alone show how many true ones are marked.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
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
    """A claim after the proof: the kind of the error in it, "" for none, and whether it is marked or was left out."""

    kind: str
    text: str
    marked: bool
    looked: bool
    """Whether it was marked or changed after the second look."""


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


def planted(recordings: Sequence[Recording], index: Index, model: Client | None, seed: int = 0) -> Iterator[Planted]:
    """The claims of all replies, with errors in some."""
    rng, kinds, count = random.Random(seed), Counter[str](), 0
    for recording in (r for r in recordings if r.prompt == "read"):
        parsed, sources = reread(recording, index)
        errors: dict[int, str] = {}
        for s in (s for s in parsed.statements if s.is_claim and s.pairs and not s.is_absence):
            count += 1
            if count % EVERY:
                continue
            for kind in sorted(KINDS, key=lambda k: kinds[k]):
                if _plant(kind, s, sources, rng):
                    errors[id(s)] = kind
                    kinds[kind] += 1
                    break
        proofs = Prover(sources).prove(parsed)
        marked = [_marked(p) for p in proofs]
        if model is not None:
            verify(proofs, sources, Receipt(), model, threading.Event())
        for proof, before in zip(proofs, marked, strict=True):
            if proof.verdict is not None:
                after = _marked(proof) or proof.changed or proof.dropped
                yield Planted(errors.get(id(proof.statement), ""), proof.statement.text, before, after)


def _marked(proof: Proof) -> bool:
    return proof.verdict in ("unsupported", "partly")


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


def table(found: Sequence[Planted]) -> dict[str, dict[str, float | int | list[float]]]:
    """For each kind of error, and for the true claims (""), how many there are and what share is marked."""
    rows: dict[str, dict[str, float | int | list[float]]] = {}
    for kind in ("", *KINDS):
        mine = [p for p in found if p.kind == kind]
        if mine:
            interval = binomtest(sum(p.marked for p in mine), len(mine)).proportion_ci(method="wilson")
            rows[kind or "true"] = {
                "n": len(mine),
                "marked": round(sum(p.marked for p in mine) / len(mine), 3),
                "interval": [round(interval.low, 3), round(interval.high, 3)],
                "with a second look": round(sum(p.looked for p in mine) / len(mine), 3),
            }
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is found of each kind."""
    parser = argparse.ArgumentParser(prog="python -m eval.planted", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--file", type=Path, default=RECORDINGS, help="the recordings (default: %(default)s)")
    parser.add_argument("-c", "--collection", default="")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--model", default="", help="a model for the second look")
    parser.add_argument("--base-url", default="", help="its endpoint")
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
        found = list(planted(load(given.file), service.index(), model))
    if given.show:
        for p in found:
            if bool(p.kind) != (p.looked if model else p.marked):
                print(p.kind or "TRUE", "|", p.text)
    print(json.dumps(table(found), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
