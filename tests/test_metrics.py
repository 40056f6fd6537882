"""Every metric on answers whose value is worked out by hand; ranking and ALCE against definitions written out anew."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from rag.core.answer import Answer, Citation, Retrieved, State
from rag.evaluation.items import Item, Nugget, Span
from rag.evaluation.metrics import METRICS
from rag.evaluation.metrics.metric import Case, Share, Supports
from rag.papers import Paper

ABSTRACT = (
    "Double quantization saves 0.37 bits per parameter. It fits a 65B model on one 48 GB GPU. It is 2.5-fold faster."
)
FIRST, SECOND, THIRD = ((0, 50), (51, 88), (89, 111))
"""The sentences of the abstract."""
PAPERS = {
    id: Paper(id=id, title=f"Title of {id}", abstract=ABSTRACT, raw_abstract=ABSTRACT)
    for id in (*"abcdef", *(f"p{n}" for n in range(30)))
}
METRIC = {m.name: m for m in METRICS}


def item(**fields: Any) -> Item:
    """An item about paper a, unless told otherwise."""
    base: dict[str, Any] = {"id": "x", "kind": "fact", "question": "q", "reference_answer": "r"}
    base |= {"gold_papers": ("a",), "answerable": True, "split": "dev"}
    return Item(**(base | fields))


def cite(marker: int, paper: str, span: tuple[int, int] = FIRST) -> Citation:
    """A citation of a sentence."""
    return Citation(marker, paper, f"Title of {paper}", ABSTRACT[slice(*span)], *span)


def answer(text: str = "", cited: Sequence[Citation] = (), **fields: Any) -> Answer:
    """An answer with this text and these citations."""
    return Answer("q", "q", "single", text, citations=tuple(cited), **fields)


def value(
    name: str, asked: Item, got: Answer, *, failed: bool = False, supports: Supports | None = None
) -> Share | None:
    """The share of one metric."""
    return METRIC[name].of(Case(asked, got, PAPERS, supports or (lambda text, quotes: True), failed))


FAILED = answer("This question could not be answered: timeout", [cite(1, "a")], abstained=True)
"""What stands in a run for an error; it should count for nothing."""
SILENT = answer("The collection does not say: GPipe saves 0.37 bits.", [cite(1, "a")], abstained=True)
VITAL = (
    Nugget(text="0.37 bits", importance="vital", aliases=("0.37 bits",)),
    Nugget(text="65B on one GPU", importance="vital", patterns=(r"65\s*B",)),
    Nugget(text="faster", importance="okay", aliases=("2.5-fold",)),
)
GOLD = (
    Span(paper_id="a", start=0, end=50, text=ABSTRACT[:50]),
    Span(paper_id="a", start=51, end=88, text=ABSTRACT[51:88]),
)


def test_the_metrics_are_in_the_order_of_tables() -> None:
    assert [m.name for m in METRICS] == (
        "recall@5 recall@10 mrr ndcg@10 gold_citation_recall gold_citation_precision span_recall span_precision"
        " citation_recall citation_precision quote_exactness vital_recall nugget_recall all_vital number_exactness"
        " list_precision list_recall list_f1 count_exact missing_named balance overview_recall accuracy"
        " answer_precision coverage hedged lost refusal_precision refusal_recall words"
    ).split()
    assert all(m.undefined and not m.undefined.endswith(".") for m in METRICS)
    assert [m.name for m in METRICS if m.better != "higher"] == ["hedged", "lost", "words"]


def test_to_import_the_metrics_loads_nothing_heavy() -> None:
    program = "import sys, rag.evaluation.metrics; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ir_measures", "llama_index", "numpy", "chromadb", "onnxruntime", "matplotlib"} & set(loaded)


# --- retrieval --------------------------------------------------------------------------------------------------------


def found(*papers: str) -> Answer:
    """An answer that retrieved these."""
    return answer(retrieved=tuple(Retrieved(p, p, 1.0) for p in papers))


@pytest.mark.parametrize(
    ("gold", "aside", "ranking", "wanted"),
    [
        ("a", "", "abc", {"recall@5": 1, "recall@10": 1, "mrr": 1, "ndcg@10": 1}),
        ("b", "", "abc", {"recall@5": 1, "recall@10": 1, "mrr": 1 / 2, "ndcg@10": 1 / math.log2(3)}),
        ("ab", "", "cadb", {"mrr": 1 / 2, "ndcg@10": (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))}),
        ("ab", "c", "cacb", {"recall@5": 1, "mrr": 1, "ndcg@10": 1}),
        ("ab", "", "aaab", {"recall@5": 1, "mrr": 1, "ndcg@10": 1}),
        ("a", "", "cbdef", {"recall@5": 0, "recall@10": 0, "mrr": 0, "ndcg@10": 0}),
        ("ef", "", "abcdef", {"recall@5": 1 / 2, "recall@10": 1, "mrr": 1 / 5}),
        ("a", "", "", {"recall@5": 0, "recall@10": 0, "mrr": 0, "ndcg@10": 0}),
    ],
)
def test_rankings(gold: str, aside: str, ranking: str, wanted: Mapping[str, float]) -> None:
    asked = item(gold_papers=tuple(gold), borderline_papers=tuple(aside), kind="list")
    for name, expected in wanted.items():
        assert value(name, asked, found(*ranking)) == (pytest.approx(expected, abs=1e-12), 1.0), name


@pytest.mark.parametrize("name", ["recall@5", "recall@10", "mrr", "ndcg@10"])
def test_a_ranking_needs_gold_papers_and_a_failure_has_none(name: str) -> None:
    assert value(name, item(gold_papers=(), answerable=False, kind="unanswerable"), found("a")) is None
    assert value(name, item(), found("a"), failed=True) == (0.0, 1.0)
    assert value(name, item(), replace(found("a"), abstained=True)) == (1.0, 1.0), "retrieval is judged by itself"


def ranked(asked: Item, got: Answer) -> dict[str, float]:
    """The measures of a ranking, written out from their definitions."""
    order = [p for p in dict.fromkeys(r.paper_id for r in got.retrieved) if p not in asked.borderline_papers]
    gains = [float(p in asked.gold_papers) for p in order]
    best = sum(1 / math.log2(2 + i) for i in range(min(10, len(asked.gold_papers))))
    return {
        "recall@5": sum(gains[:5]) / len(asked.gold_papers),
        "recall@10": sum(gains[:10]) / len(asked.gold_papers),
        "mrr": next((1 / n for n, gain in enumerate(gains, 1) if gain), 0.0),
        "ndcg@10": sum(g / math.log2(2 + i) for i, g in enumerate(gains[:10])) / best,
    }


def test_random_rankings_have_the_values_of_their_definitions() -> None:
    draw = random.Random(4)
    ids = [f"p{n}" for n in range(30)]
    for _ in range(400):
        some = draw.sample(ids, draw.randint(2, 20))
        cut = draw.randint(1, len(some) - 1)
        asked = item(gold_papers=tuple(some[:cut]), borderline_papers=tuple(some[cut : cut + 3]), kind="list")
        got = found(*draw.choices(ids, k=draw.randint(0, 25)))
        for name, expected in ranked(asked, got).items():
            share = value(name, asked, got)
            assert share is not None and share[1] == 1.0
            assert share[0] == pytest.approx(expected, abs=1e-9), name


def test_six_hundred_rankings_take_seconds() -> None:
    draw = random.Random(5)
    ids = [f"p{n}" for n in range(30)]
    cases = [(item(gold_papers=(draw.choice(ids),)), found(*draw.sample(ids, 20))) for _ in range(600)]
    started = time.perf_counter()
    for asked, got in cases:
        for name in ("recall@5", "recall@10", "mrr", "ndcg@10"):
            value(name, asked, got)
    assert time.perf_counter() - started < 5


# --- citations and quotes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "aside", "cited", "recall", "precision"),
    [
        ("a", "", "a", 1, 1),
        ("a", "", "aab", 1, 1 / 2),
        ("ab", "", "ac", 1 / 2, 1 / 2),
        ("ab", "c", "abc", 1, 1),
        ("ab", "cd", "cd", 0, None),
        ("a", "", "", 0, None),
        ("a", "", "bc", 0, 0),
    ],
)
def test_citations_against_gold(gold: str, aside: str, cited: str, recall: float, precision: float | None) -> None:
    got = answer("x", [cite(n, p) for n, p in enumerate(cited, 1)])
    for kind in ("fact", "list", "count"):
        asked = item(gold_papers=tuple(gold), borderline_papers=tuple(aside), kind=kind)
        prefix = "gold_citation_" if kind == "fact" else "list_"
        assert value(prefix + "recall", asked, got) == (pytest.approx(recall), 1.0)
        assert value(prefix + "precision", asked, got) == (
            None if precision is None else (pytest.approx(precision), 1.0)
        )
    f1 = 2 * recall * precision / (recall + precision) if precision and recall else 0
    assert value("list_f1", asked, got) == (pytest.approx(f1), 1.0)


def test_citations_against_gold_where_there_is_no_answer_or_no_gold() -> None:
    for got, failed in ((FAILED, True), (SILENT, False)):
        asked = item(kind="list")
        assert value("gold_citation_recall", asked, got, failed=failed) == (0.0, 1.0)
        assert value("gold_citation_precision", asked, got, failed=failed) is None
        assert value("list_f1", asked, got, failed=failed) == (0.0, 1.0)
        assert value("list_precision", asked, got, failed=failed) is None
    nothing = item(gold_papers=(), answerable=False, kind="unanswerable")
    for name in ("gold_citation_recall", "gold_citation_precision", "list_f1", "list_recall", "list_precision"):
        assert value(name, nothing, answer("x", [cite(1, "a")])) is None
    assert value("list_f1", item(), answer("x", [cite(1, "a")])) is None, "a fact is no list"


@pytest.mark.parametrize(
    ("quotes", "recall", "precision"),
    [
        ([("a", FIRST), ("a", SECOND)], 1, 1),
        ([("a", FIRST)], 1 / 2, 1),
        ([("a", FIRST), ("a", FIRST)], 1 / 2, 1),
        ([("a", FIRST), ("a", (0, 25))], 1 / 2, 1),
        ([("a", THIRD)], 0, 0),
        ([("a", (0, 111))], 1, 87 / 111),
        ([("a", (0, 25))], 1 / 2, 1),
        ([("a", (0, 24))], 0, 1),
        ([("a", (0, 13)), ("a", (38, 50))], 1 / 2, 1),
        ([("a", FIRST), ("b", FIRST)], 1 / 2, 1 / 2),
        ([("a", FIRST), ("c", FIRST)], 1 / 2, 1),
        ([], 0, None),
    ],
)
def test_quotes_against_gold_spans(
    quotes: list[tuple[str, tuple[int, int]]], recall: float, precision: float | None
) -> None:
    asked = item(gold_spans=GOLD, borderline_papers=("c",))
    got = answer("x", [cite(n, paper, span) for n, (paper, span) in enumerate(quotes, 1)])
    assert value("span_recall", asked, got) == (pytest.approx(recall), 1.0)
    assert value("span_precision", asked, got) == (None if precision is None else (pytest.approx(precision), 1.0))
    assert value("span_recall", item(), got) is None and value("span_precision", item(), got) is None
    assert value("span_recall", asked, got, failed=True) == (0.0, 1.0)
    assert value("span_precision", asked, got, failed=True) is None


def test_quotes_are_exact_to_the_character() -> None:
    good, other = cite(1, "a"), cite(2, "a", SECOND)
    bad = [
        replace(good, quote="Double quantization"),
        replace(good, paper_id="unknown"),
        replace(good, quote="", end=0),
    ]
    bad += [replace(good, start=-5, end=111, quote=ABSTRACT[-5:111]), replace(good, start=1)]
    assert value("quote_exactness", item(), answer("x", [good, other])) == (2.0, 2.0)
    assert value("quote_exactness", item(), answer("x", [good, *bad])) == (1.0, 6.0)
    assert value("quote_exactness", item(), answer("x")) is None
    assert value("quote_exactness", item(), SILENT) == (1.0, 1.0), "what an abstention quotes is shown, too"
    assert value("quote_exactness", item(), FAILED, failed=True) is None


# --- ALCE -------------------------------------------------------------------------------------------------------------


def alce(case: Case) -> tuple[float, float | None]:
    """Citation recall and precision, written out from section 3 of the paper."""
    by_marker = {c.marker: c for c in case.citations}
    recalls: list[int] = []
    precisions: list[int] = []
    for s in case.statements:
        cited = [by_marker.get(m) for m in s.markers]
        whole = bool(cited) and None not in cited and case.supports(s.text, [c for c in cited if c])
        recalls.append(int(whole))
        for n, c in enumerate(cited):
            rest = [o for k, o in enumerate(cited) if o and k != n]
            irrelevant = c is not None and not case.supports(s.text, [c]) and bool(rest) and case.supports(s.text, rest)
            precisions.append(int(whole and not irrelevant))
    return sum(recalls) / len(recalls), sum(precisions) / len(precisions) if precisions else None


def looked_up(table: Mapping[tuple[str, frozenset[int]], bool]) -> Supports:
    """The verdicts of a table, by text and markers."""
    return lambda text, cited: table[text, frozenset(c.marker for c in cited)]


def test_random_entailments_have_the_values_of_alces_definition() -> None:
    draw = random.Random(6)
    for _ in range(500):
        known = [cite(m, draw.choice("abc")) for m in range(1, draw.randint(2, 5))]
        sentences = [f"Claim {'abcdef'[n]} of this answer is so" for n in range(draw.randint(1, 4))]
        lines = []
        for sentence in sentences:
            markers = draw.sample(range(1, len(known) + 2 + (draw.random() < 0.2)), draw.randint(0, min(3, len(known))))
            lines.append(sentence + "".join(f" [{m}]" for m in markers) + ".")
        table = {
            (f"{s}.", frozenset(some)): draw.random() < 0.5
            for s in sentences
            for size in range(1, len(known) + 1)
            for some in combinations([c.marker for c in known], size)
        }
        case = Case(item(), answer(" ".join(lines), known), PAPERS, looked_up(table))
        recall, precision = alce(case)
        assert METRIC["citation_recall"].of(case) == (pytest.approx(recall, abs=1e-9), 1.0)
        wanted = None if precision is None else (pytest.approx(precision, abs=1e-9), 1.0)
        assert METRIC["citation_precision"].of(case) == wanted


def needs(*markers: int) -> Supports:
    """A claim holds where these are all cited."""
    return lambda text, cited: set(markers) <= {c.marker for c in cited}


THREE = [cite(1, "a"), cite(2, "b"), cite(3, "c")]


@pytest.mark.parametrize(
    ("text", "supports", "recall", "precision"),
    [
        ("It is fast and small [1].", needs(1), 1, 1),
        ("It is fast and small [1].", needs(2), 0, 0),
        ("It is fast and small.", needs(1), 0, None),
        ("It is fast and small [1][2].", needs(1, 2), 1, 1),
        ("It is fast and small [1][2].", needs(1), 1, 1 / 2),
        ("It is fast and small [1][2].", needs(), 1, 1),
        ("It is fast and small [1][2][3].", needs(1, 3), 1, 2 / 3),
        ("It is fast and small [1][9].", needs(1), 0, 0),
        ("It is fast and small [1]. It is also very cheap.", needs(1), 1 / 2, 1),
        ("It is fast and small [1]. It is also very cheap [2][3].", needs(1), 1 / 2, 1 / 3),
        ("It is fast and small [1]. It is also very cheap [1][2].", needs(1), 1, 2 / 3),
        ("It is fast and small [1] [1].", needs(1), 1, 1),
    ],
)
def test_alce_by_hand(text: str, supports: Supports, recall: float, precision: float | None) -> None:
    got = answer(text, THREE)
    assert value("citation_recall", item(), got, supports=supports) == (pytest.approx(recall), 1.0)
    wanted = None if precision is None else (pytest.approx(precision), 1.0)
    assert value("citation_precision", item(), got, supports=supports) == wanted


def test_several_quotes_of_one_marker_are_one_citation() -> None:
    got = answer("It is fast and small [1].", [cite(1, "a"), cite(1, "b", SECOND)])
    both = value("citation_precision", item(), got, supports=lambda text, cited: len(cited) == 2)
    assert both == (1.0, 1.0)


@pytest.mark.parametrize("name", ["citation_recall", "citation_precision"])
def test_alce_needs_a_statement(name: str) -> None:
    for got, failed in ((FAILED, True), (SILENT, False), (answer("The collection holds **82 papers**."), False)):
        assert value(name, item(), got, failed=failed) is None


# --- content ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "vital", "every", "complete", "figures"),
    [
        ("It saves **0.37  BITS** [1] and fits 65 B.", 1, 2 / 3, 1, 2),
        ("It saves 0.37 bits, and is 2.5-fold faster.", 1 / 2, 2 / 3, 0, 1),
        ("It saves 0.37 **bits** a parameter; 65,000,000,000 parameters.", 1 / 2, 1 / 3, 0, 2),
        ("Bananas [65].", 0, 0, 0, 0),
        ("", 0, 0, 0, 0),
    ],
)
def test_nuggets(text: str, vital: float, every: float, complete: float, figures: int) -> None:
    asked, got = item(nuggets=VITAL, gold_spans=GOLD), answer(text)
    assert value("vital_recall", asked, got) == (pytest.approx(vital), 1.0)
    assert value("nugget_recall", asked, got) == (pytest.approx(every), 1.0)
    assert value("all_vital", asked, got) == (complete, 1.0)
    assert value("number_exactness", asked, got) == (figures, 2.0)


def test_nuggets_of_silence_failure_and_none() -> None:
    asked = item(nuggets=VITAL, gold_spans=GOLD)
    for name, whole in (("vital_recall", 1.0), ("nugget_recall", 1.0), ("all_vital", 1.0), ("number_exactness", 2.0)):
        assert value(name, asked, SILENT) == (0.0, whole)
        assert value(name, asked, answer("0.37 bits, 65B"), failed=True) == (0.0, whole)
        assert value(name, item(), answer("0.37 bits")) is None
    assert value("vital_recall", item(nuggets=VITAL[2:]), answer("2.5-fold")) is None
    assert value("nugget_recall", item(nuggets=VITAL[2:]), answer("2.5-fold")) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("nugget", "text", "share"),
    [
        ({"aliases": ("2.5-fold",)}, "It is 2.5x faster.", (1, 1)),
        ({"aliases": ("2.5-fold",)}, "It is 2.5 times faster.", (1, 1)),
        ({"aliases": ("2.5-fold",)}, "It is 2.4x faster.", (0, 1)),
        ({"aliases": ("nowhere",), "text": "4096"}, "Beyond 4096 tokens.", (1, 1)),
        ({"aliases": ("nowhere",), "text": "100"}, "On an A100.", (0, 1)),
        ({"aliases": ("2.5-fold",)}, "A third [2] of [5].", (0, 1)),
        ({"patterns": ("saves .* bits",)}, "0.37-bit per parameter", (1, 1)),
        ({"patterns": ("one 48 GB GPU",)}, "on a card of 48 gigabytes", (1, 1)),
        ({"aliases": ("nowhere",), "text": "at most 1,000 tokens"}, "1000 tokens", (1, 1)),
        ({"aliases": ("nowhere",), "text": "at most 1,000 tokens"}, "100 tokens", (0, 1)),
        ({"aliases": ("Double quantization",), "text": "double"}, "2 of them", None),
        ({"aliases": ("0.37 bits", "65B")}, "a model of 65B", (1, 1)),
        ({"aliases": ("0.37 bits", "65B")}, "a model", (0, 1)),
        ({"aliases": ("0.37 bits", "parameter")}, "a parameter", None),
    ],
)  # fmt: skip
def test_figures_are_the_same_whatever_their_spelling(nugget: dict[str, Any], text: str, share: Share | None) -> None:
    asked = item(nuggets=(Nugget(**({"text": "t", "importance": "vital"} | nugget)),), gold_spans=GOLD)
    assert value("number_exactness", asked, answer(text)) == share


def test_a_figure_of_several_nuggets_counts_once() -> None:
    asked = item(nuggets=(VITAL[0], VITAL[0].model_copy(update={"text": "again"})), gold_spans=GOLD)
    assert value("number_exactness", asked, answer("0.37 bits")) == (1.0, 1.0)


# --- lists and comparisons --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cited", "right"),
    [
        ("**4 of 82 papers** fit; all were considered.", "abc", 0),
        ("**2 of 82 papers** fit; all were considered.", "ab", 1),
        ("**3 of 82 papers** fit; all were considered.", "abd", 0),
        ("**3 of 82 papers** fit; all were considered.", "abc", 1),
        ("**2 of 82 papers** fit; all were considered.", "abc", 1),
        ("There are two papers.", "", 1),
        ("There are three papers.", "ab", 0),
        ("GPipe [1] and Holmes [2].", "ab", 1),
        ("GPipe [1], Holmes [2] and QLoRA [3].", "abc", 1),
        ("GPipe [1].", "a", 0),
        ("It says “there are seven papers” [1] and more [2].", "ab", 1),
        ("Nothing that I know of.", "", 0),
    ],
)
def test_counts(text: str, cited: str, right: int) -> None:
    asked = item(kind="count", gold_papers=("a", "b"), borderline_papers=("c",))
    got = answer(text, [cite(n, p) for n, p in enumerate(cited, 1)], searched=82)
    assert value("count_exact", asked, got) == (right, 1.0)
    assert value("count_exact", asked, replace(got, abstained=True)) == (0.0, 1.0)
    assert value("count_exact", asked, got, failed=True) == (0.0, 1.0)
    assert value("count_exact", item(kind="list"), got) is None


@pytest.mark.parametrize(
    ("text", "told", "share"),
    [
        ("", ("pipedream", "ZeRO"), 1),
        ("", ("PipeDream-2BW",), 1 / 2),
        ("ZeRO is not in the collection.", ("PipeDream",), 1 / 2),
        ("GPipe splits batches [1]. There is no paper on PipeDream. The sources do not mention ZeRO.", (), 1),
        ("**PipeDream** isn't covered by these abstracts, and neither is ZERO mentioned.", (), 1),
        ("On PipeDream the collection has nothing; nothing in it describes ZeRO.", (), 1),
        ("PipeDream pipelines, and ZeRO shards without copies.", (), 0),
        ("There is no paper on it. PipeDream is fast.", (), 0),
        ("", (), 0),
    ],
)
def test_missing_sides(text: str, told: tuple[str, ...], share: float) -> None:
    asked = item(kind="comparison", missing=("PipeDream", "ZeRO"))
    assert value("missing_named", asked, answer(text, missing=told)) == (pytest.approx(share), 1.0)
    assert value("missing_named", asked, answer(text, missing=told, abstained=True)) == (pytest.approx(share), 1.0)
    assert value("missing_named", asked, answer(text, missing=told), failed=True) == (0.0, 1.0)
    assert value("missing_named", item(kind="comparison"), answer(text, missing=told)) is None


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("GPipe splits its batches [1]. Holmes groups its cards [2].", 1),
        ("GPipe splits its batches [1][1]. Holmes groups its cards.", 1 / 2),
        ("GPipe splits its batches [3].", 0),
        ("Both split their batches over many cards [1][2].", 1),
        ("**GPipe** [1]", 0),
    ],
)
def test_balance(text: str, share: float) -> None:
    asked = item(kind="comparison", gold_papers=("a", "b"))
    assert value("balance", asked, answer(text, THREE)) == (pytest.approx(share), 1.0)
    assert value("balance", asked, answer(text, THREE, abstained=True)) == (0.0, 1.0)
    assert value("balance", asked, answer(text, THREE), failed=True) == (0.0, 1.0)
    assert value("balance", item(), answer(text, THREE)) is None


# --- abstention -------------------------------------------------------------------------------------------------------

ABSTENTION = ("accuracy", "answer_precision", "coverage", "refusal_precision", "refusal_recall")
NONE = item(kind="unanswerable", gold_papers=(), answerable=False)
FACT = item(nuggets=VITAL)
LIST = item(kind="list", gold_papers=tuple("abcd"))
BARE = item(gold_papers=("a", "b"))


@pytest.mark.parametrize(
    ("asked", "got", "failed", "wanted"),
    [
        (FACT, answer("0.37 bits, 65B"), False, (1, 1, 1, None, None)),
        (FACT, answer("0.37 bits"), False, (0, 0, 1, None, None)),
        (FACT, answer("0.37 bits, 65B", abstained=True), False, (0, None, 0, 0, None)),
        (FACT, FAILED, True, (0, None, 0, None, None)),
        (NONE, SILENT, False, (1, None, None, 1, 1)),
        (NONE, answer("0.37 bits", [cite(1, "a")]), False, (0, 0, None, None, 0)),
        (NONE, FAILED, True, (0, None, None, None, 0)),
        (LIST, answer("x", [cite(n, p) for n, p in enumerate("abc", 1)]), False, (1, 1, 1, None, None)),
        (LIST, answer("x", [cite(n, p) for n, p in enumerate("ab", 1)]), False, (0, 0, 1, None, None)),
        (BARE, answer("x", [cite(1, "a"), cite(2, "b")]), False, (1, 1, 1, None, None)),
        (BARE, answer("x", [cite(1, "a")]), False, (0, 0, 1, None, None)),
    ],
)
def test_abstention(asked: Item, got: Answer, failed: bool, wanted: Sequence[float | None]) -> None:
    shares = [value(name, asked, got, failed=failed) for name in ABSTENTION]
    assert shares == [None if v is None else (v, 1.0) for v in wanted]


# --- length -----------------------------------------------------------------------------------------------------------


def test_words() -> None:
    table = "| A | B |\n|---|:-:|\n| **one two** | “three four.” [1]<br>“five” [2] |\n\n---\n1. six – [3]"
    assert value("words", item(), answer(table)) == (8.0, 1.0)
    assert value("words", item(), answer("")) == (0.0, 1.0)
    assert value("words", item(), FAILED, failed=True) is None
    assert value("words", item(), SILENT) == (9.0, 1.0)


def test_an_oracle_has_the_whole_of_everything() -> None:
    text = "\n".join(f"> “{ABSTRACT[s.start : s.end]}” [{n}]" for n, s in enumerate(GOLD, 1))
    got = answer(text, [cite(1, "a", FIRST), cite(2, "a", SECOND)], retrieved=(Retrieved("a", "a", 1.0),))
    asked = item(nuggets=VITAL[:2], gold_spans=GOLD)
    shares = {m.name: m.of(Case(asked, got, PAPERS, lambda s, cs: any(s in c.quote for c in cs))) for m in METRICS}
    assert {n for n, s in shares.items() if s is not None and s[0] != s[1]} == {"words", "hedged", "lost"}
    assert {n for n, s in shares.items() if s is None} == set(
        "list_precision list_recall list_f1 count_exact missing_named balance overview_recall refusal_precision"
        " refusal_recall".split()
    )


@pytest.mark.parametrize(
    ("state", "cited", "hedged", "lost"),
    [("answers", "a", 0.0, 0.0), ("answers", "b", 0.0, 1.0), ("nearest", "a", 1.0, 0.0), ("nothing", "a", 1.0, 1.0)],
)
def test_the_nearest_is_hedged_and_not_lost(state: State, cited: str, hedged: float, lost: float) -> None:
    got = replace(answer("", [cite(1, cited, FIRST)]), state=state, abstained=state != "answers")
    shares = {m.name: m.of(Case(item(), got, PAPERS, lambda s, cs: True)) for m in METRICS}
    assert (shares["hedged"], shares["lost"]) == ((hedged, 1.0), (lost if state != "nothing" else 0.0, 1.0))


@pytest.mark.parametrize(("cited", "lost"), [("a", 0.0), ("ab", 0.0), ("b", 1.0), ("", 1.0)])
def test_a_question_is_lost_whose_paper_is_not_shown(cited: str, lost: float) -> None:
    got = answer("It is so [1].", [cite(n, p) for n, p in enumerate(cited, 1)])
    assert value("lost", item(gold_papers=("a",)), got) == (lost, 1.0)


@pytest.mark.parametrize(("cited", "right"), [("abc", 1.0), ("abcz", 1.0), ("ab", 0.0), ("a", 0.0), ("z", 0.0)])
def test_an_overview_is_right_with_seven_in_ten_of_its_key_papers(cited: str, right: float) -> None:
    got = answer("It is so [1].", [cite(n, p) for n, p in enumerate(cited, 1)])
    assert value("accuracy", item(kind="overview", gold_papers=("a", "b", "c", "d")), got) == (right, 1.0)
