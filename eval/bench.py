"""`make bench`: what we cost over the bare libraries, and what we find that plain LlamaIndex does not.

Every figure is a ratio of two times that are taken in turns in the same run, and the median over several turns, so
that it means the same on a slow machine and on one that is busy. The bare side is as bare as it can be:

- ingest: the ONNX session alone on the texts that the index embeds, tokenized and batched beforehand;
- ask: tokenizer, session, mean and one Chroma query for ten passages;
- cold `rag ask`: an interpreter that imports llama_index.core, chromadb and onnxruntime, and ends.

Plain LlamaIndex is `VectorStoreIndex` with its default `SentenceSplitter` and retriever, on a Chroma collection and
the same embedding; the adapter to Chroma is the least that its interface asks for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import chromadb
import chromadb.config
import numpy as np
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from rich.console import Console
from rich.table import Table

from rag import Config, Paper, Rag
from rag.core.resources import seeds
from rag.evaluation.items import Item, read
from rag.index.embedding import BATCH, BuiltinEmbedding, States, open_model
from rag.index.index import current
from rag.index.indexing import build as build_index
from rag.index.llamaindex import MiniLMEmbedding
from rag.index.store import COLLECTION
from rag.papers import load

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "eval" / "questions.jsonl"
SINGLE = ("fact", "number", "idea", "lookalike")
"""Kinds of questions that one paper answers."""
ASKED = 60
"""Questions of the warm measurement: of every kind in its share, so mostly of one paper."""
COLD_QUESTION = "What does double quantization save in QLoRA?"
BARE_IMPORT = "import llama_index.core, chromadb, onnxruntime"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: ours beside the bare side in `unit`, their ratio, and what it is meant to be."""

    name: str
    unit: str
    ours: float
    bare: float | None
    ratio: float | None
    target: str
    met: bool | None


