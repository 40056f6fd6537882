"""Papers that a text names by their titles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag import Rag
from rag.core.paper import Paper
from rag.index.titles import Titles

TITLES = (
    "Attention Is All You Need",
    "GPTQ: Accurate Post-Training Quantization",
    "S-LoRA: Serving Thousands of Adapters",
    "Serving",
    "Attention Is All You Need",
    "towards: a title that begins with a word",
    "?!",
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("What does “attention is all you NEED” propose?", (0, 4)),
        ("S-LoRA or GPTQ?", (2, 1)),
        ("gptq", ()),
        ("Is GPTQ-v2 better, or QS-LoRA?", ()),
        ("GPTQ: accurate post-training quantization", (1,)),
        ("How is serving done?", (3,)),
        ("towards the end", ()),
        ("Attention is all", ()),
        ("", ()),
    ],
)
def test_a_title_stands_whole_and_a_name_before_a_colon_as_it_is_written(
    text: str, rows: tuple[int, ...], collection: Rag
) -> None:
    paper: Paper = collection.papers()[0]
    assert Titles(replace(paper, title=title) for title in TITLES).within(text) == rows
