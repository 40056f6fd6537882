"""Answers taken apart into statements: our own of every kind, and the prose of other systems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from writers import Writers

from rag import Answer, Citation, Rag, Retrieved
from rag.evaluation.counting import stated_count
from rag.evaluation.markup import plain_text
from rag.evaluation.statements import statements

QLORA = "QLoRA: Efficient Finetuning of Quantized LLMs"
GPIPE = "GPipe: Easy Scaling"


def taken(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """The statements of a text that may speak of two papers."""
    answer = Answer(
        question="?",
        standalone_question="?",
        kind="single",
        answer=text,
        citations=(Citation(1, "a", QLORA, "Quote.", 0, 6),),
        retrieved=(Retrieved("a", QLORA, 1.0), Retrieved("b", GPIPE, 0.5)),
    )
    return [(s.text, s.markers) for s in statements(answer)]


FAST, SMALL = "It trains five times faster than before.", "It needs half of the memory."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"{FAST[:-1]} [1].", [(FAST, (1,))]),
        (f"{FAST} [1]", [(FAST, (1,))]),
        (f"{FAST}[1]", [(FAST, (1,))]),
        (f"{FAST} [1] {SMALL} [2]", [(FAST, (1,)), (SMALL, (2,))]),
        (f"{FAST[:-1]} [1]. {SMALL[:-1]} [2][3].", [(FAST, (1,)), (SMALL, (2, 3))]),
        (f"{FAST} {SMALL} [2]", [(FAST, ()), (SMALL, (2,))]),
        (f"{FAST[:-1]} [3], [1] and [2].", [(FAST, (1, 2, 3))]),
        (f"{FAST[:-1]} [1, 3-5].", [(FAST, (1, 3, 4, 5))]),
        (f"{FAST[:-1]} [1] [1].", [(FAST, (1,))]),
        ("A splits batches [1], while B groups cards [2].", [("A splits batches, while B groups cards.", (1, 2))]),
        (f"**{FAST}** [1] *{SMALL}*", [(FAST, (1,)), (SMALL, ())]),
        (f"{FAST[:-1]} [unsupported]. {SMALL[:-1]} [2] [partly supported].", [(FAST, ()), (SMALL, (2,))]),
        (f"- {FAST} [1]\n- {SMALL} [2]", [(FAST, (1,)), (SMALL, (2,))]),
        (f"1. {FAST} [1]\n2) {SMALL} [2]", [(FAST, (1,)), (SMALL, (2,))]),
        (f"> “{FAST}” [1]\n>\n> “{SMALL}” [2]\n>", [(FAST, (1,)), (SMALL, (2,))]),
        (f"“{FAST} {SMALL}” [1]", [(FAST, (1,)), (SMALL, (1,))]),
        (f'It says: "{FAST} {SMALL}" [1].', [(f'It says: "{FAST}', (1,)), (SMALL, (1,))]),
        ("“We call it “lazy” loading.” [1] “A” [2]", [("We call it “lazy” loading.", (1,)), ("A", (2,))]),
        ("In \\[16\\] and at 5 \\* 3 = 15 it works [1].", [("In [16] and at 5 * 3 = 15 it works.", (1,))]),
        ("`BERT_LARGE` has 340M [weights](https://a.example/b) [1].", [("BERT_LARGE has 340M weights.", (1,))]),
        ("Smith et al. [2] show that e.g. Fig. 3 holds.", [("Smith et al. show that e.g. Fig. 3 holds.", (2,))]),
    ],
)  # fmt: skip
def test_a_sentence_has_its_own_markers(text: str, wanted: list[tuple[str, tuple[int, ...]]]) -> None:
    assert taken(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Three papers fit this, the closest first.",
        "**4 of 82 papers** fit; all were considered.",
        "**1 of 1 paper** fits; all were considered.",
        "The collection holds **82 papers**.",
        "There are four papers that compare themselves with vLLM:",
        "There are four such papers in the collection.",
        "The collection has no paper on PipeDream.",
        f"The collection has no paper on PipeDream; it is only mentioned, in {GPIPE}.",
        "The abstract does not mention the learning rate.",
        f"The abstract of **{QLORA} of Many Sizes on a Single Graphics Card** does not say.",
        "The sources do not say which optimizer was used [1].",
        "The learning rate is not mentioned [1].",
        "There is no information on the learning rate.",
        f"**{QLORA}**",
        f"{GPIPE} [1]",
        f"1. **{QLORA}**:",
        "## How they differ in memory and speed",
        "Here is what the papers say about memory:",
        "Would you like to know more about it?",
        "| Paper | What its abstract says |\n|---|---|\n| **GPipe** | |",
        "---",
        "***",
        "",
        "References\n[1] Dettmers et al. 2023, QLoRA is about 4-bit finetuning.",
        "I hope this helps!",
    ],
)
def test_scaffolding_is_no_statement(text: str) -> None:
    assert taken(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "There is no evidence of a loss in quality at 4 bits",
        "We observe no data degradation on any task",
        "The abstract does not give a rate, but it reports a speedup of 5x",
    ],
)
def test_a_cited_sentence_with_a_negation_is_one(text: str) -> None:
    assert taken(f"{text} [1].") == [(f"{text}.", (1,))]


def test_a_quoted_sentence_is_one_whatever_it_says() -> None:
    assert taken("> “The abstract does not say.” [1]") == [("The abstract does not say.", (1,))]


def test_labels_and_titles_before_a_quote_are_left_out() -> None:
    text = f"1. **{QLORA}**: “{FAST}” [1] “{SMALL}” [2]\n2. {GPIPE}: {SMALL} [3]\n\nIts abstract: “{FAST}” [4]"
    assert taken(text) == [(FAST, (1,)), (SMALL, (2,)), (SMALL, (3,)), (FAST, (4,))]


def test_the_cells_of_a_table_are_statements() -> None:
    ours = f"| Paper | What its abstract says |\n|---|---|\n| **{QLORA}** | “{FAST}” [1]<br>“{SMALL}” [2] |\n"
    assert taken(ours) == [(FAST, (1,)), (SMALL, (2,))]
    theirs = (
        "| Aspect | QLoRA | GPipe |\n|:--|--:|:-:|\n| Main gain in use | 4-bit weights [1] | a \\| b or 8x speed [2] |"
    )
    assert taken(theirs) == [("4-bit weights", (1,)), ("a | b or 8x speed", (2,))]


@pytest.fixture(scope="module")
def writers(collection: Rag, collection_home: Path) -> Iterator[Writers]:
    made = Writers(collection_home)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What does double quantization save in QLoRA?", "single"),
        ("Which data type does QLoRA introduce for normally distributed weights?", "single"),
        ("How do GPipe, Holmes and PipeDream-9 each use pipeline parallelism?", "comparison"),
        ("Which papers are about speculative decoding?", "list"),
    ],
)
def test_of_a_quoting_answer_every_quote_is_one_statement(collection: Rag, question: str, kind: str) -> None:
    answer = collection.ask(question)
    assert (answer.kind, answer.abstained) == (kind, False)
    quotes = {c.marker: " ".join(c.quote.split()) for c in answer.citations}
    found = statements(answer)
    assert [(s.text, s.markers) for s in found] == [(quotes[m], (m,)) for s in found for m in s.markers]
    assert {m for s in found for m in s.markers} == set(quotes)


def test_of_a_generating_answer_every_claim_and_every_quote_is_one(writers: Writers) -> None:
    true = "Double quantization reduces the average memory footprint by quantizing the quantization constants"
    false = "Double quantization saves 99.7 GB of memory on every GPU"
    rag, _ = writers(f"{true} [1]. {false} [1].\nThe abstract does not mention a learning rate.")
    answer = rag.ask("What does double quantization save in QLoRA?")
    assert answer.mode == "generating"
    found = statements(answer)
    assert [(s.text, s.markers) for s in found[:2]] == [(c.text, c.markers) for c in answer.claims]
    quotes = {" ".join(c.quote.split()) for c in answer.citations}
    assert "Its abstract:" in answer.answer or "**" in answer.answer
    assert {s.text for s in found[2:]} <= quotes and found[2:]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("**4 of 82 papers** fit; all were considered.\n\n1. **GPipe**", 4),
        ("1 of 82 papers fits; all were considered.", 1),
        ("There are four papers that compare themselves with vLLM.", 4),
        ("I found twelve papers in the collection of 82 papers.", 12),
        ("Of the 82 papers, seven papers deal with it.", 7),
        ("I searched 82 abstracts and found 3 relevant studies.", 3),
        ("Three: BatchLLM, S-LoRA and Sarathi-Serve.", 3),
        ("Only two. GPipe and Holmes.", 2),
        ("Two of them do: GPipe and Holmes.", 2),
        ("Three do so: FSMoE, Flash-LLM and SE-MoE.", 3),
        ("In three: COAT, GPipe and Holmes.", 3),
        ("5", 5),
        ("The total number of papers is 11.", 11),
        ("Total: 1,024 papers", 1024),
        ("Twenty-one papers use it.", 21),
        ("No papers use reinforcement learning.", 0),
        ("All 82 papers were considered. Six papers fit.", 6),
        ("Two recent papers speed up decoding by 2.5x on 8 GPUs.", 2),
        ("1. **GPipe**: it splits batches over 4 GPUs.\n2. **Holmes**: it groups 96 cards.", None),
        ("GPipe and Holmes, by 3.5 times.", None),
        ("They reach 52% on 3072 GPUs.", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_number_that_an_answer_states(text: str, count: int | None) -> None:
    assert stated_count(plain_text(text), searched=82) == count


def test_a_text_without_its_markdown() -> None:
    text = "## Gains\n\n| A | B |\n|---|---|\n| **x** | “5\\% _less_” [1]<br>more |\n\n> quoted [2]\n\n* one `two`\n---"
    assert plain_text(text) == "Gains\nA\nB\nx\n“5% less”\nmore\nquoted\none two"
