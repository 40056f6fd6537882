"""HTML fragments of the chat. Every function escapes what it is given and returns one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from types import MappingProxyType
from typing import ParamSpec

from rag.core.answer import Answer
from rag.core.errors import RagError
from rag.core.markdown import as_it_is
from rag.core.paper import Paper, fold
from rag.home import tables as home_tables
from rag.home.receipt import receipt, standing
from rag.web import rows, tables
from rag.web.bridge import button, copier
from rag.web.layers import layered
from rag.web.markdown import counted, doubt, shown, to_html
from rag.web.markup import clean

P = ParamSpec("P")
STOPPED = '<p class="stopped">Stopped. The answer above is incomplete.</p>'
BROKEN = '<p class="stopped">The answer broke off here and is incomplete.</p>'


def anchor(turn: int, marker: int) -> str:
    """The id, on the page, of the passage that `marker` of answer number `turn` stands for."""
    return f"cite-{turn}-{marker}"


def header(name: str, collection: str, papers: int, model: str | None, user: str = "") -> str:
    """The top line: what this is, what it knows, whether a model writes, and who is logged in."""
    answers = "Answers are exact quotes from their abstracts."
    if model:
        answers = f"<b>{shown(model)}</b> writes the answers, and each claim is checked against the abstracts."
    return (
        '<header class="top"><a class="skip" href="#question">Skip to the question</a>'
        f"<h1>{shown(name)}</h1>"
        f"<p>{counted(papers, 'paper')} in the collection <b>{shown(collection)}</b>. {answers}</p>"
        f"{_leaving(user)}</header>"
    )


def _leaving(user: str) -> str:
    return f'<p class="user">{shown(user)} · <a href="logout">Log out</a></p>' if user else ""


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


def told(make: Callable[P, str]) -> Callable[P, str]:
    """`make` for the page: its HTML is cleaned, and where it can't be made, the sentence that says why stands there."""

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return clean(make(*args, **kwargs))
        except RagError as error:
            return clean(problem(str(error)))

    return made


def note(sentence: str) -> str:
    """What became of something that the reader did."""
    return f'<p class="note" role="status">{shown(sentence)}</p>'


def unfinished() -> str:
    """The buttons under a question that has no answer."""
    again = button("retry", "", "Ask again", style="latest") + button("edit", "", "Edit the question", style="latest")
    return f'<div class="bar" role="group" aria-label="This question">{again}</div>'


def answer(value: Answer, turn: int, conversation: str = "", papers: Mapping[str, Paper] = MappingProxyType({})) -> str:
    """A finished answer: how the question was understood, how far it is answered, the text with its markers, doubts,
    warnings, receipt.

    `conversation` is the id of its conversation on the server, for what can be downloaded; `papers` are those that it
    cites, by id.
    """
    links = {c.marker: (anchor(turn, c.marker), c.title) for c in value.citations}
    parts = []
    if fold(value.standalone_question) != fold(value.question):
        parts.append(f'<p class="understood">Understood as: <q>{shown(value.standalone_question)}</q></p>')
    if state := standing(value):
        parts.append(f'<p class="state">{shown(state)}</p>')
    text = _headed(value)
    table = home_tables.table(value, {})
    if table and rows.ranked(value):
        html = rows.html(replace(value, answer=text), table, links, turn, papers, conversation)
    elif table and value.kind == "comparison" and value.mode == "generating":
        html = tables.beside(replace(value, answer=text), table, links, turn)
    else:
        html = to_html(text, links, turn, value.doubtful)
    if value.headline and (first := re.match("<p>.*?</p>", html)):
        parts.append(f'<div class="headline">{first[0]}</div>')
        html = html[first.end() :]
    if value.kind == "overview":
        html = _folding(html)
    elif value.mode == "quoting":
        html = layered(html, value, parts[-1] if parts else "")
    parts.append(html)
    parts.append(_doubts(value))
    if value.warnings:
        items = "".join(f"<li>{shown(warning)}</li>" for warning in value.warnings)
        parts.append(f'<ul class="warnings" aria-label="Warnings">{items}</ul>')
    parts.append(f'<p class="receipt">{shown(receipt(value))}</p>')
    parts.append(_bar(value, turn, conversation if table else ""))
    style = f"answer {value.state} {value.kind}"
    return f'<article class="{style}" id="answer-{turn}" aria-label="Answer {turn}">{"".join(parts)}</article>'