def main() -> None:
    """Measure, print the table, and write the figures as JSON where asked."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="turns of each measurement (%(default)s)")
    args = parser.parse_args()
    questions = read(args.questions)
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="rag-bench-") as folder, progress.status("Ingesting") as status:
        home = Path(folder) / "home"
        with Rag(Config(home=home)) as rag:
            rag.ingest()
        figures = [ingest(Path(folder), args.repeat)]
        status.update("Asking")
        figures.append(ask(home, _spread(questions, ASKED), args.repeat))
        status.update("Starting")
        figures += cold(home, args.repeat)
        status.update("Retrieving")
        figures += retrieval(home, Path(folder), [q for q in questions if q.kind in SINGLE and len(q.gold_papers) == 1])
    Console().print(_table(figures))
    if args.json:
        report: dict[str, Any] = {
            "python": platform.python_version(),
            "machine": platform.platform(),
            "cores": os.cpu_count(),
        }
        report |= {"repeat": args.repeat, "figures": [asdict(f) for f in figures]}
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def ingest(folder: Path, repeat: int) -> Figure:
    """Papers a second of `Rag.ingest` into an empty home, the model loaded, against the session alone."""
    papers = load([seeds()]).papers
    recording = Recording()
    build_index(folder / "recorded", papers, recording, lambda stage, done, total: None)
    bare = BareEmbedding()
    batches = [batch for texts in recording.calls for batch in bare.batches(texts)]
    clock = Clock()
    for turn in range(repeat):
        with Rag(Config(home=folder / f"ingest-{turn}")) as rag:
            rag._embedding.load()
            with clock.ours():
                rag.ingest()
        with clock.bare():
            for batch in batches:
                bare.session.run(None, batch)
    rate = [len(papers) / t for t in clock.times[0]], [len(papers) / t for t in clock.times[1]]
    ratio = statistics.median(a / b for a, b in zip(*rate, strict=True))
    return Figure("ingest", "papers/s", _median(rate[0]), _median(rate[1]), ratio, "≥ 0.8", ratio >= 0.8)


def ask(home: Path, questions: Sequence[Item], repeat: int) -> Figure:
    """Median milliseconds of a warm `ask()` against embedding the question and asking Chroma for ten passages."""
    bare = BareEmbedding()
    with Rag(Config(home=home)) as rag:
        rag.ask(COLD_QUESTION)
        index = current(home / "collections" / rag.config.collection)
        assert index is not None
        collection = _chroma(index / "chroma").get_collection(COLLECTION, embedding_function=None)
        halves: tuple[list[float], list[float]] = [], []
        for _ in range(repeat):
            clock = Clock()
            for q in questions:
                with clock.ours():
                    rag.ask(q.question, q.turns)
                with clock.bare():
                    collection.query(query_embeddings=[bare.vector(q.question)], n_results=10)
            for half, times in zip(halves, clock.times, strict=True):
                half.append(1000 * _median(times))
    ratio = statistics.median(a / b for a, b in zip(*halves, strict=True))
    return Figure("ask, warm, p50", "ms", _median(halves[0]), _median(halves[1]), ratio, "≤ 2", ratio <= 2)


def cold(home: Path, repeat: int) -> list[Figure]:
    """Seconds of `rag ask` as a new process against those of importing its libraries; and of `rag --help`."""
    rag = [sys.executable, "-m", "rag.cli"]
    jobs = {
        "ask": [*rag, "ask", COLD_QUESTION, "--home", str(home)],
        "import": [sys.executable, "-c", BARE_IMPORT],
        "help": [*rag, "--help"],
    }
    # As a user has it: bytecode is written by the first run, which isn't counted.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeat + 1):
        for name, command in jobs.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment)
            if turn:
                times[name].append(time.perf_counter() - started)
    ratio = statistics.median(a / b for a, b in zip(times["ask"], times["import"], strict=True))
    help_ = _median(times["help"])
    return [
        Figure("rag ask, cold", "s", _median(times["ask"]), _median(times["import"]), ratio, "≤ 1.5", ratio <= 1.5),
        Figure("rag --help", "s", help_, None, None, "< 0.6 s", help_ < 0.6),
    ]


def retrieval(home: Path, folder: Path, questions: Sequence[Item]) -> list[Figure]:
    """Recall@5 and mean reciprocal rank at 10 of our retriever and of plain LlamaIndex, on questions of one paper."""
    with Rag(Config(home=home)) as rag:
        ours = [_rank(rag.as_retriever(top_k=10), q) for q in questions]
        plain = [_rank(r, q) for r in [plain_llama_index(rag.papers(), folder / "plain")] for q in questions]
    figures = []
    scores: dict[str, Callable[[float], float]] = {"recall@5": lambda rank: rank <= 5, "MRR@10": lambda rank: 1 / rank}
    for name, score in scores.items():
        a, b = (statistics.fmean(score(rank) for rank in ranks) for ranks in (ours, plain))
        figures.append(Figure(f"{name}, {len(questions)} questions", "", a, b, a / b if b else None, "> 1", a > b))
    return figures


def _rank(retriever: BaseRetriever, question: Item) -> float:
    """Where the right paper stands among the papers found; infinite where it isn't."""
    found = dict.fromkeys(n.node.metadata["paper_id"] for n in retriever.retrieve(question.question))
    return next((rank for rank, paper in enumerate(found, 1) if paper in question.gold_papers), float("inf"))


def plain_llama_index(papers: Sequence[Paper], folder: Path) -> BaseRetriever:
    """The ten nearest chunks of `VectorStoreIndex` with its defaults, titles in the metadata that it embeds."""
    documents = [
        Document(
            text=p.abstract,
            metadata={"title": p.title, "paper_id": p.id},
            excluded_embed_metadata_keys=["paper_id"],
        )
        for p in papers
    ]
    index = VectorStoreIndex.from_documents(
        documents,
        storage_context=StorageContext.from_defaults(vector_store=ChromaVectors(folder)),
        embed_model=MiniLMEmbedding(),
        transformations=[SentenceSplitter()],
    )
    return index.as_retriever(similarity_top_k=10)


