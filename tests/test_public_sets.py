"""The loaders of public sets, on tiny files in the form that the owners of the sets document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.public.__main__ import main
from eval.public.files import Files, SetError
from eval.public.measuring import macro_f1, ranked
from eval.public.sets import SETS

GARLIC = ["Garlic foot baths were tried against athlete's foot.", "After four weeks 71 of 90 feet had healed."]
WALK = ["Older adults walked with music.", "Music made their steps 12% longer in a trial of 60 people."]
ROBOT = ["A robot filled pill boxes in a ward.", "Nurses saved 40 minutes a day, and errors fell by half."]


def written(folder: Path, name: str, content: Any) -> None:
    """A JSON file, or JSONL for a list."""
    lines = [json.dumps(row) for row in content] if isinstance(content, list) else [json.dumps(content)]
    (folder / name).write_text("\n".join(lines) + "\n")


def scifact(folder: Path) -> None:
    corpus = [(11, "Garlic for feet", GARLIC), (12, "Music and gait", WALK), (13, "Robots in wards", ROBOT)]
    rows = [{"doc_id": id, "title": title, "abstract": text, "structured": False} for id, title, text in corpus]
    written(folder, "corpus.jsonl", rows)
    evidence = {"11": [{"sentences": [1], "label": "SUPPORT"}]}
    claims = [
        {"id": 1, "claim": "Garlic foot baths heal athlete's foot.", "evidence": evidence, "cited_doc_ids": [11]},
        {"id": 2, "claim": "Music makes the steps of older adults longer.", "evidence": {}, "cited_doc_ids": [12]},
    ]
    written(folder, "claims_dev.jsonl", claims)


def litsearch(folder: Path) -> None:
    corpus = [(1, "Garlic", GARLIC), (2, "Music", WALK), (3, "Robots", ROBOT)]
    rows = [{"corpusid": id, "title": title, "abstract": " ".join(text)} for id, title, text in corpus]
    written(folder, "corpus_clean.jsonl", rows)
    written(folder, "query.jsonl", [{"query": "papers about music and the gait of older adults", "corpusids": [2]}])


def pubmedqa(folder: Path) -> None:
    rows = {"101": ("Do garlic baths heal feet?", GARLIC), "102": ("Does music lengthen the steps of adults?", WALK)}
    found = {
        id: {"QUESTION": q, "CONTEXTS": c, "LABELS": ["A", "B"], "final_decision": "yes"} for id, (q, c) in rows.items()
    }
    written(folder, "ori_pqal.json", found)


def csfcube(folder: Path) -> None:
    labels = ["background_label", "result_label"]
    rows = [
        {"paper_id": id, "title": title, "abstract": text, "pred_labels": labels}
        for id, title, text in (("1", "Garlic", GARLIC), ("2", "Music", WALK), ("3", "Garlic again", GARLIC[::-1]))
    ]
    written(folder, "abstracts-csfcube-preds.jsonl", rows)
    for facet in ("background", "method", "result"):
        written(folder, f"test-pid2anns-csfcube-{facet}.json", {"1": {"cands": ["2", "3"], "relevance_adju": [0, 3]}})


def mtragun(folder: Path) -> None:
    def task(said: Sequence[str], state: str, passages: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        turns = [{"speaker": ("user", "agent")[n % 2], "text": text} for n, text in enumerate(said)]
        contexts = [{"document_id": id, "text": " ".join(text)} for id, text in passages.items()]
        return {"input": turns, "contexts": contexts, "answerability": [state], "Collection": "ward", "turn": "1"}

    tasks = [
        task(["How many minutes a day did nurses save with the robot?"], "ANSWERABLE", {"r": ROBOT}),
        task(["Tell me of garlic baths.", "They heal.", "How many feet healed?"], "PARTIAL", {"g": GARLIC, "w": WALK}),
        task(["Who won the football world cup in 1990?"], "UNANSWERABLE", {}),
        task(["And that?"], "UNDERSPECIFIED", {}),
    ]
    written(folder, "reference.jsonl", tasks)


def attributionbench(folder: Path) -> None:
    def row(n: int, claim: str, label: str) -> dict[str, Any]:
        known = {"question": "q", "references": [" ".join(ROBOT)], "src_dataset": "S", "id": str(n)}
        return {**known, "claim": claim, "attribution_label": label}

    rows = [
        row(1, "Nurses saved 40 minutes a day with the robot that filled pill boxes.", "attributable"),
        row(2, "Nurses saved 95 minutes a day with the robot that filled pill boxes.", "not attributable"),
    ]
    written(folder, "test_ood_all_subset_balanced.jsonl", rows)


MADE = {
    "scifact": (scifact, {"nDCG@10": 1, "R@5": 1, "rationale quoted": 1}),
    "litsearch": (litsearch, {"R@5": 1, "gold cited": 1}),
    "pubmedqa": (pubmedqa, {"nDCG@10": 1, "evidence first": 1}),
    "csfcube": (csfcube, {"background nDCG@10": 1, "result AP(rel=2)": 1}),
    "mtragun": (mtragun, {"refusal precision": 1, "refusal recall": 1, "nDCG@10": 1}),
    "attributionbench": (attributionbench, {"macro-F1": 1, "S macro-F1": 1}),
}


def test_every_set_is_tried_here() -> None:
    assert MADE.keys() == SETS.keys()


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_asked_from_its_files(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, wanted = MADE[name]
    make(tmp_path)
    out = tmp_path / "figures.json"
    assert main([name, "--data", str(tmp_path), "--output", str(out)]) == 0
    found = json.loads(out.read_text())
    for measure, value in wanted.items():
        assert found["figures"][measure]["value"] == pytest.approx(value, abs=0.4 if "nDCG" in measure else 1e-9)
        assert found["figures"][measure]["low"] <= found["figures"][measure]["value"]
    said = capsys.readouterr().out
    for file, digest in found["files"].items():
        assert digest == hashlib.sha256((tmp_path / file).read_bytes()).hexdigest()
        assert digest in said


@pytest.mark.parametrize("name", SETS)
def test_a_file_that_is_missing_is_told_with_where_it_is_found(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--data", str(tmp_path)]) == 1
    assert "docs/public-sets.md" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "line 1 is not JSON"),
        ('{"query": "a"}', "record 1 lacks corpusids"),
        ("[]", "is no object"),
        ("", "no record"),
    ],
)
def test_a_file_of_another_shape_says_in_what(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "query.jsonl").write_text(text + "\n")
    with pytest.raises(SetError, match=says):
        Files(tmp_path).rows("query*.jsonl", needed=("query", "corpusids"))


def test_sentences_with_other_labels_are_refused_and_not_passed_over(tmp_path: Path) -> None:
    csfcube(tmp_path)
    file = tmp_path / "abstracts-csfcube-preds.jsonl"
    file.write_text(file.read_text().replace('_label"', '_x"'))
    with pytest.raises(SetError, match="background_x, result_x, none of which is known"):
        SETS["csfcube"](Files(tmp_path), 0, 0)


def test_parquet_is_read_where_pyarrow_is(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"query": ["a"], "corpusids": [[1, 2]]}), tmp_path / "query-0.parquet")
    files = Files(tmp_path)
    assert files.rows("query*.parquet", needed=("query",)) == [{"query": "a", "corpusids": [1, 2]}]
    assert [*files.hashes] == ["query-0.parquet"]


def test_macro_f1_by_hand() -> None:
    """Of a: 2 right, 1 missed, 0 false: F1 = .8; of b: 1 right, 0 missed, 1 false: F1 = 2/3."""
    found = macro_f1(["a", "a", "a", "b"], ["a", "a", "b", "b"], ("a", "b"))
    assert found.value == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.low <= found.value <= found.high


def test_a_question_that_finds_nothing_counts_as_nothing_found() -> None:
    found = ranked([["x"], []], [{"x": 1}, {"y": 1}], ("nDCG@10", "R@5"))
    assert {name: (e.value, e.n) for name, e in found.items()} == {"nDCG@10": (0.5, 2), "R@5": (0.5, 2)}
