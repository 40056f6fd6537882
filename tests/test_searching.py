"""The search of the papers, as its reader types."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from rag.core.paper import Paper
from rag.index.searching import meant, places, search

if TYPE_CHECKING:
    from rag.service import Rag


def paper(id: str, title: str, abstract: str = "", authors: tuple[str, ...] = (), year: int | None = None) -> Paper:
    return Paper(id, title, abstract, abstract, authors, year)


PAPERS = (
    paper("abstract", "Small models", "They are quantized, as QLoRA is, to save memory.", ("Ann Lee",), 2022),
    paper("begun", "Quantizer zoo", "A survey of memory.", ("José Núñez",), 2021),
    paper("whole", "To quantize or not", "An essay.", ("Bo Quant",), 2020),
    paper("author", "Nothing else", "", ("Marie Mélange-Quantz",)),
    paper("phrase", "ZeRO-Infinity: Breaking the Memory Wall", "2.5× faster; C++ and 混合精度训练 too."),
    paper("apart", "The Wall of Memory", "Infinity and zero."),
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["abstract", "begun", "whole", "author", "phrase", "apart"]),
        (" ?! ", ["abstract", "begun", "whole", "author", "phrase", "apart"]),
        ("quant", ["begun", "whole", "author", "abstract"]),  # Titles, authors, abstracts.
        ("quantize", ["whole", "begun", "abstract"]),  # A whole word before the beginning of one.
        ("QUANTIZE", ["whole", "begun", "abstract"]),
        ("antize", []),  # The middle of a word is nothing that anybody types.
        ("nunez", ["begun"]),
        ("NÚÑEZ josé", ["begun"]),
        ("melange", ["author"]),
        ("2021", ["begun"]),
        ("202", ["abstract", "begun", "whole"]),
        ("memory", ["phrase", "apart", "abstract", "begun"]),
        ("wall memory", ["phrase", "apart"]),
        ("memory wall", ["phrase", "apart"]),  # Words that follow each other in the title.
        ("wall of", ["apart"]),
        ("zero-infinity", ["phrase", "apart"]),
        ("2.5×", ["phrase"]),
        ("精度", ["phrase"]),  # Between words of Chinese there is no space.
        ("quant memory", ["begun", "abstract"]),
        ("quantisze", ["whole", "begun", "abstract"]),  # A slip of the pen.
        ("infnity zero", ["phrase", "apart"]),
        ("anfinity", []),  # Nobody errs in the first letter.
        ("quant bananas", []),
    ],
)
def test_every_word_of_the_query_begins_a_word_of_what_is_found(query: str, found: list[str]) -> None:
    assert [p.id for p in search(PAPERS, query)] == found


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("memory", "In-memory MEMORIES of memory.", ["memory", "memory"]),
        ("nunez", "José Núñez", ["Núñez"]),
        ("精度", "混合精度训练", ["精度"]),
        ("infnity", "To infinity", ["infinity"]),
        ("", "Anything", []),
    ],
)
def test_what_was_found_has_a_place_in_the_text(query: str, text: str, found: list[str]) -> None:
    assert [text[a:b] for a, b in places(meant(PAPERS, query), text)] == found


def test_papers_are_near_in_meaning_with_their_sentence(collection: Rag) -> None:
    near = collection.near("pruning LLMs after training", 3)
    assert near[0].paper.title.startswith("PERP")
    assert "Pruning" in near[0].paper.abstract[slice(*near[0].sentence)]
    assert collection.near("the football world cup of 2018") == ()
    assert collection.near("") == ()


def test_words_that_follow_each_other_in_the_title_come_first() -> None:
    apart, together = PAPERS[5], PAPERS[4]
    assert search([apart, together], "memory wall") == [together, apart]


def test_what_changes_is_searched_as_it_is_now() -> None:
    papers = list(PAPERS)
    assert search(papers, "bananas") == []
    papers.append(paper("new", "Bananas"))
    assert [p.id for p in search(papers, "bananas")] == ["new"]
    assert [p.id for p in search(tuple(papers), "bananas")] == ["new"]


def test_each_paper_of_the_collection_is_found_by_its_title(collection: Rag) -> None:
    for wanted in collection.papers():
        assert search(collection.papers(), wanted.title)[0] == wanted


@pytest.mark.parametrize("query", HOSTILE)
def test_hostile_queries_find_what_has_their_words(query: str) -> None:
    held = paper("held", query)
    assert held in search([*PAPERS, held], query)


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_title_is_found_by_itself_and_any_query_is_answered(title: str, query: str) -> None:
    held = paper("held", title)
    assert held in search((*PAPERS, held), title)
    assert set(search((held,), query)) <= {held}


def test_28_000_papers_are_searched_while_one_types(collection: Rag) -> None:
    """Far above the 60 ms that it takes at most on an idle machine: the tests may share theirs."""
    some = collection.papers()
    papers = tuple(replace(some[n % len(some)], id=str(n)) for n in range(28_000))
    search(papers, "first")
    for query in ("q", "quantization", "large language models", "zzzz", "word " * 800):
        start = time.perf_counter()
        search(papers, query)
        assert time.perf_counter() - start < 0.5, query
