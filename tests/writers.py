"""Collections that answer with a queued model, and what holds of every answer whatever a model wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
from markdown_it import MarkdownIt
from queued_llm import QueuedLLM, Reply
from serving import ROOT

from rag import Answer, Config, Rag, build

VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "tests" / "answer.schema.json").read_text()))
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Writers:
    """One `Rag` for each set of settings, on the collection in `home`, with a model that says what it is told."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._made: dict[str, tuple[Rag, QueuedLLM]] = {}

    def __call__(self, *replies: Reply, **settings: Any) -> tuple[Rag, QueuedLLM]:
        key = repr(sorted(settings.items()))
        if key not in self._made:
            llm = QueuedLLM("")
            self._made[key] = build(Config(home=self._home, **settings), llm=llm), llm
        rag, llm = self._made[key]
        llm.say(*replies)
        return rag, llm

    def close(self) -> None:
        for rag, _ in self._made.values():
            rag.close()


def shown_markers(answer: Answer) -> list[int]:
    """The markers that the answer shows, in code as well."""
    return [int(m) for m in re.findall(r"(?<!\\)\[(\d{1,4})\]", answer.answer)]


def foreign(markdown: str) -> set[str]:
    """What a reader's Markdown would make of it that may not be there."""
    tokens = MARKDOWN.parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    found = {t.type for t in [*tokens, *inline]} & {"image", "link_open", "html_block"}
    return found | {t.content for t in inline if t.type == "html_inline" and t.content != "<br>"}


def assert_honest(answer: Answer, rag: Rag, *, code: bool = False) -> None:
    """Exact quotes of papers of the collection, markers that stand for them, verdicts with a citation, the contract.

    With `code` the model's text may have markers in code, which are no citations.
    """
    data = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    VALIDATOR.validate(data)
    papers = {p.id: p for p in rag.papers()}
    for c in answer.citations:
        assert papers[c.paper_id].abstract[c.start : c.end] == c.quote
        assert papers[c.paper_id].title == c.title
    markers = {c.marker for c in answer.citations}
    assert markers == set(range(1, len(markers) + 1))
    if not code:
        assert set(shown_markers(answer)) == markers, "what is cited is shown, and nothing else"
    for claim in answer.claims:
        assert set(claim.markers) <= markers
        assert claim.markers or claim.verdict != "supported"
        assert bool(claim.reason) == (claim.verdict != "supported")
    for c in answer.citations:
        claims = [claim for claim in answer.claims if c.marker in claim.markers]
        assert (
            not c.supported or not claims or _quoted(answer, c.quote) or any(x.verdict == "supported" for x in claims)
        )
    assert not foreign(answer.answer)
    assert answer.mode == "generating" or not answer.claims


def _quoted(answer: Answer, quote: str) -> bool:
    shown = re.sub(r"\\([\\`*_\[\]<>|~$#])", r"\1", answer.answer)
    return f"“{' '.join(quote.split())}”" in shown
