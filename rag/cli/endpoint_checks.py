"""The part of `rag doctor` that is about who is called: which model, which embedding, and whether they work."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rag.cli.checks import Check, guarded
from rag.core.config import Config
from rag.core.errors import ConfigError, ModelError, ModelTimeout, ModelUnknown, ModelUnreachable

if TYPE_CHECKING:
    from rag.llm.client import Client, Reply

OPENAI = "https://api.openai.com/v1"
"""What is called where no base URL is given. Here again, since importing the endpoint takes seconds."""
SECONDS = {"first_token": 30, "between_tokens": 15, "total": 45}
"""The deadlines of one trial: a local server may have to load its model first."""
WORD_TOKENS = 200
"""Of a one-word reply: a model that thinks first needs more than one."""
SOURCE_TOKENS, ANSWER_TOKENS = 330, 120
"""Of an abstract as a model reads it and of an answer, on the average of our samples."""
LONG = 20
"""Seconds for a question from which on fewer papers are proposed."""
SHOWN = 5
"""Names of models that are listed."""
CONSTRAINED = "constrained JSON"


def checks(config: Config, *, offline: bool) -> Iterator[Check]:
    """What would be called, and unless `offline`, what comes of trying it. Keys are told as set or not, no more."""
    try:
        generating = config.generating
    except ConfigError as e:
        yield Check("answers", "half of what a model needs is set", str(e))
        return
    hosts = []
    if config.embedding.startswith("openai:"):
        hosts.append(_embedding_host(config))
        yield guarded("other embedding", lambda: _embedding(config, offline=offline))
    if generating:
        hosts.append(urlsplit(config.base_url or OPENAI).netloc)
        yield Check("answers", _writing(config, hosts[-1]))
        if not offline:
            yield from _tried(config)
    else:
        why = "switched off" if config.llm == "none" else "no language model configured"
        yield Check("answers", f"quoting mode: exact sentences, {why}")
    if hosts:
        yield Check("network", f"{' and '.join(dict.fromkeys(hosts))}{', not tried (--offline)' if offline else ''}")
    else:
        yield Check("network", "nothing is called")


def _writing(config: Config, host: str) -> str:
    ways = [w for w, wanted in (("strict", config.strict), ("judged", config.judge)) if wanted]
    ways.append("quotes if the model fails" if config.fallback else "no fallback")
    return f"generating mode: {config.model} at {host} ({_key(config.api_key)}), {', '.join(ways)}"


def _key(key: str) -> str:
    return "key set" if key else "no key"


def _embedding_host(config: Config) -> str:
    return urlsplit(config.embedding_base_url or config.base_url or OPENAI).netloc


def _embedding(config: Config, *, offline: bool) -> str:
    """What the other embedding is, and unless `offline`, what comes of asking it for a vector; raises `ModelError`."""
    from rag.index.external import External, chosen

    other = chosen(dataclasses.replace(config, first_token=min(SECONDS["first_token"], config.first_token)))
    assert other is not None
    name = f"{config.embedding.removeprefix('openai:')} at {_embedding_host(config)}"
    if offline:
        return name
    start = perf_counter()
    with contextlib.closing(External(other)) as external:
        length = len(external.query("Is everything in place?"))
    return f"{name}, {length} dimensions, a query in {1000 * (perf_counter() - start):.0f} ms"


def _tried(config: Config) -> Iterator[Check]:
    from rag.llm.models import client

    # Straight from the model, and soon: what is in the cache proves nothing.
    limits = {name: min(seconds, getattr(config, name)) for name, seconds in SECONDS.items()}
    found = client(dataclasses.replace(config, cache="", **limits))
    assert found is not None
    found.retries = 0
    names = _names(config)
    if isinstance(names, ModelTimeout | ModelUnreachable):
        yield Check("model", "not reachable", str(names))
        return
    answered = _completion(found)
    if not (isinstance(answered, ModelError) and isinstance(names, ModelError)):
        # Servers of one model answer to any name: one that is not listed is at fault where the endpoint says so.
        yield _listed(names, config.model, fine=not isinstance(answered, ModelUnknown))
    if isinstance(answered, ModelError):
        yield Check("completion", "failed", str(answered))
        return
    yield Check("completion", answered)
    patient = client(dataclasses.replace(config, cache=""))
    assert patient is not None
    patient.retries = 0
    yield _speed(patient, config.sources)
    yield _json(found)


def _names(config: Config) -> list[str] | ModelError:
    from rag.llm.models import endpoint

    try:
        return endpoint(config).list_models()
    except ModelError as e:
        return e


def _listed(names: list[str] | ModelError, model: str, *, fine: bool) -> Check:
    if isinstance(names, ModelError):
        return Check("models", "the endpoint does not list its models")
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = (", ".join(names[:SHOWN]) or "none") + more
    if model in names:
        return Check("models", f"{model} is among the {len(names)} of the endpoint")
    if fine:
        return Check("models", f"{model} is not among those that the endpoint lists: {listed}")
    return Check("models", f"{model} is not there", f"Set RAG_MODEL or --model to one of the endpoint's: {listed}.")


def _completion(client: Client) -> str | ModelError:
    from rag.llm.prompts import Message

    start = perf_counter()
    reply = client.stream([Message("user", "Answer with one word: is water wet?")], max_tokens=WORD_TOKENS)
    try:
        for _ in reply:
            pass
    except ModelError as e:
        return e
    return f"{reply.model} answered in {perf_counter() - start:.1f} s, first text after {reply.first_token:.1f} s"


def _speed(client: Client, sources: int) -> Check:
    """How long a question takes, from one call that has the model read our instructions and write a few words."""
    from rag.ask.reading.answer import SOURCES
    from rag.llm.prompts import prompt

    papers = sources if sources > 0 else SOURCES["single"]
    messages = prompt("read").fill(sources="", question="Is water wet?", hint="")
    start = perf_counter()
    reply = client.stream(messages, max_tokens=WORD_TOKENS)
    try:
        for _ in reply:
            pass
    except ModelError as e:
        return Check("speed", "not known: a prompt as long as a question's instructions was not answered", str(e))
    reading = reply.first_token or 0.0
    writing = (perf_counter() - start - reading) / max(1, reply.usage.completion_tokens - 1)

    def seconds(papers: int) -> float:
        read = 1 + papers * SOURCE_TOKENS / max(1, reply.usage.prompt_tokens)
        return reading * read + ANSWER_TOKENS * writing

    found = f"a question with {papers} papers takes about {seconds(papers):.0f} s"
    fewer = max(2, papers // 3)
    if seconds(papers) > LONG and fewer < papers:
        found += f"; with RAG_SOURCES={fewer} about {seconds(fewer):.0f} s"
    return Check("speed", found)


def _json(client: Client) -> Check:
    from pydantic import BaseModel

    from rag.llm.prompts import Message
    from rag.llm.structured import ask_json

    class Ready(BaseModel):
        ready: bool

    replies: list[Reply] = []
    asked = [Message("user", 'Reply with this JSON object and nothing else: {"ready": true}')]
    start = perf_counter()
    try:
        found = ask_json(client, asked, Ready, stop=None, count=replies.append)
    except ModelError as e:
        return Check(CONSTRAINED, "failed", str(e))
    if found is None:
        remedy = "Follow-ups and lists are read by rules alone; a model that keeps to JSON reads them better."
        return Check(CONSTRAINED, "the model wrote no JSON, in two tries", remedy)
    return Check(CONSTRAINED, f"as asked for, in {perf_counter() - start:.1f} s and {len(replies)} call(s)")
