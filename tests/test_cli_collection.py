"""The command line on the real collection, beside the process that has it open, and in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from serving import ROOT
from test_cli import real
from typer.testing import CliRunner

from rag.cli.app import app

if TYPE_CHECKING:
    from click.testing import Result

    from rag.service import Rag

SCHEMA = json.loads((ROOT / "tests" / "answer.schema.json").read_text())


@pytest.fixture(autouse=True)
def same_home(collection: Rag, collection_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_HOME", str(collection_home))


def here(*arguments: str) -> Result:
    """The command in this process: what a process of its own is for is tested by two of the others."""
    return CliRunner().invoke(app, arguments, prog_name="rag")


def test_ask() -> None:
    result = real("ask", "What does double quantization save in QLoRA?")
    assert result.returncode == 0, result.stderr
    assert "0.37" in result.stdout or "double quantization" in result.stdout
    assert "[1] QLoRA" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == "", "nothing to tell when the index is there"


def test_ask_json() -> None:
    result = here("ask", "What does double quantization save in QLoRA?", "--json")
    answer = json.loads(result.stdout)
    jsonschema.validate(answer, SCHEMA)
    assert result.stdout.count("\n") == 1
    assert answer["citations"]


def test_batch() -> None:
    questions = [
        {"id": "1", "question": "What does double quantization save in QLoRA?"},
        {"id": "2", "question": "How do GPipe and Holmes each use pipeline parallelism?"},
        {"id": "3", "question": " "},
        {
            "id": "4",
            "question": "How much memory does it save?",
            "history": [
                {"role": "user", "content": "What is QLoRA?"},
                {"role": "assistant", "content": "A way to finetune quantized models [1]."},
            ],
        },
        {"id": "5", "question": "x" * 5000},
    ]
    Path("in.jsonl").write_text("".join(json.dumps(q) + "\n" for q in questions) + "broken\n")
    result = here("ask", "--batch", "in.jsonl", "--output", "out.jsonl")
    assert result.exit_code == 0, result.stderr
    answers = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    for answer in answers:
        jsonschema.validate(answer, SCHEMA)
    assert [a["id"] for a in answers] == ["1", "2", "3", "4", "5", None]
    assert [bool(a["citations"]) for a in answers] == [True, True, False, True, False, False]
    assert "QLoRA" in answers[3]["standalone_question"]


def test_papers_are_what_quotes_are_exact_in() -> None:
    papers = {p["id"]: p for p in json.loads(here("papers", "--json").stdout)}
    assert len(papers) == 82
    answer = json.loads(here("ask", "How do GPipe and Holmes each use pipeline parallelism?", "--json").stdout)
    assert {c["title"] for c in answer["citations"]} <= {p["title"] for p in papers.values()}
    for c in answer["citations"]:
        assert papers[c["paper_id"]]["abstract"][c["start"] : c["end"]] == c["quote"]


def test_ingest_again_changes_nothing() -> None:
    result = real("ingest")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("82 papers in papers: 0 added, 0 changed, 0 removed, 82 unchanged (")


def test_doctor() -> None:
    result = here("doctor")
    assert result.exit_code == 0, result.stdout
    assert "82 papers, index-" in result.stdout


def test_what_can_be_read_is_read_and_the_rest_is_told(home: Path) -> None:
    Path("p.jsonl").write_text(
        '{"title": "A paper on trees", "abstract": "Trees grow. They grow by 2 cm a day."}\n'
        '{"title": "Of no trees"}\n"stray"\n'
    )
    result = here("ingest", "p.jsonl", "--strict", "--home", str(home))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "p.jsonl, line 2: has no abstract" in result.stderr
    assert "Traceback" not in result.stderr
    result = here("ingest", "p.jsonl", "--report", "left.tsv", "--home", str(home))
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("2 papers in papers: 2 added")
    assert "Read: 1 paper; 1 record without abstract; 1 refused (is no JSON object" in result.stdout
    assert "Noted: p.jsonl, line 2: has no abstract, found by its title only (“Of no trees”)" in result.stdout
    assert "Refused: p.jsonl, line 3" in result.stdout
    assert Path("left.tsv").read_text().splitlines() == [
        "kind\tfile\tline\treason",
        "noted\tp.jsonl\t2\thas no abstract (“Of no trees”)",
        "refused\tp.jsonl\t3\tis no JSON object with a title and an abstract",
    ]
    found = json.loads(here("papers", "--json", "--home", str(home)).stdout)
    assert [(p["title"], bool(p["abstract"])) for p in found] == [("A paper on trees", True), ("Of no trees", False)]
    answer = json.loads(here("ask", "Which papers are on trees?", "--json", "--home", str(home)).stdout)
    assert {c["title"] for c in answer["citations"]} <= {"A paper on trees"}
