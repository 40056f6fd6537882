"""Chosen papers side by side: a table of what each abstract says of each aspect, for the page and as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.ask.matrix import MAX_PAPERS, Comparison
from rag.core.answer import Citation
from rag.core.paper import Paper
from rag.home import tables
from rag.service import Rag
from rag.web.bridge import button
from rag.web.markdown import counted, shown
from rag.web.paperlist import address

ASPECTS = "method, data, results, hardware"
"""What papers are compared by where nobody has written anything else."""
MAX_TEXT = 1_000
"""Characters of all aspects together."""


def aspects(text: str) -> list[str]:
    """The aspects in a text that has commas or semicolons between them."""
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


def table(value: Comparison, papers: Mapping[str, Paper]) -> tables.Table:
    """The comparison as a table to keep, with what is known of the papers."""
    quotes = {row.paper_id: [cell.quotes for cell in row.cells] for row in value.rows}
    return tables.arranged(value.aspects, quotes, papers)


def quotes(rag: Rag, ids: Sequence[str], aspects: Sequence[str]) -> dict[str, list[tuple[Citation, ...]]]:
    """What each of any number of papers says of each aspect. Raises what `Rag.compare` does."""
    found: dict[str, list[tuple[Citation, ...]]] = {}
    for start in range(0, len(ids) if aspects else 0, MAX_PAPERS):
        compared = rag.compare(ids[start : start + MAX_PAPERS], aspects)
        found |= {row.paper_id: [cell.quotes for cell in row.cells] for row in compared.rows}
    return found


def html(value: Comparison, collection: str) -> str:
    """The comparison on the page; each quote is a button that opens its paper at that sentence."""
    head = "".join(f'<th scope="col">{shown(name)}</th>' for name in ("Paper", *value.aspects))
    rows = ""
    for row in value.rows:
        cells = "".join(f"<td>{cell(one.quotes)}</td>" for one in row.cells)
        name = button("read", row.paper_id, shown(row.title), style="title")
        rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    fields = [("collection", collection), *(("id", row.paper_id) for row in value.rows)]
    fields += [("aspect", aspect) for aspect in value.aspects]
    links = "".join(
        f'<a href="{shown(address(f"comparison.{kind}", fields))}" class="link" download>{words}</a>'
        for kind, words in (("csv", "CSV"), ("md", "Markdown"))
    )
    name = f"{len(value.rows)} papers by {counted(len(value.aspects), 'aspect')}"
    return (
        f'<div class="matrix" role="region" aria-label="{name}" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="tools">{links}'
        '<span class="hint">Every quote is exact. Click one to see where it stands.</span></p>'
    )


def cell(quotes: Sequence[Citation]) -> str:
    """The quotes of a cell; each is a button that opens its paper at that sentence."""
    if not quotes:
        return f'<span class="silent">{tables.SILENT}</span>'
    return "".join(
        button("read", f"{c.paper_id} {c.start} {c.end}", f"“{shown(c.quote)}”", style="quote") for c in quotes
    )
