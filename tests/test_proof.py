"""The proof of answers that a model wrote: what is marked, and what is not."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import Rag
from rag.ask.citations import Citations
from rag.ask.reading.checks import claimed_figures
from rag.ask.reading.names import NameSet, names
from rag.ask.reading.prove import Proof, Prover
from rag.ask.reading.render import render
from rag.ask.reading.sources import Sources, gather_sources
from rag.ask.reading.statements import parse
from rag.ask.reading.stream import Header, ReplyParser
from rag.core.answer import Claim
from rag.core.paper import Paper
from rag.index.index import Index
from rag.index.lexical import terms
from rag.papers.sentences import Span, split_sentences

ABSTRACTS = {
    "QuickSort on Mars": (
        "We sort 1,000 rocks with RoverNet, a network of 12 layers. It takes 3 hours on an NVIDIA A100 GPU. "
        "Accuracy rises from 84% to 87.1%, and throughput by 2.5x over RockNet. Large language models (LLMs) are not "
        "needed. Twenty sites were visited."
    ),
    "Deep Moon Drilling": (
        "MoonDrill reaches 1.97x the depth of RockNet. The drill weighs 48 kg. We release a data set by Holmes et al."
    ),
}


class _Lexicon:
    def idf(self, term: str) -> float:
        return 1.0

    def __contains__(self, term: str) -> bool:
        return term in set(terms(" ".join([*ABSTRACTS, *ABSTRACTS.values()])))


class FakeIndex:
    """Two papers, and nothing to search them with."""

    def __init__(self) -> None:
        self.papers = [
            Paper(f"p{n}", title, text, text, year=2020 + n) for n, (title, text) in enumerate(ABSTRACTS.items())
        ]
        self.lexicon = _Lexicon()

    def __len__(self) -> int:
        return len(self.papers)

    def sentences(self, row: int) -> list[Span]:
        return split_sentences(self.papers[row].abstract)


INDEX: Any = FakeIndex()


def sources_of(index: Index) -> Sources:
    return gather_sources(range(len(index)), index, "", most=99, budget=10**6)


def prove(reply: str, sources: Sources | None = None) -> list[Proof]:
    parser = ReplyParser(lambda pairs, line: [])
    parser.feed(reply)
    parser.finish()
    return Prover(sources or sources_of(INDEX)).prove(parse(parser.raw, parser.header))


def shown(reply: str, *, strict: bool = False) -> tuple[str, list[Claim]]:
    sources = sources_of(INDEX)
    parsed = parse(reply, Header())
    return render(parsed, Prover(sources).prove(parsed), Citations(INDEX), strict=strict)


@pytest.mark.parametrize(
    "claim",
    [
        "RoverNet sorts 1000 rocks in 3 hours on an A100 [1.1, 1.2].",
        "RoverNet needs 180 minutes [1.2].",
        "RoverNet sorts a thousand rocks [1.1].",
        "Throughput rises 2.5 times [1.3].",
        "Throughput is 2.5× that of RockNet [1.3].",
        "Accuracy reaches 87% [1.3].",
        "Accuracy climbs by 3 points, from 84% to 87% [1.3].",
        "The network speaks to separate rocks in twelve layers [1.1].",
        "About half of the effort goes into sorting [1.1].",
        "It visits 20 sites [1.5].",
        "It sorts rocks in 3 hours [1.1].",
        "MoonDrill goes nearly twice as deep as RockNet [2.1].",
        "Unlike RoverNet, MoonDrill weighs 48 kg [2.2], while RoverNet is a network of 12 layers [1.1].",
        "**MoonDrill** (2021) uses data by Holmes [2.3].",
        "The Rover-Net system takes 3 h [1.2].",
        "It does without LLMs [1.4].",
        "QuickSort on Mars needs no Large Language Models (LLMs) [1.4].",
        "The abstract does not say how RoverNet compares with BERT or GPT-4 [1.1].",
        "Only two of these papers are about 7 planets.",
        "None of the sources mentions PyTorch.",
        "The figures measure different tasks, so they can't be ranked against each other.",
        "Neither the price nor the number of wheels of the network of 12 layers is said in the abstract of RoverNet.",
    ],
)
def test_true_claims_are_not_marked(claim: str) -> None:
    assert [(p.verdict, p.missing) for p in prove(claim) if p.verdict not in (None, "supported")] == []


@pytest.mark.parametrize(
    ("claim", "missing"),
    [
        ("RoverNet sorts 2,000 rocks [1.1].", "2,000"),
        ("It takes 4 hours [1.2].", "4 hours"),
        ("It takes 3 minutes [1.2].", "3 minutes"),
        ("Accuracy reaches 89% [1.3].", "89%"),
        ("Throughput rises by 3.5x [1.3].", "3.5x"),
        ("Throughput triples [1.3].", "triples"),
        ("It runs on an H100 [1.2].", "H100"),
        ("MarsNet takes 3 hours [1.2].", "MarsNet"),
        ("MoonDrill takes 3 hours [1.2].", "MoonDrill"),
        ("It was built by Watson [1.1].", "Watson"),
        ("The drill weighs 12 kg [2.2].", "12 kg"),
        ("RoverNet has 12 layers [1.1], MoonDrill weighs 84 kg [2.2].", "84 kg"),
        ("It visits 30 sites [1.5].", "30"),
        ("It does without GPT-3 [1.4].", "GPT-3"),
    ],
)
def test_a_figure_or_name_that_is_not_there_is_named(claim: str, missing: str) -> None:
    (proof,) = (p for p in prove(claim) if p.verdict)
    assert (proof.verdict, proof.missing) == ("unsupported", (missing,))
    assert missing in proof.reason


def test_what_stands_elsewhere_in_the_abstract_is_cited_there() -> None:
    text, claims = shown("RoverNet takes 3 hours [1.1].")
    assert text == "RoverNet takes 3 hours [1] [2]."
    assert claims == [Claim("RoverNet takes 3 hours.", "supported", "", (1, 2))]


def test_a_number_that_slipped_is_put_right() -> None:
    (proof,) = prove("Twenty sites were visited [1.2].")
    assert [n for sentences in proof.cited for _, n in sentences] == [5]


def test_a_claim_that_cites_a_paper_about_something_else_has_no_source() -> None:
    (proof,) = prove("The network sorts people and their animals by name in layers of towns and houses [2.2].")
    assert proof.verdict == "partly"
    (proof,) = prove("Das Netz sortiert Steine an vielen Orten [1.1].")
    assert proof.verdict == "supported"


@pytest.mark.parametrize(
    "reply",
    [
        "RoverNet is a network of 12 layers that sorts 1,000 rocks [2.3].",
        "Large language models are not needed [2.1].",
    ],
)
def test_a_claim_with_the_number_of_another_paper_goes_to_its_own(reply: str) -> None:
    (proof,) = prove(reply)
    assert proof.verdict == "supported"
    assert {source.paper.title for sentences in proof.cited for source, _ in sentences} == {"QuickSort on Mars"}


def test_a_name_put_in_the_place_of_another_is_found_though_its_paper_is_cited_beside() -> None:
    reply = "MoonDrill sorts 1,000 rocks [1.1], whereas RockNet is slower than RoverNet [1.3]."
    first, second = prove(f"{reply} The drill weighs 48 kg [2.2].")
    assert (first.verdict, first.missing) == ("unsupported", ("MoonDrill",))
    assert second.verdict == "supported"


def test_a_sentence_that_leads_to_a_table_rests_on_its_cells() -> None:
    table = "| | Takes |\n|---|---|\n| RoverNet | 3 hours on an A100 [1.2] |\n| MoonDrill | 48 kg [2.2] |"
    first, *_ = prove(f"One is quick, whatever happens, and the other is heavy.\n\n{table}")
    assert first.verdict == "supported"
    assert [(source.number, n) for sentences in first.cited for source, n in sentences] == [(1, 2), (2, 2)]
    first, *_ = prove(f"One is quick, whatever happens, and the other weighs 96 kg.\n\n{table}")
    assert first.verdict == "partly"


def test_what_is_not_said_may_have_the_figures_of_the_question() -> None:
    asked = replace(sources_of(INDEX), question="What is its ten-year survival among 300 users?")
    text = "No ten-year survival among 300 users is given; RoverNet has 12 layers [1.1]."
    assert [p.verdict for p in prove(text, asked)] == ["supported"]
    assert [p.verdict for p in prove(text)] == ["unsupported"]


def test_a_claim_without_a_citation_gets_its_sentence_or_a_mark() -> None:
    text, claims = shown("The drill of MoonDrill weighs 48 kg.\n\nThe weather was rather pleasant for all involved.")
    assert (
        text
        == "The drill of MoonDrill weighs 48 kg [1].\n\nThe weather was rather pleasant for all involved [no source]."
    )
    assert [c.verdict for c in claims] == ["supported", "partly"]


def test_a_marked_claim_keeps_its_citation_and_strict_mode_drops_it() -> None:
    reply = "RoverNet takes 4 hours [1.2]. It sorts 1,000 rocks [1.1].\n"
    reply += "- It has 99 layers [1.1].\n- It has 12 layers [1.1]."
    text, claims = shown(reply)
    assert text.startswith("RoverNet takes 4 hours [1] [unsupported]. It sorts 1,000 rocks [2].")
    assert [c.verdict for c in claims] == ["unsupported", "supported", "unsupported", "supported"]
    strict, kept = shown(reply, strict=True)
    assert strict == "It sorts 1,000 rocks [1].\n- It has 12 layers [1]."
    assert [(c.text, c.markers) for c in kept if c.verdict != "supported"] == [
        ("RoverNet takes 4 hours.", ()),
        ("It has 99 layers.", ()),
    ]


def test_a_cell_that_strict_mode_leaves_out_is_a_claim_of_its_own() -> None:
    reply = "| | RoverNet | MoonDrill |\n|---|---|---|\n| Gain | 2.5x [1.3] | 3x [2.1] |\n| Weight | – | 48 kg [2.2] |"
    text, claims = shown(reply, strict=True)
    assert "| Gain | 2.5x [1] | – |" in text
    left_out = [c for c in claims if c.verdict != "supported"]
    assert [(c.text, c.markers) for c in left_out] == [("3x", ())]
    assert "2.5x" in next(c.text for c in claims if c.markers == (1,) and c.verdict == "supported")


def test_the_cells_of_a_table_are_proved_each() -> None:
    reply = (
        "| | RoverNet [1] | MoonDrill [2] |\n|---|---|---|\n"
        "| Gain | 2.5x [1.3] | 1.97x [2.1] |\n| Weight | not stated | 48 kg |\n| Time | 5 hours [1.2] | – |"
    )
    text, claims = shown(reply)
    assert "| Gain | 2.5x [1] | 1.97x [2] |" in text
    assert "| Weight | not stated | 48 kg |" in text
    assert "5 hours [3] [unsupported]" in text
    assert [c.verdict for c in claims] == ["supported", "supported", "unsupported"]


def test_a_model_cannot_set_our_marks() -> None:
    assert "unsupported" not in shown("It takes 3 hours [unsupported] [1.2].")[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("QLoRA and vLLM run on the A100", ["QLoRA", "vLLM", "A100"]),
        ("A model by Holmes beats BERT", ["Holmes", "BERT"]),
        ("Low-Rank State-of-the-Art methods do NOT help", ["Low-Rank", "State-of-the-Art"]),
        ("Models with 65B parameters in 2023", []),
        ("However, it works. Interestingly, so does that", []),
    ],
)
def test_names_are_told_by_how_they_are_written(text: str, found: list[str]) -> None:
    assert [n.text for n in names(text) if n.strong or n.text not in ("Low-Rank", "State-of-the-Art")] == [
        f for f in found if f not in ("Low-Rank", "State-of-the-Art")
    ]


@pytest.mark.parametrize("name", ["Llama-2-70B", "Llama 2 70B", "LLaMA2", "GPT4", "MoEs", "SOTA", "Megatron"])
def test_names_in_other_spellings_are_the_same(name: str) -> None:
    texts = NameSet(["We use Llama 2 70B, GPT-4 and MoE layers; state of the art over MegatronLM."])
    assert all(texts.has(n) for n in names(f"x {name}"))


# --- what a strong reader wrote on the seeds --------------------------------------------------------------------------


def recorded(index: Index) -> Iterator[tuple[Sources, str]]:
    titles = {p.title.replace('"', "”"): row for row, p in enumerate(index.papers)}
    for line in (Path(__file__).parent / "replies_of_a_strong_reader.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        rows = [titles[t] for t in item["titles"]]
        yield gather_sources(rows, index, "", most=99, budget=10**6), item["reply"]


def test_true_claims_of_a_strong_reader_are_traced(collection: Rag) -> None:
    proofs = [p for sources, reply in recorded(collection.index()) for p in prove(reply, sources) if p.verdict]
    assert len(proofs) > 40
    assert [(p.statement.text, p.reason) for p in proofs if p.verdict != "supported"] == []


def test_planted_errors_are_found(collection: Rag) -> None:
    """One figure or one name of a claim changed, to one that the papers read don't have."""
    generator = random.Random(12)
    index = collection.index()
    pool = sorted({n.text for p in index.papers for n in names(p.abstract) if n.strong and len(n.text) > 3})
    planted = found = 0
    for sources, reply in recorded(index):
        everything = re.sub(r"\W", "", " ".join(s.paper.title + s.paper.abstract for s in sources.papers)).lower()
        for proof in prove(reply, sources):
            text = "".join(s.text for s in proof.statement.segments)
            if proof.verdict is None or not proof.statement.pairs:
                continue
            cites = "".join(f"[{a}.{b}]" for a, b in proof.statement.pairs)
            changed = [
                text[: f.start] + re.sub(r"\d", lambda m: str(9 - int(m[0])), f.text) + text[f.end :]
                for f in claimed_figures(text)
                if re.search(r"\d", f.text)
            ]
            other = generator.choice([n for n in pool if re.sub(r"\W", "", n).lower().rstrip("s") not in everything])
            changed += [text[: n.start] + other + text[n.start + len(n.text) :] for n in names(text) if n.strong]
            for claim in changed:
                planted += 1
                found += any(p.verdict == "unsupported" for p in prove(f"{claim.strip(' -*|')} {cites}.", sources))
    assert planted > 80
    assert found >= 0.95 * planted
