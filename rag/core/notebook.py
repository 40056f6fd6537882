"""An answer or a table as HTML for a notebook: nothing in it becomes markup but what Markdown means."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.core.answer import Answer, Citation


def of_answer(answer: Answer) -> str:
    """The state where it does not simply answer, the text, warnings, and the source of each marker."""
    state = "" if answer.state == "answers" else f"<p><b>State: {escape(answer.state)}</b></p>"
    warnings = "".join(f"<p><i>Warning: {escape(warning)}</i></p>" for warning in answer.warnings)
    return f"<div>{state}{of_markdown(answer.answer)}{warnings}{sources(answer.citations)}</div>"


def of_markdown(text: str) -> str:
    """The HTML of Markdown without links, pictures and HTML of its own."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    return str(parser.disable(["link", "image", "autolink", "reference", "html_inline", "html_block"]).render(text))


def sources(citations: Iterable[Citation]) -> str:
    """For each marker the title and the quote."""
    items = "".join(
        f'<li value="{c.marker}">{escape(c.title)}: “{escape(c.quote)}”{"" if c.supported else " (not supported)"}</li>'
        for c in citations
    )
    return f"<details open><summary>Sources</summary><ol>{items}</ol></details>" if items else ""
