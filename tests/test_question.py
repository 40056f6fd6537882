"""What is asked: one paper, a list, a comparison; and follow-ups made to stand alone. On the names of the seeds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ask.names import Names
from rag.ask.question import Query, understand
from rag.core.answer import Turn
from rag.core.resources import seeds
from rag.papers import load

PAPERS = load([seeds()]).papers
NAMES = Names(PAPERS)


def ask(question: str, *history: str, best: int | None = None) -> Query:
    """Understand a question after turns of user and assistant; `best` is what a search would find."""
    turns = [Turn("assistant" if i % 2 else "user", text) for i, text in enumerate(history)]
    return understand(question, turns, NAMES, lambda text: best)


def called(rows: tuple[int, ...]) -> list[str]:
    return [NAMES.short(row) for row in rows]


@pytest.mark.parametrize(
    "question",
    [
        "What memory does GaLore save?",
        "How is the KV cache compressed in ShadowKV?",
        "Why do GPUs idle during pipeline bubbles?",
        "Which GPU was used for FlashRNN?",
        "How many GPUs did Megatron-LM train on?",
        "How many demonstrations was OpenVLA trained on?",
        "How many parameters does OpenVLA have?",
        "Which techniques does EasySpec use?",
        "What systems does Holmes outperform?",
        "Which benchmarks were used for FineQuant?",
        "Is there a method that prunes without retraining everything?",
        "what is the speedup of both phases in Sarathi-Serve?",
        "tabpfn runtime",
        "How many papers did the authors of AlgoPerf review?",
        "How many studies does the ShadowKV paper cite?",
        "What number of tokens did Ladder-residual need?",
        "On which cards was it tried, and how many of them?",
        "What does the work on robot grasps optimise?",
        "Are the two levels of BODex solved together?",
    ],
)
def test_single(question: str) -> None:
    query = ask(question)
    assert (query.kind, query.sides, query.rows) == ("single", (), ())
    assert query.standalone == query.question == question


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("Which papers deal with speculative decoding?", "speculative decoding"),
        ("What papers are about tabular data?", "tabular data"),
        ("List everything on graph neural networks", "graph neural networks"),
        ("Please list all papers on edge devices.", "edge devices"),
        ("show me all works on video generation", "video generation"),
        ("Are there any papers on robotics?", "robotics"),
        ("papers about quantization", "quantization"),
        ("what do we have on low-rank adaptation?", "low-rank adaptation"),
        ("Name the papers that report results on Frontier", "report results on Frontier"),
        ("Give me a list of papers on dataset distillation", "dataset distillation"),
        ("I'm looking for papers about autonomous racing", "autonomous racing"),
        ("Which of the papers use reinforcement learning?", "use reinforcement learning"),
        ("dexterous grasping papers pls", "dexterous grasping"),
        ("what have you got on sparse attention?", "sparse attention"),
        ("tabular data, what do we have?", "tabular data"),
        ("name all papers where a language model is pruned", "a language model is pruned"),
        ("I work with LLaMA-2-70B. Which papers test that model?", "test LLaMA-2-70B"),
        ("Which works train graph networks out of core?", "train graph networks out of core"),
    ],
)
def test_list(question: str, topic: str) -> None:
    query = ask(question)
    assert (query.kind, query.count) == ("list", False)
    assert query.topic == topic


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("How many papers are about mixture of experts?", "mixture of experts"),
        ("How many of the papers use LoRA?", "use LoRA"),
        ("how many works on neural architecture search are there?", "neural architecture search"),
        ("In how many of the papers is GPTQ a baseline?", "GPTQ a baseline"),
        ("In how many abstracts does Frontier play a role?", "Frontier"),
        ("Could you count the papers that prune networks?", "prune networks"),
        ("the number of papers here dealing with robots", "robots"),
        ("How many of these deal with graph neural networks?", "graph neural networks"),
        ("I am new to this. Tell me, how many works talk about vision transformers?", "vision transformers"),
        ("We have an H100 cluster. How many of the abstracts use that card?", "use H100"),
    ],
)
def test_count(question: str, topic: str) -> None:
    query = ask(question)
    assert (query.kind, query.count, query.topic) == ("list", True, topic)


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("Compare GPTQ and SqueezeLLM", ["GPTQ", "SqueezeLLM"]),
        ("GaLore vs QLoRA: which needs less memory?", ["GaLore", "QLoRA"]),
        ("GaLore vs. QLoRA", ["GaLore", "QLoRA"]),
        ("What is the difference between PC-DARTS and ProxylessNAS?", ["PC-DARTS", "ProxylessNAS"]),
        ("Which is better, COAT or GaLore?", ["COAT", "GaLore"]),
        ("What do NeuS2 and Momentum-GS have in common?", ["NeuS2", "Momentum-GS"]),
        ("How do Flover and BatchLLM each batch requests?", ["Flover", "BatchLLM"]),
        ("How does OneFlow differ from Megatron-LM?", ["OneFlow", "Megatron-LM"]),
        ("Contrast FSMoE with SE-MoE.", ["FSMoE", "SE-MoE"]),
        # misspelt, in lower case
        ("Compare flover with energonai and batchLLM", ["Flover", "EnergonAI", "BatchLLM"]),
        ("zero infinty versus fuyou", ["ZeRO-Infinity", "Fuyou"]),
        # three, four, and no more than four
        ("How do S-LoRA, QLoRA and MoS differ?", ["S-LoRA", "QLoRA", "MoS"]),
        ("Compare ZeRO-Infinity, Fuyou, CO2 and Holmes on memory", ["ZeRO-Infinity", "Fuyou", "CO2", "Holmes"]),
        ("Compare GPTQ, SqueezeLLM, FineQuant, COAT and QLoRA", ["GPTQ", "SqueezeLLM", "FineQuant", "COAT"]),
    ],
)
def test_comparison_of_named(question: str, sides: list[str]) -> None:
    query = ask(question)
    assert query.kind == "comparison"
    assert [called(side.rows[:1]) for side in query.sides] == [[side] for side in sides]


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("How does GPipe compare with PipeDream?", [("GPipe", True), ("PipeDream", False)]),
        ("Compare Sarathi-Serve with AlpaServe", [("Sarathi-Serve", True), ("AlpaServe", False)]),
        ("FlashAttention-2 versus FlashAttention-3", [("FlashAttention-2", True), ("FlashAttention-3", False)]),
        ("Which one is faster, GPTQ or AWQ?", [("GPTQ", True), ("AWQ", False)]),
        ("GaLore or LoftQ - which saves more memory?", [("GaLore", True), ("LoftQ", False)]),
        ("What is cheaper to run, Sarathi-Serve or Orca?", [("Sarathi-Serve", True), ("Orca", False)]),
        (
            "How do FSMoE, Tutel and Fast-MoE differ?",
            [("FSMoE", True), ("Tutel", False), ("Fast-MoE", False)],
        ),
        ("How do Punica and dLoRA compare?", [("Punica", False), ("dLoRA", False)]),
        ("Compare SE-MoE, FSMoE and DeepSpeed-MoE", [("SE-MoE", True), ("FSMoE", True), ("DeepSpeed-MoE", False)]),
    ],
)
def test_a_side_that_is_not_there_keeps_its_name(question: str, sides: list[tuple[str, bool]]) -> None:
    query = ask(question)
    assert query.kind == "comparison"
    assert [(side.text, bool(side.rows)) for side in query.sides] == sides
    assert all(side.named for side in query.sides)


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("Do GraphVite and Legion report speedups?", [("GraphVite", True), ("Legion", False)]),
        ("Are the datasets of Legion and GraphVite the same?", [("Legion", False), ("GraphVite", True)]),
        ("Are the speedups of GraphVite and those of Legion given?", [("GraphVite", True), ("Legion", False)]),
        ("Is Legion faster than GraphVite?", [("Legion", False), ("GraphVite", True)]),
        ("Does Fuyou use less memory than FlexGen?", [("Fuyou", True), ("FlexGen", False)]),
        ("Does QLoRA's memory use go below that of LoftQ?", [("QLoRA", True), ("LoftQ", False)]),
        ("Does ExpertFlow save as much as Pre-gated-MoE?", [("ExpertFlow", True), ("Pre-gated-MoE", False)]),
        ("Have AWQ and SqueezeLLM been tried on LLaMA?", [("AWQ", False), ("SqueezeLLM", True)]),
        ("Do Fuyou and FlexGen and PowerInfer offload?", [("Fuyou", True), ("FlexGen", False), ("PowerInfer", False)]),
        ("do punica and s-lora serve adapters", [("punica", False), ("s-lora", True)]),
        # a name of which a paper's own is only the end
        ("Do Im2win and Winograd-NN need less memory?", [("Im2win", True), ("Winograd-NN", False)]),
        ("Is Q-GaLore better than GaLore?", [("Q-GaLore", False), ("GaLore", True)]),
        # written by some abstracts, but the name of no paper
        ("Do BatchLLM and vLLM share prefixes?", [("BatchLLM", True), ("vLLM", False)]),
        # joined by "of", and before a verb
        ("What are the speedups of GraphVite and of Legion?", [("GraphVite", True), ("Legion", False)]),
        ("Do both FSMoE and FastMoE overlap communication?", [("FSMoE", True), ("FastMoE", False)]),
    ],
)
def test_an_absent_name_beside_a_paper_is_a_side(question: str, sides: list[tuple[str, bool]]) -> None:
    query = ask(question)
    assert query.kind == "comparison"
    assert [(side.text, bool(side.rows)) for side in query.sides] == sides
    assert all(side.named for side in query.sides)


@pytest.mark.parametrize(
    "question",
    [
        "Do transformers and CNNs benefit from large batches?",
        "What do Adam and SGD have in common in the AlgoPerf benchmark?",
        "Is A100 faster than V100 in FlashAttention-2?",
        "Is COAT better than BF16?",
        "Does GraphVite run on CPUs, and CUDA?",
        "Does GPTQ work on BLOOM and OPT?",
        "Do GraphVite and ImageNet go together?",
        "Is QLoRA faster than LLaMA?",
        "Is FlashAttention-2 faster than PyTorch?",
        # its own abstract speaks of it
        "Is Sarathi-Serve faster than vLLM?",
        "Was GraphVite developed in Canada and Is it fast?",
    ],
)
def test_what_a_paper_is_measured_with_is_no_side(question: str) -> None:
    query = ask(question)
    assert (query.kind, query.sides) == ("single", ())


@pytest.mark.parametrize(
    ("question", "subjects"),
    [
        (
            "Compare the paper on out-of-core graph training and the one about robot grasps",
            ["out-of-core graph training", "robot grasps"],
        ),
        ("difference between unlearnable datasets and dataset distillation", ["unlearnable", "distillation"]),
        ("Compare quantization and pruning", ["quantization", "pruning"]),
    ],
)
def test_comparison_of_described(question: str, subjects: list[str]) -> None:
    query = ask(question)
    assert query.kind == "comparison"
    assert len(query.sides) == len(subjects)
    for side, subject in zip(query.sides, subjects, strict=True):
        assert subject in side.text
        assert not side.rows


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        (
            "What memory is needed for Fuyou's 175B run, for GaLore's 7B training, and for the sparse tuner?",
            [("Fuyou", True), ("GaLore", True), ("sparse tuner", False)],
        ),
        (
            "Which speedups are reported by FlashRNN, the robot grasp study (on ten cards, say), and Momentum-GS?",
            [("FlashRNN", True), ("robot grasp study (on ten cards, say)", False), ("Momentum-GS", True)],
        ),
        ("Compare GPTQ and SqueezeLLM in perplexity, memory, and speed", [("GPTQ", True), ("SqueezeLLM", True)]),
        (
            "Which cards were used in FlashRNN and which in the voxel detection work?",
            [("FlashRNN", True), ("the voxel detection work", False)],
        ),
    ],
)
def test_sides_that_are_enumerated(question: str, sides: list[tuple[str, bool]]) -> None:
    query = ask(question)
    assert query.kind == "comparison"
    assert [(side.text, bool(side.rows)) for side in query.sides] == sides


@pytest.mark.parametrize(
    ("question", "meant", "not_meant"),
    [
        ("How fast is FSMoE (not SE-MoE) in training?", {"FSMoE"}, {"SE-MoE"}),
        ("What does ExpertFlow (don't confuse it with FSMoE) predict?", {"ExpertFlow"}, {"FSMoE"}),
        ("Unlike QLoRA, how does GaLore save memory?", {"GaLore"}, {"QLoRA"}),
        ("In the sparse attention work (QLoRA instead quantizes), what is kept?", set(), {"QLoRA"}),
        ("Both GPTQ and SqueezeLLM quantize. In the latter, what is kept apart?", {"SqueezeLLM"}, set()),
        ("Of GPTQ and SqueezeLLM the first one: how long does it run?", {"GPTQ"}, set()),
        ("I like GaLore and QLoRA. I mean the low-rank one: what does it save?", {"GaLore", "QLoRA"}, set()),
        ("FSMoE, SE-MoE... I am confused. What does the one with online profiling gain?", {"FSMoE", "SE-MoE"}, set()),
        (
            "Of the two titles with 'Momentum' take the one that is not about Gaussians. What is it?",
            {"Momentum"},
            set(),
        ),
    ],
)
def test_one_is_meant_where_others_are_named(question: str, meant: set[str], not_meant: set[str]) -> None:
    query = ask(question)
    rows = query.rows or tuple(row for m in query.mentions for row in m.rows[:1])
    assert query.kind == "single"
    assert {NAMES.short(row) if "Momentum" not in meant else "Momentum" for row in rows} == meant
    assert {NAMES.short(row) for row in query.exclude} == not_meant


def test_the_former_of_two_descriptions() -> None:
    query = ask("Both the robot grasp paper and the video diffusion paper use GPUs. In the former, how many?")
    assert (query.kind, query.standalone) == ("single", "In the robot grasp paper, how many?")


@pytest.mark.parametrize(
    "question",
    [
        "Why does Fuyou not use the GPU alone, as others do?",
        "Does FineQuant use calibration or retraining, and which groups does it pick?",
        "Which quantization does QLoRA use, NF4 or INT8?",
        "Fuyou faults ZeRO-Infinity. On which grounds?",
        "How many cards did the runs of GPipe use, and what share of the peak did they reach?",
    ],
)
def test_nothing_is_set_aside_and_nothing_compared(question: str) -> None:
    query = ask(question)
    assert (query.kind, query.sides, query.exclude, query.standalone) == ("single", (), (), question)


def test_what_is_compared_is_the_topic() -> None:
    topic = ask("Compare GPTQ and SqueezeLLM with regard to perplexity").topic
    assert "perplexity" in topic
    assert "GPTQ" not in topic
    assert ask("Compare GPTQ and SqueezeLLM").topic == ""


@pytest.mark.parametrize("text", ["hello", "Thanks!", "good morning", "who are you?", "ok", "bye"])
def test_small_talk(text: str) -> None:
    assert ask(text).chat


@pytest.mark.parametrize("text", ["How are experts placed?", "What is GaLore?", "okapi ranking", "high throughput"])
def test_no_small_talk(text: str) -> None:
    assert not ask(text).chat


QLORA = ("What is QLoRA?", "“QLoRA is an efficient finetuning approach.” [1]")
TWO = ("Compare GPipe and Holmes", "| **GPipe** | “It pipelines.” [1] |\n| **Holmes** | “It spans clusters.” [2] |")
THREE = ("Which papers search architectures?", "3 papers: ProxylessNAS [1], PC-DARTS [2] and TabPFN [3].")
FAST = ("How fast is GraphVite?", "“GraphVite is 50 times faster.” [1]")


@pytest.mark.parametrize(
    ("history", "question", "rows", "standalone"),
    [
        # pronouns
        (QLORA, "How much memory does it save?", ["QLoRA"], "How much memory does QLoRA save?"),
        (QLORA, "Does this method need a GPU?", ["QLoRA"], "Does QLoRA need a GPU?"),
        (QLORA, "And its speed?", ["QLoRA"], "QLoRA's speed?"),
        (QLORA, "On which datasets was it tested?", ["QLoRA"], "On which datasets was QLoRA tested?"),
        (FAST, "Is that paper open source?", ["GraphVite"], "Is GraphVite open source?"),
        # ellipsis
        (QLORA, "and on A100?", ["QLoRA"], None),
        (QLORA, "why?", ["QLoRA"], None),
        (FAST, "On how many GPUs?", ["GraphVite"], None),
        (FAST, "What about CPU memory?", ["GraphVite"], None),
        # the last question again, of another paper
        (QLORA, "what about GaLore?", ["GaLore"], "What is GaLore?"),
        (QLORA, "And GPTQ?", ["GPTQ"], "What is GPTQ?"),
        (FAST, "and what about pytorch direct?", ["PyTorch-Direct"], "How fast is pytorch direct?"),
        (FAST, "How about Fuyou", ["Fuyou"], "How fast is Fuyou?"),
        # one of several
        (TWO, "What hardware does the latter use?", ["Holmes"], "What hardware does Holmes use?"),
        (TWO, "and what does the former split?", ["GPipe"], "what does GPipe split?"),
        (TWO, "the second one?", ["Holmes"], None),
        (TWO, "What about the first one's speedup?", ["GPipe"], None),
        (THREE, "What does the third one classify?", ["TabPFN"], "What does TabPFN classify?"),
        (THREE, "How long did the second one search?", ["PC-DARTS"], "How long did PC-DARTS search?"),
        (THREE, "And the last one?", ["TabPFN"], None),
    ],
)
def test_follow_up(history: tuple[str, str], question: str, rows: list[str], standalone: str | None) -> None:
    query = ask(question, *history)
    assert query.kind == "single"
    assert called(query.rows) == rows
    assert all(name in query.standalone for name in rows) or standalone
    assert query.question == question
    if standalone is not None:
        assert query.standalone == standalone


@pytest.mark.parametrize(
    ("history", "question", "sides"),
    [
        (TWO, "Do both need fast interconnects?", ["GPipe", "Holmes"]),
        (QLORA, "How does it compare with GaLore?", ["QLoRA", "GaLore"]),
        (QLORA, "Compare it with S-LoRA", ["QLoRA", "S-LoRA"]),
        # a choice is left to the reader, with the papers side by side
        (TWO, "Which of them is faster?", ["GPipe", "Holmes"]),
        (TWO, "which one is newer?", ["GPipe", "Holmes"]),
        (TWO, "Which uses less memory?", ["GPipe", "Holmes"]),
        (THREE, "Which of these is the cheapest to run?", ["ProxylessNAS", "PC-DARTS", "TabPFN"]),
    ],
)
def test_follow_up_that_compares(history: tuple[str, str], question: str, sides: list[str]) -> None:
    query = ask(question, *history)
    assert query.kind == "comparison"
    assert [called(side.rows) for side in query.sides] == [[side] for side in sides]
    assert all(side in query.standalone for side in sides)


@pytest.mark.parametrize("question", ["Is it faster than Legion?", "Do it and Legion report speedups?"])
def test_what_is_talked_of_beside_an_absent_name(question: str) -> None:
    query = ask(question, *FAST)
    assert query.kind == "comparison"
    assert {side.text: called(side.rows) for side in query.sides} == {"GraphVite": ["GraphVite"], "Legion": []}


def test_another_paper_is_not_the_one_talked_of() -> None:
    query = ask("Is there another paper on this?", *FAST)
    assert called(query.exclude) == ["GraphVite"]
    assert "How fast" in query.standalone


def test_how_many_of_them() -> None:
    query = ask("how many of them use ImageNet?", *THREE)
    assert (query.kind, query.count) == ("list", True)
    assert called(query.rows) == ["ProxylessNAS", "PC-DARTS", "TabPFN"]


@pytest.mark.parametrize(
    "question",
    ["What is OpenVLA?", "How is TabPFN trained?", "Which papers are about trees?", "Compare GPTQ and SqueezeLLM",
     "What kinds of wheat grow in dry mountain regions of Peru?",
     "Do PyTorch-Direct and MoE^2 report speedups on the same hardware, and where does it say so?",
     "Does GraphVite run on the same hardware as Legion?", "How do GPTQ and COAT keep their accuracy?"],
)  # fmt: skip
def test_a_question_that_stands_alone_stays_as_it_is(question: str) -> None:
    assert ask(question, *QLORA) == ask(question)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Which datasets does QLoRA use?", "single"),
        ("which cards was GraphVite run on", "single"),
        ("Which is faster, GPTQ or AWQ?", "comparison"),
    ],
)
def test_which_of_a_named_paper_stands_alone(question: str, kind: str) -> None:
    query = ask(question, *THREE)
    assert (query.kind, query.standalone, query.rows) == (kind, question, ())


def test_which_beats_a_named_paper_is_asked_of_those_talked_of() -> None:
    assert {"GPipe", "QLoRA"} <= set(called(ask("Which needs less memory than QLoRA?", *TWO).rows))


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("Okay, new topic: how does it work to split a sequence?", "how does it work to split a sequence?"),
        ("Let's change the subject. Which cards ran FlashRNN?", "Which cards ran FlashRNN?"),
        ("Now something else: robot grasps with two levels?", "robot grasps with two levels?"),
    ],
)
def test_a_new_topic_leaves_the_conversation_behind(question: str, rest: str) -> None:
    query = ask(question, "What does GaLore save?", "GaLore reduces memory usage by up to 65.5%.")
    assert (query.standalone, query.rows) == (rest, ())


def test_the_second_of_something_is_not_the_second_paper() -> None:
    query = ask("And the second stage of it?", "How is GaLore trained?", "GaLore trains in two stages.")
    assert called(query.rows) == ["GaLore"]


def test_the_newest_paper_is_talked_of() -> None:
    query = ask("How fast is it?", *QLORA, *FAST)
    assert called(query.rows) == ["GraphVite"]


def test_a_history_without_names_is_searched() -> None:
    found = PAPERS.index(next(p for p in PAPERS if p.title.startswith("Decentralized")))
    query = ask("How much does it cost?", "Can diffusion models be trained without a cluster?", "Yes.", best=found)
    assert query.rows == (found,)
    assert "Decentralized Diffusion Models" in query.standalone
    assert ask("How much does it cost?", "Tell me.", "What?").rows == (), "where nothing is found"


TALK = st.lists(
    st.sampled_from(
        "and what about it the second one of them both GPipe Holmes QLoRA GaLore compare vs which papers how many ? , "
        "is faster latter other (the [1] “ its -".split(" ")
    ),
    max_size=12,
).map(" ".join)


@given(TALK, st.lists(TALK, max_size=3))
@settings(max_examples=150, deadline=None)
def test_whatever_is_said_is_read(question: str, history: list[str]) -> None:
    query = ask(question, *history, best=3)
    assert query.kind in ("single", "list", "comparison")
    assert (len(query.sides) in (2, 3, 4)) == (query.kind == "comparison")
    assert all(0 <= row < len(PAPERS) for row in (*query.rows, *query.exclude))
    assert " ".join(question.split()) == query.question
