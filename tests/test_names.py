"""Papers and systems by name, as people write them, on the names of the seeds."""

from __future__ import annotations

import pytest

from rag.ask.names import Names, compact
from rag.core.paper import Paper
from rag.core.resources import seeds
from rag.papers import load

PAPERS = load([seeds()]).papers


@pytest.fixture(scope="module")
def names() -> Names:
    return Names(PAPERS)


def owners(names: Names, text: str) -> list[str]:
    """What each mention in `text` stands for: the beginning of the title of its likeliest paper."""
    return [PAPERS[m.rows[0]].title for m in names.mentions(text)]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        # as the title writes it
        ("What is GaLore?", ["GaLore"]),
        ("the C4 paper", ["Boosting Large-scale"]),
        ("How much does S-LoRA serve?", ["S-LoRA"]),
        ("Is MoE^2 for the edge?", ["MoE^2"]),
        ("Megatron-LM's throughput", ["Megatron-LM"]),
        ("SPT or PERP?", ["SPT", "PERP"]),
        # in another case, apart, together
        ("galore", ["GaLore"]),
        ("SQUEEZELLM", ["SqueezeLLM"]),
        ("flash attention 2 on H100", ["FlashAttention-2"]),
        ("FlashAttention2", ["FlashAttention-2"]),
        ("pc darts", ["PC-DARTS"]),
        ("slora", ["S-LoRA"]),
        ("shadow kv cache", ["ShadowKV"]),
        ("open vla robots", ["OpenVLA"]),
        ("video infinity", ["Video-Infinity"]),
        ("Melange", ["Mélange"]),
        ("MÉLANGE", ["Mélange"]),
        ("holmes", ["Holmes"]),
        # misspelt
        ("What does ZeRo Infinty offload?", ["ZeRO-Infinity"]),
        ("the proxyles nas search", ["ProxylessNAS"]),
        ("FlashAtention-2", ["FlashAttention-2"]),
        ("Superpipline", ["Superpipeline"]),
        ("Easyspeck drafts", ["EasySpec"]),
        ("squezellm", ["SqueezeLLM"]),
        ("Graphvyte", ["GraphVite"]),
        # introduced by the abstract and not in the title
        ("How does Fuyou use SSDs?", ["Adding NVMe SSDs"]),
        ("exflow", ["Exploiting Inter-Layer"]),
        ("ConAdv's batch size", ["Concurrent Adversarial"]),
        ("GBRL on GPUs", ["Gradient Boosting"]),
        ("How does zero++ compare with ZeRO-Infinity?", ["Scaling Large Language Model", "ZeRO-Infinity"]),
        # whole titles
        ("What does Decentralized Diffusion Models propose?", ["Decentralized Diffusion Models"]),
        ("gradient boosting reinforcement learning", ["Gradient Boosting Reinforcement Learning"]),
        (
            "In “Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory”, what is constant?",
            ["Scaling Up Dataset Distillation"],
        ),
        ("summarise: a multigrid method for efficiently training video models", ["A Multigrid Method"]),
        # several
        ("GPipe, GNNPipe and Superpipeline", ["GPipe", "GNNPipe", "Superpipeline"]),
        ("NeuS2 vs Momentum-GS", ["NeuS2", "Momentum-GS"]),
        ("SE-MoE/FSMoE", ["SE-MoE", "FSMoE"]),
        ("GPTQ,SqueezeLLM;FineQuant", ["GPTQ", "SqueezeLLM", "FineQuant"]),
    ],
)
def test_named(names: Names, text: str, titles: list[str]) -> None:
    found = owners(names, text)
    assert len(found) == len(titles), found
    for title, expected in zip(found, titles, strict=True):
        assert title.startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "does it tune well?",
        "Which models use attention?",
        "How do GPUs and CPUs share memory in PyTorch?",
        "What is the capital of France?",
        "large-batch training of LLMs",
        "Flower",
        "vLLM, AlpaServe, PipeDream",
        "BF16 and FP8 and INT4",
        "a multi-GPU system of many nodes",
        "state of the art results on ImageNet",
        "one flows into the other",
        "the zero-shot setting",
        "Zero-shot learning",
        "infinite video",
        "expert parallelism",
        "first, second and third",
    ],
)
def test_no_name(names: Names, text: str) -> None:
    assert owners(names, text) == []


def test_mentions_say_where(names: Names) -> None:
    text = "Is “QLoRA” like zero infinty, or like S-LoRA?"
    mentions = names.mentions(text)
    assert [text[m.start : m.end] for m in mentions] == ["QLoRA", "zero infinty", "S-LoRA"]
    assert [m.name for m in mentions] == ["QLoRA", "ZeRO-Infinity", "S-LoRA"]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda p: p.id[:24])
def test_a_whole_title_is_its_paper(names: Names, paper: Paper) -> None:
    mentions = names.mentions(f"What does the paper {paper.title} say?")
    assert PAPERS.index(paper) in {row for m in mentions for row in m.rows}
    assert len({m.rows[0] for m in mentions}) == 1, "and of no other one"


def test_short_names_are_what_a_reader_would_say(names: Names) -> None:
    short = {p.title: names.short(row) for row, p in enumerate(PAPERS)}
    assert short["GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection"] == "GaLore"
    assert short["Taming Throughput-Latency Tradeoff in LLM Inference with Sarathi-Serve"] == "Sarathi-Serve"
    assert short["Decentralized Diffusion Models"] == "“Decentralized Diffusion Models”"
    assert len(set(short.values())) == len(PAPERS), "no two papers are called the same"


def test_a_short_name_is_understood_again(names: Names) -> None:
    for row, paper in enumerate(PAPERS):
        if paper.title.startswith("CUDA:"):
            continue  # in these abstracts the word is rather the language
        assert names.mentions(f"What does {names.short(row)} do?")[0].rows[0] == row, names.short(row)


def paper(title: str, abstract: str) -> Paper:
    return Paper(title, title, abstract, abstract)


def test_a_name_of_everybody_is_nobody_s() -> None:
    papers = [paper(f"Study {i} of GraphMagic", f"We extend GraphMagic, part {i}.") for i in range(9)]
    assert Names(papers).mentions("What is GraphMagic?") == []


def test_two_papers_may_own_a_name_and_the_one_that_introduces_it_comes_first() -> None:
    papers = [paper("A look at BrickNet", "We measure it."), paper("BrickNet: stacking bricks", "BrickNet stacks.")]
    (mention,) = Names(papers).mentions("What is BrickNet?")
    assert mention.rows == (1, 0)


def test_the_acronym_of_a_title_that_the_abstract_uses_is_a_name() -> None:
    names = Names(
        [paper("Fast Layered Sparse Tuning of Nets", "We tune. In particular, FLST skips what FFT would do.")]
    )
    assert [m.name for m in names.mentions("How does FLST or FFT tune?")] == ["FLST"]


def test_short_names_are_matched_only_exactly() -> None:
    names = Names([paper("CO2: overlapping communication", "CO2 overlaps."), paper("Mosh: shards", "Mosh shards.")])
    assert [m.name for m in names.mentions("co2")] == ["CO2"]
    assert names.mentions("CO3 or Mash") == []


def test_no_papers() -> None:
    assert Names([]).mentions("What is GaLore?") == []


@pytest.mark.parametrize(
    ("text", "expected"), [("ZeRO-Infinity", "zeroinfinity"), ("zero infinity", "zeroinfinity"), ("MoE^2", "moe2")]
)
def test_compact(text: str, expected: str) -> None:
    assert compact(text) == expected
