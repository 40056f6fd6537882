"""The HTML of the page: macros of the templates in `html/`, a file a component, whose rules are in `style/`.

What a macro is given is escaped, unless it is `Markup`, and what it lacks raises. Its HTML is on one line, which
`rag.web.markup.clean` looks at once more before a browser gets it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from rag.core.paper import Paper
from rag.home.citing import doi_of
from rag.index.searching import places
from rag.web.markdown import chip, counted, doubt, plain
from rag.web.markup import LINE_END, SITE, address, one_line

WIDTH = 200
"""Characters of an abstract that a row of a list shows."""
_BETWEEN = re.compile(r"(?<=>)\n+(?=<)")
_ELSEWHERE = re.compile(r"https?://(?!(?:dx\.)?doi\.org/)", re.IGNORECASE)


def macro(file: str, name: str) -> Callable[..., str]:
    """The macro `name` of `html/FILE.html.j2`."""

    def drawn(*args: Any, **kwargs: Any) -> str:
        html = str(getattr(_templates().get_template(f"{file}.html.j2").module, name)(*args, **kwargs))
        return one_line(_BETWEEN.sub("", html).strip())

    return drawn


class _Unindented(Extension):
    """The indentation of a template is for whoever reads it, and no part of the HTML."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"(?m)^ +", "", source)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        extensions=[_Unindented],
        finalize=lambda value: value if hasattr(value, "__html__") else plain(str(value)),
    )
    found.filters["n"] = "{:,}".format
    found.globals |= {
        "LINE_END": LINE_END, "SITE": SITE, "address": address, "chip": lambda *of: Markup(chip(*of)),
        "counted": counted, "doi_of": doi_of, "doubt": lambda *of: Markup(doubt(*of)), "marked": marked,
        "elsewhere": elsewhere, "pairs": lambda name, values: [(name, value) for value in values], "pieces": pieces,
        "snippet": snippet,
    }  # fmt: skip
    return found


def elsewhere(paper: Paper) -> str:
    """The address of a paper on the web, apart from that of its DOI; "" without one."""
    return paper.url if paper.url and _ELSEWHERE.match(paper.url) else ""


Span = tuple[int, int]


def pieces(text: str, spans: Collection[Span]) -> list[tuple[int, str, list[Span]]]:
    """The text cut where a span begins or ends: for each piece where it begins, and the spans that it is within."""
    cuts = sorted({0, len(text), *(end for span in spans for end in span)})
    return [(a, text[a:b], [span for span in spans if span[0] <= a and b <= span[1]]) for a, b in pairwise(cuts)]


def marked(text: str, words: Sequence[str]) -> Markup:
    """The text with the words of a search between <mark> tags."""
    found = places(words, text)
    return Markup().join(
        Markup("<mark>{}</mark>").format(plain(piece)) if over else plain(piece)
        for _, piece, over in pieces(text, found)
    )


def snippet(abstract: str, words: Sequence[str]) -> Markup:
    """The part of an abstract with most different words of a search, marked; "" where it has none of them."""
    found = places(words, abstract)
    if not found:
        return Markup()

    def different(first: int) -> int:
        return len({abstract[a:b].casefold() for a, b in found if first <= a and b <= first + WIDTH})

    first = max((a for a, _ in found), key=different)
    # Some words before it, to be read as a sentence.
    start = abstract.rfind(" ", 0, max(0, first - WIDTH // 4)) + 1 if first > WIDTH // 4 else 0
    end = len(abstract) if start + WIDTH >= len(abstract) else abstract.rfind(" ", first, start + WIDTH)
    end = end if end > first else min(len(abstract), start + WIDTH)
    before, after = "… " if start else "", " …" if end < len(abstract) else ""
    return Markup(before) + marked(abstract[start:end], words) + after
