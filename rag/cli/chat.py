"""`rag chat`: a conversation in the terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from rag.cli import console, live
from rag.cli.choosing import Wanted, chosen
from rag.cli.session import Options, opened, with_options
from rag.core.errors import RagError

if TYPE_CHECKING:
    from rag.core.answer import Turn
    from rag.core.options import Options as Restriction
    from rag.service import Rag

HELP = "Ask a question. /new starts over, /help shows this, /quit or Ctrl-D leaves."


@with_options
def chat(papers: Wanted = None, *, options: Options) -> None:
    """Talk with the collection, question after question.

    A question may refer to the ones before it: "And which of them is faster?"

    /new starts a new conversation, /quit or Ctrl-D leaves, Ctrl-C stops an answer. Reads questions from a pipe, too,
    one a line.

    \b
    Examples:
      rag chat
      printf 'What is QLoRA?\\nHow much memory does it save?\\n' | rag chat
    """
    with opened(options.config()) as rag:
        terminal = sys.stdin.isatty()
        held = rag.papers()
        restriction = chosen(papers, held)
        if terminal:
            _line_editing()
            some = f"{len(restriction.papers)} of " if restriction and restriction.papers else ""
            console.note(f"{some}{len(held)} papers. {HELP}")
        _talk(rag, restriction, terminal)


def _talk(rag: Rag, restriction: Restriction | None, terminal: bool) -> None:
    history: list[Turn] = []
    interrupted = False
    while True:
        try:
            text = _read(terminal)
        except KeyboardInterrupt:
            if interrupted or not terminal:
                raise
            interrupted = True
            console.note("\nCtrl-C again or Ctrl-D leaves.")
            continue
        interrupted = False
        if text is None or text in ("/quit", "/exit"):
            return
        if text == "/new":
            history.clear()
            console.note("A new conversation.")
        elif text.startswith("/"):
            console.note(HELP)
        elif text:
            _exchange(rag, text, history, restriction)


def _exchange(rag: Rag, question: str, history: list[Turn], restriction: Restriction | None) -> None:
    from rag.core.answer import Turn
    from rag.core.config import MAX_HISTORY

    try:
        answer = live.answered(rag, question, history[-MAX_HISTORY:], options=restriction)
    except RagError as e:
        console.fail(str(e))
    except KeyboardInterrupt:
        if not sys.stdin.isatty():
            raise
        console.note("\nStopped.")
    else:
        console.show(answer)
        console.say()
        sys.stdout.flush()
        history += [Turn("user", question), Turn("assistant", answer.answer)]


def _read(terminal: bool) -> str | None:
    """The next line without surrounding space; None at the end."""
    if not terminal:
        line = sys.stdin.buffer.readline()
        return line.decode("utf-8", "replace").strip() if line else None
    try:
        return input("> ").strip()
    except EOFError:
        console.note("")
        return None


def _line_editing() -> None:
    with suppress(ImportError):
        import readline  # noqa: F401  (gives input() arrow keys and recall)
