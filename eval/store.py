"""`make bench-store`: a Chroma server and PostgreSQL as stores of vectors, against the embedded one, in one run.

    make bench-store ARGS="--data abstracts.jsonl --papers 5000"

Papers are taken from your files at random, the same each time, with vectors of the stand-in of `eval/scale.py`. Each
is looked for by the end of its abstract. *Recall@20*: in how many the paper is among the first 20; *same*: how much of
the first 20 of the embedded store is among them. *Query* is our call for 200 passages, *bare* the same by the client of
the store itself, on an open connection.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from eval.scale import StandIn
from eval.store_servers import Chroma, PostgreSQL, Server
from rag import Config, Rag, build
from rag.index.embedding import Floats
from rag.index.library import write_papers
from rag.papers import load

ASKED, PASSAGES, FIRST = 100, 200, 20


def main() -> None:
    """Measure, and print the table in Markdown."""
    parser = argparse.ArgumentParser(prog="make bench-store ARGS=...", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, nargs="+", metavar="FILE", required=True, help="files of papers")
    parser.add_argument("--papers", type=int, default=5_000, metavar="N", help="default: %(default)s")
    args = parser.parse_args()
    papers = list(load(args.data).papers)
    random.Random(0).shuffle(papers)
    with tempfile.TemporaryDirectory(prefix="rag-store-") as scratch:
        folder = Path(scratch)
        write_papers(folder / "papers.jsonl", papers[: args.papers])
        home = folder / "embedded"
        with _opened(home) as rag:
            filled, _ = _timed(partial(rag.ingest, [folder / "papers.jsonl"]))
            expected, figures = _asked(rag)
            print("| store | filling, s | recall@20 | same | question p50, ms | query, ms | bare, ms | ratio |")
            print("|---|---|---|---|---|---|---|---|")
            print(f"| embedded | {filled:.1f} with ingest | {figures} | – | – | – |", flush=True)
        for kind in (Chroma, PostgreSQL):
            (folder / kind.__name__).mkdir()
            _measure(kind(folder / kind.__name__), home, expected)


def _measure(server: Server, embedded: Path, expected: Sequence[Sequence[str]]) -> None:
    home = server.folder / "home"
    shutil.copytree(embedded, home)
    server.start()
    try:
        with _opened(home, server.address) as rag:
            filled, _ = _timed(rag.index)
            _, figures = _asked(rag, expected)
            index = rag.index()
            vectors = [index.passage_vectors[n].astype("float32") for n in range(ASKED)]
            ways = partial(index.store.nearest, n=PASSAGES), _bare(server, index.manifest["store"].rpartition(" ")[2])
            # In turn, so that a busy machine is the same for both.
            times = [[_timed(partial(ask, vector))[0] for ask in ways] for vector in vectors]
            own, bare = (1000 * statistics.median(column) for column in zip(*times, strict=True))
            name = type(server).__name__
            print(f"| {name} | {filled:.1f} | {figures} | {own:.1f} | {bare:.1f} | {own / bare:.2f} |", flush=True)
    finally:
        server.stop()


@contextmanager
def _opened(home: Path, store: str = "") -> Iterator[Rag]:
    embedding = StandIn()
    embedding.load()
    with build(Config(home=home, llm="none", store=store), embedding=embedding) as rag:
        yield rag


def _asked(rag: Rag, expected: Sequence[Sequence[str]] = ()) -> tuple[list[list[str]], str]:
    """The first 20 for each question, and the columns from recall to the time of a question."""
    papers = rag.papers()
    looked = [p for p in papers[:: max(1, len(papers) // ASKED)] if p.abstract][:ASKED]
    times, found = [], []
    for paper in looked:
        seconds, answer = _timed(partial(rag.ask, f"Who reports that {paper.abstract[-200:]}"))
        times.append(seconds)
        found.append([r.paper_id for r in answer.retrieved][:FIRST])
    recall = statistics.mean(p.id in ids for p, ids in zip(looked, found, strict=True))
    same = "–"
    if expected:
        shared = [len({*ids} & {*before}) / len(before) for ids, before in zip(found, expected, strict=True)]
        same = f"{statistics.mean(shared):.3f}"
    return found, f"{recall:.3f} | {same} | {1000 * statistics.median(times):.0f}"


def _bare(server: Server, name: str) -> Callable[[Floats], Any]:
    """The same query by the store's own client."""
    if isinstance(server, Chroma):
        import chromadb

        there = chromadb.HttpClient(host="127.0.0.1", port=server.port).get_collection(name, embedding_function=None)
        return lambda vector: there.query(query_embeddings=vector, n_results=PASSAGES, include=["distances"])
    import psycopg

    connection = psycopg.connect(server.address, autocommit=True)
    connection.execute("SET hnsw.ef_search = 400")
    statement = f"SELECT id, embedding <=> %s::vector FROM {name} ORDER BY 2 LIMIT {PASSAGES}"
    return lambda vector: connection.execute(statement, (str(vector.tolist()),)).fetchall()


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


if __name__ == "__main__":
    main()
