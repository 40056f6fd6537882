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


def converse(rag: Rag, question: str, messages: Sequence[Message], answers: tuple[Answer, ...]) -> Iterator[View]:
    """Each view of the page, from the question to the answer or to the sentence that says why there is none."""
    before = [*messages, _message("user", fragments.question(question[:MAX_QUESTION]))]
    try:
        yield View([*before, _message("assistant", fragments.status("Reading the question"))])
        for view in _answer(rag, question.strip(), answers):
            yield replace(view, messages=[*before, *view.messages])
    except RagError as error:
        yield View([*before, _message("assistant", fragments.problem(str(error)))], busy=False)
    except Exception:
        _log.exception("A question failed")
        sentence = (
            "The server met an error of its own; its log on the terminal has the details. Ask again, or restart it."
        )
        yield View([*before, _message("assistant", fragments.problem(sentence))], busy=False)


def _answer(rag: Rag, question: str, answers: tuple[Answer, ...]) -> Iterator[View]:
    turn, text, shown = len(answers) + 1, "", 0.0
    for event in rag.stream(question, history(answers)):
        match event:
            case Step():
                yield View([_message("assistant", fragments.status(event.detail))])
            case Text():
                text += event.text
                if time.monotonic() - shown >= _REFRESH:
                    shown = time.monotonic()
                    yield View([_message("assistant", fragments.draft(text, turn))])
            case Answer():
                answers = (*answers, event)
                wanted = sources.needed(answers)
                papers = {paper.id: paper for paper in rag.papers() if paper.id in wanted}
                message = _message("assistant", fragments.answer(event, turn))
                yield View([message], sources.panel(answers, papers), answers, busy=False)


def stop(messages: Sequence[Message]) -> list[Message]:
    """The messages when the reader stops an answer: what has arrived stays, and says that it is incomplete."""
    if not messages or messages[-1]["role"] != "assistant":
        return list(messages)
    last = _html(messages[-1])
    if 'class="receipt"' in last or 'class="stopped"' in last or 'class="problem"' in last:
        return list(messages)
    kept = "" if 'class="status"' in last else last
    return [*messages[:-1], _message("assistant", kept + fragments.stopped())]


def _html(message: Message) -> str:
    """The text of a message as Gradio hands it back: a string or a list of parts."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _message(role: str, html: str) -> Message:
    return {"role": role, "content": html}
