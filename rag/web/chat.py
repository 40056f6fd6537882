"""A conversation: questions in, page updates out."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.core.answer import Answer, Step, Text
from rag.core.config import MAX_QUESTION
from rag.core.errors import RagError
from rag.core.options import Options
from rag.core.paper import Paper
from rag.home.conversation import history
from rag.service import Rag
from rag.web import fragments, sources
from rag.web.markup import clean
from rag.web.state import ConversationState
from rag.web.stopping import Stop, until

# The browser draws a frame in about 16 ms; showing text more often than every third costs work and shows nothing more.
_REFRESH = 0.05
FAULT = "The server met an error of its own; its log on the terminal has the details. Ask again, or restart it."

_log = logging.getLogger(__name__)

Message = dict[str, Any]


@dataclass(frozen=True)
class View:
    """What the page shows now: the messages of the chat, the panel of sources (None: as it was), the conversation."""

    messages: list[Message]
    sources: str | None = None
    conversation: ConversationState | None = None
    busy: bool = True


def messages(rag: Rag, conversation: ConversationState) -> list[Message]:
    """The messages of a conversation as far as it is answered."""
    found, papers = [], _papers(rag, conversation.answers)
    for turn, answer in enumerate(conversation.answers, 1):
        found.append(message("user", fragments.question(answer.question)))
        found.append(message("assistant", fragments.answer(answer, turn, conversation.id, papers)))
    return found


def panel(rag: Rag, answers: Sequence[Answer]) -> str:
    """The sources of a conversation."""
    return clean(sources.panel(answers, _papers(rag, answers)))


def _papers(rag: Rag, answers: Sequence[Answer]) -> dict[str, Paper]:
    wanted = sources.needed(answers)
    return {p.id: p for p in rag.papers() if p.id in wanted}


def message(role: str, html: str) -> Message:
    """A message of the chat."""
    return {"role": role, "content": clean(html)}


def converse(rag: Rag, question: str, conversation: ConversationState, options: Options, stop: Stop) -> Iterator[View]:
    """Each view of the page, from the question to the answer or to the sentence that says why there is none.

    When the reader stops, what has arrived stays and says that it is incomplete, unless something else is shown
    instead. It stays as well when a model fails for good.
    """
    before = [*messages(rag, conversation), message("user", fragments.question(question[:MAX_QUESTION]))]
    written: list[str] = []  # the Markdown of the answer, as far as it has come
    turn = len(conversation.answers) + 1
    unanswered = replace(conversation, unanswered=question[:MAX_QUESTION], editing=False)

    def ended(html: str) -> View:
        return View([*before, message("assistant", html + fragments.unfinished())], conversation=unanswered, busy=False)

    try:
        yield View([*before, message("assistant", fragments.status("Reading the question"))], conversation=unanswered)
        for view in _answer(rag, question.strip(), conversation, options, stop, written):
            yield replace(view, messages=[*before, *view.messages])
            if not view.busy:
                return
        if stop.instead is None:
            yield ended(_begun(written, turn, fragments.STOPPED))
    except RagError as error:
        begun = _begun(written, turn, fragments.BROKEN) if written else ""
        yield ended(begun + fragments.problem(str(error)))
    except Exception:
        _log.exception("A question failed")
        yield ended(fragments.problem(FAULT))


def _answer(
    rag: Rag, question: str, conversation: ConversationState, options: Options, stop: Stop, written: list[str]
) -> Iterator[View]:
    turn, drawn, shown = len(conversation.answers) + 1, 0, 0.0
    events = rag.stream(question, history(conversation.answers), stop=stop.event, options=options)
    for event in until(events, stop):
        match event:
            case Step():
                step = fragments.status(event.detail)
                yield View([message("assistant", _begun(written, turn, step) if written else step)])
            case Text():
                written.append(event.text)
            case Answer():
                done = ConversationState(conversation.id, conversation.collection, (*conversation.answers, event))
                finished = message("assistant", fragments.answer(event, turn, conversation.id, _papers(rag, (event,))))
                yield View([finished], panel(rag, done.answers), done, busy=False)
                return
        # A piece that came too soon after the one before is drawn with the next, or when the model pauses.
        if len(written) > drawn and (event is None or time.monotonic() - shown >= _REFRESH):
            shown, drawn = time.monotonic(), len(written)
            yield View([message("assistant", _begun(written, turn))])


def _begun(written: Sequence[str], turn: int, note: str = "") -> str:
    return fragments.draft("".join(written), turn, note)
