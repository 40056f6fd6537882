"""HTML fragments of the chat. What they are given is escaped, and each is one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import ParamSpec

from markupsafe import Markup

from rag.core.answer import Answer
from rag.core.errors import RagError
from rag.core.markdown import as_it_is
from rag.core.paper import Paper, fold
from rag.home import tables
from rag.home.receipt import receipt, standing
from rag.web import layers
from rag.web.drawing import macro
from rag.web.markdown import to_html
from rag.web.markup import clean

P = ParamSpec("P")
STOPPED = '<p class="stopped">Stopped. The answer above is incomplete.</p>'
BROKEN = '<p class="stopped">The answer broke off here and is incomplete.</p>'

problem, note, status = (macro("parts", name) for name in ("problem", "note", "status"))
header, question, unfinished = macro("chat", "header"), macro("answer", "question"), macro("answer", "unfinished")
_draft, _answer, _beside = (macro("answer", name) for name in ("draft", "answer", "beside"))


def anchor(turn: int, marker: int) -> str:
    """The id, on the page, of the passage that `marker` of answer number `turn` stands for."""
    return f"cite-{turn}-{marker}"


def draft(text: str, turn: int, note: str = "") -> str:
    """The part of an answer that has arrived."""
    return _draft(Markup(to_html(text, {}, turn)), turn, Markup(note))


def told(make: Callable[P, str]) -> Callable[P, str]:
    """`make` for the page: its HTML is cleaned, and where it can't be made, the sentence that says why stands there."""

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return clean(make(*args, **kwargs))
        except RagError as error:
            return clean(problem(str(error)))

    return made


def answer(value: Answer, turn: int, conversation: str = "", papers: Mapping[str, Paper] = MappingProxyType({})) -> str:
    """A finished answer: how the question was understood, how far it is answered, the text with its markers, doubts,
    warnings, receipt.

    `conversation` is the id of its conversation on the server, for what can be downloaded; `papers` are those that it
    cites, by id.
    """
    links = {c.marker: (anchor(turn, c.marker), c.title) for c in value.citations}
    text, ranked = _headed(value), layers.ranked(value)
    table = tables.table(value, {})
    if table and ranked:
        html = layers.listing(text, table, links, turn, papers, conversation)
    else:
        html = to_html(text, links, turn, value.doubtful)
        if table and value.kind == "comparison" and value.mode == "generating":
            html = _beside(Markup(html), table, links, f"Comparison of answer {turn}", tables.SILENT)
    first = re.match("<p>.*?</p>", html) if value.headline else None
    headline = first[0] if first else ""
    html = html[len(headline) :]
    if value.kind == "overview":
        html = layers.folding(html)
    elif value.mode == "quoting":
        html = layers.layered(html, value, headline)
    # A button asks only the papers of a list from now on.
    ids = list(dict.fromkeys(c.paper_id for c in value.citations)) if ranked else []
    return _answer(
        value,
        turn,
        understood=fold(value.standalone_question) != fold(value.question),
        state=standing(value),
        headline=Markup(headline),
        text=Markup(html),
        receipt=receipt(value),
        kept=conversation if table else "",
        ids=ids if len(ids) > 1 and not any(" " in id for id in ids) else [],
        copied=_copied(value),
    )


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


def _copied(value: Answer) -> str:
    """The answer as text, with what its markers stand for."""
    sources = [f"[{c.marker}] {c.title}: “{c.quote}”" for c in value.citations]
    return "\n".join([value.answer, *([""] if sources else []), *sources])
