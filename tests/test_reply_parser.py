"""The reply of a model as it comes: its first lines, and its citations, however the pieces are cut."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ask.reading.stream import LONGEST, ReplyParser


def mark(pairs: Sequence[tuple[int, int]], line: str) -> list[int]:
    """Sentence 3.2 has the marker 32; sources beyond 5 don't exist."""
    return [10 * source + sentence for source, sentence in pairs if source <= 5]


def parsed(*pieces: str) -> tuple[str, ReplyParser]:
    parser = ReplyParser(mark)
    return "".join(parser.feed(p) for p in pieces) + parser.finish(), parser


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It saves memory [3.2].", "It saves memory [32]."),
        ("It saves memory. [3.2] More.", "It saves memory [32]. More."),
        ("It saves memory[3.2, 3.4].", "It saves memory [32] [34]."),
        ("It saves memory [3.2; 4.1].", "It saves memory [32] [41]."),
        ("It saves memory [3.2–3.4].", "It saves memory [32] [33] [34]."),
        ("It saves memory [3.2-4].", "It saves memory [32] [33] [34]."),
        ("It saves memory [3.2][3.4].", "It saves memory [32] [34]."),
        ("It saves memory [3.2][3.2].", "It saves memory [32]."),
        ("It saves memory【3.2】.", "It saves memory [32]."),
        ("It saves memory [[3.2]].", "It saves memory [32]."),
        ("It saves memory \\[3.2\\].", "It saves memory [32]."),
        ("It saves memory [source 3.2].", "It saves memory [32]."),
        ("It saves memory [Sources 3.2 and 4.1].", "It saves memory [32] [41]."),
        ("It saves memory [S3.2](#s3.2).", "It saves memory [32]."),
        ("It saves memory [3].", "It saves memory [30]."),
        ("It saves memory [1-3].", "It saves memory [10] [20] [30]."),
        ("It saves memory [9.9].", "It saves memory."),
        ("[3.2] It saves memory.", " It saves memory."),
        ("- [3.2]\n- It saves [3.1]", "- \n- It saves [31]"),
        ("| A | 48GB [3.2] |", "| A | 48GB [32] |"),
        ("In [0, 1] and [sic], a[i] and [see below].", "In [0, 1] and [sic], a[i] and [see below]."),
        ("An open [3.2", "An open [3.2"),
        ("A price of $3 (3.2 of them)", "A price of $3 (3.2 of them)"),
    ],
)
def test_citations_become_markers(text: str, shown: str) -> None:
    assert parsed(text)[0] == shown.rstrip() or parsed(text)[0] == shown


HEADERS = [
    ("STATE: answers\n\nYes [1.1].", "answers", (), None),
    ("STATE: partly\nMISSING: a; b c.\nHEADLINE: 48 GB\n\nYes [1.1].", "partly", ("a", "b c"), "48 GB"),
    ("**STATE:** nearest\nYes [1.1].", "nearest", (), None),
    ("`state = nothing`\nYes [1.1].", "nothing", (), None),
    ("```\nSTATE: partially answered\nMISSING: none\n```\nYes [1.1].", "partly", (), None),
    ("State - answers\nYes [1.1].", "answers", (), None),
    ("\n\nSTATE: the sources do not answer\nYes [1.1].", "nearest", (), None),
    ("Yes [1.1].", None, (), None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "state", "missing", "headline"), HEADERS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_first_lines_say_the_state(
    text: str, state: str | None, missing: tuple[str, ...], headline: str | None, size: int
) -> None:
    shown, parser = parsed(*(text[i : i + size] for i in range(0, len(text), size)))
    header = parser.header
    assert (header.state, header.missing, header.headline) == (state, missing, headline)
    assert shown.strip() == "Yes [11]."


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["It saves", " memory", ".", "\n", "[", "]", "3.2", "[3.2]", ", ", "【1.1】", "\\[", "\\]", "(#a)", "[[",
             "]]", "| a |", "STATE: partly", "- ", "é", "?!", " ", "–", "[9.9]"]
        )
    ),
    st.data(),
)  # fmt: skip
def test_how_a_reply_is_cut_changes_nothing(tokens: list[str], data: st.DataObject) -> None:
    text = "".join(tokens)
    whole, expected = parsed(text)
    pieces, at = [], 0
    while at < len(text):
        size = data.draw(st.integers(1, 7))
        pieces.append(text[at : at + size])
        at += size
    shown, parser = parsed(*pieces)
    assert shown == whole
    assert parser.raw == expected.raw
    assert parser.header.__dict__ == expected.header.__dict__


def test_what_can_be_shown_is_shown_at_once() -> None:
    parser = ReplyParser(mark)
    pieces = ("STATE: answers\n", "\n", "It", " saves", " memory", " [3", ".2", "]", ".", " More")
    assert [parser.feed(p) for p in pieces] == [
        "", "", "It", " saves", " memory", "", "", "", " [32]", ". More",
    ]  # fmt: skip


@pytest.mark.parametrize("unit", ["[3.2] a. ", "[", "[[3.2", "\\[", "a [1.1, ", "word "])
def test_a_model_that_runs_on_costs_little_and_is_cut(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.perf_counter()
    shown, parser = parsed("x ", *(text[i : i + 50] for i in range(0, len(text), 50)))
    assert time.perf_counter() - start < 5
    assert len(parser.raw) < 3 * LONGEST
    assert parser.full or len(shown) < LONGEST
