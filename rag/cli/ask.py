"""`rag ask`: one question, or a file of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import console, live
from rag.cli.choosing import Author, Venue, Wanted, Years, chosen
from rag.cli.session import Options, opened, with_options
from rag.core.errors import UsageError

if TYPE_CHECKING:
    from rag.core.answer import Turn


_Only = tuple[list[str] | None, str | None, list[str] | None, list[str] | None]
"""The papers, years, authors and venues that a question is restricted to."""


@with_options
def ask(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="The question; - reads it from standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
    history: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Conversation so far: a JSON list of {"role", "content"}.'),
    ] = None,
    batch: Annotated[
        str | None, typer.Option(metavar="FILE", help="Answer every line of a JSONL file; - is standard input.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where the answers of a batch go; - is standard output.")
    ] = None,
    papers: Wanted = None,
    years: Years = None,
    author: Author = None,
    venue: Venue = None,
    *,
    options: Options,
) -> None:
    """Answer a question, with sources.

    Answers are made of exact quotes; where a model is configured (RAG_MODEL), it writes them, and each of its claims is
    checked against the abstracts. --no-fallback exits with the model's error where it fails.

    A line of a batch is {"id": ..., "question": ..., "history": [...]}, of which only the question is needed. Answers
    come in the same order; a line that fails becomes an answer that says why, and the batch goes on.

    \b
    Examples:
      rag ask "How do GPipe and Holmes each use pipeline parallelism?"
      rag ask "Which papers are about scene reconstruction?" --json | jq .citations
      rag ask "Which of these reports a speedup?" --paper GPipe --paper Holmes
      rag ask "How do traps compare?" --author Odgers --years 2018-
      rag ask "What is LoRA?" --model qwen3 --base-url http://127.0.0.1:11434/v1
      echo "What is LoRA?" | rag ask -
      rag ask --batch questions.jsonl --output answers.jsonl
    """
    if (question is None) == (batch is None):
        raise UsageError('Give one question (rag ask "What ...?") or a file of them (rag ask --batch FILE).')
    if question is None:
        if given := next(
            (n for n, v in {"paper": papers, "years": years, "author": author, "venue": venue}.items() if v), ""
        ):
            raise UsageError(f"--{given} belongs to a single question.")
        _many(str(batch), output, history, options)
    elif output is not None:
        raise UsageError("--output belongs to --batch; redirect a single answer with >.")
    else:
        only = (papers, years, author, venue)
        _one(question, history, options, only, as_json=as_json)


def _many(batch: str, output: str | None, history: Path | None, options: Options) -> None:
    if history is not None:
        raise UsageError("--history belongs to a single question; a line of a batch brings its own.")
    from rag.cli.batch import run

    if not run(batch, output or "-", options.config()):
        raise typer.Exit(1)


def _one(question: str, history: Path | None, options: Options, only: _Only, *, as_json: bool) -> None:
    text = sys.stdin.buffer.read().decode("utf-8", "replace").strip() if question == "-" else question
    turns = _read_history(history) if history else ()
    with opened(options.config()) as rag:
        answer = live.answered(rag, text, turns, options=chosen(only[0], rag.papers(), *only[1:]), keep=not as_json)
    if as_json:
        console.say_json(answer.to_json())
    else:
        console.show(answer)


def _read_history(file: Path) -> tuple[Turn, ...]:
    from rag.cli.batch import to_turns

    try:
        return to_turns(json.loads(file.read_text(encoding="utf-8-sig")))
    except OSError as e:
        raise UsageError(f"{file}: {e.strerror}. --history names a JSON file.") from e
    except (ValueError, RecursionError) as e:
        raise UsageError(f"{file}: {e}") from e
