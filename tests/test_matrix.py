"""The table of papers by aspects: exact quotes in its cells, or that no sentence clearly says it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hostile import HOSTILE

from rag import Comparison, Rag, UsageError
from rag.ask import matrix
from rag.ask.quoting import Finder
from rag.core.markdown import NOT_SAID
from rag.index.embedding import BuiltinEmbedding
from rag.index.index import Index, current
from rag.index.retrieval import PaperRanker

ASPECTS = ("speedup", "memory savings", "method", "number of parameters", "limitations", "which optimizer was used")
Compare = Callable[[Sequence[str], Sequence[str]], Comparison]


@pytest.fixture(scope="module")
def finder(collection: Rag, collection_home: Path) -> Finder:
    index = Index(current(collection_home / "collections" / "papers"))
    return Finder(index, PaperRanker(index, BuiltinEmbedding()))


@pytest.fixture(scope="module")
def compare(finder: Finder) -> Compare:
    return lambda papers, aspects: matrix.compare(finder, papers, aspects)


def quoted(table: Comparison, paper: int, aspect: int) -> str:
    return " ".join(c.quote for c in table.rows[paper].cells[aspect].quotes)


@pytest.fixture(scope="module")
def everything(finder: Finder, compare: Compare) -> list[Comparison]:
    """Every paper by some aspects, twenty at a time."""
    ids = [p.id for p in finder.index.papers]
    return [compare(ids[i : i + 20], ASPECTS) for i in range(0, len(ids), 20)]


def test_every_quote_is_exactly_what_its_abstract_has(finder: Finder, everything: list[Comparison]) -> None:
    papers = {p.id: p for p in finder.index.papers}
    count = 0
    for table in everything:
        for row in table.rows:
            assert row.title == papers[row.paper_id].title
            for cell in row.cells:
                assert len(cell.quotes) <= 2
                assert cell.confidence is None or (cell.quotes and 0 < cell.confidence <= 1)
                for c in cell.quotes:
                    assert (c.paper_id, c.title) == (row.paper_id, row.title)
                    assert c.quote == papers[row.paper_id].abstract[c.start : c.end]
                count += 1
    assert count == len(papers) * len(ASPECTS)


def test_a_marker_stands_for_one_quote_in_the_whole_table(everything: list[Comparison]) -> None:
    for table in everything:
        citations = table.citations
        assert [c.marker for c in citations] == list(range(1, len(citations) + 1))
        assert len({(c.paper_id, c.start, c.end) for c in citations}) == len(citations)


@pytest.mark.parametrize(
    ("paper", "aspect", "said"),
    [
        ("COAT", "speedup", "1.43x"),
        ("COAT", "how much memory does it save?", "1.54x"),
        ("Sequence Parallelism", "batch size", "13.7×"),
        ("Im2win", "ablation study", "ablation study"),
        ("CO2", "convergence proof", "mathematical proof of convergence"),
        ("Understanding GEMM", "power consumption", "power consumption by 22%"),
        ("Efficient ConvBN", "method", "novel Tune mode"),
        ("Efficient ConvBN", "main results", "significantly reducing GPU memory footprint"),
        ("GraphVite", "problem", "remains a challenging problem"),
    ],
)
def test_an_aspect_may_be_a_word_a_phrase_or_a_question(compare: Compare, paper: str, aspect: str, said: str) -> None:
    assert said in quoted(compare([paper], [aspect]), 0, 0)


@pytest.mark.parametrize("aspect", ["number of participants", "zebra populations", "mortality", "who funded it"])
def test_a_cell_is_empty_where_no_sentence_clearly_says_it(compare: Compare, aspect: str) -> None:
    table = compare(["COAT", "GPTQ", "GPipe", "Holmes"], [aspect])
    assert [(row.cells[0].quotes, row.cells[0].confidence) for row in table.rows] == [((), None)] * 4
    assert table.markdown().count(NOT_SAID) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_aspects_are_shown_as_they_are(compare: Compare, text: str) -> None:
    table = compare(["COAT"], [text, "speedup"])
    header, rule, row, rest = table.markdown().split("\n")
    assert not re.search(r"(?<!\\)[<>`\[\]*$~#]", header)
    assert len(re.findall(r"(?<!\\)\|", header)) == len(re.findall(r"\|", rule)) == 4
    assert "1.43x" in row and rest == ""


def test_papers_by_id_title_and_beginning(finder: Finder, compare: Compare) -> None:
    paper = next(p for p in finder.index.papers if p.title.startswith("COAT"))
    for name in (paper.id, paper.title, "coat:", f"  {paper.title.upper()} "):
        assert [row.paper_id for row in compare([name, paper.id], ["speed", "Speed "]).rows] == [paper.id]


@pytest.mark.parametrize(
    ("papers", "aspects", "message"),
    [
        (["Scaling"], ["speed"], r"papers begin with 'Scaling' \(.+\): write more of the title"),
        (["No such paper"], ["speed"], "No paper has the id 'No such paper'.*rag papers"),
        ([""], ["speed"], "No paper has the id ''"),
        ([], ["speed"], "1 to 20 papers, not 0"),
        (["COAT"] * 21, ["speed"], "1 to 20 papers, not 21"),
        (["COAT"], [], "1 to 8 aspects, not 0"),
        (["COAT"], ["speed"] * 9, "1 to 8 aspects, not 9"),
        (["COAT"], ["?!"], "has no word in it"),
        (["COAT"], ["speed " * 60], "at most 200"),
        (["COAT"], ["half \ud800"], "lone surrogate"),
        ("COAT", ["speed"], "list of texts"),
        (["COAT"], "speed", "list of texts"),
        (["COAT"], [3], "list of texts"),
    ],
)
def test_what_cannot_be_compared(compare: Compare, papers: list[str], aspects: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compare(papers, aspects)


def test_json_holds_all_of_the_table(compare: Compare) -> None:
    data = json.loads(json.dumps(compare(["GPTQ", "COAT"], ["speedup"]).to_json()))
    assert data["aspects"] == ["speedup"] and data["timings_ms"]["total"] > 0
    gptq, coat = data["rows"]
    assert "4.5x" in gptq["cells"][0]["quotes"][-1]["quote"]
    assert coat["cells"][0]["confidence"] > 0.3
