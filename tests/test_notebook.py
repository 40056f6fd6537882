"""What a notebook shows of an answer and of a comparison."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from fake_rag import FakeRag

from rag.ask.matrix import Cell, Comparison, Row
from rag.core.answer import Answer, Citation
from rag.core.config import Config

if TYPE_CHECKING:
    from pathlib import Path

    from rag.service import Rag

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "[1]: https://evil.example",
    '"><svg onload=alert(1)>',
    "<style>*{display:none}</style>",
]
ALLOWED = set("div p b i strong em blockquote details summary ol ul li code pre table thead tbody tr th td".split())


class Tags(HTMLParser):
    """The tags of a text, and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def words(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def test_an_answer_shows_its_text_and_its_sources(collection: Rag) -> None:
    answer = collection.ask("What does double quantization save in QLoRA?")
    html = answer._repr_html_()
    assert "<blockquote>" in html
    assert "State:" not in html
    for cited in answer.citations:
        assert f'<li value="{cited.marker}">{cited.title}: “{cited.quote}”</li>' in html


def test_how_far_it_answers_and_what_is_doubtful_is_said(home: Path) -> None:
    rag = FakeRag(Config(home=home))
    assert "<b>State: nearest</b>" in rag.ask("nearest")._repr_html_()
    assert "“QLoRA is frugal.” (not supported)" in rag.ask("written")._repr_html_()


def test_a_comparison_shows_a_table_with_its_quotes(collection: Rag) -> None:
    html = collection.compare(["QLoRA", "GPipe"], ["memory", "bananas"])._repr_html_()
    assert html.count("<tr>") == 3
    assert "<summary>Sources</summary>" in html


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_in_it_becomes_markup(payload: str) -> None:
    cited = Citation(1, "id", f"Title {payload}", f"Quote {payload}", 0, 1)
    answer = Answer(
        payload, payload, "single", f"{payload}\n\n> {payload} [1]", citations=(cited,), warnings=(payload,)
    )
    table = Comparison((payload,), (Row("id", payload, (Cell((cited,)),)),))
    for html in (answer._repr_html_(), table._repr_html_()):
        tags = Tags(html)
        assert tags.found <= ALLOWED
        assert tags.attributes <= {"value", "open", "style"}
        assert "Quote" in words(html)
