"""`python -m eval.overhead`: what reading, checking and citing cost over the bare call of the model.

Ours is `rag.ask.reading.answer`: it makes the prompt, reads the reply through our client, and proves its claims. Bare
is the openai SDK streaming a reply to the same messages, its client made beforehand. They take turns, and who is first
alternates; the figure is the ratio of the medians.

- Against a server in this process that streams an answer of some 200 tokens at 50 a second, as a fast hosted model
  does. Here it is also measured how long each piece takes from the server's socket until its text is handed out.
  What waits for more text, such as a marker for its bracket, is not counted; words behind it are.
- Against the endpoint that is configured, if there is one (with `--scripted` not). Its first turn isn't counted, for a
  server may keep what it has read of a prompt. Where the two replies differ in tokens, the times don't compare.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from eval.paced_server import MODEL, PacedServer
from rag import Config, Rag
from rag.ask.plan import Plan
from rag.ask.reading import Receipt, Settings, answer
from rag.core.answer import Text
from rag.index.index import Index
from rag.llm.client import Client, Reply
from rag.llm.models import client
from rag.llm.prompts import Message

if TYPE_CHECKING:
    from openai import OpenAI

QUESTION = "How does QLoRA save memory?"
ANSWER = """\
QLoRA reduces memory usage enough to finetune a 65B parameter model on a single 48GB GPU [1.1]. It \
backpropagates gradients through a frozen, 4-bit quantized pretrained language model into Low Rank Adapters \
[1.1]. Its 4-bit NormalFloat is a new data type that is information theoretically optimal for normally \
distributed weights [1.1]. Double quantization reduces the average memory footprint by quantizing the \
quantization constants [1.1]. Paged optimizers manage memory spikes [1.1]. Its best model family, Guanaco, reaches \
99.3% of the performance level of ChatGPT on the Vicuna benchmark, while only requiring 24 hours of finetuning \
on a single GPU [1.1]. Finetuning on a small high-quality dataset leads to state-of-the-art results, even when \
using smaller models than the previous state of the art [1.1]."""
TOKENS_A_SECOND = 50
MOST = 1.05
"""Of the bare call's time."""
FIRST = 0.05
"""Seconds that the first token may take from the socket to the user."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply: when it was asked for (`time.perf_counter`), its seconds and tokens, and which text came when."""

    start: float
    seconds: float
    tokens: int
    shown: tuple[tuple[float, str], ...] = ()


class NotingClient(Client):
    """Keeps the messages and options of what was asked last."""

    messages: Sequence[Message] = ()
    options: Mapping[str, Any] = {}

    def stream(self, messages: Sequence[Message], *, stop: threading.Event | None = None, **options: Any) -> Reply:
        """As without noting."""
        self.messages, self.options = messages, options
        return super().stream(messages, stop=stop, **options)


class Measured:
    """A question whose papers are found, and a model to answer it."""

    def __init__(self, index: Index, rows: Sequence[int], config: Config) -> None:
        found = client(config)
        assert found is not None
        self._client = NotingClient(found.source, deadlines=found.deadlines, retries=0, context=found.context)
        self._index, self._rows = index, rows
        self._plan = Plan(QUESTION, QUESTION, "single", (QUESTION,))

    def ours(self) -> Turn:
        """Have the answer read, written and proved."""
        receipt = Receipt()
        start = time.perf_counter()
        events = answer(
            self._plan, self._rows, self._index, self._client, settings=Settings(fallback=False), receipt=receipt
        )
        shown = tuple((time.perf_counter(), event.text) for event in events if isinstance(event, Text))
        return Turn(start, time.perf_counter() - start, receipt.usage.completion_tokens, shown)

    def bare(self, sdk: OpenAI, model: str) -> Turn:
        """Have the SDK stream a reply to what `ours` asked last."""
        messages: Any = [{"role": m.role, "content": m.content} for m in self._client.messages]
        options: Any = dict(self._client.options)
        tokens, text = 0, ""
        start = time.perf_counter()
        for event in sdk.chat.completions.create(
            model=model,
            messages=messages,
            temperature=0.0,
            stream=True,
            stream_options={"include_usage": True},
            **options,
        ):
            text += (event.choices[0].delta.content or "") if event.choices else ""
            tokens = event.usage.completion_tokens if event.usage else tokens
        return Turn(start, time.perf_counter() - start, tokens)


