"""`rag doctor`: is everything in place?"""

from __future__ import annotations

import dataclasses
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from rag import __version__
from rag.cli import console, endpoint_checks
from rag.cli.checks import Check, guarded
from rag.cli.session import BaseUrl, Collection, Home, Llm, Model
from rag.core.config import Config, unknown_variables
from rag.core.errors import ConfigError, StoreError

LIBRARIES = ("llama-index-core", "openai", "chromadb", "onnxruntime", "tokenizers", "bm25s", "numpy")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of the checks.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Call nobody, whatever is configured.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read the whole index, and compare it with its sums.")] = False,
    llm: Llm = None,
    model: Model = None,
    base_url: BaseUrl = None,
    collection: Collection = None,
    home: Home = None,
) -> None:
    """Check the installation, the settings and the collection. Leaves with 0 if all is well, otherwise with 1.

    Changes nothing. Without a language model it calls nobody. One that is configured, and an embedding other than the
    built-in one, are tried with a word or two of our own, nothing of yours; --offline leaves that out.

    \b
    Examples:
      rag doctor
      rag doctor --json --collection biology
      rag doctor --model qwen3 --base-url http://127.0.0.1:11434/v1
    """
    config = Config.load(llm=llm, model=model, base_url=base_url, home=home, collection=collection)
    checks = list(_checks(config, offline=offline, deep=deep))
    if as_json:
        console.say_json([{**dataclasses.asdict(c), "ok": not c.remedy} for c in checks])
    else:
        width = max(len(c.name) for c in checks)
        for c in checks:
            console.say(f"{'fix' if c.remedy else 'ok '}  {c.name:<{width}}  {c.found}")
            if c.remedy:
                console.say(f"{'':{width + 5}}  → {c.remedy}")
    if any(c.remedy for c in checks):
        raise typer.Exit(1)


def _checks(config: Config, *, offline: bool, deep: bool) -> Iterator[Check]:
    yield _python()
    yield _libraries()
    yield _settings()
    yield _home(config.home)
    yield guarded("prompts and seeds", _resources)
    yield guarded("embedding", lambda: _embedding(config))
    if config.reranker:
        yield guarded("reranker", lambda: _reranker(config))
    if config.store:
        yield guarded("store", lambda: _store(config, offline=offline))
    yield guarded("collection", lambda: _collection(config, deep=deep, offline=offline))
    yield from endpoint_checks.checks(config, offline=offline)


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.prefix}"
    return Check("python", found, "" if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed.")


def _libraries() -> Check:
    found, absent = [f"paper-rag {__version__}"], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    remedy = f"{', '.join(absent)} not installed: make install, or pip install paper-rag." if absent else ""
    return Check("libraries", ", ".join(found), remedy)


def _settings() -> Check:
    if unknown := unknown_variables():
        return Check("settings", f"unknown: {', '.join(unknown)}", "Correct or unset these; rag --help lists ours.")
    return Check("settings", "every RAG_ variable is known")


def _home(home: Path) -> Check:
    place = next(p for p in (home, *home.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as e:
        return Check("home", f"{home} can't be written ({e.strerror})", "Set RAG_HOME or --home to a folder of yours.")
    return Check("home", f"{home}" if home.exists() else f"{home} (made when it is first needed)")


def _resources() -> str:
    from rag.core import resources

    return f"{resources.prompts()}, {resources.seeds()}"


def _embedding(config: Config) -> str:
    from time import perf_counter

    from rag.index.embedding import BuiltinEmbedding
    from rag.index.onnx_folder import embedding

    used = embedding(config) or BuiltinEmbedding(threads=config.threads)
    used.check()
    used.load()
    start = perf_counter()
    length = used.encode_question("Is everything in place?").vectors.shape[1]
    if length != used.dimensions:
        raise ConfigError(f"the model gives {length} numbers, expected {used.dimensions}: run make install again.")
    milliseconds = 1000 * (perf_counter() - start)
    if isinstance(used, BuiltinEmbedding):
        known = "sha256 as expected, tokenizer read"
    else:
        prompts = ", ".join(f"{prompt!r}" for prompt in used.prompts if prompt) or "none"
        known = f"of {config.embedding}, {used.pooling} pooling, prompts: {prompts}, {used.window} word pieces at once"
    return f"{used.name}, {known}, {length} dimensions, a query in {milliseconds:.0f} ms"


def _reranker(config: Config) -> str:
    from rag.index.reranking import reranker

    used = reranker(config)
    assert used is not None
    used.scores("Is everything in place?", ["It is."])
    return f"{used.name} of {config.reranker}, a pair scored"


def _store(config: Config, *, offline: bool) -> str:
    import json

    from rag.index.index import current, held_at
    from rag.index.remote import place

    where = place(config)
    assert where is not None
    generation = current(config.home / "collections" / config.collection)
    if offline or generation is None:
        return f"{where.label}, {'not tried (--offline)' if offline else 'which the first question fills'}"
    manifest = json.loads((generation / "manifest.json").read_text(encoding="utf-8"))
    if held_at(manifest) != where.holds(generation):
        return f"{where.label}, which the next question or rag ingest fills"
    store = where.open(generation, manifest["fingerprint"]["dimensions"])
    try:
        return f"{where.label}, reached, {len(store):,} passages in {where.name(generation)}"
    finally:
        store.close()


def _collection(config: Config, *, deep: bool, offline: bool) -> str:
    folder = config.home / "collections" / config.collection
    if not folder.is_dir():
        return f"{config.collection}: not there yet, the first question fills it from the seeds"
    from rag.index.index import Index, current, digest
    from rag.index.integrity import damage
    from rag.index.library import read_papers
    from rag.index.onnx_folder import embedding
    from rag.index.remote import place

    # Straight from the disk: building a `Rag` might bring the index up to date, and a doctor only looks.
    papers = read_papers(folder / "papers.jsonl")
    found = f"{config.collection}: {len(papers)} papers, "
    generation = current(folder)
    if generation is None:
        return found + "not indexed yet, the next question or rag ingest does it"
    used = embedding(config)
    where = place(config)
    if where is not None and offline:
        return f"{found}{generation.name}, its vectors elsewhere"
    index = Index(generation, used.fingerprint if used else None, where)
    index.close()
    same = {p.id for p in index.papers} == {p.id for p in papers}
    if same and not generation.name.endswith(digest(papers)) and generation.name.endswith(digest(index.papers)):
        raise StoreError(f"{folder / 'papers.jsonl'} was changed since it was ingested: rag ingest puts it right.")
    if deep and (wrong := damage(generation, index.manifest.get("files", {}), deep=True)):
        raise StoreError(f"The index in {generation} is damaged ({wrong}): rag ingest makes it anew.")
    return found + generation.name + ("" if same else ", out of date: the next question or rag ingest renews it")
