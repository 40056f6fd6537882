"""A conversation: questions in, page updates out."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.answer import Answer, Step, Text, Turn
from rag.config import MAX_HISTORY, MAX_QUESTION, MAX_TURN
from rag.errors import RagError
from rag.pipeline import Rag
from rag.web import fragments, sources
from rag.web.stopping import Stop, until

# The browser draws a frame in about 16 ms; showing text more often than every third costs work and shows nothing more.
_REFRESH = 0.05

_log = logging.getLogger(__name__)

Message = dict[str, Any]


@dataclass(frozen=True)
class View:
    """What the page shows now: the messages of the chat, the panel of sources (None: as it was), answers so far."""

    messages: list[Message]
    sources: str | None = None
    answers: tuple[Answer, ...] | None = None
    busy: bool = True


def history(answers: Sequence[Answer]) -> tuple[Turn, ...]:
    """The last turns of a conversation, as `Rag.ask` takes them."""
    turns = [turn for a in answers for turn in (Turn("user", a.question), Turn("assistant", a.answer[:MAX_TURN]))]
    return tuple(turns[-MAX_HISTORY:])


def converse(
    rag: Rag, question: str, messages: Sequence[Message], answers: tuple[Answer, ...], stop: Stop
) -> Iterator[View]:
    """Each view of the page, from the question to the answer or to the sentence that says why there is none.

    When the reader stops, what has arrived stays and says that it is incomplete; or all goes, where that was asked. It
    stays as well when a model fails for good.
    """
    before = [*messages, _message("user", fragments.question(question[:MAX_QUESTION]))]
    written: list[str] = []  # the Markdown of the answer, as far as it has come
    turn = len(answers) + 1
    try:
        yield View([*before, _message("assistant", fragments.status("Reading the question"))])
        for view in _answer(rag, question.strip(), answers, stop, written):
            yield replace(view, messages=[*before, *view.messages])
            if not view.busy:
                return
        yield _forgotten() if stop.forget else View([*before, _stopped(written, turn)], busy=False)
    except RagError as error:
        begun = fragments.draft("".join(written), turn, fragments.broken()) if written else ""
        yield View([*before, _message("assistant", begun + fragments.problem(str(error)))], busy=False)
    except Exception:
        _log.exception("A question failed")
        sentence = (
            "The server met an error of its own; its log on the terminal has the details. Ask again, or restart it."
        )
        yield View([*before, _message("assistant", fragments.problem(sentence))], busy=False)


def _answer(rag: Rag, question: str, answers: tuple[Answer, ...], stop: Stop, written: list[str]) -> Iterator[View]:
    turn, drawn, shown = len(answers) + 1, 0, 0.0
    for event in until(rag.stream(question, history(answers), stop=stop.event), stop):
        match event:
            case Step():
                yield View([_message("assistant", fragments.status(event.detail))])
            case Text():
                written.append(event.text)
            case Answer():
                answers = (*answers, event)
                wanted = sources.needed(answers)
                papers = {paper.id: paper for paper in rag.papers() if paper.id in wanted}
                message = _message("assistant", fragments.answer(event, turn))
                yield View([message], sources.panel(answers, papers), answers, busy=False)
                return
        # A piece that came too soon after the one before is drawn with the next, or when the model pauses.
        if len(written) > drawn and (event is None or time.monotonic() - shown >= _REFRESH):
            shown, drawn = time.monotonic(), len(written)
            yield View([_message("assistant", fragments.draft("".join(written), turn))])


def _stopped(written: Sequence[str], turn: int) -> Message:
    return _message("assistant", fragments.draft("".join(written), turn, fragments.stopped()))


def _forgotten() -> View:
    return View([], sources.EMPTY, (), busy=False)


def _message(role: str, html: str) -> Message:
    return {"role": role, "content": html}
