"""The retrieval inside LlamaIndex, and what holds for every answer whatever is asked."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from serving import ROOT

from rag.core.answer import Answer, Step, Text, Turn
from rag.core.resources import seeds
from rag.index.lexical import words
from rag.papers import load

if TYPE_CHECKING:
    from rag.service import Rag

VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "tests" / "answer.schema.json").read_text()))
PAPERS = load([seeds()]).papers
ABSTRACTS = {p.id: p.abstract for p in PAPERS}
TITLES = {p.id: p.title for p in PAPERS}


class TestRetriever:
    def test_nodes(self, collection: Rag) -> None:
        retriever = collection.as_retriever(7)
        assert isinstance(retriever, BaseRetriever)
        nodes = retriever.retrieve("How is memory saved when weights are quantized?")
        assert len(nodes) == 7
        assert all(isinstance(n, NodeWithScore) for n in nodes)
        scores = [n.get_score(raise_error=True) for n in nodes]
        assert scores == sorted(scores, reverse=True)
        assert len({n.node_id for n in nodes}) == 7, "a paper once"
        for n in nodes:
            assert n.node.get_content(MetadataMode.NONE) == ABSTRACTS[n.node_id]
            assert n.metadata == {"paper_id": n.node_id, "title": TITLES[n.node_id]}

    def test_default_and_all(self, collection: Rag) -> None:
        assert len(collection.as_retriever().retrieve("GPUs")) == 10
        assert len(collection.as_retriever(1000).retrieve("GPUs")) == 82

    @pytest.mark.parametrize(
        ("question", "title"),
        [
            ("Which model puts robots under the control of language?", "OpenVLA"),
            ("attention kernels that partition work between warps", "FlashAttention-2"),
            ("logarithms of Bessel functions", "Accurate Computation of the Logarithm"),
            ("training data that can't be learned from", "CUDA: Convolution-based Unlearnable"),
        ],
    )
    def test_first(self, collection: Rag, question: str, title: str) -> None:
        assert collection.as_retriever(1).retrieve(question)[0].metadata["title"].startswith(title)

    def test_asynchronous(self, collection: Rag) -> None:
        retriever = collection.as_retriever(3)
        found = asyncio.run(retriever.aretrieve(QueryBundle("pipeline bubbles")))
        assert [n.node_id for n in found] == [n.node_id for n in retriever.retrieve("pipeline bubbles")]

    def test_in_a_query_engine_with_any_llm(self, collection: Rag) -> None:
        engine = RetrieverQueryEngine.from_args(
            collection.as_retriever(3),
            llm=MockLLM(),
            node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=-1e9)],
        )
        response = engine.query("What does double quantization save in QLoRA?")
        assert response.source_nodes[0].metadata["title"].startswith("QLoRA")
        assert ABSTRACTS[response.source_nodes[0].node_id] in str(response), "the mock repeats its prompt"


def assert_sound(answer: Answer) -> None:
    data = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    VALIDATOR.validate(data)
    for c in answer.citations:
        assert c.quote == ABSTRACTS[c.paper_id][c.start : c.end]
        assert c.quote == c.quote.strip() != ""
        assert c.title == TITLES[c.paper_id]
        assert c.supported
    assert [c.marker for c in answer.citations] == list(range(1, len(answer.citations) + 1))
    # A quote may hold brackets of its own.
    prose = answer.answer
    for c in answer.citations:
        prose = prose.replace(c.quote, "")
    assert {int(m) for m in re.findall(r"\[(\d+)\]", prose)} == {c.marker for c in answer.citations}
    assert answer.answer.strip()
    assert len(answer.retrieved) >= (1 if answer.standalone_question != answer.question else 10)
    assert len({r.paper_id for r in answer.retrieved}) == len(answer.retrieved)
    scores = [r.score for r in answer.retrieved]
    assert scores == sorted(scores, reverse=True)
    assert answer.searched == 82
    assert answer.abstained == (answer.state in ("nearest", "nothing") and answer.kind != "none")
    if answer.state == "nothing":
        assert not answer.citations
        assert "82" in answer.answer, "says how many papers were searched"
    else:
        assert answer.citations or answer.answer == "The collection holds **82 papers**."
    assert answer.headline is None or not answer.abstained


VOCABULARY = sorted({w for p in PAPERS for w in words(f"{p.title} {p.abstract}")})
SHORT = sorted({p.title.partition(":")[0] for p in PAPERS if ":" in p.title})
FRAMES = [
    "What is {}?",
    "Which papers are about {}?",
    "Compare {} and {}",
    "How many papers use {}?",
    "{}",
    "list {}",
    "{} vs {}, {}",
]
SAMPLED = st.builds(
    lambda frame, fill: frame.format(*fill),
    st.sampled_from(FRAMES),
    st.lists(
        st.one_of(st.sampled_from(SHORT), st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join)),
        min_size=3,
        max_size=3,
    ),
)
QUESTIONS = st.one_of(st.text(min_size=1, max_size=200).filter(str.strip), SAMPLED, SAMPLED)
ONCE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@given(QUESTIONS)
@example("[1] [2] what is “[3]”?")
@example("COMPARE :000000000 AND :000000000")
@example("\x00")
@example("??")
@example("the of and")
@example("{}" * 50)
@example("<script>alert(1)</script> GaLore | `x` | **y**")
@example("🙂 " * 30)
@settings(max_examples=45, deadline=None, suppress_health_check=ONCE)
def test_every_answer_is_sound(collection: Rag, question: str) -> None:
    answer = collection.ask(question)
    assert answer.question == question, "as it was asked"
    assert_sound(answer)


@given(
    SAMPLED,
    st.sampled_from(["and the second one?", "Which of them is faster?", "what about GaLore?", "why?", "Compare them"]),
)
@settings(max_examples=15, deadline=None, suppress_health_check=ONCE)
def test_every_second_answer_is_sound(collection: Rag, first: str, second: str) -> None:
    before = collection.ask(first)
    answer = collection.ask(second, [Turn("user", first), Turn("assistant", before.answer)])
    assert_sound(answer)


@pytest.mark.parametrize("question", ["How do GPipe and Holmes differ?", "What is GaLore?", "List papers on robots"])
def test_the_stream_ends_in_the_answer_that_ask_gives(collection: Rag, question: str) -> None:
    *events, last = collection.stream(question)
    assert isinstance(last, Answer)
    assert [e.stage for e in events if isinstance(e, Step)] == ["understand", "retrieve", "answer"]
    assert "".join(e.text for e in events if isinstance(e, Text)).strip() == last.answer
    again = collection.ask(question)
    assert (again.answer, again.citations, again.retrieved) == (last.answer, last.citations, last.retrieved)
