"""What a reader gets: answers on the real collection, and on one that was written to do harm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from rag import Answer, Config, Rag, Turn, build
from rag.evaluation.items import Item, choose, read
from rag.evaluation.session import reference_set

SCENES = "Which papers are about neural implicit or Gaussian scene reconstruction?"


def cited(answer: Answer) -> set[str]:
    """The short names of the papers that an answer cites: what stands before the colon of their titles."""
    return {c.title.partition(":")[0] for c in answer.citations}


def shown(answer: Answer) -> str:
    """The answer as its Markdown displays it."""
    return re.sub(r"\\([\\`*_\[\]<>|~$#])", r"\1", answer.answer)


def assert_sound(answer: Answer, rag: Rag) -> None:
    """Every quote is exact, is shown, and is where its marker says."""
    abstracts = {p.id: p.abstract for p in rag.papers()}
    for c in answer.citations:
        assert c.quote
        assert abstracts[c.paper_id][c.start : c.end] == c.quote
        assert f"“{' '.join(c.quote.split())}” [{c.marker}]" in shown(answer)
    markers = [int(m) for m in re.findall(r"(?<!\\)\[(\d+)\]", answer.answer)]
    assert markers == [c.marker for c in answer.citations] == list(range(1, len(markers) + 1))
    assert answer.abstained == (not answer.citations)


def test_a_question_about_one_paper_gets_its_sentence(collection: Rag) -> None:
    answer = collection.ask("What does double quantization save in QLoRA?")
    assert answer.kind == "single"
    assert cited(answer) == {"QLoRA"}
    assert "reduce the average memory footprint by quantizing the quantization constants" in answer.answer
    assert len(answer.answer.split()) < 110
    assert_sound(answer, collection)


def test_a_comparison_gives_each_side_its_row(collection: Rag) -> None:
    answer = collection.ask("How do GPipe and Holmes each use pipeline parallelism?")
    assert answer.kind == "comparison"
    assert cited(answer) == {"GPipe", "Holmes"}
    assert not answer.missing
    gpipe, holmes = (line for line in answer.answer.splitlines() if line.startswith("| **"))
    assert "batch-splitting pipelining algorithm" in gpipe
    assert "utilizing pipeline parallel techniques" in holmes
    assert_sound(answer, collection)


def test_a_follow_up_is_about_the_papers_of_the_list_before_it(collection: Rag) -> None:
    scenes = collection.ask(SCENES)
    assert scenes.kind == "list"
    assert {"NeuS2", "Momentum-GS"} <= cited(scenes)
    history = [Turn("user", SCENES), Turn("assistant", scenes.answer)]
    faster = collection.ask("And which of them is faster to train?", history)
    assert "NeuS2" in faster.standalone_question
    assert "NeuS2" in cited(faster) <= cited(scenes)
    assert "training speed" in faster.answer
    assert_sound(faster, collection)


def test_a_detail_that_the_abstract_lacks_is_said_to_be_lacking(collection: Rag) -> None:
    answer = collection.ask("How many epochs did the ProxylessNAS search run for?")
    assert answer.abstained
    assert not answer.citations
    assert "ProxylessNAS" in answer.answer
    assert "does not say" in answer.answer
    assert "82 abstracts" in answer.answer


@pytest.mark.parametrize(
    "question", ["What throughput does ZeRo Infinty sustain?", "zero infinty: how many petaflops on how many GPUs?"]
)
def test_a_misspelled_name_is_recognised(collection: Rag, question: str) -> None:
    answer = collection.ask(question)
    assert cited(answer) == {"ZeRO-Infinity"}
    assert "25 petaflops on 512" in answer.answer


@pytest.mark.parametrize(
    ("question", "there"), [("How does H2O compare with SqueezeLLM?", "SqueezeLLM"), ("H2O vs GPTQ", "GPTQ")]
)
def test_a_side_that_is_not_there_is_named(collection: Rag, question: str, there: str) -> None:
    answer = collection.ask(question)
    assert answer.kind == "comparison"
    assert not answer.abstained
    assert answer.missing == ("H2O",)
    assert cited(answer) == {there}
    assert "no paper on H2O" in answer.answer


@pytest.mark.parametrize(
    ("question", "among"),
    [
        ("How many papers are about mixture of experts?", {"FSMoE", "ExpertFlow", "SE-MoE"}),
        ("Which papers are on quantization?", {"GPTQ", "SqueezeLLM", "QLoRA", "FineQuant"}),
        ("list everything on graph neural networks", {"GNNPipe", "PyTorch-Direct"}),
        ("Which papers mention ImageNet?", {"ProxylessNAS", "PC-DARTS"}),
    ],
)
def test_a_list_counts_what_it_lists(collection: Rag, question: str, among: set[str]) -> None:
    answer = collection.ask(question)
    assert answer.kind == "list"
    papers = [c.paper_id for c in answer.citations]
    assert f"**{len(papers)} of 82 papers**" in answer.answer
    assert len(re.findall(r"^\d+\. \*\*", answer.answer, re.MULTILINE)) == len(papers) == len(set(papers))
    assert among <= cited(answer)
    assert_sound(answer, collection)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How do I bake sourdough bread?",
        "what's the weather like today",
        "how much is 2+2",
        "asdkj qwlkej zxcmn",
        "Which papers are about cooking?",
        "How many papers are about protein folding?",
    ],
)
def test_what_the_collection_is_not_about_is_refused(collection: Rag, question: str) -> None:
    answer = collection.ask(question)
    assert answer.abstained
    assert not answer.citations
    assert answer.searched == 82
    assert "82" in answer.answer
    titles = [p.title for p in collection.papers()]
    assert sum(f"- {title}" in shown(answer) for title in titles) == 3


@pytest.mark.parametrize("question", ["hello", "thanks!", "???", "Good morning, how are you?"])
def test_small_talk_is_answered_without_papers(collection: Rag, question: str) -> None:
    answer = collection.ask(question)
    assert answer.abstained
    assert not answer.citations
    assert "Ask me about the papers" in answer.answer
    assert not any(p.title in shown(answer) for p in collection.papers())


@pytest.mark.parametrize("question", ["How many papers are in the collection?", "how many papers do you have"])
def test_the_size_of_the_collection_is_told(collection: Rag, question: str) -> None:
    answer = collection.ask(question)
    assert not answer.abstained
    assert "82 papers" in shown(answer)


@pytest.mark.parametrize("question", ["Which papers do not use GPUs?", "Which papers are not about language models?"])
def test_a_list_by_absence_is_refused(collection: Rag, question: str) -> None:
    answer = collection.ask(question)
    assert answer.abstained
    assert "not what they leave out" in answer.answer


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Which Frontier paper got perfect weak scaling, and on how many GPUs?", "Optimizing Distributed Training"),
        (
            "megatron paper w/ the GPT-2-like 8.3B net: scaling efficiency at 512 gpus",
            "Megatron-LM: Training Multi-Billion Parameter",
        ),
        (
            "momentum paper for block-wise 3D scenes, NOT the local learning one: gain and over whom",
            "Momentum-GS: Momentum Gaussian Self-Distillation",
        ),
        (
            "Weight-only LLM quantization that adapts its granularity and also handles MoE models without fine-tuning?",
            "FineQuant: Unlocking Efficiency",
        ),
    ],
)
def test_papers_that_look_alike_are_told_apart(collection: Rag, question: str, title: str) -> None:
    assert [t.startswith(title) for t in {c.title for c in collection.ask(question).citations}] == [True]


HOSTILE = (
    {
        "title": "Zorblat: Pruning <img src=x onerror=alert(2)> Networks | Fast",
        "abstract": "We propose Zorblat, a pruning method with <img src=x onerror=alert(1)> inside | outside layers. "
        "Zorblat shows ![beacon](http://evil.example/p.png) as its logo for pruning. "
        "Zorblat links [1](javascript:alert(1)) and [2] to its sources of pruning. "
        "Zorblat needs no <script>alert(1)</script> and no `code` | **bold** for a 3x gain in speed.",
    },
    {
        "title": "Quibble: Sparse Attention",
        "abstract": "Attention is slow on long inputs. We present Quibble, a sparse attention kernel that skips empty "
        "blocks. Quibble is 2.5x faster than dense attention in speed.",
    },
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """A `Rag` on abstracts that try to become markup."""
    folder = tmp_path_factory.mktemp("hostile")
    file: Path = folder / "papers.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in HOSTILE), encoding="utf-8")
    with build(Config(home=folder / "home")) as rag:
        rag.ingest([file])
        yield rag


@pytest.mark.parametrize(
    "question",
    [
        "What does Zorblat propose?",
        "What is the logo of Zorblat?",
        "What does Zorblat link?",
        "Which papers are about pruning?",
        "How do Zorblat and Quibble differ in speed?",
        "Compare Quibble with Zorblat",
        "Compare <img src=x onerror=alert(3)>, Grumblefish and Quibble",
        "How many epochs did ![x](http://evil.example) run | in <b>Zorblat</b>?",
        "Who won the [cup](javascript:alert(1)) in 1998?",
    ],
)
def test_what_an_abstract_or_a_question_says_never_becomes_markup(hostile: Rag, question: str) -> None:
    answer = hostile.ask(question)
    assert_sound(answer, hostile)
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(answer.answer)
    inline = [child for token in tokens for child in token.children or ()]
    assert {t.type for t in [*tokens, *inline]}.isdisjoint(
        {"image", "link_open", "html_block", "code_inline", "s_open"}
    )
    assert {t.content for t in inline if t.type == "html_inline"} <= {"<br>"}
    # A pipe in a quote opens no third column.
    rows = sum(t.type == "tr_open" for t in tokens)
    assert sum(t.type in ("th_open", "td_open") for t in tokens) == 2 * rows


@pytest.mark.parametrize("item", choose(read(reference_set()), split="dev")[::5], ids=lambda item: item.id)
def test_every_answer_to_a_reference_question_is_sound(collection: Rag, item: Item) -> None:
    """How good they are is what `make eval` holds against its thresholds."""
    assert_sound(collection.ask(item.question, item.turns), collection)
