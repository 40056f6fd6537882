"""HTML fragments of the chat. Every function escapes what it is given and returns one line."""

from __future__ import annotations

from rag.answer import Answer
from rag.papers.paper import fold
from rag.web.markdown import shown, to_html

_MODES = {"quoting": "Exact quotes, no model", "generating": "Written by a model, checked"}


def anchor(turn: int, marker: int) -> str:
    """The id, on the page, of the passage that `marker` of answer number `turn` stands for."""
    return f"cite-{turn}-{marker}"


def header(name: str, collection: str, papers: int) -> str:
    """The top line: what this is and what it knows."""
    count = f"{papers:,} paper{'' if papers == 1 else 's'}"
    return (
        f'<header class="top"><h1>{shown(name)}</h1>'
        f"<p>{count} in the collection <b>{shown(collection)}</b>. Answers quote them and say where.</p></header>"
    )


def question(text: str) -> str:
    """The reader's own message."""
    return f'<div class="question">{"<br>".join(shown(line) for line in text.splitlines())}</div>'


def status(text: str) -> str:
    """What is happening now."""
    return f'<div class="status" role="status"><span class="pulse" aria-hidden="true"></span>{shown(text)} …</div>'


def draft(text: str, turn: int, note: str = "") -> str:
    """The part of an answer that has arrived."""
    return f'<div class="answer" id="answer-{turn}">{to_html(text, {}, turn)}{note}</div>'


def problem(sentence: str) -> str:
    """An error, as a sentence with its remedy."""
    return f'<div class="problem" role="alert"><b>That did not work.</b> {shown(sentence)}</div>'


def stopped() -> str:
    """The line under an answer that the reader stopped."""
    return '<p class="stopped">Stopped. The answer above is incomplete.</p>'


def answer(value: Answer, turn: int) -> str:
    """A finished answer: how the question was understood, the text with its markers, warnings, receipt."""
    links = {c.marker: (anchor(turn, c.marker), c.title) for c in value.citations}
    parts = []
    if fold(value.standalone_question) != fold(value.question):
        parts.append(f'<p class="understood">Understood as: <q>{shown(value.standalone_question)}</q></p>')
    if value.abstained:
        parts.append('<p class="verdict">The collection does not say</p>')
    parts.append(to_html(value.answer, links, turn))
    if value.warnings:
        items = "".join(f"<li>{shown(warning)}</li>" for warning in value.warnings)
        parts.append(f'<ul class="warnings" aria-label="Warnings">{items}</ul>')
    parts.append(receipt(value))
    style = "answer abstained" if value.abstained else f"answer {value.kind}"
    return f'<article class="{style}" id="answer-{turn}" aria-label="Answer {turn}">{"".join(parts)}</article>'


def receipt(value: Answer) -> str:
    """The small print: mode, model, papers searched and cited, tokens, time."""
    cited = len({c.paper_id for c in value.citations})
    tokens = value.prompt_tokens + value.completion_tokens
    seconds = value.timings_ms.get("total", 0.0) / 1000
    parts = [
        value.model or _MODES[value.mode],
        f"{value.searched:,} paper{'' if value.searched == 1 else 's'} searched",
        f"{cited} cited" if cited else "",
        f"{tokens:,} tokens" if tokens else "",
        f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s",
    ]
    return f'<p class="receipt">{" · ".join(shown(part) for part in parts if part)}</p>'