def turns(measured: Measured, config: Config, repeat: int) -> list[tuple[Turn, Turn]]:
    """Ours and bare, in turns. A first pair, for warming up, is left out."""
    from openai import OpenAI

    client = OpenAI(base_url=config.base_url or None, api_key=config.api_key or "none", max_retries=0)
    pairs = []
    for turn in range(repeat + 1):
        if turn % 2:
            bare = measured.bare(client, config.model)
            pairs.append((measured.ours(), bare))
        else:
            ours = measured.ours()
            pairs.append((ours, measured.bare(client, config.model)))
    client.close()
    return pairs[1:]


def delays(written: Sequence[tuple[float, str]], turn: Turn) -> list[float]:
    """Seconds from each piece with letters that was written in the time of a turn until its last letter was shown.

    What is shown may have more than was written: markers, marks, and at the end what the model left out.
    """
    found, said, shown, when, text = [], 0, iter(turn.shown), 0.0, ""
    for moment, piece in written:
        if not turn.start <= moment <= turn.start + turn.seconds or not _letters(piece):
            continue
        said += len(_letters(piece))
        while len(_letters(text)) < said:
            when, more = next(shown)
            text += more
        found.append(when - moment)
    return found


def _letters(text: str) -> str:
    """The letters of a text, without our marks."""
    return "".join(re.findall(r"[^\W\d_]", re.sub(r" \[(?:unsupported|partly supported)\]", "", text)))


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m eval.overhead", description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="turns of each side (%(default)s)")
    parser.add_argument("--scripted", action="store_true", help="leave out the endpoint that is configured")
    args = parser.parse_args()
    configured, progress = Config.load(), Console(stderr=True)
    times = Table("", "ours, s", "bare, s", "ratio", "tokens", "target", "met", title="Ours beside the bare call")
    waits = Table("", "p50, ms", "p95, ms", "max, ms", "target", "met", title="From the socket to the user")
    with (
        tempfile.TemporaryDirectory(prefix="rag-overhead-") as folder,
        Rag(Config(home=Path(folder), llm="none")) as rag,
        progress.status("Ingesting") as status,
    ):
        rag.ingest()
        index = rag._open().index
        rows = [index.rows[r.paper_id] for r in rag.ask(QUESTION).retrieved]
        status.update("Scripted server")
        with PacedServer(ANSWER, TOKENS_A_SECOND) as server:
            config = Config(home=Path(folder), llm="openai", model=MODEL, base_url=server.url)
            pairs = turns(Measured(index, rows, config), config, args.repeat)
        _add_times(times, f"scripted, {TOKENS_A_SECOND} tokens/s", pairs)
        waited = [delays(server.written, ours) for ours, _ in pairs]
        _add_waits(waits, "first token", [w[0] for w in waited], FIRST)
        _add_waits(waits, "all text", [seconds for w in waited for seconds in w])
        if configured.generating and not args.scripted:
            status.update(configured.model)
            _add_times(times, configured.model, turns(Measured(index, rows, configured), configured, args.repeat))
    for table in (times, waits):
        Console().print(table)


def _add_times(table: Table, name: str, pairs: Sequence[tuple[Turn, Turn]]) -> None:
    ours, bare = (statistics.median(turn.seconds for turn in side) for side in zip(*pairs, strict=True))
    tokens = [statistics.median(turn.tokens for turn in side) for side in zip(*pairs, strict=True)]
    met = "yes" if ours / bare <= MOST else "NO"
    if tokens[0] != tokens[1]:  # a model that runs in circles is cut short, which is no saving of ours
        met = "other reply"
    lengths = f"{tokens[0]:g} / {tokens[1]:g}"
    table.add_row(name, f"{ours:.3f}", f"{bare:.3f}", f"{ours / bare:.3f}", lengths, f"≤ {MOST}", met)


def _add_waits(table: Table, name: str, seconds: Sequence[float], most: float | None = None) -> None:
    p50, p95 = statistics.quantiles(seconds, n=20, method="inclusive")[9::9]
    cells = (f"{1000 * s:.1f}" for s in (p50, p95, max(seconds)))
    target, met = ("", "") if most is None else (f"≤ {1000 * most:.0f}", "yes" if max(seconds) <= most else "NO")
    table.add_row(name, *cells, target, met)


if __name__ == "__main__":
    main()
