"""An answer in layers: what to read first, and below it, folded, what need not be read at once.

The HTML comes from `markdown.to_html`; what is not as the quoting mode writes it stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from rag.core.answer import Answer
from rag.core.paper import Paper
from rag.home.tables import Table
from rag.web.drawing import macro
from rag.web.markdown import to_html

FIRST = 3
"""Sentences of a paper that show at once; of one among several nearest, the first."""
_SHORT = 30  # characters of a name before the colon of a title
_PAPER = re.compile(r"<p><strong>((?!“).*?)</strong></p>\s*<blockquote>\s*(.*?)\s*</blockquote>\s*")
_SIDE = re.compile(r"<tr>\s*<td><strong>(.*?)</strong></td>\s*<td>(.*?)</td>\s*</tr>")
_CITED = re.compile(r'href="#cite-\d+-(\d+)"')
_ITEM = re.compile(r"(?:\d+[.)]|-) ")

Links = Mapping[int, tuple[str, str]]
_listing, _groups = macro("answer", "listing"), macro("answer", "groups")
_paper, _side, _others = (macro("answer", name) for name in ("paper", "side", "others"))


def layered(html: str, value: Answer, headline: str = "") -> str:
    """The answer on one or a few papers, or of a comparison, folded; `headline` is the HTML of what stands above it."""
    ids = {str(c.marker): c.paper_id for c in value.citations}

    def id_of(text: str) -> str:
        return next((ids[n] for n in _CITED.findall(text) if n in ids), "")

    if value.kind == "comparison":

        def side(row: re.Match[str]) -> str:
            (name, rest), (first, *more) = short(row[1]), map(Markup, row[2].split("<br />"))
            return _side(id_of(first), Markup(name), Markup(rest), first, more)

        return _SIDE.sub(side, html).replace('<div class="table"', '<div class="table sides"', 1)
    papers = [(id_of(m[2]), Markup(m[1]), re.findall("<p>.*?</p>", m[2])) for m in _PAPER.finditer(html)]
    if value.kind != "single" or not papers:
        return html

    def first(id: str, title: Markup, sentences: Sequence[str], most: int) -> str:
        """A paper with `most` sentences, among them those that the headline cites, the others folded."""
        wanted = set(_CITED.findall(headline)) if value.state != "nearest" else set()
        order = sorted(range(len(sentences)), key=lambda n: (not wanted & {*_CITED.findall(sentences[n])}, n))
        parts: tuple[list[str], list[str]] = ([], [])
        for n, sentence in enumerate(sentences):
            parts[n not in order[:most]].append(sentence)
        more = Markup(f"<blockquote>{''.join(parts[1])}</blockquote>" if parts[1] else "")
        return _paper(id, title, Markup("".join(parts[0])), more)

    before, _, after = _PAPER.sub("\0", html).partition("\0")
    after = after.replace("\0", "")
    if value.state == "nearest":
        most = FIRST if len(papers) == 1 else 1
        return before + "".join(first(*paper, most) for paper in papers) + after
    others = [(id, title, Markup("".join(sentences))) for id, title, sentences in papers[1:]]
    return before + first(*papers[0], FIRST) + _others(others) + after


def short(title: str) -> tuple[str, str]:
    """What a paper is called for short, and the rest of its title: "GPTQ: Accurate …" is GPTQ."""
    name, _, rest = title.partition(":")
    return (name.strip(), rest.strip()) if rest.strip() and len(name) <= _SHORT else (title, "")


def folding(html: str) -> str:
    """An overview whose groups, each under a heading, can be folded."""
    before, *groups = re.split(r"(?=<h3>)", html)
    parts = (group.partition("</h3>") for group in groups)
    return _groups(Markup(before), [(Markup(head + end), Markup(rest)) for head, end, rest in parts])


def ranked(value: Answer) -> bool:
    """Whether an answer is a list of papers, or a view of a topic that has no groups."""
    return value.kind == "list" or (
        value.kind == "overview" and value.mode == "quoting" and "\n### " not in value.answer
    )


def listing(text: str, table: Table, links: Links, turn: int, papers: Mapping[str, Paper], conversation: str) -> str:
    """The rows of a list, between what its text says before and after. `papers` are those that it cites, by id, as far
    as they are there; a list that isn't kept, whose `conversation` is "", gets no columns."""
    lines = text.splitlines()
    items = [n for n, line in enumerate(lines) if _ITEM.match(line)] or [len(lines)]
    after = (line for line in lines[items[-1] + 1 :] if not line.startswith(" "))
    around = ("\n".join(part) for part in (lines[: items[0]], after))
    title = table.columns.index("Paper")
    rows = [
        (row.paper_id or "", row.cells[title], [c for cell in row.cells if not isinstance(cell, str) for c in cell])
        for row in table.rows
    ]
    before_html, after_html = (Markup(to_html(part, links, turn)) for part in around)
    return _listing(before_html, after_html, rows, links, papers, turn, conversation)
