"""Claims are checked against an abstract: what is borne out, what isn't, and on which sentences it rests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eval.support import agreement, read_pairs
from rag import Config, build
from rag.ask.support import SupportChecker, Verdict
from rag.index.embedding import BuiltinEmbedding, States
from rag.index.index import Index, current
from rag.service import Rag


class CountingEmbedding(BuiltinEmbedding):
    """The built-in embedding, which says how many texts it ran."""

    texts: int = 0

    def encode(self, texts: Any, *args: Any, **kwargs: Any) -> list[States]:
        self.texts += len(texts)
        return super().encode(texts, *args, **kwargs)


@pytest.fixture(scope="module")
def index(collection: Rag, collection_home: Path) -> Iterator[Index]:
    folder = current(collection_home / "collections" / "papers")
    assert folder is not None
    opened = Index(folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def embedding() -> CountingEmbedding:
    return CountingEmbedding(threads=1)


@pytest.fixture(scope="module")
def checker(index: Index, embedding: CountingEmbedding) -> SupportChecker:
    return SupportChecker(index, embedding)


def row(index: Index, title: str) -> int:
    """The paper whose title begins so."""
    (found,) = [n for n, p in enumerate(index.papers) if p.title.startswith(title)]
    return found


def sentences(index: Index, verdict: Verdict) -> list[str]:
    """The sentences that a verdict rests on."""
    return [index.papers[verdict.row].abstract[s.start : s.end] for s in verdict.spans]


@pytest.mark.parametrize(
    ("title", "claim"),
    [
        ("PyTorch-Direct", "PyTorch-Direct reduces data transfer time by 47.1% on average."),
        ("PyTorch-Direct", "PyTorch-Direct speeds up GNN training by up to 1.6 times."),
        ("PyTorch-Direct", "According to the abstract, **PyTorch-Direct** reduces data transfer time by 47.1 percent."),
        (
            "SqueezeLLM",
            "The main bottleneck for generative inference with LLMs is memory bandwidth, rather than compute.",
        ),
        ("EasySpec", "The authors propose EasySpec, a layer-parallel speculation strategy."),
        ("COAT", "COAT reduces end-to-end training memory footprint by 1.54× compared to BF16."),
    ],
)
def test_what_repeats_the_abstract_is_supported(checker: SupportChecker, index: Index, title: str, claim: str) -> None:
    (found,) = checker.check(claim, [row(index, title)])
    assert (found.level, found.reason) == ("supported", "")
    assert found.score >= 0.65
    assert found.spans


@pytest.mark.parametrize(
    ("title", "claim", "reason"),
    [
        ("PyTorch-Direct", "PyTorch-Direct reduces data transfer time by 41.7% on average.", "47.1%"),
        ("PyTorch-Direct", "PyTorch-Direct saves 47.1% of system power during training.", "something else"),
        ("PyTorch-Direct", "PyTorch-Direct speeds up GNN training by up to 1.6x on TPUv4 pods.", "TPUv4"),
        ("SqueezeLLM", "The main bottleneck for generative inference with LLMs is not memory bandwidth.", "opposite"),
        ("COAT", "COAT increases end-to-end training memory footprint by 1.54x compared to BF16.", "reduce"),
        ("BODex", "The system can synthesize over 94 grasps per second on a single 3090 GPU.", "94"),
        ("TabPFN", "PyTorch-Direct enables a GPU-centric data accessing paradigm for GNN training.", "PyTorch-Direct"),
    ],
)
def test_what_says_otherwise_is_marked(
    checker: SupportChecker, index: Index, title: str, claim: str, reason: str
) -> None:
    (found,) = checker.check(claim, [row(index, title)])
    assert found.level != "supported"
    assert found.score < 0.65
    assert reason in found.reason


def test_a_claim_rests_on_its_sentence(checker: SupportChecker, index: Index) -> None:
    claim = "It breaks the sequential execution order of layers in the drafting model."
    (found,) = checker.check(claim, [row(index, "EasySpec")])
    assert any("breaks the sequential execution order of layers" in s for s in sentences(index, found))


def test_a_claim_of_two_sentences_rests_on_both(checker: SupportChecker, index: Index) -> None:
    claim = (
        "PyTorch-Direct reduces data transfer time by 47.1% on average, and by reducing CPU utilization it saves system"
        " power by 12.4% to 17.5% during training."
    )
    (found,) = checker.check(claim, [row(index, "PyTorch-Direct")])
    together = " ".join(sentences(index, found))
    assert found.level == "supported"
    assert "47.1%" in together
    assert "17.5%" in together


def test_one_verdict_a_paper_in_the_order_asked(
    checker: SupportChecker, index: Index, embedding: CountingEmbedding
) -> None:
    rows = [row(index, "TabPFN"), row(index, "COAT"), row(index, "BODex")]
    before = embedding.texts
    found = checker.check("COAT reduces training memory footprint by 1.54x compared to BF16.", rows)
    assert [v.row for v in found] == rows
    assert [v.level == "supported" for v in found] == [False, True, False]
    assert embedding.texts == before + 1, "the claim is encoded once"


def test_no_paper_no_verdict(checker: SupportChecker, embedding: CountingEmbedding) -> None:
    before = embedding.texts
    assert checker.check("Anything at all.", []) == []
    assert embedding.texts == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
@example("")
@example("…")
@example("3")
@example("not not not")
@example("🦀 " * 50)
@example("PyTorch-Direct " * 400)
def test_any_text_gets_a_verdict_that_holds(checker: SupportChecker, index: Index, claim: str) -> None:
    chosen = row(index, "PyTorch-Direct")
    (found,) = checker.check(claim, [chosen])
    spans = index.sentences(chosen)
    assert 0 <= found.score <= 1
    assert (found.reason == "") == (found.level == "supported")
    assert len(found.spans) <= 3
    assert all(s in spans for s in found.spans)
    assert all(a.end <= b.start for a, b in pairwise(found.spans))


def test_text_without_a_word_is_not_supported(checker: SupportChecker, index: Index) -> None:
    assert [checker.check(text, [0])[0].level for text in ("", "…", "It is so.")] == ["unsupported"] * 3


FIELD = [
    {
        "title": "Kelp recovery after otter reintroduction",
        "abstract": "We surveyed 42 reefs along the coast of Oregon over 12 years. Kelp cover rose by 35% on reefs"
        " where sea otters were reintroduced, and fell by 8% elsewhere. Urchins were three times rarer with otters."
        " Water temperature explained little of the variance.",
    },
    {
        "title": "Nitrate in alpine lakes",
        "abstract": "Nitrate concentrations in 118 alpine lakes were measured in summer. Lakes below glaciers held"
        " 2.4 mg of nitrate per litre, twice as much as lakes fed by snow. Diatom diversity declined with nitrate.",
    },
]


@pytest.mark.parametrize(
    ("claim", "level"),
    [
        ("Kelp cover rose by 35% on reefs where sea otters were reintroduced.", "supported"),
        ("The authors surveyed 42 reefs along the coast of Oregon over 12 years.", "supported"),
        ("Kelp cover rose by 8% on reefs where sea otters were reintroduced.", "marked"),
        ("Kelp cover fell by 35% on reefs where sea otters were reintroduced.", "marked"),
        ("The authors surveyed 42 reefs along the coast of Alaska over 12 years.", "marked"),
        ("Diatom diversity declined with nitrate.", "marked"),
    ],
)
def test_another_field(tmp_path_factory: pytest.TempPathFactory, claim: str, level: str) -> None:
    home = tmp_path_factory.getbasetemp() / "field"
    if not home.exists():
        papers = tmp_path_factory.mktemp("papers") / "papers.jsonl"
        papers.write_text("\n".join(json.dumps(p) for p in FIELD), encoding="utf-8")
        with build(Config(home=home)) as rag:
            rag.ingest([papers])
    folder = current(home / "collections" / "papers")
    assert folder is not None
    opened = Index(folder)
    try:
        kelp = row(opened, "Kelp")
        (found,) = SupportChecker(opened, BuiltinEmbedding(threads=1)).check(claim, [kelp])
    finally:
        opened.close()
    assert (found.level == "supported") == (level == "supported"), found


@pytest.mark.parametrize(
    ("kinds", "supported"), [({"copy"}, (0.85, 1.0)), ({"wrong-figure", "wrong-name", "swapped-paper"}, (0.0, 0.1))]
)
def test_agreement_with_labelled_pairs(
    checker: SupportChecker, index: Index, kinds: set[str], supported: tuple[float, float]
) -> None:
    pairs = [p for p in read_pairs() if p.kind in kinds][:80]
    levels = [checker.check(p.claim, [index.rows[p.paper_id]])[0].level for p in pairs]
    assert supported[0] <= levels.count("supported") / len(pairs) <= supported[1]


def test_labelled_pairs_are_of_the_collection_and_no_paper_is_in_both_splits(index: Index) -> None:
    pairs = read_pairs()
    assert len(pairs) >= 500
    assert {p.paper_id for p in pairs} <= index.rows.keys()
    dev, test = ({p.paper_id for p in pairs if p.split == split} for split in ("dev", "test"))
    assert dev
    assert test
    assert not dev & test


def test_agreement_counts_what_it_says() -> None:
    labels = ["supported", "supported", "partly", "unsupported"]
    found = agreement(labels, ["supported", "partly", "supported", "unsupported"])
    assert (found.accuracy, found.precision, found.recall) == (0.5, 0.5, 0.5)
    assert (found.marked, found.rest_marked, found.kappa) == (1.0, 0.5, 0.0)