class ChromaVectors(BasePydanticVectorStore):
    """Nodes in a Chroma collection, cosine, text and title beside the vectors."""

    _collection: Any = PrivateAttr()

    def __init__(self, folder: Path) -> None:
        super().__init__(stores_text=True)
        self._collection = _chroma(folder).create_collection(
            "plain", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    @property
    def client(self) -> Any:
        """The Chroma collection."""
        return self._collection

    def add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        """Store nodes that carry their embeddings."""
        ids = [n.node_id for n in nodes]
        self._collection.add(
            ids=ids,
            embeddings=[n.get_embedding() for n in nodes],
            documents=[n.get_content(MetadataMode.NONE) for n in nodes],
            metadatas=[n.metadata for n in nodes],
        )
        return ids

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        """Not needed here."""
        raise NotImplementedError

    def query(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        """The nodes nearest to the query's embedding."""
        found = self._collection.query(query_embeddings=[query.query_embedding], n_results=query.similarity_top_k)
        rows = zip(found["ids"][0], found["documents"][0], found["metadatas"][0], strict=True)
        return VectorStoreQueryResult(
            nodes=[TextNode(id_=id_, text=text, metadata=metadata) for id_, text, metadata in rows],
            similarities=[1 - d for d in found["distances"][0]],
            ids=found["ids"][0],
        )


class Recording(BuiltinEmbedding):
    """The embedding, with a note of the texts that the index asks it for, call by call."""

    def __init__(self, threads: int = 0) -> None:
        super().__init__(threads)
        self.calls: list[list[str]] = []
        """The texts of each call."""

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None) -> list[States]:
        """As without a note."""
        self.calls.append(list(texts))
        return super().encode(texts, progress)


class BareEmbedding:
    """The model without anything of ours around it; the same file, tokenizer and session options."""

    def __init__(self) -> None:
        self.session, self.tokenizer = open_model()

    def batches(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """What the session is fed for `texts`: batches of similar length, as ours are."""
        encoded = sorted(self.tokenizer.encode_batch(list(texts)), key=lambda e: len(e.ids))
        return [self._feed(encoded[i : i + BATCH]) for i in range(0, len(encoded), BATCH)]

    def vector(self, text: str) -> Any:
        """The mean of the token states of `text`, of unit length."""
        (hidden,) = self.session.run(None, self._feed([self.tokenizer.encode(text)]))
        mean = hidden[0].mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _feed(self, encoded: Sequence[Any]) -> dict[str, Any]:
        ids = np.zeros((len(encoded), max(len(e.ids) for e in encoded)), np.int64)
        mask = np.zeros_like(ids)
        for row, e in enumerate(encoded):
            ids[row, : len(e.ids)] = e.ids
            mask[row, : len(e.ids)] = 1
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


class Clock:
    """Two lists of seconds: ours and bare."""

    def __init__(self) -> None:
        self.times: tuple[list[float], list[float]] = [], []

    @contextmanager
    def _timed(self, side: int) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.times[side].append(time.perf_counter() - started)

    def ours(self) -> Any:
        """Times the block as ours."""
        return self._timed(0)

    def bare(self) -> Any:
        """Times the block as bare."""
        return self._timed(1)


def _chroma(folder: Path) -> Any:
    return chromadb.PersistentClient(str(folder), settings=chromadb.config.Settings(anonymized_telemetry=False))


def _spread(questions: Sequence[Item], n: int) -> list[Item]:
    """About `n` questions, evenly from all of them sorted by kind."""
    ordered = sorted(questions, key=lambda q: q.kind)
    return ordered[:: max(1, len(ordered) // n)]


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("", "ours", "bare", "", "ratio", "target", "met", title="Ours beside the bare libraries")
    for f in figures:
        cells = ("–" if v is None else f"{v:.3g}" for v in (f.ours, f.bare, f.ratio))
        ours, bare, ratio = cells
        table.add_row(f.name, ours, bare, f.unit, ratio, f.target, {True: "yes", False: "NO", None: ""}[f.met])
    return table


if __name__ == "__main__":
    main()
