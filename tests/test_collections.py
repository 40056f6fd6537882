"""The reference sets over abstracts that the user brings, and the switches of the ablation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.collections import COLLECTIONS, HERE, Incomplete, arxiv_id, items, records
from eval.switches import SWITCHES
from rag.evaluation.items import read
from rag.papers import Paper


@pytest.mark.parametrize(
    ("written", "id"),
    [
        ("1910.1293699999999", "1910.12937"),
        ("704.1158", "0704.1158"),
        ("1304.511", "1304.5110"),
        ("arxiv-cs-0305053", "cs/0305053"),
        ("cs.DL/0305053", "cs/0305053"),
        ("arXiv:1706.05985v2", "1706.05985"),
        ("a paper", ""),
    ],
)
def test_arxiv_ids_that_a_spreadsheet_took_for_numbers(written: str, id: str) -> None:
    assert arxiv_id(written) == id


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_sets_name_papers_of_their_list(name: str) -> None:
    ids = (HERE / f"{name}.txt").read_text().split()
    asked = read(HERE / f"{name}.jsonl")
    assert len(set(ids)) == len(ids) >= 170
    assert {i for item in asked for i in (*item.gold_papers, *item.borderline_papers)} <= set(ids)
    papers = [Paper(f"{n}-id", id, "", "", key=id) for n, id in enumerate(ids)]
    named = {p.id for p in papers}
    assert all(set(item.gold_papers) <= named for item in items(name, papers))


def test_a_file_that_lacks_papers_says_which_and_what_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "ori_pqal.json"
    file.write_text(json.dumps({"1": {"QUESTION": "Why?", "LABELS": ["A"], "CONTEXTS": ["So."], "YEAR": "2001"}}))
    with pytest.raises(Incomplete, match=r"lack 260 of 260 papers.*pubmedqa"):
        records("medicine", [file])


@pytest.mark.parametrize("name", [n for n in SWITCHES if not n.startswith(("sentence: ", "list: ", "certainty: "))])
def test_each_switch_puts_back_what_it_took(name: str) -> None:
    with SWITCHES[name]():
        pass
    with SWITCHES[name]():
        pass
