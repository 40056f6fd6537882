"""The same questions to our two modes and to LlamaIndex's `CitationQueryEngine`, in one run, side by side.

All three read the same papers with the same embedding; generating mode and the peer ask the same model, the one that
RAG_MODEL, OPENAI_BASE_URL and OPENAI_API_KEY name. eval/citation_engine.py says how the peer is set up, and how its
citations and refusals are read.

    python -m eval.peers --limit 8 --resume answers.jsonl --markdown table.md
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

import rag
from eval.citation_engine import CitationEngine
from eval.peer_tables import PEER, Record, figures, markdown, report, table
from eval.quality import KINDS, QUESTIONS, Question, read_questions
from rag import Config, Rag, RagError, Turn, build
from rag.embedding import MODEL as EMBEDDING
from rag.embedding import BuiltinEmbedding
from rag.index import digest
from rag.language import endpoint
from rag.resources import prompts

SYSTEMS = ("generating", "quoting", PEER)
ASKED = tuple(kind for kind in KINDS if kind != "lookalike")
"""Kinds that are asked unless others are named."""
WIDTH = 160
"""Columns of the table where the terminal tells none."""


class System(Protocol):
    """Whatever answers questions here; `ask` returns the JSON of its answer, or raises."""

    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def revision(self) -> str: ...
    def ask(self, question: str, history: Sequence[Turn]) -> dict[str, Any]: ...


class Ours:
    """One of our modes, over the collection of `service`; `name` is "generating" or "quoting"."""

    def __init__(self, name: str, service: Rag) -> None:
        config = service.config
        self.name, self._service = name, service
        self.model = config.model if config.generating else ""
        settings = (config.strict, config.judge, config.context) if self.model else ()
        self.revision = f"{code()} {digest(service.papers())} {settings}"

    def ask(self, question: str, history: Sequence[Turn]) -> dict[str, Any]:
        """An `Answer` as JSON."""
        return self._service.ask(question, history).to_json()


def code() -> str:
    """Twelve hexadecimal digits over the prompts and the code that answers; the front ends have no part in it."""
    package = Path(rag.__file__).parent
    files = [f for f in sorted(package.rglob("*")) if f.suffix in (".py", ".txt", ".npy")]
    files = [f for f in files if f.relative_to(package).parts[0] not in ("cli", "web", "_data")]
    found = hashlib.sha256()
    for file in [*files, *sorted(prompts().glob("*.md"))]:
        found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:12]


def main() -> None:
    """Ask what is still to be asked, print the table, and write what is wanted."""
    args = _arguments()
    questions = choose(read_questions(args.questions, args.split, args.kind or ASKED), args.limit)
    if not questions:
        raise SystemExit("No question is of this split and these kinds.")
    with ExitStack() as stack:
        try:
            systems, abstracts = prepare(args.systems, args.home, stack)
        except RagError as e:
            raise SystemExit(str(e)) from None
        records = list(run(questions, systems, args.resume, retry=args.retry_failed))
    if args.answers_only:
        return
    found = figures(questions, records, abstracts)
    about = {
        "asked": f"{len(questions)} questions, split {args.split}, {args.limit or 'all'} of each kind",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "embedding": EMBEDDING,
        "failed": ", ".join(f"{r.system} {r.id} ({r.error})" for r in records if r.error) or "none",
        **{s.name: f"{s.model or 'no model'}, revision {s.revision}" for s in systems},
    }
    out = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    out.print(table(found, args.systems))
    out.print(f"Failed: {about['failed']}", markup=False, highlight=False)
    if args.json:
        args.json.write_text(report(found, records, about), encoding="utf-8")
    if args.markdown:
        args.markdown.write_text(markdown(found, args.systems, about), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval.peers", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--split", choices=("dev", "test", "all"), default="dev", help="default: %(default)s")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be repeated")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="at most N questions of each kind")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="default: all three")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--home", type=Path, metavar="DIR", help="an index that is kept; default: a temporary one")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="keep answers here, and don't ask again for them")
    parser.add_argument("--retry-failed", action="store_true", help="ask again what failed, with --resume")
    parser.add_argument("--answers-only", action="store_true", help="fill the file of --resume, and print no table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and answer here, too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here, too")
    args = parser.parse_args()
    if (args.answers_only or args.retry_failed) and not args.resume:
        parser.error("--answers-only and --retry-failed need --resume FILE")
    args.systems = [s for s in SYSTEMS if s in args.systems]
    return args


def choose(questions: Sequence[Question], limit: int = 0) -> list[Question]:
    """At most `limit` questions of each kind (0: all), by kind in the order of `KINDS`.

    The order within a kind is that of a hash of the id, so that fewer are always among more.
    """
    shuffled = sorted(questions, key=lambda q: hashlib.sha256(q.id.encode()).digest())
    return [q for kind in KINDS for q in [q for q in shuffled if q.kind == kind][: limit or None]]


def prepare(names: Sequence[str], home: Path | None, stack: ExitStack) -> tuple[list[System], dict[str, str]]:
    """The systems, ready and warm, and the abstract of every paper by id.

    What has to be closed goes onto `stack`. Raises `ConfigError` where a model is needed and none is named.
    """
    home = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rag-peers-")))
    # A reply from a cache would take no time; an endpoint that fails fails ours as it does the peer.
    writing = Config.load(home=home, llm="openai" if set(names) - {"quoting"} else "none", cache="", fallback=False)
    _ = writing.generating  # says so when no model is named
    quoting = Config.load(home=home, llm="none", cache="")
    embedding = BuiltinEmbedding(threads=writing.threads)
    filling = stack.enter_context(build(quoting, embedding=embedding))
    filling.ingest()
    papers = filling.papers()
    systems: list[System] = []
    for name in names:
        if name == PEER:
            systems.append(CitationEngine(papers, endpoint(writing), embedding))
            continue
        service = stack.enter_context(build(writing if name == "generating" else quoting, embedding=embedding))
        service.as_retriever().retrieve("warm")
        systems.append(Ours(name, service))
    return systems, {p.id: p.abstract for p in papers}


def run(
    questions: Sequence[Question], systems: Sequence[System], resume: Path | None = None, *, retry: bool = False
) -> Iterator[Record]:
    """The answer of every system to every question: from the file `resume` where it has it, else asked and added to it.

    The systems take turns question by question, so that a busy machine is busy for all, and so do the kinds. A question
    that fails is a record with the reason; it is asked again only with `retry`.
    """
    had = {r.key: r for r in read_records(resume) if not (retry and r.error)} if resume else {}
    turns = sorted(questions, key=lambda q: hashlib.sha256(q.id.encode()).digest())
    for n, q in enumerate(turns):
        # Nobody always follows the same one.
        for system in [*systems[n % len(systems) :], *systems[: n % len(systems)]]:
            record = Record(system.name, q.id, system.model, system.revision, _asked(q), 0.0, "", {})
            known = had.get(record.key)
            if known is None:
                known = ask(q, system)
                if resume:
                    append(resume, known)
                told = known.error or f"{known.seconds:.1f} s"
                print(f"{n + 1}/{len(turns)} {q.id} {system.name}: {told}", file=sys.stderr, flush=True)
            yield known


def ask(q: Question, system: System) -> Record:
    """One question to one system. Whatever it raises becomes the record's error."""
    started = time.perf_counter()
    answer: Mapping[str, Any] = {}
    error = ""
    try:
        answer = system.ask(q.question, q.history)
    except Exception as e:
        error = f"{type(e).__name__}: {e}"
    seconds = round(time.perf_counter() - started, 3)
    return Record(system.name, q.id, system.model, system.revision, _asked(q), seconds, error, dict(answer))


def read_records(file: Path) -> Iterator[Record]:
    """The records of a file, none where there is no file. A line that was cut when a run was killed is left out."""
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = Record(**json.loads(line))
        except (ValueError, TypeError):
            continue
        yield record


def append(file: Path, record: Record) -> None:
    """Add a record as a line of its own, also after one that was cut."""
    with file.open("ab+") as out:
        line = json.dumps({name: getattr(record, name) for name in Record.__slots__}, ensure_ascii=False)
        if out.tell():
            out.seek(-1, 2)
            line = line if out.read(1) == b"\n" else "\n" + line
        out.write(line.encode() + b"\n")


def _asked(q: Question) -> str:
    return hashlib.sha256(repr((q.question, q.history)).encode()).hexdigest()[:8]


if __name__ == "__main__":
    main()
