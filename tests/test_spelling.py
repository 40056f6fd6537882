"""What a nugget finds: a right answer in any usual spelling, and no other figure."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from rag.evaluation.items import Nugget, choose, read
from rag.evaluation.session import reference_set

ITEMS = [i for i in read(reference_set()) if i.nuggets]


def nugget(*patterns: str, alias: tuple[str, ...] = ()) -> Nugget:
    return Nugget(text="a fact", importance="vital", aliases=alias, patterns=patterns)


@pytest.mark.parametrize(
    "text",
    [
        "It is 2.5x faster.",
        "It is 2.5× faster.",
        "It is 2.5 times faster.",
        "a 2.5-fold speedup",
        "a 2.5‑fold speedup",
        "faster by a factor of 2.5",
        "by a factor of about 2.5",
    ],
)
@pytest.mark.parametrize("pattern", [r"2\.5\s*(?:x|×)", r"2\.5×", r"2\.5 times"])
def test_a_multiple_in_any_spelling(text: str, pattern: str) -> None:
    assert nugget(pattern).found_in(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"47\.1\s*%", "47.1 percent"),
        (r"47\.1\s*%", "47.1 per cent"),
        ("three GPUs", "3 GPUs"),
        (r"\b3 GPUs", "three GPUs"),
        ("3072", "3,072 GPUs"),
        ("zero-copy", "zero copy access"),
        ("zero copy", "zero‑copy access"),
        ("GPU-days", "0.1 GPU days"),
        ("don't", "they don’t"),
    ],
)
def test_other_spellings(pattern: str, text: str) -> None:
    assert nugget(pattern).found_in(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"3\.65", "13.65"),
        (r"3\.65", "3.657"),
        (r"33\s*%", "733%"),
        ("40", "40,000"),
        ("40", "1.40"),
        ("2.5x", "12.5x"),
        ("three GPUs", "13 GPUs"),
        (r"3\s*x", "a factor of 30"),
        ("128x128", "128x129"),
    ],
)
def test_another_figure_is_not_it(pattern: str, text: str) -> None:
    assert not nugget(pattern).found_in(text)


def test_a_figure_at_the_end_of_a_sentence_is_whole() -> None:
    assert nugget(r"3\.65").found_in("It is 3.65.")
    assert nugget("1024").found_in("on 1,024, and on 2,048")


CHANGED: dict[str, tuple[Callable[[str], str], float, float]] = {
    "a figure put before": (lambda t: re.sub(r"(?<![\d.,])(\d)", r"7\1", t), 0, 0),
    "a figure put behind": (lambda t: re.sub(r"(\d)(?![\d.,])", r"\g<1>3", t), 0, 0),
    "fold": (lambda t: re.sub(r"(\d[\d.]*)\s*(?:x|×)(?!\w)", r"\1-fold", t), 0.97, 1),
    "percent": (lambda t: re.sub(r"(\d)\s*%", r"\1 percent", t), 0.97, 1),
    "hyphens": (lambda t: re.sub(r"(?<=\w)-(?=\w)", " ", t), 0.93, 1),
    "other hyphens": (lambda t: t.replace("-", "‑"), 0.97, 1),
}


@pytest.mark.parametrize("how", CHANGED)
def test_reference_answers_in_other_words(how: str) -> None:
    """A reference answer spelled otherwise keeps its vital nuggets; with other figures it loses them."""
    change, low, high = CHANGED[how]
    kinds = ("number",) if high == 0 else ()
    changed = [(i, change(i.reference_answer)) for i in choose(ITEMS, kinds=kinds)]
    held = [
        all(n.found_in(text) for n in i.nuggets if n.importance == "vital")
        for i, text in changed
        if text != i.reference_answer
    ]
    assert len(held) > 50
    assert low <= sum(held) / len(held) <= high