def _headed(value: Answer) -> str:
    """The text with the headline, where there is one, as its first paragraph: what begins with it already is parted
    after that sentence (a list or an overview after the line), and a quote that it is as a whole moves there."""
    text, line = value.answer, " ".join((value.headline or "").split())
    if not line:
        return text
    if said := _begins(line, text):
        first = text.partition("\n")[0] if value.kind in ("list", "overview") or said.count("**") % 2 else said
        return f"{first}\n\n{text[len(first) :].lstrip()}"
    for c in value.citations:
        quote = " ".join(c.quote.split())
        if line in quote:
            if line == quote and value.mode == "quoting":
                own = rf"(?m)^> “{re.escape(as_it_is(quote))}” \[{c.marker}\](?:\n>$)?\n?"
                text = re.sub(own, "", text)
            return f"**“{as_it_is(line)}”** [{c.marker}]\n\n{text}"
    return f"**{as_it_is(line)}**\n\n{text}"


def _begins(line: str, text: str) -> str:
    """The first sentence of a Markdown text, with its markers, where it begins with `line`; else ""."""
    letters = (r"[*_\\]*\s+" if c == " " else rf"[*_\\]*{re.escape(c)}" for c in line.rstrip(".!?"))
    end = r"[^\n]*?(?:[.!?][”\"*_]*(?: *\[[^\]\n]+\])*[.!?]?[*_]*(?=\s|\Z)|$)"
    found = re.match('[“"]?' + "".join(letters) + r"(?!\w)" + end, text, re.MULTILINE)
    return found[0] if found else ""


def _folding(html: str) -> str:
    """An overview whose groups, each under a heading, can be folded."""
    before, *groups = re.split(r"(?=<h3>)", html)
    folding = (re.sub(r"^(<h3>.*?</h3>)", r"<summary>\1</summary>", group) for group in groups)
    return before + "".join(f'<details class="group" open>{group}</details>' for group in folding)


def _bar(value: Answer, turn: int, conversation: str) -> str:
    """What can be done with an answer. Only the last can be asked again: what follows rests on those before."""
    parts = [
        copier(_copied(value), "Copy", label=f"Copy answer {turn}"),
        button("retry", turn, "Retry", label="Ask the last question again", style="latest"),
        button("edit", turn, "Edit question", label="Edit the last question", style="latest"),
        _restricting(value),
        tables.downloads(turn, conversation),
        '<span class="thumbs">',
        button("rate", f"{turn} up", "Helpful", label=f"Answer {turn} is helpful", style="thumb"),
        button("rate", f"{turn} down", "Not helpful", label=f"Answer {turn} is not helpful", style="thumb"),
        "</span>",
    ]
    return f'<div class="bar" role="group" aria-label="Answer {turn}">{"".join(parts)}</div>'


def _restricting(value: Answer) -> str:
    """A button that asks only the papers of a list from now on."""
    ids = dict.fromkeys(c.paper_id for c in value.citations)
    if not rows.ranked(value) or len(ids) < 2 or any(" " in id for id in ids):
        return ""
    return button("choose-these", " ".join(ids), f"Ask only these {len(ids)}")


def _copied(value: Answer) -> str:
    """The answer as text, with what its markers stand for."""
    sources = [f"[{c.marker}] {c.title}: “{c.quote}”" for c in value.citations]
    return "\n".join([value.answer, *([""] if sources else []), *sources])


def _doubts(value: Answer) -> str:
    """The claims that are not supported with their reasons, folded: a title shows only where there is a mouse."""
    if not value.doubtful:
        return ""
    count = len(value.doubtful)
    left_out = sum(value.label(c) == "left out" for c in value.doubtful)
    summary = f"{count} claim{' is' if count == 1 else 's are'} not fully supported"
    summary += f", {left_out} left out" if left_out else ""
    items = "".join(
        f"<li>{doubt(value.label(c), c.verdict, '')} {shown(c.text)}{f' ({shown(c.reason)})' if c.reason else ''}</li>"
        for c in value.doubtful
    )
    return f'<details class="doubts"><summary>{summary}</summary><ul>{items}</ul></details>'
