"""What a person sees: answers on standard output, progress and complaints on standard error."""

from __future__ import annotations

import json
import re
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import rich.progress
    from rich.console import RenderableType

    from rag.core.answer import Answer, Citation

NOTED_SECONDS = 30
"""Between two lines of progress, where there is no terminal to draw a bar."""

# Text of papers and questions could move the cursor or rename the window; tabs and line ends are welcome.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def safe(text: str) -> str:
    """`text` without control characters."""
    return _CONTROL.sub("", text)


def say(text: str = "") -> None:
    """Print a line of the result."""
    sys.stdout.write(safe(text) + "\n")


def say_json(value: Any) -> None:
    """Print a value as one line of JSON; what standard output can't encode is escaped."""
    text = to_line(value)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(value, allow_nan=False)
    sys.stdout.write(text + "\n")


def to_line(value: Any) -> str:
    """A value as JSON on one line, legible and safe to encode: half a character (a lone surrogate) is escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()


def note(text: str) -> None:
    """Tell something that is not part of the result."""
    typer.echo(safe(text), err=True)


def fail(reason: str) -> None:
    """Tell what went wrong and what to do about it."""
    note(f"Error: {reason}")


def show(answer: Answer) -> None:
    """Print an answer with its sources and doubts: rendered Markdown in a terminal, the Markdown itself elsewhere.

    Warnings, and the receipt where a model was asked, go to standard error.
    """
    if answer.standalone_question != answer.question:
        say(f"Understood as: {answer.standalone_question}\n")
    if answer.state != "answers" and answer.kind != "none":
        missing = f"; not found here: {'; '.join(answer.missing)}" if answer.missing else ""
        say(f"State: {answer.state}{missing}\n")
    if sys.stdout.isatty():
        _render(answer)
    else:
        say(answer.answer)
        if answer.doubtful:
            say()
        for label, claim, reason in _doubts(answer):
            say(f"{label}: {claim}{reason}")
        if answer.citations:
            say("\nSources")
        for c in answer.citations:
            say(f"[{c.marker}] {c.title}{_hedge(answer, c)}\n    “{c.quote}”")
    for warning in answer.warnings:
        note(f"Warning: {warning}")
    if answer.model is not None:
        from rag.home.receipt import receipt

        note(receipt(answer))


def show_draft(text: str, mark: str) -> None:
    """Print what there is of an answer that was not finished, and under it `mark`, which says so."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(rendered(text))
    else:
        say(text)
    say(f"\n{mark}")


def _doubts(answer: Answer) -> list[tuple[str, str, str]]:
    """Label, text and reason of each claim that is not, or not wholly, supported."""
    return [(answer.label(c), c.text, f" ({c.reason})" if c.reason else "") for c in answer.doubtful]


def _hedge(answer: Answer, citation: Citation) -> str:
    level = answer.verdict(citation.marker)
    if level == "unsupported":
        return " (does not support the claim)"
    return " (partly)" if level == "partly" or not citation.supported else ""


def rendered(text: str) -> RenderableType:
    """Markdown of an answer as a terminal shows it."""
    from rich.markdown import Markdown

    # A tag would vanish ("<s> tokens"), and a link could show one address and lead to another.
    text = re.sub(r"(?<!\\)<(?=[A-Za-z/!?])", r"\\<", safe(text))
    text = re.sub(r"(?<!\\)(\[(?:unsupported|no source|partly supported)\])", r"**\1**", text)
    return Markdown(text, hyperlinks=False)


def _render(answer: Answer) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(rendered(answer.answer))
    if answer.doubtful:
        console.print()
    for label, claim, reason in _doubts(answer):
        console.print(Text.assemble((f"{label}: ", "bold yellow"), safe(claim), (safe(reason), "dim")))
    if answer.citations:
        console.print(Text("\nSources", style="bold"))
    for c in answer.citations:
        hedge = (_hedge(answer, c), "yellow")
        console.print(Text.assemble((f"[{c.marker}] ", "cyan"), (safe(c.title), "bold"), hedge))
        console.print(Padding(Text(f"“{safe(c.quote)}”", style="dim"), (0, 0, 0, 4)))


class Progress:
    """A callback `(stage, done, total)` that draws a bar on standard error: nothing before the first call.

    Where standard error is no terminal, each stage is a line, and every half minute another, with the time left.
    """

    def __init__(self) -> None:
        self._bar: rich.progress.Progress | None = None
        self._tasks: dict[str, Any] = {}
        self._told: dict[str, tuple[float, float | None]] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        # What is in brackets changes while a stage goes on.
        name = stage.partition(" (")[0]
        if not sys.stderr.isatty():
            self._tell(name, done, total)
            return
        bar = self._bar or self._start()
        if name not in self._tasks:
            self._tasks[name] = bar.add_task(stage, total=total)
        bar.update(self._tasks[name], description=stage, completed=done, total=total)

    def _tell(self, name: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        began, told = self._told.get(name, (now, None))
        if told is None:
            note(f"{name} …")
        elif total and 0 < done < total and now - told >= NOTED_SECONDS:
            left = round((now - began) * (total - done) / done)
            note(f"{name}: {done:,} of {total:,}, {left // 60} min {left % 60} s left")
        else:
            return
        self._told[name] = began, now

    def _start(self) -> rich.progress.Progress:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        left = TimeRemainingColumn(elapsed_when_finished=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), left)
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        return self._bar
