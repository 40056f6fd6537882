"""What a reader gets without a model: on the seeds, on papers in medicine, on Chinese ones, and on harmful ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from small_collections import CHINESE, write

from rag import Answer, Config, Rag, Turn, build

ABSTAINED = ("nearest", "nothing")
UNSURE = "No sentence here clearly answers this; the nearest are:"


def cited(answer: Answer) -> set[str]:
    """The short names of the papers that an answer cites: what stands before the colon of their titles."""
    return {c.title.partition(":")[0] for c in answer.citations}


def shown(answer: Answer) -> str:
    """The answer as its Markdown displays it."""
    return re.sub(r"\\([\\`*_\[\]<>|~$#])", r"\1", answer.answer)


def assert_sound(answer: Answer, rag: Rag) -> None:
    """Every quote is exact, is shown, and is where its marker says; the state agrees with what is shown."""
    abstracts = {p.id: p.abstract for p in rag.papers()}
    for c in answer.citations:
        assert c.quote
        assert c.supported
        assert abstracts[c.paper_id][c.start : c.end] == c.quote
        assert f"“{' '.join(c.quote.split())}” [{c.marker}]" in shown(answer).replace("\n", " ")
    markers = [int(m) for m in re.findall(r"(?<!\\)\[(\d+)\]", answer.answer)]
    assert list(dict.fromkeys(markers)) == [c.marker for c in answer.citations] == list(range(1, len(set(markers)) + 1))
    assert answer.abstained == (answer.state in ABSTAINED and answer.kind != "none")
    assert answer.citations or answer.state == "nothing" or "papers**" in answer.answer
    assert not answer.citations or answer.state != "nothing"
    assert (UNSURE in answer.answer) == (answer.state == "nearest")
    told = "has no paper on" in answer.answer or "No paper that you chose" in answer.answer
    assert bool(answer.missing) == told or answer.state in ABSTAINED
    if answer.headline is not None:
        assert answer.state in ("answers", "partly")
        assert "\n" not in answer.headline
        assert len(answer.headline.split()) <= 30
        counted = re.match(r"[\d,]+ papers? here (?:is|are) about", answer.headline)
        assert counted or any(answer.headline in " ".join(c.quote.split()) for c in answer.citations)
    if answer.confidence is not None:
        assert 0 <= answer.confidence <= 1


class TestOnePaper:
    def test_it_gets_its_sentence(self, collection: Rag) -> None:
        answer = collection.ask("What does double quantization save in QLoRA?")
        assert answer.kind == "single"
        assert answer.state == "answers"
        assert cited(answer) == {"QLoRA"}
        assert "reduce the average memory footprint by quantizing the quantization constants" in answer.answer
        assert len(answer.answer.split()) < 130
        assert_sound(answer, collection)

    @pytest.mark.parametrize(
        ("question", "fact"),
        [
            ("By how much did fasting glucose fall when tolvane was taken before breakfast?", "1.4 mmol/L"),
            ("What share of mothers shivered under warmed blankets?", "17%"),
            ("How long did children wash their hands when they sang the song?", "19 seconds"),
            ("How far did pauses in breathing fall with the didgeridoo?", "from 22 to 12 an hour"),
            ("What did one telephone call to the parents of infants cost?", "40 cents"),
        ],
    )
    def test_so_it_does_far_from_computers(self, medicine: Rag, question: str, fact: str) -> None:
        answer = medicine.ask(question)
        assert answer.kind == "single"
        assert answer.state == "answers"
        assert len({c.paper_id for c in answer.citations}) == 1
        assert fact in answer.answer
        assert_sound(answer, medicine)

    def test_the_headline_is_the_line_that_says_it(self, medicine: Rag) -> None:
        answer = medicine.ask("By how much did fasting glucose fall when tolvane was taken before breakfast?")
        assert answer.headline is not None
        assert "1.4 mmol/L" in answer.headline

    def test_labels_of_a_structured_abstract_are_not_quoted(self, medicine: Rag) -> None:
        answer = medicine.ask("By how much did fasting glucose fall when tolvane was taken before breakfast?")
        assert not re.search(r"BACKGROUND:|METHODS:|RESULTS:|CONCLUSIONS:", answer.answer)

    @pytest.mark.parametrize(
        "question", ["What throughput does ZeRo Infinty sustain?", "zero infinty: how many petaflops on how many GPUs?"]
    )
    def test_a_misspelled_name_is_recognised(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert cited(answer) == {"ZeRO-Infinity"}
        assert "25 petaflops on 512" in answer.answer

    @pytest.mark.parametrize(
        ("question", "title"),
        [
            ("Which Frontier paper got perfect weak scaling, and on how many GPUs?", "Optimizing Distributed Training"),
            (
                "megatron paper w/ the GPT-2-like 8.3B net: scaling efficiency at 512 gpus",
                "Megatron-LM: Training Multi-Billion Parameter",
            ),
            (
                "Weight-only LLM quantization that adapts its granularity and handles MoE models without fine-tuning?",
                "FineQuant: Unlocking Efficiency",
            ),
        ],
    )
    def test_papers_that_look_alike_are_told_apart(self, collection: Rag, question: str, title: str) -> None:
        answer = collection.ask(question)
        assert answer.kind == "single"
        assert answer.citations[0].title.startswith(title) or {c.title for c in answer.citations} == {title}

    @pytest.mark.parametrize(
        "question",
        [
            "In how many of the schools that sang did washing last longer than elsewhere?",
            "Is the number of mistakes in pill boxes lower with a robot than by hand?",
            "While they slept, how often did the breathing of people with sleep apnoea pause?",
            "What separates mothers under warmed blankets from those under ordinary sheets?",
        ],
    )
    def test_it_is_not_taken_for_a_comparison(self, medicine: Rag, question: str) -> None:
        answer = medicine.ask(question)
        assert answer.kind == "single"
        assert not answer.missing
        assert_sound(answer, medicine)

    @pytest.mark.parametrize(
        "question",
        [
            "How much faster is NeuS2 than NeuS?",
            "What does GPTQ gain over FP16 on the A100?",
            "How does QLoRA reduce memory?",
        ],
    )
    def test_nor_is_one_with_a_baseline(self, collection: Rag, question: str) -> None:
        assert collection.ask(question).kind == "single"

    @pytest.mark.parametrize("question", ["What is GPipe?", "what does GPipe do", "Tell me about GPipe", "GPipe"])
    def test_one_that_only_names_a_paper_is_answered(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert answer.state == "answers"
        assert cited(answer) == {"GPipe"}
        assert_sound(answer, collection)


class TestComparisons:
    @pytest.mark.parametrize(
        "question",
        [
            "How do GPipe and Holmes each use pipeline parallelism?",
            "Compare GPipe with Holmes",
            "GPipe vs Holmes",
            "what does GPipe split, and what does Holmes schedule?",
            "GPipe or Holmes: which one handles heterogeneous network cards?",
        ],
    )
    def test_named_sides(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert answer.kind == "comparison"
        assert cited(answer) >= {"GPipe", "Holmes"}
        assert len(cited(answer)) <= 3
        assert not answer.missing
        lines = [line for line in answer.answer.splitlines() if line.startswith("| **")]
        assert len(lines) == len(cited(answer))
        assert all(re.search(r"“.+” \[\d+\]", line) for line in lines)
        assert_sound(answer, collection)

    @pytest.mark.parametrize(
        "question", ["Compare GPipe with Holmes", "GPTQ vs SqueezeLLM", "How do GPTQ and QLoRA differ?"]
    )
    def test_names_alone_are_enough(self, collection: Rag, question: str) -> None:
        assert collection.ask(question).state == "answers"

    @pytest.mark.parametrize(
        ("question", "sides"),
        [
            ("tolvane before breakfast vs after the evening meal", "tolvane"),
            (
                "The team that gave the drug before the meal, and the one that gave it after: how did each turn out?",
                "tolvane",
            ),
            ("Was nausea rarer when tolvane was swallowed before breakfast or after the evening meal?", "tolvane"),
            (
                "the one gives tolvane before breakfast, the other after the evening meal: how far does glucose fall?",
                "tolvane",
            ),
            ("Cycling or walking in a pool: which eased knee pain more?", "knees"),
            ("(a) cycling (b) pool walking: how far did pain fall?", "knees"),
            ("does cycling or pool walking help patients with worn knees more?", "knees"),
            ("Contrast the cyclists with those who walked in warm water.", "knees"),
        ],
    )
    def test_described_sides_in_any_wording(self, medicine: Rag, question: str, sides: str) -> None:
        both = {
            "tolvane": {"Tolvane taken before", "Swallowing tolvane after"},
            "knees": {"Cycling against pain", "Walking in a pool"},
        }[sides]
        answer = medicine.ask(question)
        assert answer.kind == "comparison"
        assert {" ".join(c.title.split()[:3]) for c in answer.citations} >= {" ".join(b.split()[:3]) for b in both}
        assert answer.state != "nothing"
        assert_sound(answer, medicine)

    @pytest.mark.parametrize(
        ("question", "there"),
        [
            ("How does H2O compare with SqueezeLLM?", "SqueezeLLM"),
            ("H2O vs GPTQ", "GPTQ"),
            ("Compare H2O and QLoRA", "QLoRA"),
        ],
    )
    def test_a_side_that_is_not_there_is_named(self, collection: Rag, question: str, there: str) -> None:
        answer = collection.ask(question)
        assert answer.kind == "comparison"
        assert answer.state == "partly"
        assert not answer.abstained
        assert answer.missing == ("H2O",)
        assert cited(answer) == {there}
        assert "The collection has no paper on H2O." in answer.answer
        assert_sound(answer, collection)

    def test_two_that_are_not_there_are_no_comparison_of_others(self, medicine: Rag) -> None:
        answer = medicine.ask("Compare XQ-17 with ZR-29")
        assert answer.abstained


class TestLists:
    def test_papers_of_which_it_is_not_sure_come_last_and_are_told(self, collection: Rag) -> None:
        answer = collection.ask("Which papers report failures of GPUs during long training runs?")
        head, *papers = [line for line in answer.answer.splitlines() if line]
        told = re.search(r" Numbers (\d+) to (\d+) may not fit\.", head)
        assert told is not None and int(told[2]) == len(papers)
        assert any("C4" in line for line in papers[: int(told[1]) - 1])
        assert answer.headline is None

    def test_where_all_are_sure_nothing_is_doubted(self, collection: Rag) -> None:
        assert "may not fit" not in collection.ask("Which papers are about speculative decoding?").answer

    @pytest.mark.parametrize(
        ("question", "among"),
        [
            ("How many papers are about mixture of experts?", {"FSMoE", "ExpertFlow", "SE-MoE"}),
            ("Which papers are on quantization?", {"GPTQ", "SqueezeLLM", "QLoRA", "FineQuant"}),
            ("list everything on graph neural networks", {"GNNPipe", "PyTorch-Direct"}),
            ("Which papers mention ImageNet?", {"ProxylessNAS", "PC-DARTS"}),
            ("Could you suggest research that quantizes the weights of language models?", {"GPTQ", "SqueezeLLM"}),
            ("papers on pipeline parallelism", {"GPipe", "GNNPipe"}),
            ("what work has been done on graph neural networks?", {"GNNPipe", "PyTorch-Direct"}),
            ("studies that use mixture of experts", {"FSMoE", "ExpertFlow"}),
        ],
    )
    def test_what_it_counts_it_lists(self, collection: Rag, question: str, among: set[str]) -> None:
        answer = collection.ask(question)
        assert answer.kind == "list"
        assert answer.state == "answers"
        papers = list(dict.fromkeys(c.paper_id for c in answer.citations))
        n = len(papers)
        assert f"**{n} of 82 papers** fit this; all were considered." in answer.answer
        assert len(re.findall(r"^\d+\. \*\*", answer.answer, re.MULTILINE)) == n
        assert answer.headline is None or answer.headline.startswith(f"{n} papers here are about ")
        assert among <= cited(answer)
        assert_sound(answer, collection)

    def test_each_paper_comes_with_its_year(self, medicine: Rag) -> None:
        answer = medicine.ask("Which papers are about osteoarthritis of the knee?")
        assert "**2 of 12 papers** fit this" in answer.answer
        assert "**Cycling against pain in osteoarthritis of the knee** (2014): “" in answer.answer
        assert "**Walking in a pool for patients with worn knees** (2017): “" in answer.answer

    @pytest.mark.parametrize(
        "question",
        ["How many papers are in the collection?", "how many papers do you have", "how many papers are there?"],
    )
    def test_the_size_of_the_collection_is_told(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert not answer.abstained
        assert answer.answer == "The collection holds **82 papers**."
        assert not answer.citations

    @pytest.mark.parametrize(
        "question", ["Which papers are about cooking?", "Which papers study the migration of eels?"]
    )
    def test_of_what_is_not_there_claims_nothing(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert answer.abstained
        assert answer.headline is None
        assert "fit this" not in answer.answer
        assert_sound(answer, collection)


class TestOverviews:
    @pytest.mark.parametrize(
        "question", ["What is this collection about?", "main themes", "what topics does this collection cover?"]
    )
    def test_the_whole_collection_in_groups(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert answer.kind == "overview"
        assert answer.state == "answers"
        assert "This collection holds **82 papers**" in answer.answer
        counts = [int(n) for n in re.findall(r"^### .+ \((\d+) papers?\)$", answer.answer, re.MULTILINE)]
        assert len(counts) >= 4
        assert sum(counts) == 82
        assert counts == sorted(counts, reverse=True)
        assert len({c.paper_id for c in answer.citations}) >= 2 * len(counts) - 1
        assert_sound(answer, collection)

    def test_a_small_one_shows_most_of_its_papers(self, medicine: Rag) -> None:
        answer = medicine.ask("What is this collection about?")
        assert "This collection holds **12 papers** from 2010 to 2023" in answer.answer
        assert len({c.paper_id for c in answer.citations}) >= 8
        assert_sound(answer, medicine)

    @pytest.mark.parametrize(
        ("question", "among"),
        [
            ("quantization?", {"GPTQ", "SqueezeLLM", "QLoRA"}),
            ("graph neural networks", {"GNNPipe", "PyTorch-Direct"}),
            ("what should I read first about graph neural networks?", {"GNNPipe"}),
            ("trends in quantization", {"GPTQ"}),
            ("a short review of mixture-of-experts models", {"FSMoE"}),
            ("give me an overview of pipeline parallelism", {"GPipe"}),
        ],
    )
    def test_a_topic_is_a_view_of_its_papers(self, collection: Rag, question: str, among: set[str]) -> None:
        answer = collection.ask(question)
        assert answer.kind == "overview"
        assert answer.state == "answers"
        assert among <= cited(answer)
        assert re.search(r"^\*\*\d+ papers? here\*\* (?:is|are) about ", answer.answer)
        assert len(cited(answer)) <= 12
        assert_sound(answer, collection)

    def test_a_topic_word_of_another_field(self, medicine: Rag) -> None:
        answer = medicine.ask("osteoarthritis")
        assert answer.kind == "overview"
        assert {c.title.split()[0] for c in answer.citations} == {"Cycling", "Walking"}

    @pytest.mark.parametrize("question", ["asdkj qwlkej zxcmn", "altmetrics", "Zorblaxian frobnication?"])
    def test_words_that_no_paper_has_are_no_topic_of_it(self, medicine: Rag, question: str) -> None:
        answer = medicine.ask(question)
        assert answer.abstained
        assert answer.headline is None
        assert_sound(answer, medicine)


class TestNoAnswer:
    @pytest.mark.parametrize(
        "question",
        [
            "What is the capital of France?",
            "How do I bake sourdough bread?",
            "what's the weather like today",
            "how much is 2+2",
            "Who won the world cup in 1998?",
        ],
    )
    @pytest.mark.parametrize("field", ["collection", "medicine"])
    def test_what_the_collection_is_not_about(self, request: pytest.FixtureRequest, field: str, question: str) -> None:
        rag: Rag = request.getfixturevalue(field)
        answer = rag.ask(question)
        assert answer.abstained
        assert answer.headline is None
        assert_sound(answer, rag)

    def test_nothing_says_what_the_papers_are_about(self, collection: Rag) -> None:
        answer = collection.ask("How do I bake sourdough bread?")
        assert answer.state == "nothing"
        assert not answer.citations
        assert answer.searched == 82
        assert re.match(
            r"Nothing in this collection is near this question; 82 papers were searched\. "
            r"They are about .+, .+ and .+\.$",
            answer.answer,
        )

    def test_the_nearest_stand_under_a_heading_that_claims_nothing(self, collection: Rag) -> None:
        answer = collection.ask("Which battery powers the GPUs of S-LoRA?")
        assert answer.state == "nearest"
        assert answer.answer.startswith(UNSURE)
        assert 1 <= len({c.paper_id for c in answer.citations}) <= 3
        assert answer.headline is None
        assert_sound(answer, collection)


class TestChat:
    @pytest.mark.parametrize(
        "question", ["hello", "thanks!", "Good morning, how are you?", "what can you do?", "Hi there!", "help"]
    )
    def test_small_talk_gets_a_friendly_line(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert answer.kind == "none"
        assert not answer.abstained
        assert not answer.citations
        assert "Ask me about these 82 papers" in answer.answer
        assert len(re.findall("“[^”]+”", answer.answer)) == 2
        assert not any(p.title in shown(answer) for p in collection.papers())

    def test_its_examples_are_answered(self, collection: Rag) -> None:
        for example in re.findall("“([^”]+)”", collection.ask("hello").answer):
            assert collection.ask(example).state == "answers", example

    @pytest.mark.parametrize(
        ("question", "strange"),
        [
            ("Was lernt man hier über spekulatives Dekodieren?", True),
            ("What is the boiling point of water?", False),
        ],
    )
    def test_another_language_is_told(self, collection: Rag, question: str, strange: bool) -> None:
        answer = collection.ask(question)
        assert answer.state == "nothing"
        assert ("another language" in answer.answer) == strange

    @pytest.mark.parametrize("question", ["Who funded the work on Holmes?", "How much rain fell on GPipe in Lisbon?"])
    def test_a_paper_that_is_named_is_near(self, collection: Rag, question: str) -> None:
        answer = collection.ask(question)
        assert answer.state == "nearest"
        assert answer.citations

    def test_a_question_beside_a_name_is_not_taken_for_the_name(self, collection: Rag) -> None:
        assert collection.ask("What does Once-for-All do that ProxylessNAS does not?").state == "nearest"

    def test_marks_alone_are_no_question(self, collection: Rag) -> None:
        answer = collection.ask("???")
        assert not answer.citations
        assert answer.state == "nothing"


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """A `Rag` on five papers in Chinese."""
    folder = tmp_path_factory.mktemp("chinese")
    with build(Config(home=folder / "home")) as rag:
        rag.ingest([write(folder, CHINESE)])
        yield rag


class TestChinese:
    @pytest.mark.parametrize(
        ("question", "title", "fact"),
        [
            ("竹筒里的绿茶保留了多少香气？", "竹筒储存对绿茶香气的影响", "83%"),
            ("回声找到了多少石桥的裂缝？", "用鼓声检查石桥的裂缝", "91%"),
            ("放养鸭子的稻田杂草减少了多少？", "稻田养鸭与杂草数量", "62%"),
            ("挂纸灯笼的骡子平均每晚受惊几次？", "纸灯笼对夜间赶路骡子的影响", "受惊2次"),
            ("用风筝测量风速的误差是多少？", "风筝测量山谷中的风速", "0.4米"),
        ],
    )
    def test_a_question_is_answered_in_its_language(self, chinese: Rag, question: str, title: str, fact: str) -> None:
        answer = chinese.ask(question)
        assert answer.kind == "single"
        assert answer.state != "nothing"
        assert answer.citations[0].title == title
        assert fact in answer.answer
        assert_sound(answer, chinese)

    @pytest.mark.parametrize("question", ["怎样给猫咪剪指甲？", "法国的首都是哪里？"])
    def test_what_it_is_not_about_is_not_claimed(self, chinese: Rag, question: str) -> None:
        assert chinese.ask(question).abstained


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
        "Which papers are about pruning with <img src=x onerror=alert(3)> and `code`?",
        "pruning ![x](http://evil.example)",
        "<b>sparse attention</b>",
        "What is this collection about?",
        "How do Zorblat and Quibble differ in speed?",
        "Compare Quibble with Zorblat",
        "Compare <img src=x onerror=alert(3)>, GR-7<i>Fish and Quibble",
        "Compare [X1](javascript:alert(1)) and Quibble",
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


QUESTIONS = (Path(__file__).parent.parent / "eval" / "questions.jsonl").read_text(encoding="utf-8")
REFERENCE = [json.loads(line) for line in QUESTIONS.splitlines()]


@pytest.mark.parametrize("item", [i for i in REFERENCE if i["split"] == "dev"][::9], ids=lambda item: item["id"])
def test_every_answer_to_a_reference_question_is_sound(collection: Rag, item: dict[str, str]) -> None:
    """How good they are is what `make eval` holds against its thresholds."""
    turns = [Turn(**turn) for turn in item["history"]]
    assert_sound(collection.ask(item["question"], turns), collection)
