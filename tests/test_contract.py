"""The JSON of an answer is the contract, field for field, whoever gives it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest
from serving import ROOT

from rag.core.answer import Answer, Aspect, Citation, Claim, Retrieved, Turn, failed

if TYPE_CHECKING:
    from rag.service import Rag

SCHEMA = json.loads((ROOT / "tests" / "answer.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

HISTORY = (Turn("user", "What is QLoRA?"), Turn("assistant", "A way to finetune quantized models [1]."))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "answer",
    [
        failed("q", "the reason", "7"),
        failed("", "the line can't be read"),
        Answer(
            question="q",
            standalone_question="q",
            kind="single",
            answer="a [1]",
            citations=(Citation(1, "p", "t", "quote", 0, 5),),
            retrieved=(Retrieved("p", "t", 0.5),),
        ),
        Answer(
            question="q",
            standalone_question="q",
            kind="comparison",
            answer="a [1]",
            mode="generating",
            model="m",
            claims=(Claim("a", "partly", "half of it", (1,)),),
            citations=(Citation(1, "p", "t", "quote", 0, 5),),
            missing=("x",),
            state="partly",
            headline="a",
            aspects=(Aspect("speedup", (1,)),),
            confidence=0.75,
            prompt_tokens=3,
            completion_tokens=4,
            prompts={"answer": "0123abcd"},
            replayed=True,
            timings_ms={"understand": 1.0, "retrieve": 1.0, "answer": 1.0, "total": 3.0, "first_token": 0.5},
            id="7",
        ),
    ],
    ids=["failed", "unreadable", "cited", "written"],
)
def test_every_answer_fits(answer: Answer) -> None:
    data = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    VALIDATOR.validate(data)
    assert [*data] == [*SCHEMA["properties"]], "the fields of the contract in their order, then ours"
    assert Answer.from_json(data) == answer


@pytest.mark.parametrize(
    "fields",
    [
        {"confidence": 1.5},
        {"confidence": "high"},
        {"replayed": None},
        {"claims": [{}]},
        {"aspects": [{}]},
        {"state": "no"},
    ],
)
def test_the_schema_refuses_what_is_no_answer(fields: dict[str, object]) -> None:
    assert not VALIDATOR.is_valid(failed("q", "r").to_json() | fields)


@pytest.mark.parametrize(
    "missing", ["claims", "prompts", "confidence", "replayed", "aspects", "usage", "state", "headline"]
)
def test_answers_of_earlier_versions_are_read(missing: str) -> None:
    data = failed("q", "r").to_json()
    del data[missing]
    assert Answer.from_json(data) == failed("q", "r")


def test_a_failed_answer_abstains_and_says_why() -> None:
    data = failed("q", "no such thing", "7").to_json()
    assert (data["abstained"], data["kind"], data["warnings"], data["id"]) == (True, "none", ["no such thing"], "7")


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("What does double quantization save in QLoRA?", ()),
        ("How do GPipe and Holmes each use pipeline parallelism?", ()),
        ("Which papers are about neural implicit or Gaussian scene reconstruction?", ()),
        ("How much memory does it need?", HISTORY),
        ("Who won the football world cup in 1990?", ()),
        ("asdf qwer zxcv", ()),
        ("<script>alert(1)</script> $\\alpha$ \x00 \U0001f642", ()),
    ],
)
def test_answers_of_the_collection_fit(collection: Rag, question: str, history: tuple[Turn, ...]) -> None:
    answer = collection.ask(question, history, id="x")
    data = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    VALIDATOR.validate(data)
    assert data["id"] == "x"
    assert data["question"] == question
    assert data["searched"] == 82
    assert data["confidence"] is None or 0 <= data["confidence"] <= 1
    assert data["replayed"] is False
    # What goes on with a paper is asked of that paper only.
    assert len(data["retrieved"]) >= (1 if history else 10)
    assert [r["score"] for r in data["retrieved"]] == sorted((r["score"] for r in data["retrieved"]), reverse=True)
    papers = {p.id: p for p in collection.papers()}
    for c in data["citations"]:
        assert papers[c["paper_id"]].abstract[c["start"] : c["end"]] == c["quote"]
        assert papers[c["paper_id"]].title == c["title"]
        assert f"[{c['marker']}]" in data["answer"]
    assert data["timings_ms"]["total"] > 0
