"""Questions put in many ways, answered on the real collection: the papers that are meant, and what is said of them."""

from __future__ import annotations

import pytest

from rag import Answer, Rag
from rag.ask.aspects import kinds
from rag.ask.details import missing_kind


def cited(answer: Answer) -> set[str]:
    """The short names of the papers that an answer cites: what stands before the colon of their titles."""
    return {c.title.partition(":")[0] for c in answer.citations}


@pytest.mark.parametrize(
    "question",
    [
        "Count the papers that use an NVIDIA A100.",
        "In how many abstracts is the A100 mentioned?",
        "how many of the papers mesure speed on NVIDIA's A100",
        "We rent A100 cards. In how many works is this card named?",
    ],
)
def test_a_count_by_name_finds_the_papers_of_the_list(collection: Rag, question: str) -> None:
    listed = collection.ask("Which papers use an A100?")
    counted = collection.ask(question)
    assert len(cited(listed)) > 2
    assert cited(counted) == cited(listed)
    assert f"**{len(cited(counted))} of" in counted.answer


@pytest.mark.parametrize(
    ("question", "figures"),
    [
        ("Momentum-GS, NeuS2 and C4: what gain in performance does each claim?", ["12.8%", "two orders", "15%"]),
        ("Compare the memory savings of SPT, ExpertFlow, and Superpipeline", ["50%", "93.72%", "60%"]),
        ("On which cards were GaLore, FlashAttention-2 and SqueezeLLM run?", ["RTX 4090", "A100", "A6000"]),
    ],
)
def test_each_side_is_quoted_with_the_figure_that_is_asked_for(
    collection: Rag, question: str, figures: list[str]
) -> None:
    answer = collection.ask(question)
    assert answer.kind == "comparison"
    assert [figure for figure in figures if figure not in answer.answer] == []
    assert len(answer.answer.split()) <= 260


def test_a_comparison_of_four_with_long_titles_stays_short(collection: Rag) -> None:
    answer = collection.ask(
        "Which accelerators were used in the Megatron-LM cluster paper (3072 GPUs), the paper on the peak analysis of "
        "long contexts, the unlearnable datasets with convolutions, and in Fuyou?"
    )
    assert answer.kind == "comparison"
    assert len(answer.answer.split()) <= 260


def test_what_is_described_is_none_of_the_papers_that_are_named(collection: Rag) -> None:
    question = "Compare the memory savings of SPT, the layer swapping system for GPU memory, and Superpipeline"
    assert len(cited(collection.ask(question))) == 3


@pytest.mark.parametrize(
    ("aspect", "sentence", "has"),
    [
        ("what speedup does each report", "It runs up to 3.1x faster.", True),
        ("what speedup does each report", "It is faster than before.", False),
        ("memory savings", "It cuts the memory footprint by 40%.", True),
        ("memory savings", "It is 2.5 times faster.", False),
        ("what each compresses to save memory", "It cuts the memory footprint by 40%.", False),
        ("which cards they ran on", "We ran it on eight A100 GPUs.", True),
        ("what is placed outside the GPU", "We ran it on eight A100 GPUs.", False),
    ],
)
def test_a_sentence_has_the_kind_of_figure_that_is_asked_for(aspect: str, sentence: str, has: bool) -> None:
    assert bool(kinds(aspect, sentence)) is has


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("How many retraining epochs has it?", False),
        ("How many sensors has it?", True),
        ("Why raise the number of sensors?", False),
        ("What is the number of sensors?", True),
    ],
)
def test_what_an_abstract_says_is_not_there_is_no_missing_detail(question: str, missing: bool) -> None:
    assert missing_kind(question, "It prunes 3 epochs long, without any retraining.") is missing


@pytest.mark.parametrize(
    ("question", "aspects", "quoted"),
    [
        ("Do GraphVite and Legion report speedups?", ["speedup"], "about 50 times faster"),
        ("Are the datasets of GraphVite and Legion the same?", ["datasets"], "66 million nodes"),
        ("Do Legion and GraphVite report speedups on the same hardware?", ["speedup", "hardware"], "4 GPUs"),
        # what is not an aspect that is sure is quoted in full
        ("Do GraphVite and Legion sample edges on the CPU?", [], "random walks"),
    ],
)
def test_beside_a_paper_that_is_not_there_the_other_is_quoted_on_what_is_asked(
    collection: Rag, question: str, aspects: list[str], quoted: str
) -> None:
    answer = collection.ask(question)
    assert (answer.kind, answer.abstained, answer.missing) == ("comparison", False, ("Legion",))
    assert "The collection has no paper on Legion" in answer.answer
    assert cited(answer) == {"GraphVite"}
    assert [aspect.name for aspect in answer.aspects] == aspects
    assert quoted in answer.answer


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("How much faster is it on an H100 GPU?", True),
        ("How much faster is it on an RTX4090?", False),
        ("How much faster is it on an A100?", False),
        ("How fast is it on TPU v4?", True),
    ],
)
def test_a_card_that_the_abstract_does_not_name_is_a_missing_detail(question: str, missing: bool) -> None:
    assert missing_kind(question, "It is 3.04× faster on an A100 GPU, and 2× on an RTX 4090.") is missing
