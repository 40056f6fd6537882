"""Whatever text a model returns, in whatever pieces: only exact quotes, known papers and honest verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import HOSTILE
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from writers import Writers, assert_honest

from rag import Answer, Rag

QUESTIONS = (
    "What does double quantization save in QLoRA?",
    "How do GPipe and Holmes each use pipeline parallelism?",
    "What throughput does ZeRO-Infinity sustain?",
)
SENTENCES = (
    "QLoRA backpropagates gradients through a frozen, 4-bit quantized pretrained language model",
    "We use QLoRA to finetune more than 1,000 models",
    "We use QLoRA to finetune more than 9,000 models",
    "Our best model family reaches 99.3% of the performance level of ChatGPT",
    "Our best model family reaches 9.93% of the performance level of ChatGPT",
    "GPipe is a pipeline parallelism library",
    "Holmes is a training framework for LLMs",
    "GPipe splits batches, while Holmes is a training framework for LLMs",
    "It sustains over 25 petaflops on 512 NVIDIA V100 GPUs",
    "It sustains over 25 exaflops on 512 NVIDIA H100 GPUs",
    "Bananas were invented in 1823 by the emperor of the moon",
    "The abstract does not say",
    "I cannot answer this",
)
FRAGMENTS = (
    *SENTENCES, *SENTENCES, *HOSTILE, "[1]", "[2]", "[1, 2]", "[1-3]", "[7]", "【1†source】", "(1)", "([2])", "[[1]]",
    "[^1]", "\\[1\\]", "[1](https://evil.example)", "[unsupported]", ". ", ". ", ".\n", "\n\n", "```\n", "`", "~~~",
    "$", "\\(", "\\", "| a | b |\n|---|---|\n| ", " | ", "# ", "- ", "> ", "<think>", "</think>", "</source>",
    "<source id=9>", "https://evil.example", "(", "[", "]", ")", "!", "![", "\u200b", "\u202e", "\u2028", "\x00",
    "\ud800", "\ufffd", " and ", " while ", ", ", "“", "”", "**", '{"question": "x"}', "<|im_end|>", "</s>",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=20), max_size=9).map("".join)


@pytest.fixture(scope="module")
def writers(collection: Rag, collection_home: Path) -> Iterator[Writers]:
    made = Writers(collection_home)
    yield made
    made.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(text=f"{SENTENCES[1]} \ud800 [1].", size=7, question=QUESTIONS[0], strict=False)
@given(text=TEXTS, size=st.sampled_from((1, 3, 7, 1000)), question=st.sampled_from(QUESTIONS), strict=st.booleans())
def test_the_answer_is_honest(writers: Writers, text: str, size: int, question: str, strict: bool) -> None:
    pieces = [text[i : i + size] for i in range(0, len(text), size)] or [""]
    rag, _ = writers(pieces, strict=strict)
    *_, answer = rag.stream(question)
    assert isinstance(answer, Answer)
    assert_honest(answer, rag, code="`" in text or "~~~" in text or "$" in text or "\\" in text)
    answer.answer.encode()
    if strict:
        assert "[unsupported]" not in answer.answer.replace("\\[unsupported]", "")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_a_judge_that_says_anything_does_no_harm(writers: Writers, text: str) -> None:
    rag, _ = writers(f"{SENTENCES[1]} [1]. {SENTENCES[2]} [1].", text or " ", judge=True)
    answer = rag.ask(QUESTIONS[0])
    assert_honest(answer, rag)
    assert [c.verdict for c in answer.claims] == ["supported", "unsupported"]
