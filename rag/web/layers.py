"""A quoting answer in layers: what to read first, and folded below it more of the abstract and the other papers.

The HTML comes from `markdown.to_html`; what is not as the quoting mode writes it stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.core.answer import Answer
from rag.web.bridge import button
from rag.web.markdown import counted

FIRST = 3
"""Sentences of a paper that show at once; of one among several nearest, the first."""
_SHORT = 30  # characters of a name before the colon of a title
_PAPER = re.compile(r"<p><strong>((?!“).*?)</strong></p>\s*<blockquote>\s*(.*?)\s*</blockquote>\s*")
_SIDE = re.compile(r"<tr>\s*<td><strong>(.*?)</strong></td>\s*<td>(.*?)</td>\s*</tr>")
_CITED = re.compile(r'href="#cite-\d+-(\d+)"')


@dataclass(frozen=True, slots=True)
class _Paper:
    """A paper of the answer: its title and its sentences, as HTML."""

    title: str
    sentences: tuple[str, ...]


def layered(html: str, value: Answer, headline: str = "") -> str:
    """The answer on one or a few papers, or of a comparison, folded; `headline` is the HTML of what stands above it."""
    ids = {str(c.marker): c.paper_id for c in value.citations}
    if value.kind == "comparison":
        return _SIDE.sub(lambda m: _side(m[1], m[2].split("<br />"), ids), html).replace(
            '<div class="table"', '<div class="table sides"', 1
        )
    papers = [_Paper(m[1], tuple(re.findall("<p>.*?</p>", m[2]))) for m in _PAPER.finditer(html)]
    if value.kind != "single" or not papers:
        return html
    before, _, after = _PAPER.sub("\0", html).partition("\0")
    after = after.replace("\0", "")
    if value.state == "nearest":
        most = FIRST if len(papers) == 1 else 1
        return before + "".join(_first(paper, ids, most, ()) for paper in papers) + after
    first = _first(papers[0], ids, FIRST, _CITED.findall(headline))
    others = "".join(f"{_named(p, ids)}<blockquote>{''.join(p.sentences)}</blockquote>" for p in papers[1:])
    return before + first + _folded(counted(len(papers) - 1, "other paper"), others) + after


def _first(paper: _Paper, ids: Mapping[str, str], most: int, wanted: Sequence[str]) -> str:
    """A paper with `most` sentences, among them those with a marker of `wanted`, the others folded."""
    cited = [bool(set(_CITED.findall(s)) & {*wanted}) for s in paper.sentences]
    order = sorted(range(len(cited)), key=lambda n: (not cited[n], n))
    shown = set(order[:most])
    first = "".join(s for n, s in enumerate(paper.sentences) if n in shown)
    rest = "".join(s for n, s in enumerate(paper.sentences) if n not in shown)
    more = _folded("More from the abstract", f"<blockquote>{rest}</blockquote>" if rest else "")
    return f"{_named(paper, ids)}<blockquote>{first}</blockquote>{more}"


def _named(paper: _Paper, ids: Mapping[str, str]) -> str:
    """The title of a paper, which opens it where its id is known."""
    id = next((ids[n] for n in _CITED.findall("".join(paper.sentences)) if n in ids), "")
    return f'<p class="paper">{button("read", id, paper.title, style="title") if id else paper.title}</p>'


def _side(title: str, quotes: Sequence[str], ids: Mapping[str, str]) -> str:
    """A row of a comparison: the short name of the paper, its first sentence, the others folded."""
    name, rest = short(title)
    id = next((ids[n] for n in _CITED.findall(quotes[0]) if n in ids), "")
    head = button("read", id, name, style="title") if id else name
    more = _folded(f"{len(quotes) - 1} more", "".join(f"<p>{q}</p>" for q in quotes[1:]))
    small = f" <small>{rest}</small>" if rest else ""
    return f'<tr><th scope="row">{head}{small}</th><td><p>{quotes[0]}</p>{more}</td></tr>'


def short(title: str) -> tuple[str, str]:
    """What a paper is called for short, and the rest of its title: "GPTQ: Accurate …" is GPTQ."""
    name, _, rest = title.partition(":")
    return (name.strip(), rest.strip()) if rest.strip() and len(name) <= _SHORT else (title, "")


def _folded(name: str, html: str) -> str:
    return f'<details class="fold"><summary>{name}</summary>{html}</details>' if html else ""
