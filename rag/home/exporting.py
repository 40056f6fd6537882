"""A conversation to take away: as Markdown with references, and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from rag.core.answer import Answer, Citation
from rag.core.paper import Paper, fold
from rag.home.conversation import Conversation, shortened
from rag.home.notes import Note
from rag.home.receipt import receipt
from rag.home.tables import verbatim

HEADING = 120
"""Characters of a question as a heading; a longer one follows in full."""

# What the text of an answer may have: an escape, code on one line and a break in a cell, which stay; a marker. And what
# it may not: a bracket's end that makes a link or its definition, other HTML, a fence that nothing closes.
_MARKUP = re.compile(
    r"(?P<kept>\\.|(?P<tick>`{1,2})(?!`)[^`\n|]+(?P=tick)(?!`)|<br>)"
    r"|\[(?P<marker>\d{1,4})\](?P<link>[:(])?|\](?=[:(])|<|`+|~{3,}",
    re.DOTALL,
)
_SIGNS = {"unsupported": "✕", "no source": "○", "partly supported": "◐", "left out": "–"}

_Key = tuple[str, int, int]


def to_markdown(
    conversation: Conversation, papers: Mapping[str, Paper], notes: Mapping[str, Note] = MappingProxyType({})
) -> str:
    """The conversation as a document: questions, answers, what is wrong with their claims, warnings, receipts.

    The markers of all answers become one numbering: a quote has one number wherever it is cited, and stands under it in
    the references, to the letter, with what is known of its paper. `papers` are by id; of one that isn't there any more
    the title is named. `notes` are those of the reader, by paper id: a reference has that on its paper.
    """
    numbers = _numbers(conversation.answers)
    about = f"{verbatim(conversation.collection)}, {_when(conversation.created)}"
    parts = [f"# {verbatim(conversation.title) or 'Conversation'}", f"*Asked of the collection {about}*"]
    for turn, answer in enumerate(conversation.answers):
        time = conversation.times[turn] if turn < len(conversation.times) else ""
        parts += _turn(turn + 1, answer, time, numbers)
    quoted = {_key(c): c for answer in conversation.answers for c in answer.citations}
    if quoted:
        parts.append("## References")
        parts += [
            _reference(numbers[key], c, papers.get(c.paper_id), str(notes.get(c.paper_id, "")))
            for key, c in quoted.items()
        ]
    return "\n\n".join(parts) + "\n"


def to_json(conversation: Conversation) -> str:
    """The conversation as a JSON object: title, collection, times, and the answers as the contract has them.

    Its id isn't in it, for who knows that can ask for the conversation.
    """
    turns: list[dict[str, Any]] = []
    for n, answer in enumerate(conversation.answers):
        time = conversation.times[n] if n < len(conversation.times) else None
        turns.append({"time": time, "answer": answer.to_json()})
    about = {name: getattr(conversation, name) for name in ("title", "collection", "created", "updated")}
    return json.dumps({**about, "turns": turns}, ensure_ascii=False, indent=1) + "\n"


def cited(conversation: Conversation, papers: Mapping[str, Paper]) -> tuple[Paper, ...]:
    """The papers that the answers quote, in the order of the first quote, as far as they are still there."""
    ids = dict.fromkeys(c.paper_id for answer in conversation.answers for c in answer.citations)
    return tuple(papers[id] for id in ids if id in papers)


def _numbers(answers: Iterable[Answer]) -> dict[_Key, int]:
    """The number of each quote in the document, by its place."""
    keys = dict.fromkeys(_key(c) for answer in answers for c in answer.citations)
    return {key: n for n, key in enumerate(keys, start=1)}


def _key(citation: Citation) -> _Key:
    return citation.paper_id, citation.start, citation.end


def _turn(turn: int, answer: Answer, time: str, numbers: Mapping[_Key, int]) -> Iterator[str]:
    """The parts of one question with its answer."""
    heading = shortened(answer.question, HEADING)
    yield f"## {turn}. {verbatim(heading)}"
    if heading != " ".join(answer.question.split()):
        yield f"> “{verbatim(answer.question)}”"
    if fold(answer.standalone_question) != fold(answer.question):
        yield f"*Understood as: {verbatim(answer.standalone_question)}*"
    own = {c.marker: numbers[_key(c)] for c in answer.citations}
    yield _renumbered(answer.answer, own)
    if answer.doubtful:
        yield "Not fully supported:\n\n" + "\n".join(_doubts(answer, own))
    if answer.warnings:
        yield "\n".join(f"- Warning: {verbatim(warning)}" for warning in answer.warnings)
    yield f"*{verbatim(receipt(answer))}{f' · {_when(time)}' if time else ''}*"


def _doubts(answer: Answer, own: Mapping[int, int]) -> Iterator[str]:
    for claim in answer.doubtful:
        markers = "".join(f" [{own[m]}]" for m in claim.markers if m in own)
        reason = f" ({verbatim(claim.reason)})" if claim.reason else ""
        label = answer.label(claim)
        yield f"- {_SIGNS[label]} {label}: {verbatim(claim.text)}{markers}{reason}"


def _renumbered(markdown: str, own: Mapping[int, int]) -> str:
    """The Markdown of an answer with its markers as the document numbers them, and no markup that leads out of it.

    What a model wrote may be anything: "[1]: https://…" would turn all markers [1] of the document into links.
    """

    def change(found: re.Match[str]) -> str:
        if found["kept"]:
            return found[0]
        if found["marker"]:
            number = own.get(int(found["marker"]), found["marker"])
            return f"[{number}]" + (f"\\{found['link']}" if found["link"] else "")
        return "]\\" if found[0] == "]" else "".join(f"\\{c}" for c in found[0])

    return re.sub(r"(?:\n>[ \n]*)+$", "", _MARKUP.sub(change, markdown).strip())


def _reference(number: int, citation: Citation, paper: Paper | None, note: str) -> str:
    """The number, the paper as far as it is known, the quote, and the reader's note."""
    known = [verbatim(", ".join(paper.authors)), str(paper.year or ""), _link(paper.url)] if paper else []
    source = ". ".join(part for part in (f"**{verbatim(citation.title)}**", *known) if part)
    noted = f"\n\nYour note: {verbatim(note)}" if note else ""
    return f"\\[{number}\\] {source}.\n\n> “{verbatim(citation.quote)}”{noted}"


def _link(url: str | None) -> str:
    safe = re.fullmatch(r"https?://[^\s<>\"\\\x00-\x1f]+", url or "", re.IGNORECASE)
    return f"<{safe[0]}>" if safe else ""


def _when(time: str) -> str:
    """A time of ours as people write it; one that is none as it is."""
    try:
        return datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M %Z")
    except ValueError:
        return verbatim(time)
